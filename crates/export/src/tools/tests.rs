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
        Ok(vec![
            json!({"type": "function", "function": {"name": "search", "description": "d", "parameters": parameters}}),
            json!({"type": "function", "function": {"name": "fetch", "parameters": parameters}}),
        ])
    );
    assert_eq!(tools(None), Ok(Vec::new()));
}

#[test]
fn different_tools_of_one_name_reject() {
    let definitions = json!([{"name": "f", "description": "one"}, {"name": "f", "description": "two"}]);
    assert_eq!(tools(Some(&definitions)), Err(Reason::ConflictingTools));
}
