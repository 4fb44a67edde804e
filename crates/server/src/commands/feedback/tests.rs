use super::*;

fn labels(ranking: &Ranking) -> Vec<Vec<&str>> {
    ranking.groups.iter().map(|g| g.targets.iter().map(|t| t.lineage.as_str()).collect()).collect()
}

#[test]
fn a_ranking_reads_as_people_write_it() {
    let ranking = parse_ranking("A > D > B = C").expect("parses");
    assert_eq!(labels(&ranking), [vec!["A"], vec!["D"], vec!["B", "C"]]);
}

#[test]
fn an_empty_place_in_a_ranking_is_an_error() {
    assert!(parse_ranking("A >> B").is_err());
}

#[test]
fn an_item_on_a_line_is_the_proto_s_json() {
    let item = parse_item(r#"{"reviewer":"mara","evaluation":{"target":{"session":"s","lineage":"A"},"score":7.5}}"#)
        .expect("parses");
    let Some(item::Kind::Evaluation(evaluation)) = item.kind else { panic!("an evaluation") };
    assert_eq!(evaluation.value, Some(evaluation::Value::Score(7.5)));
    let error = parse_item(r#"{"reviewer":"mara","evaluatoin":{}}"#).expect_err("a typo").to_string();
    assert!(error.contains("evaluatoin"), "{error}");
}
