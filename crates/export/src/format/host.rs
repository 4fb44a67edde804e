//! What the hosts that take OpenAI's form ask beyond it, so that what is written for one passes its own checker.
//!
//! Sources: Together's `check_file` (SDK 1.5.35: columns, roles that alternate, no tools); mistral-common 1.13
//! (`MistralRequestValidatorV3`, the strictest of its versions: no text beside a call, names of letters, digits, `_` and `-`,
//! `parameters` with every tool); Fireworks' and Azure's documentation (`reasoning_content`; the form as it is).

use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use super::Unfit;
use crate::{ExportError, Kind, Reason, conversation::ChatMessage};

/// Who trains on files in OpenAI's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// OpenAI itself.
    #[default]
    Openai,
    /// Azure: as OpenAI.
    Azure,
    /// Fireworks: takes reasoning.
    Fireworks,
    /// Together: plain chats whose roles alternate.
    Together,
    /// Mistral: either a text or calls in one message.
    Mistral,
}

impl Host {
    /// All hosts, in the order in which they are listed to users.
    pub const ALL: [Host; 5] = [Host::Openai, Host::Azure, Host::Fireworks, Host::Together, Host::Mistral];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Fireworks => "fireworks",
            Self::Together => "together",
            Self::Mistral => "mistral",
        }
    }

    /// Whether the host trains on rows of `kind`.
    pub(crate) fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Openai | Self::Azure | Self::Fireworks => true,
            Self::Together => kind != Kind::Prompts,
            Self::Mistral => !matches!(kind, Kind::Prompts | Kind::Preference),
        }
    }

    /// Whether rows say which tools there were.
    pub(crate) fn has_tools(self) -> bool {
        self != Self::Together
    }

    pub(crate) fn has_reasoning(self) -> bool {
        self == Self::Fireworks
    }

    /// The tools of a row as the host takes them.
    pub(crate) fn tools(self, tools: &[Value]) -> Vec<Value> {
        let mut tools = if self.has_tools() { tools.to_vec() } else { Vec::new() };
        // OpenAI takes a function without `parameters` for one that has none; mistral-common wants that said.
        for tool in tools.iter_mut().filter(|_| self == Self::Mistral) {
            if let Some(function) = tool["function"].as_object_mut() {
                function.entry("parameters").or_insert_with(|| json!({"type": "object", "properties": {}}));
            }
        }
        tools
    }

    /// What the host's checker would refuse of a row with these messages and tools.
    pub(crate) fn check(self, messages: &[&ChatMessage], tools: &[Value]) -> Result<(), Unfit> {
        let found = match self {
            Self::Openai | Self::Azure | Self::Fireworks => None,
            Self::Together => messages.iter().find_map(|m| unlike_a_chat(m)).or_else(|| repeated_role(messages)),
            Self::Mistral => messages.iter().find_map(|m| text_beside_calls(m)).or_else(|| odd_name(messages, tools)),
        };
        found.map_or(Ok(()), |found| Err(Unfit::new(Reason::RefusedByHost, format!("{}: {found}", self.as_str()))))
    }
}

impl FromStr for Host {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        crate::options::named("host", text, &Self::ALL, Self::as_str)
    }
}

fn unlike_a_chat(message: &ChatMessage) -> Option<String> {
    let is_call = message.role == "tool" || !message.tool_calls.is_empty();
    is_call.then(|| "tool calls and their results are not taken".to_owned())
}

fn repeated_role(messages: &[&ChatMessage]) -> Option<String> {
    let twice = messages.windows(2).find(|pair| pair[0].role == pair[1].role)?;
    Some(format!("roles must alternate, and {0} follows {0}", twice[0].role))
}

fn text_beside_calls(message: &ChatMessage) -> Option<String> {
    let has_both = !message.content.is_empty() && !message.tool_calls.is_empty();
    has_both.then(|| "a message has either a text or calls, not both".to_owned())
}

/// Longest name of a function.
const MAX_NAME_BYTES: usize = 64;

fn odd_name(messages: &[&ChatMessage], tools: &[Value]) -> Option<String> {
    let called = messages.iter().flat_map(|message| &message.tool_calls).map(|call| call.function.name.as_str());
    let declared = tools.iter().filter_map(|tool| tool["function"]["name"].as_str());
    let is_plain = |name: &str| {
        (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let odd = called.chain(declared).find(|name| !is_plain(name))?;
    Some(format!("the tool name `{odd}` has more than {MAX_NAME_BYTES} letters, digits, _ and -, or others"))
}

#[cfg(test)]
mod tests;
