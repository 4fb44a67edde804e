//! Tool definitions in TRL's form: `[{"type":"function","function":{"name","description"?,"parameters"?}}]`, `[]` when
//! there are none.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{
    Reason,
    canonical::{write_list, write_value},
};

/// The tools of a row, shared by all that have the same: nearly all rows of an agent do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tools(Arc<List>);

#[derive(Debug, Default)]
struct List {
    tools: Vec<Value>,
    /// Made once.
    json: OnceLock<String>,
    canonical: OnceLock<Vec<u8>>,
}

impl Tools {
    /// As a row holds it.
    pub(crate) fn json(&self) -> &str {
        self.0.json.get_or_init(|| serde_json::to_string(&self.0.tools).unwrap_or_default())
    }

    /// As ids are made of it.
    pub(crate) fn canonical(&self) -> &[u8] {
        self.0.canonical.get_or_init(|| {
            let mut out = Vec::new();
            write_list(&self.0.tools, &mut out, write_value);
            out
        })
    }

    /// Rewrites each of them, for this row alone.
    pub(crate) fn rewrite(&mut self, rewrite: impl FnMut(&mut Value)) {
        if !self.is_empty() {
            let mut tools = self.to_vec();
            tools.iter_mut().for_each(rewrite);
            *self = tools.into();
        }
    }
}

impl Deref for Tools {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0.tools
    }
}

impl From<Vec<Value>> for Tools {
    fn from(tools: Vec<Value>) -> Self {
        Self(Arc::new(List { tools, ..List::default() }))
    }
}

impl PartialEq for Tools {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Serialize for Tools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.tools.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

/// Maps a canonical tool list (flat entries) and the nested OpenAI form alike. Provider-side tools that have no name
/// (web search, code interpreter) cannot be shown to a template and are left out. Two different tools of one name are a
/// reason to reject.
pub(crate) fn tools(definitions: Option<&Value>) -> Result<Tools, Reason> {
    let mut out: Vec<Value> = Vec::new();
    for definition in definitions.and_then(Value::as_array).into_iter().flatten() {
        let Some(tool) = tool(definition) else { continue };
        match out.iter().find(|known| known["function"]["name"] == tool["function"]["name"]) {
            Some(known) if *known == tool => {}
            Some(_) => return Err(Reason::ConflictingTools),
            None => out.push(tool),
        }
    }
    Ok(out.into())
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
