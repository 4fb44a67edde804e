//! Tool definitions in TRL's form: `[{"type":"function","function":{"name","description"?,"parameters"?}}]`, `[]` when
//! there are none.

use serde_json::{Map, Value, json};

use crate::Reason;

/// Maps a canonical tool list (flat entries) and the nested OpenAI form alike. Provider-side tools that have no name
/// (web search, code interpreter) cannot be shown to a template and are left out. Two different tools of one name are a
/// reason to reject.
pub(crate) fn tools(definitions: Option<&Value>) -> Result<Vec<Value>, Reason> {
    let mut out: Vec<Value> = Vec::new();
    for definition in definitions.and_then(Value::as_array).into_iter().flatten() {
        let Some(tool) = tool(definition) else { continue };
        match out.iter().find(|known| known["function"]["name"] == tool["function"]["name"]) {
            Some(known) if *known == tool => {}
            Some(_) => return Err(Reason::ConflictingTools),
            None => out.push(tool),
        }
    }
    Ok(out)
}

fn tool(definition: &Value) -> Option<Value> {
    let fields = definition.get("function").unwrap_or(definition);
    let name = fields.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let mut function = Map::new();
    function.insert("name".into(), json!(name));
    if let Some(description) = fields.get("description").and_then(Value::as_str) {
        function.insert("description".into(), json!(description));
    }
    let parameters = match fields.get("parameters") {
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        other => other.cloned(),
    };
    if let Some(parameters) = parameters.filter(Value::is_object) {
        function.insert("parameters".into(), parameters);
    }
    Some(json!({"type": "function", "function": function}))
}

#[cfg(test)]
mod tests;
