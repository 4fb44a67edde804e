//! The canonical message: OpenTelemetry GenAI's message schema (roles and typed parts).
//! Source: open-telemetry/semantic-conventions-genai, `docs/gen-ai/non-normative/models.py`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ContentHash;
use crate::canonical_json::ObjectWriter;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool` after normalization (`model`, `human`, `ai`, `developer`, `function` are folded).
    pub role: String,
    /// In the order the model saw or wrote them. May be empty (a message that carried nothing).
    pub parts: Vec<Part>,
    /// The participant's name, where one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only on output messages: canonical finish reason of this choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
}

/// One typed part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text {
        /// The text itself.
        content: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Provider's call id; absent with providers that have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Tool name.
        name: String,
        /// An object where the model's arguments parse as JSON, else the raw string it wrote.
        #[serde(default)]
        arguments: Value,
    },
    /// A tool's answer.
    ToolCallResponse {
        /// Id of the call that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Tool name, where the convention repeats it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Text stays text: a JSON-looking string result is kept as the string that was sent.
        response: Value,
    },
    /// Reasoning. Signatures beside a text that can be read are not kept here: they stay in the span's attributes.
    Reasoning {
        /// The reasoning text; empty where it is encrypted.
        content: String,
        /// What the text is. Absent from JSON where it is [`ReasoningKind::Raw`], so that a part without a kind reads, and
        /// hashes, as ever.
        #[serde(default, skip_serializing_if = "ReasoningKind::is_raw")]
        kind: ReasoningKind,
        /// What the provider gave instead of a text, as sent: for replaying the call, not for reading.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// The model declined to answer.
    Refusal {
        /// The model's words.
        content: String,
    },
    /// Inline binary data.
    Blob {
        /// Media type, e.g. `image/png`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// `image`, `audio`, `video`, `document` …
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modality: Option<String>,
        /// Base64.
        content: String,
    },
    /// A file known to the provider by id.
    File {
        /// Media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// `image`, `audio` …
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modality: Option<String>,
        /// The provider's file id.
        file_id: String,
    },
    /// Data by reference.
    Uri {
        /// Media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// `image`, `audio` …
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modality: Option<String>,
        /// Where the data is.
        uri: String,
    },
    /// Any part that the schema does not name, kept as it came.
    Other {
        /// The whole part.
        value: Value,
    },
}

/// What a reasoning part tells of the model's reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningKind {
    /// The model's own words, as far as the telemetry tells.
    #[default]
    Raw,
    /// A summary that the provider made of them.
    Summary,
    /// Reasoning took place, and only its encrypted form was given out.
    Encrypted,
}

impl ReasoningKind {
    /// The name in JSON and in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Summary => "summary",
            Self::Encrypted => "encrypted",
        }
    }

    fn is_raw(&self) -> bool {
        *self == Self::Raw
    }
}

impl Part {
    /// The model's own words of reasoning.
    pub fn reasoning(content: impl Into<String>) -> Self {
        Self::Reasoning { content: content.into(), kind: ReasoningKind::Raw, data: None }
    }

    /// A provider's summary of reasoning.
    pub fn reasoning_summary(content: impl Into<String>) -> Self {
        Self::Reasoning { content: content.into(), kind: ReasoningKind::Summary, data: None }
    }

    /// Reasoning that only its provider can read; `data` as sent, where it was.
    pub fn encrypted_reasoning(data: Option<String>) -> Self {
        Self::Reasoning { content: String::new(), kind: ReasoningKind::Encrypted, data }
    }

    /// Keys in the order of the alphabet; which fields are left out is said at the fields.
    fn write_canonical(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        match self {
            Self::Text { content } => {
                object.text("content", content);
                object.text("type", "text");
            }
            Self::ToolCall { id, name, arguments } => {
                object.value("arguments", arguments);
                object.optional("id", id.as_deref());
                object.text("name", name);
                object.text("type", "tool_call");
            }
            Self::ToolCallResponse { id, name, response } => {
                object.optional("id", id.as_deref());
                object.optional("name", name.as_deref());
                object.value("response", response);
                object.text("type", "tool_call_response");
            }
            Self::Reasoning { content, kind, data } => {
                object.text("content", content);
                object.optional("data", data.as_deref());
                object.optional("kind", (!kind.is_raw()).then_some(kind.as_str()));
                object.text("type", "reasoning");
            }
            Self::Refusal { content } => {
                object.text("content", content);
                object.text("type", "refusal");
            }
            Self::Blob { mime_type, modality, content } => {
                object.text("content", content);
                object.optional("mime_type", mime_type.as_deref());
                object.optional("modality", modality.as_deref());
                object.text("type", "blob");
            }
            Self::File { mime_type, modality, file_id } => {
                object.text("file_id", file_id);
                object.optional("mime_type", mime_type.as_deref());
                object.optional("modality", modality.as_deref());
                object.text("type", "file");
            }
            Self::Uri { mime_type, modality, uri } => {
                object.optional("mime_type", mime_type.as_deref());
                object.optional("modality", modality.as_deref());
                object.text("type", "uri");
                object.text("uri", uri);
            }
            Self::Other { value } => {
                object.text("type", "other");
                object.value("value", value);
            }
        }
        object.end();
    }

    /// Reasoning of any kind.
    pub fn is_reasoning(&self) -> bool {
        matches!(self, Self::Reasoning { .. })
    }

    /// Reasoning that can be read: the model's own words or a summary.
    pub fn is_readable_reasoning(&self) -> bool {
        matches!(self, Self::Reasoning { content, kind, .. } if *kind != ReasoningKind::Encrypted && !content.is_empty())
    }
}

impl Message {
    /// A message of one text part.
    pub fn text(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.into(), parts: vec![Part::Text { content: content.into() }], name: None, finish_reason: None }
    }

    /// Hash of role and parts: the finish reason is a fact about the call, not about the message.
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of_canonical(&self.canonical_json())
    }

    /// Canonical JSON of [`Message::to_json`]. A history is written with every call that repeats it, so this builds no values in between.
    pub fn canonical_json(&self) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        if let Some(name) = &self.name {
            object.text("name", name);
        }
        write_parts(&self.parts, object.key("parts"));
        object.text("role", &self.role);
        object.end();
        out
    }

    /// The form that is stored in `contents`: without the finish reason, so that a message reads the same as output of
    /// one call and as history of the next.
    pub fn to_json(&self) -> Value {
        let bare = Self { finish_reason: None, ..self.clone() };
        serde_json::to_value(bare).unwrap_or(Value::Null)
    }
}

fn write_parts(parts: &[Part], out: &mut String) {
    out.push('[');
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        part.write_canonical(out);
    }
    out.push(']');
}

/// All visible answer text of some messages: text and refusal parts, one line break between parts.
pub fn output_text(messages: &[Message]) -> Option<String> {
    join(messages.iter().flat_map(|m| &m.parts).filter_map(|p| match p {
        Part::Text { content } | Part::Refusal { content } => Some(content.as_str()),
        _ => None,
    }))
}

/// All readable reasoning of some messages (raw and summaries), one line break between parts.
pub fn reasoning_text(messages: &[Message]) -> Option<String> {
    join(messages.iter().flat_map(|m| &m.parts).filter_map(|p| match p {
        Part::Reasoning { content, kind: ReasoningKind::Raw | ReasoningKind::Summary, .. } => Some(content.as_str()),
        _ => None,
    }))
}

fn join<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.filter(|t| !t.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[cfg(test)]
mod tests;
