//! Context documents: what an agent was given to work with beside the question.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ContentHash;

/// One document. Its identity is the content: two attempts that used the same one point at one row of `contents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextDocument {
    /// Name, path or id, where one is told.
    pub name: Option<String>,
    /// The whole text.
    pub content: String,
    /// How well a search found it to fit, as the search says.
    pub score: Option<f64>,
}

impl ContextDocument {
    /// A document that is nothing but its text.
    pub fn text(content: impl Into<String>) -> Self {
        Self { name: None, content: content.into(), score: None }
    }

    /// Hash of the content, as of its JSON string.
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of_json(&Value::String(self.content.clone()))
    }

    /// The documents that a context holds: the elements of a JSON list of texts or of objects with a text, else the whole
    /// text as one. Documents without text are none.
    pub fn list(context: &str) -> Vec<Self> {
        match serde_json::from_str::<Value>(context) {
            Ok(Value::Array(items)) if !items.is_empty() => match items.iter().map(Self::of_json).collect() {
                Some(documents) => documents,
                None => vec![Self::text(context)],
            },
            Ok(item @ Value::Object(_)) => vec![Self::of_json(&item).unwrap_or_else(|| Self::text(context))],
            _ if context.trim().is_empty() => Vec::new(),
            _ => vec![Self::text(context)],
        }
    }

    /// A document as JSON: a text, or an object that holds it under a usual name.
    pub fn of_json(item: &Value) -> Option<Self> {
        match item {
            Value::String(text) => (!text.trim().is_empty()).then(|| Self::text(text.as_str())),
            Value::Object(fields) => {
                let content = first(fields, &["content", "text", "page_content", "body"])?;
                let name = first(fields, &["name", "title", "path", "uri", "url", "source", "id"]);
                let score = ["score", "distance"].iter().find_map(|key| number(fields.get(*key)?));
                Some(Self { name, content, score })
            }
            _ => None,
        }
    }
}

fn first(fields: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match fields.get(*key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests;
