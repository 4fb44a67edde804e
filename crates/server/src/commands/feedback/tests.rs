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
