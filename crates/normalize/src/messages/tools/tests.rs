use serde_json::json;

use super::tool_definitions;

#[test]
fn every_provider_makes_the_same_definition() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let expected = json!([{"type": "function", "name": "get_weather", "description": "Weather", "parameters": schema}]);
    let shapes = [
        json!([{"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": schema}}]),
        json!([{"type": "function", "name": "get_weather", "description": "Weather", "parameters": schema, "strict": true}]),
        json!([{"name": "get_weather", "description": "Weather", "input_schema": schema}]),
        json!([{"function_declarations": [{"name": "get_weather", "description": "Weather", "parameters": schema}]}]),
        json!([{"toolSpec": {"name": "get_weather", "description": "Weather", "inputSchema": {"json": schema}}}]),
        json!({"get_weather": {"description": "Weather", "inputSchema": schema}}),
        json!([json!({"name": "get_weather", "description": "Weather", "parameters": schema}).to_string()]),
    ];
    for shape in shapes {
        assert_eq!(tool_definitions(&shape), Some(expected.clone()), "{shape}");
    }
}

#[test]
fn names_alone_and_tools_of_the_provider() {
    assert_eq!(tool_definitions(&json!(["a"])), Some(json!([{"type": "function", "name": "a"}])));
    let hosted = json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]);
    assert_eq!(tool_definitions(&hosted), Some(hosted));
    assert_eq!(tool_definitions(&json!([])), None);
    assert_eq!(tool_definitions(&json!("no json")), None);
}
