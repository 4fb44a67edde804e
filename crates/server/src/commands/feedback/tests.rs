use gleaner_wire::feedback::{evaluation, item};

use super::*;

#[test]
fn an_item_on_a_line_is_the_proto_s_json() {
    let item = parse_item(r#"{"reviewer":"mara","evaluation":{"target":{"session":"s","lineage":"A"},"score":7.5}}"#)
        .expect("parses");
    let Some(item::Kind::Evaluation(evaluation)) = item.kind else { panic!("an evaluation") };
    assert_eq!(evaluation.value, Some(evaluation::Value::Score(7.5)));
    let error = parse_item(r#"{"reviewer":"mara","evaluatoin":{}}"#).expect_err("a typo").to_string();
    assert!(error.contains("evaluatoin"), "{error}");
}

#[test]
fn a_long_file_goes_in_requests_that_a_server_takes() {
    let item = |text: usize| Item { reviewer: "r".repeat(text), ..Item::default() };
    let sizes = |items: Vec<Item>| in_requests(items).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(sizes(vec![]), [0; 0]);
    assert_eq!(sizes(vec![item(1); 1201]), [500, 500, 201]);
    assert_eq!(sizes(vec![item(400_000), item(400_000), item(400_000), item(2_000_000), item(1)]), [2, 1, 1, 1]);
}
