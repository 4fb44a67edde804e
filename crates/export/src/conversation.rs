//! Canonical messages made into one conversation in TRL's form, or the reason why they do not make one.
//!
//! Pure. What comes out holds: the system prompt stands apart; every tool result follows the message that called it, in
//! call order; ids of calls are unique; content is text and never null.

use std::collections::{HashSet, VecDeque};

use gleaner_model::{Message, Part};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    Reason, Reasoning,
    reasoning::{Kinds, Shown},
};

/// One of a few words that this program writes. By a name of its own, since serde takes a plain reference for one into
/// what it reads.
pub(crate) type Word = &'static str;

/// One message as TRL's trainers and the chat templates read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChatMessage {
    #[serde(deserialize_with = "role")]
    pub(crate) role: Word,
    pub(crate) content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What the telemetry shows of the reasoning behind it, whether or not that goes along. Not part of a row.
    #[serde(skip)]
    pub(crate) reasoning: Kinds,
}

/// A call by the assistant. `arguments` is an object: templates escape a string twice or fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "call_type")]
    pub(crate) r#type: Word,
    pub(crate) function: FunctionCall,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FunctionCall {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

/// A conversation without its system prompt, which a row may or may not keep.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Conversation {
    pub(crate) system: Option<String>,
    pub(crate) messages: Vec<ChatMessage>,
    /// Calls of the last message that nobody answered.
    pub(crate) open_calls: usize,
}

impl ChatMessage {
    pub(crate) fn text(role: &'static str, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            reasoning_content: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
            reasoning: Kinds::default(),
        }
    }

    /// Neither text nor calls: at most a thought, which no reader would see.
    pub(crate) fn says_nothing(&self) -> bool {
        self.content.trim().is_empty() && self.tool_calls.is_empty()
    }

    /// Length of all that a template renders: text, reasoning, names and arguments.
    pub(crate) fn characters(&self) -> usize {
        let calls = self.tool_calls.iter().map(|call| {
            let arguments = serde_json::to_string(&call.function.arguments).unwrap_or_default();
            call.function.name.chars().count() + arguments.chars().count()
        });
        self.content.chars().count()
            + self.reasoning_content.as_deref().map_or(0, |text| text.chars().count())
            + calls.sum::<usize>()
    }
}

/// Puts a conversation together.
pub(crate) fn conversation(
    system: Option<&str>,
    messages: &[Message],
    reasoning: Reasoning,
) -> Result<Conversation, Reason> {
    let mut builder = Builder { reasoning, ..Builder::default() };
    if let Some(text) = system {
        builder.system(text)?;
    }
    for message in messages {
        builder.add(message)?;
    }
    let mut messages = builder.messages;
    let open_calls = pair_tools(&mut messages)?;
    let history = messages.split_last().map_or(&[][..], |(_, history)| history);
    if history.iter().any(|m| m.role == "assistant" && m.says_nothing()) {
        return Err(Reason::EmptyMessage);
    }
    Ok(Conversation { system: join(builder.system), messages, open_calls })
}

/// The messages of a row: the system prompt, where there is one, before the others.
pub(crate) fn with_system(system: Option<&str>, messages: &[ChatMessage]) -> Vec<ChatMessage> {
    system.map(|text| ChatMessage::text("system", text)).into_iter().chain(messages.iter().cloned()).collect()
}

/// Whether instrumentation put this text in place of the real one. Whole texts only: a user may well write about
/// redaction.
pub(crate) fn is_redacted(text: &str) -> bool {
    const PLACEHOLDERS: [&str; 6] =
        ["__REDACTED__", "<REDACTED>", "[REDACTED]", "REDACTED", "[redacted]", "<redacted>"];
    PLACEHOLDERS.contains(&text.trim())
}

/// Whether a text of this value was put in place of the real one.
fn holds_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => is_redacted(text),
        Value::Array(values) => values.iter().any(holds_redacted),
        Value::Object(values) => values.values().any(holds_redacted),
        _ => false,
    }
}

/// Whether something on the way cut this text and said so at its end.
pub(crate) fn is_truncated(text: &str) -> bool {
    const MARKS: [&str; 5] = ["[truncated]", "(truncated)", "<truncated>", "[TRUNCATED]", "<TRUNCATED>"];
    let text = text.trim_end();
    MARKS.iter().any(|mark| text.ends_with(mark))
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let role = String::deserialize(deserializer)?;
    let known = ["system", "user", "assistant", "tool"].into_iter().find(|known| *known == role);
    known.ok_or_else(|| serde::de::Error::custom("unknown role"))
}

fn call_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    String::deserialize(deserializer).map(|_| "function")
}

