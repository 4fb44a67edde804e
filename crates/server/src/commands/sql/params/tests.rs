use serde_json::json;

use super::*;

/// Guarantees: values have the types that they look like, names are names, and a mixture is told.
#[test]
fn values_are_read() {
    let parse = |texts: &[&str]| SqlParams::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let SqlParams::Positional(values) = parse(&["7", "1.5", "true", "null", "x", "\"7\"", "[1]", "a b=c"]).unwrap()
    else {
        panic!("places")
    };
    assert_eq!(json!(values), json!([7, 1.5, true, null, "x", "7", "[1]", "a b=c"]));
    let SqlParams::Named(values) = parse(&["kind=llm", "n=3", "1=a=b"]).unwrap() else { panic!("names") };
    assert_eq!(json!(values), json!({"kind": "llm", "n": 3, "1": "a=b"}));
    assert!(parse(&["kind=llm", "3"]).is_err());
}
