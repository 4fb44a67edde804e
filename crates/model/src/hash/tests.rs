use serde_json::json;

use super::*;

#[test]
fn parts_are_kept_apart() {
    assert_ne!(derive_id("a", &["ab", "c"]), derive_id("a", &["a", "bc"]));
    assert_ne!(derive_id("a", &["x"]), derive_id("b", &["x"]));
    assert_eq!(derive_id("a", &["x"]).len(), 32);
}

#[test]
fn key_order_does_not_change_a_content_hash() {
    let a = ContentHash::of_json(&json!({"role": "user", "parts": [1, 2]}));
    let b = ContentHash::of_json(&json!({"parts": [1, 2], "role": "user"}));
    assert_eq!(a, b);
    assert_ne!(a, ContentHash::of_json(&json!({"role": "user", "parts": [2, 1]})));
}