#[derive(Default)]
struct Builder {
    reasoning: Reasoning,
    /// Of messages that carry nothing else, on their way to the next one of the assistant.
    pending: Kinds,
    system: Vec<String>,
    messages: Vec<ChatMessage>,
}

impl Builder {
    fn system(&mut self, text: &str) -> Result<(), Reason> {
        let text = visible(text)?;
        if !self.messages.is_empty() {
            return Err(Reason::SystemNotFirst);
        }
        if !text.trim().is_empty() && !self.system.iter().any(|known| known == text) {
            self.system.push(text.to_owned());
        }
        Ok(())
    }

    fn add(&mut self, message: &Message) -> Result<(), Reason> {
        match message.role.as_str() {
            "system" => self.system(&plain_text(message)?),
            "user" => self.add_parts("user", message),
            "assistant" => self.add_parts("assistant", message),
            "tool" if message.parts.iter().any(|part| matches!(part, Part::ToolCallResponse { .. })) => {
                self.add_parts("tool", message)
            }
            "tool" => {
                let text = plain_text(message)?;
                self.messages.push(ChatMessage { name: message.name.clone(), ..ChatMessage::text("tool", text) });
                Ok(())
            }
            _ => Err(Reason::UnknownRole),
        }
    }

    /// One canonical message may hold tool results beside text (Anthropic's user turns): each result becomes a message.
    fn add_parts(&mut self, role: &'static str, message: &Message) -> Result<(), Reason> {
        let mut current = ChatMessage::text(role, "");
        let mut texts = Vec::new();
        let mut thoughts = Vec::new();
        for part in &message.parts {
            match part {
                Part::Text { content } if role != "tool" => texts.push(visible(content)?.to_owned()),
                Part::Refusal { content } if role == "assistant" => texts.push(visible(content)?.to_owned()),
                Part::Reasoning { content, kind, .. } if role == "assistant" => {
                    let shown = Shown::of(*kind, content);
                    shown.into_iter().for_each(|shown| current.reasoning.add(shown));
                    if self.reasoning.keeps(*kind) && shown != Some(Shown::Redacted) {
                        thoughts.push(content.clone());
                    }
                }
                Part::ToolCall { id, name, arguments } if role == "assistant" => {
                    current.tool_calls.push(tool_call(id.as_deref(), name, arguments)?);
                }
                Part::ToolCallResponse { id, name, response } => {
                    self.flush(&mut current, &mut texts, &mut thoughts);
                    self.messages.push(tool_message(id.as_deref(), name.as_deref(), response)?);
                }
                Part::Blob { .. } | Part::File { .. } | Part::Uri { .. } | Part::Other { .. } => {
                    return Err(Reason::NonTextContent);
                }
                _ => return Err(Reason::MisplacedPart),
            }
        }
        self.flush(&mut current, &mut texts, &mut thoughts);
        Ok(())
    }

