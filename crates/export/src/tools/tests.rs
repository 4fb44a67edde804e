use super::*;

#[test]
fn flat_and_nested_definitions_take_the_same_form() {
    let parameters = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let definitions = json!([
        {"type": "function", "name": "search", "description": "d", "parameters": parameters},
        {"type": "function", "function": {"name": "fetch", "parameters": parameters.to_string()}},
        {"type": "web_search"},
        {"type": "function", "name": "search", "description": "d", "parameters": parameters},
    ]);
    assert_eq!(
        tools(Some(&definitions)),
        Ok(Tools::from(vec![
            json!({"type": "function", "function": {"name": "search", "description": "d", "parameters": parameters}}),
            json!({"type": "function", "function": {"name": "fetch", "parameters": parameters}}),
        ]))
    );
    assert_eq!(tools(None), Ok(Tools::default()));
}

#[test]
fn different_tools_of_one_name_reject() {
    let definitions = json!([{"name": "f", "description": "one"}, {"name": "f", "description": "two"}]);
    assert_eq!(tools(Some(&definitions)), Err(Reason::ConflictingTools));
}

#[test]
fn what_is_rewritten_for_one_row_stays_as_it_was_for_the_others() {
    let one = Tools::from(vec![json!({"name": "f", "b": 1, "a": 2})]);
    assert_eq!(one.json(), r#"[{"name":"f","b":1,"a":2}]"#);
    let mut other = one.clone();
    other.rewrite(|tool| tool["name"] = json!("g"));
    assert_eq!((one.json(), one.canonical()), (r#"[{"name":"f","b":1,"a":2}]"#, &br#"[{"a":2,"b":1,"name":"f"}]"#[..]));
    assert_eq!(
        (other.json(), other.canonical()),
        (r#"[{"name":"g","b":1,"a":2}]"#, &br#"[{"a":2,"b":1,"name":"g"}]"#[..])
    );
    assert_ne!(one, other);
}
