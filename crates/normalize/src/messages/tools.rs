//! Tool definitions of every provider: array of `{"type":"function","name","description"?,"parameters"?}`.

use serde_json::{Map, Value, json};

use crate::value::{first, first_str, structured};

/// The tools that a call offered; absent where there is none. Tools that the provider runs keep their own shape.
pub(crate) fn tool_definitions(value: &Value) -> Option<Value> {
    let tools: Vec<Value> = match structured(value) {
        Value::Array(items) => items.iter().flat_map(definitions).collect(),
        // `{"get_weather": {"description": …, "inputSchema": …}}`
        Value::Object(map) if !is_definition(&map) && map.values().all(Value::is_object) => {
            map.iter().flat_map(|(name, tool)| definitions(&with_name(name, tool))).collect()
        }
        single @ Value::Object(_) => definitions(&single),
        _ => Vec::new(),
    };
    (!tools.is_empty()).then_some(Value::Array(tools))
}

fn is_definition(map: &Map<String, Value>) -> bool {
    ["name", "type", "function", "function_declarations", "functionDeclarations", "toolSpec"]
        .iter()
        .any(|key| map.contains_key(*key))
}

fn with_name(name: &str, tool: &Value) -> Value {
    let mut named = Map::from_iter([("name".to_owned(), json!(name))]);
    named.extend(tool.as_object().cloned().unwrap_or_default());
    Value::Object(named)
}

fn definitions(value: &Value) -> Vec<Value> {
    let value = structured(value);
    let Value::Object(map) = &value else {
        return value.as_str().map(|name| json!({"type": "function", "name": name})).into_iter().collect();
    };
    if let Some(Value::Array(declared)) = first(map, &["function_declarations", "functionDeclarations"]) {
        return declared.iter().flat_map(definitions).collect();
    }
    if let Some(inner @ Value::Object(_)) = first(map, &["function", "toolSpec"]) {
        return definitions(inner);
    }
    let Some(name) = first_str(map, &["name"]) else { return vec![value] };
    if first_str(map, &["type"]).is_some_and(|kind| !matches!(kind, "function" | "custom" | "object")) {
        return vec![value];
    }
    let mut tool = Map::from_iter([("type".to_owned(), json!("function")), ("name".to_owned(), json!(name))]);
    if let Some(description) = first_str(map, &["description"]) {
        tool.insert("description".to_owned(), json!(description));
    }
    if let Some(schema) = first(map, SCHEMA_KEYS).map(structured).filter(Value::is_object) {
        let schema = schema.get("json").or_else(|| schema.get("jsonSchema")).cloned().unwrap_or(schema);
        tool.insert("parameters".to_owned(), schema);
    }
    vec![Value::Object(tool)]
}

const SCHEMA_KEYS: &[&str] = &[
    "parameters",
    "input_schema",
    "inputSchema",
    "parameters_json_schema",
    "parametersJsonSchema",
    "args_schema",
    "json_schema",
];

#[cfg(test)]
mod tests;
