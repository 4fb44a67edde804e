use proptest::prelude::*;
use serde_json::{Value, json};

use super::canonical_json;

/// The example of RFC 8785 §3.2.2, with its expected output from §3.2.3.
#[test]
fn the_rfc_example() {
    let input: Value = serde_json::from_str(
        r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
            "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
    )
    .expect("valid JSON");
    assert_eq!(
        canonical_json(&input),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
}

#[test]
fn keys_sort_by_utf16_code_units() {
    // U+1F600 is a surrogate pair (D83D …) and so sorts before U+FB33, unlike by code point.
    assert_eq!(canonical_json(&json!({"\u{fb33}": 1, "\u{1f600}": 2})), "{\"\u{1f600}\":2,\"\u{fb33}\":1}");
}

#[test]
fn large_integers_stay_apart() {
    let (a, b) = (9_007_199_254_740_993_u64, 9_007_199_254_740_992_u64);
    assert_ne!(canonical_json(&json!(a)), canonical_json(&json!(b)));
}

proptest! {
    /// Guarantees: canonical text is itself JSON of the same value, and a fixed point.
    #[test]
    fn canonical_text_reads_back(s in ".*", n in any::<i64>(), f in -1e300f64..1e300) {
        let value = json!({"s": s, "n": n, "nested": [{"f": f}]});
        let text = canonical_json(&value);
        let again: Value = serde_json::from_str(&text).expect("canonical text is JSON");
        prop_assert_eq!(canonical_json(&again), text);
        prop_assert_eq!(&again["s"], &value["s"]);
    }
}
