//! Looking keys up in a span's attributes and events, with a note of what was read from where.

use gleaner_model::Message;
use serde_json::{Map, Value};

use crate::mapped::{Mapped, MergedSpan};
use crate::value::{integer, is_empty, number, text};

/// The attributes of a span, and of events that carry the same keys, in order of precedence.
pub(super) struct Reader<'a> {
    span: &'a Map<String, Value>,
    /// Name of the event, or none for the span's own attributes.
    sources: Vec<(Option<&'a str>, &'a Map<String, Value>)>,
    /// What has been read so far.
    pub(super) mapped: Mapped,
}

impl<'a> Reader<'a> {
    /// Reads a span's own attributes.
    pub(super) fn new(span: &'a MergedSpan) -> Self {
        Self { span: &span.span.attributes, sources: vec![(None, &span.span.attributes)], mapped: Mapped::default() }
    }

    /// Reads also the attributes of an event, after those added before.
    pub(super) fn add_event(&mut self, name: &'a str, attributes: &'a Map<String, Value>) {
        self.sources.push((Some(name), attributes));
    }

    /// The span's own attributes.
    pub(super) fn attributes(&self) -> &'a Map<String, Value> {
        self.span
    }

    /// The first value that says something: all keys in the first source, then in the next.
    pub(super) fn find(&mut self, field: &str, keys: &[&str]) -> Option<&'a Value> {
        let names_someone = matches!(field, "session_key" | "user_key");
        let says = |value: &&Value| !(is_empty(value) || names_someone && is_nobody(value));
        for (event, attributes) in &self.sources {
            let found = keys.iter().find_map(|key| Some((key, attributes.get(*key).filter(says)?)));
            if let Some((key, value)) = found {
                let origin = event.map_or_else(|| (*key).to_owned(), |event| format!("{event}/{key}"));
                self.note(field, &origin);
                return Some(value);
            }
        }
        None
    }

    /// [`Self::find`], as text.
    pub(super) fn text(&mut self, field: &str, keys: &[&str]) -> Option<String> {
        self.find(field, keys).and_then(text)
    }

    /// [`Self::find`], as a whole number that is not negative.
    pub(super) fn count(&mut self, field: &str, keys: &[&str]) -> Option<i64> {
        self.find(field, keys).and_then(integer).filter(|count| *count >= 0)
    }

    /// [`Self::find`], as a number.
    pub(super) fn number(&mut self, field: &str, keys: &[&str]) -> Option<f64> {
        self.find(field, keys).and_then(number)
    }

    /// Every key with the prefix, the first source's value of each.
    pub(super) fn prefixed(&self, prefix: &str) -> Map<String, Value> {
        let mut found = Map::new();
        for (_, attributes) in &self.sources {
            for (key, value) in *attributes {
                if let Some(rest) = key.strip_prefix(prefix).filter(|_| !is_empty(value)) {
                    found.entry(rest).or_insert_with(|| value.clone());
                }
            }
        }
        found
    }

    /// Notes where a field was read from.
    pub(super) fn note(&mut self, field: &str, origin: &str) {
        self.mapped.source_keys.insert(field.to_owned(), Value::String(origin.to_owned()));
    }
}

/// What languages print in the place of an id that is not set: all sessions of a library would be one.
fn is_nobody(value: &Value) -> bool {
    matches!(value.as_str(), Some("null" | "None" | "undefined"))
}

/// Sets token counts so that the input includes what came from or went to a cache: where a provider counts cached
/// tokens apart, they add up to more than its input.
pub(super) fn set_usage(
    mapped: &mut Mapped,
    input: Option<i64>,
    output: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
) {
    let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
    mapped.input_tokens = input.map(|input| if cached > input { input.saturating_add(cached) } else { input });
    mapped.output_tokens = output;
    mapped.cached_tokens = cache_read;
}

/// A count with a part of it included that some libraries count beside it (output with reasoning, input with what a cache read or
/// wrote): then only all three, with the `other` count, make the total.
pub(super) fn with_part(other: Option<i64>, count: Option<i64>, part: Option<i64>, total: Option<i64>) -> Option<i64> {
    match (other, count, part, total) {
        (Some(other), Some(count), Some(part), Some(total))
            if other.saturating_add(count).saturating_add(part) == total =>
        {
            Some(count.saturating_add(part))
        }
        _ => count,
    }
}

/// Messages that carry something; a list of messages whose content was all hidden counts as not captured.
pub(super) fn captured(messages: Vec<Message>) -> Option<Vec<Message>> {
    messages.iter().any(|message| !message.parts.is_empty()).then_some(messages)
}