    /// Ends a message. Neighbouring assistant messages become one where at most one of them has text: some APIs send
    /// reasoning, each call and the text as items of their own, and templates want one turn. Messages that carry nothing
    /// go.
    fn flush(&mut self, current: &mut ChatMessage, texts: &mut Vec<String>, thoughts: &mut Vec<String>) {
        let next = ChatMessage::text(current.role, "");
        let mut message = std::mem::replace(current, next);
        message.content = join(std::mem::take(texts)).unwrap_or_default();
        message.reasoning_content = join(std::mem::take(thoughts));
        if message.says_nothing() && message.content.is_empty() && message.reasoning_content.is_none() {
            self.pending.join(message.reasoning);
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        if message.role == "assistant" {
            message.reasoning.join(pending);
        }
        match self.messages.last_mut() {
            Some(last)
                if last.role == "assistant"
                    && message.role == "assistant"
                    && (last.content.is_empty() || message.content.is_empty()) =>
            {
                last.content.push_str(&message.content);
                last.reasoning_content =
                    join(last.reasoning_content.take().into_iter().chain(message.reasoning_content).collect());
                last.reasoning.join(message.reasoning);
                last.tool_calls.append(&mut message.tool_calls);
            }
            _ => self.messages.push(message),
        }
    }
}

/// Gives each result to its call, makes ids unique, and orders results as the calls. Returns the calls left open at the
/// end.
fn pair_tools(messages: &mut [ChatMessage]) -> Result<usize, Reason> {
    let mut used = HashSet::new();
    let mut open: VecDeque<OpenCall> = VecDeque::new();
    let mut i = 0;
    while i < messages.len() {
        if messages[i].role == "tool" {
            let end = (i..messages.len()).find(|j| messages[*j].role != "tool").unwrap_or(messages.len());
            answer(&mut messages[i..end], &mut open)?;
            i = end;
            continue;
        }
        if !open.is_empty() {
            return Err(Reason::ToolCallWithoutResult);
        }
        for (order, call) in messages[i].tool_calls.iter_mut().enumerate() {
            let sent_id = call.id.take();
            let id = unique(sent_id.as_deref(), &mut used);
            open.push_back(OpenCall { order, sent_id, id: id.clone(), name: call.function.name.clone() });
            call.id = Some(id);
        }
        i += 1;
    }
    Ok(open.len())
}

struct OpenCall {
    order: usize,
    sent_id: Option<String>,
    id: String,
    name: String,
}

fn answer(results: &mut [ChatMessage], open: &mut VecDeque<OpenCall>) -> Result<(), Reason> {
    let mut orders = Vec::with_capacity(results.len());
    // One call, and right after it one result: they belong together even where instrumentation recorded different ids
    // for the two (an item's id with the call, the call's id with the result).
    let is_only_pair = open.len() == 1 && results.len() == 1;
    for result in results.iter_mut() {
        let found = match (&result.tool_call_id, &result.name) {
            (Some(id), name) => open
                .iter()
                .position(|call| call.sent_id.as_ref() == Some(id))
                // Some instrumentations record ids with the results alone.
                .or_else(|| open.iter().position(|call| call.sent_id.is_none() && Some(&call.name) == name.as_ref())),
            (None, Some(name)) => open.iter().position(|call| call.name == *name),
            (None, None) => None,
        };
        let found = found.or_else(|| (is_only_pair && unnamed_or(result, &open[0].name)).then_some(0));
        let call = found.and_then(|at| open.remove(at)).ok_or(Reason::ToolResultWithoutCall)?;
        orders.push(call.order);
        result.tool_call_id = Some(call.id);
        result.name = Some(call.name);
    }
    let mut sorted: Vec<(usize, ChatMessage)> = orders.into_iter().zip(results.iter().cloned()).collect();
    sorted.sort_by_key(|(order, _)| *order);
    for (slot, (_, message)) in results.iter_mut().zip(sorted) {
        *slot = message;
    }
    Ok(())
}

fn unnamed_or(result: &ChatMessage, name: &str) -> bool {
    result.name.as_deref().is_none_or(|named| named == name)
}

/// The id as sent, unless the conversation has it already or there is none: then the first free one.
fn unique(sent: Option<&str>, used: &mut HashSet<String>) -> String {
    let sent = sent.filter(|id| !id.is_empty());
    let mut id = sent.map_or_else(|| "call_1".to_owned(), str::to_owned);
    let mut n = 1;
    while !used.insert(id.clone()) {
        n += 1;
        id = format!("{}_{n}", sent.unwrap_or("call"));
    }
    id
}

fn tool_call(id: Option<&str>, name: &str, arguments: &Value) -> Result<ToolCall, Reason> {
    let arguments = match arguments {
        Value::Object(map) => map.clone(),
        // What providers send for a call without arguments.
        Value::String(text) if text.trim().is_empty() => Map::new(),
        Value::String(text) if is_redacted(text) => return Err(Reason::Redacted),
        Value::String(text) => serde_json::from_str(text).map_err(|_| Reason::ArgumentsNotAnObject)?,
        _ => return Err(Reason::ArgumentsNotAnObject),
    };
    // A model would learn to write the placeholder.
    if arguments.values().any(holds_redacted) {
        return Err(Reason::Redacted);
    }
    let function = FunctionCall { name: name.to_owned(), arguments };
    Ok(ToolCall { id: id.map(str::to_owned), r#type: "function", function })
}

fn tool_message(id: Option<&str>, name: Option<&str>, response: &Value) -> Result<ChatMessage, Reason> {
    let text = match response {
        Value::Null => String::new(),
        Value::String(text) => visible(text)?.to_owned(),
        other if holds_redacted(other) => return Err(Reason::Redacted),
        other => other.to_string(),
    };
    let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(ChatMessage { tool_call_id: id, name, ..ChatMessage::text("tool", text) })
}

fn plain_text(message: &Message) -> Result<String, Reason> {
    let texts: Result<Vec<String>, Reason> = message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text { content } => visible(content).map(str::to_owned),
            Part::Blob { .. } | Part::File { .. } | Part::Uri { .. } | Part::Other { .. } => {
                Err(Reason::NonTextContent)
            }
            _ => Err(Reason::MisplacedPart),
        })
        .collect();
    Ok(join(texts?).unwrap_or_default())
}

fn visible(text: &str) -> Result<&str, Reason> {
    match () {
        () if is_redacted(text) => Err(Reason::Redacted),
        () if is_truncated(text) => Err(Reason::Truncated),
        () => Ok(text),
    }
}

fn join(texts: Vec<String>) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[cfg(test)]
mod tests;
