//! One attempt made ready to be shaped: the question it was asked, the conversation it had, the answer it gave, each of
//! them or the reason why it cannot be used.
//!
//! Pure. A case is what pairs and rankings find again on disk ([`Cases`]): only its id is held in memory.

use std::collections::HashMap;

use gleaner_model::{Message, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason, Reasoning,
    conversation::{ChatMessage, Conversation, ToolCall, conversation, is_redacted, is_truncated, with_system},
    read::{Attempt, AttemptRow, Given, ScoreRow},
    reasoning::Kinds,
    shelf::Shelf,
    spool::Spool,
    tools::Tools,
};

/// An attempt ready to be shaped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) row: AttemptRow,
    pub(crate) feedback: Vec<ScoreRow>,
    pub(crate) question: Result<Question, Reason>,
    /// The final answer's text.
    pub(crate) answer: Result<String, Reason>,
    pub(crate) whole: Result<Whole, Reason>,
    pub(crate) need: Option<String>,
    pub(crate) artifact: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) agent_name: Option<String>,
    pub(crate) version: Option<String>,
}

/// What the attempt was asked: the messages of its first call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// Without the system prompt; ends with a user or tool message.
    pub(crate) messages: Vec<ChatMessage>,
    pub(crate) system: Option<String>,
    pub(crate) tools: Tools,
}

/// The conversation of the attempt's last call, cut before its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Whole {
    pub(crate) system: Option<String>,
    /// Without the system prompt; ends with a user or tool message.
    pub(crate) history: Vec<ChatMessage>,
    /// How many messages of the history the attempt was given; those after it are its own steps.
    pub(crate) given: usize,
    /// The reason stands for a missing or unfit final message: the history may serve a correction all the same.
    pub(crate) completion: Result<ChatMessage, Reason>,
    pub(crate) tools: Tools,
}

impl Case {
    pub(crate) fn of(attempt: Attempt, options: &Options) -> Self {
        // Inputs and outputs of a program that asked no model are no prompts and no answers.
        let model = if attempt.has_model { Ok(()) } else { Err(Reason::NoModelCall) };
        let question = model.and_then(|()| question(&attempt, options));
        let whole = model.and_then(|()| whole(&attempt, options, question.as_ref().ok()));
        Self {
            answer: model.and_then(|()| answer(&attempt.row)),
            question,
            whole,
            row: attempt.row,
            feedback: attempt.feedback,
            need: attempt.need,
            artifact: attempt.artifact,
            model: attempt.model,
            agent_name: attempt.agent_name,
            version: attempt.version,
        }
    }

    /// The messages of the whole conversation.
    fn messages(&self) -> impl Iterator<Item = &ChatMessage> {
        self.whole.iter().flat_map(|whole| whole.history.iter().chain(whole.completion.as_ref().ok()))
    }

    fn messages_mut(&mut self) -> impl Iterator<Item = &mut ChatMessage> {
        self.whole.iter_mut().flat_map(|whole| whole.history.iter_mut().chain(whole.completion.as_mut().ok()))
    }

    /// What keeps an attempt of this status out of a dataset.
    pub(crate) fn check_status(&self, options: &Options) -> Result<(), Reason> {
        match self.row.status.as_str() {
            "ok" => Ok(()),
            "error" if options.include_failed => Ok(()),
            "error" => Err(Reason::FailedAttempt),
            _ => Err(Reason::OpenAttempt),
        }
    }

    pub(crate) fn question(&self) -> Result<&Question, Reason> {
        self.question.as_ref().map_err(|reason| *reason)
    }

    pub(crate) fn whole(&self) -> Result<&Whole, Reason> {
        self.whole.as_ref().map_err(|reason| *reason)
    }

    pub(crate) fn answer(&self) -> Result<&str, Reason> {
        self.answer.as_deref().map_err(|reason| *reason)
    }

    /// The user's need: as stated for the session, else the first user message.
    pub(crate) fn need(&self) -> Result<Vec<ChatMessage>, Reason> {
        if let Some(need) = &self.need {
            return Ok(vec![ChatMessage::text("user", need)]);
        }
        let first = self.question()?.messages.iter().find(|message| message.role == "user");
        first.map(|message| vec![message.clone()]).ok_or(Reason::NoPrompt)
    }

    /// What the attempt made: the artifact declared last, else its final answer.
    pub(crate) fn artifact(&self) -> Result<&str, Reason> {
        match self.artifact.as_deref() {
            Some(text) if is_redacted(text) => Err(Reason::Redacted),
            Some(text) => Ok(text),
            None => self.answer(),
        }
    }

    /// The conversation whose last message is the final answer, where it is known: then everything before that message is
    /// what the answer rests on.
    pub(crate) fn answered(&self) -> Option<&Whole> {
        let whole = self.whole.as_ref().ok()?;
        let is_answer = |last: &ChatMessage| Some(last.content.trim()) == self.answer().ok().map(str::trim);
        whole.completion.as_ref().is_ok_and(is_answer).then_some(whole)
    }
}

impl Whole {
    pub(crate) fn prompt(&self) -> Vec<ChatMessage> {
        with_system(self.system.as_deref(), &self.history)
    }

    pub(crate) fn completion(&self) -> Result<&ChatMessage, Reason> {
        self.completion.as_ref().map_err(|reason| *reason)
    }

    /// The attempt's own messages: its steps, results of tools, and its answer.
    pub(crate) fn own(&self) -> Result<Vec<ChatMessage>, Reason> {
        let steps = self.history[self.given.min(self.history.len())..].iter().cloned();
        Ok(steps.chain([self.completion()?.clone()]).collect())
    }
}

/// Cases on disk, by attempt id.
pub(crate) struct Cases {
    shelf: Shelf,
}

impl Cases {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { shelf: Shelf::new(spool) }
    }

    pub(crate) fn put(&mut self, case: &Case) -> Result<(), ExportError> {
        let kinds: Vec<Kinds> = case.messages().map(|message| message.reasoning).collect();
        self.shelf.put(&case.row.attempt_id, &(case, kinds))
    }

    pub(crate) fn has(&self, attempt_id: &str) -> bool {
        self.shelf.has(attempt_id)
    }

    /// None: the filters leave the attempt out.
    pub(crate) fn get(&mut self, attempt_id: &str) -> Result<Option<Case>, ExportError> {
        let Some((mut case, kinds)) = self.shelf.get::<(Case, Vec<Kinds>)>(attempt_id)? else { return Ok(None) };
        case.messages_mut().zip(kinds).for_each(|(message, kinds)| message.reasoning = kinds);
        Ok(Some(case))
    }
}

/// An id as a number: half the memory of its text, and ids of any form fit.
pub(crate) fn key(id: &str) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
    u128::from_be_bytes(bytes)
}

fn question(attempt: &Attempt, options: &Options) -> Result<Question, Reason> {
    let Given { messages, lacks_history, is_truncated, system_prompt, tools } = &attempt.question;
    if *lacks_history {
        return Err(Reason::HistoryNotCaptured);
    }
    if *is_truncated {
        return Err(Reason::Truncated);
    }
    let recorded = match (messages, &attempt.input_text) {
        (Some(messages), _) if !messages.is_empty() => messages.clone(),
        (_, Some(text)) if !text.is_empty() => vec![Message::text("user", text)],
        (Some(_), _) => return Err(Reason::NoPrompt),
        (None, _) => return Err(Reason::PromptNotCaptured),
    };
    let mut question = conversation(system_prompt.as_deref(), &recorded, options.reasoning)?;
    // Nothing of a question is trained on: what stood behind its messages makes no two questions differ.
    question.messages.iter_mut().for_each(|message| message.reasoning = Kinds::default());
    check_end(&question.messages)?;
    Ok(Question {
        messages: question.messages,
        system: question.system,
        tools: tools.clone().transpose()?.unwrap_or_default(),
    })
}

fn answer(row: &AttemptRow) -> Result<String, Reason> {
    let text = row.output_text.clone().filter(|text| !text.trim().is_empty()).ok_or(Reason::NoCompletion)?;
    match () {
        () if is_redacted(&text) => Err(Reason::Redacted),
        () if is_truncated(&text) => Err(Reason::Truncated),
        () => Ok(text),
    }
}

fn whole(attempt: &Attempt, options: &Options, question: Option<&Question>) -> Result<Whole, Reason> {
    let Given { messages, lacks_history, is_truncated, system_prompt, tools } = &attempt.conversation;
    if *lacks_history {
        return Err(Reason::HistoryNotCaptured);
    }
    if *is_truncated {
        return Err(Reason::Truncated);
    }
    let mut recorded = messages.clone().ok_or(Reason::PromptNotCaptured)?;
    let mut was_cut = false;
    match (&attempt.output_messages, &attempt.call_output_text) {
        (Some(output), _) if !output.is_empty() => {
            was_cut = output.iter().any(|message| message.finish_reason.as_deref() == Some("length"));
            recorded.extend(output.iter().cloned());
        }
        (_, Some(text)) => recorded.push(Message::text("assistant", text)),
        _ => {}
    }
    let mut whole = conversation(system_prompt.as_deref(), &recorded, options.reasoning)?;
    restore_reasoning(&mut whole.messages, &attempt.thoughtful, options.reasoning);
    let completion = match whole.messages.pop_if(|last| last.role == "assistant") {
        Some(_) if was_cut => Err(Reason::Truncated),
        Some(last) => check_completion(last, whole.open_calls, attempt.row.output_text.as_deref()),
        None => Err(Reason::NoCompletion),
    };
    let Conversation { system, messages: history, .. } = whole;
    check_end(&history)?;
    let given = given(&history, question);
    Ok(Whole { system, history, given, completion, tools: tools.clone().transpose()?.unwrap_or_default() })
}

fn check_end(prompt: &[ChatMessage]) -> Result<(), Reason> {
    match prompt.last() {
        None => Err(Reason::NoPrompt),
        Some(last) if !matches!(last.role, "user" | "tool") => Err(Reason::PromptDoesNotEndWithUserOrTool),
        Some(_) => Ok(()),
    }
}

/// The question where the history begins with it, else everything up to the last user message.
fn given(history: &[ChatMessage], question: Option<&Question>) -> usize {
    let begins = |question: &&Question| {
        question.messages.len() <= history.len()
            && same_messages(&question.messages, &history[..question.messages.len()])
    };
    match question.filter(begins) {
        Some(question) => question.messages.len(),
        None => history.iter().rposition(|message| message.role == "user").map_or(0, |at| at + 1),
    }
}

/// An attempt may end on a tool call where the call itself is the answer (structured output, `final_answer`): then its
/// arguments hold what the attempt gave out. Any other call without its result is an attempt that was cut off.
fn check_completion(last: ChatMessage, open_calls: usize, output_text: Option<&str>) -> Result<ChatMessage, Reason> {
    if last.says_nothing() {
        return Err(Reason::NoCompletion);
    }
    let is_answer = |call: &ToolCall| {
        let Some(output) = output_text else { return false };
        let arguments = &call.function.arguments;
        arguments.values().any(|value| value.as_str() == Some(output))
            || serde_json::from_str::<Value>(output).is_ok_and(|output| output.as_object() == Some(arguments))
    };
    if open_calls > 0 && !last.tool_calls.iter().any(is_answer) {
        return Err(Reason::ToolCallWithoutResult);
    }
    match last.content.as_str() {
        text if is_redacted(text) => Err(Reason::Redacted),
        text if is_truncated(text) => Err(Reason::Truncated),
        _ => Ok(last),
    }
}

/// Most APIs drop earlier reasoning from the history that the last call was given. Where exactly one call of the attempt
/// wrote a message of this content, its reasoning is put back.
fn restore_reasoning(messages: &mut [ChatMessage], outputs: &[Vec<Message>], policy: Reasoning) {
    type Thought = (Option<String>, Kinds);
    let mut thoughts: HashMap<String, Option<Thought>> = HashMap::new();
    for output in outputs {
        for message in conversation(None, output, policy).map(|c| c.messages).unwrap_or_default() {
            let thought = (message.reasoning_content.clone(), message.reasoning);
            if thought.1.is_empty() {
                continue;
            }
            let same = |known: &mut Option<Thought>| {
                if known.as_ref() != Some(&thought) {
                    *known = None;
                }
            };
            thoughts.entry(said(&message)).and_modify(same).or_insert_with(|| Some(thought.clone()));
        }
    }
    for message in messages.iter_mut().filter(|m| m.role == "assistant" && m.reasoning_content.is_none()) {
        if let Some((thought, kinds)) = thoughts.get(&said(message)).cloned().flatten() {
            message.reasoning_content = thought;
            message.reasoning.join(kinds);
        }
    }
}

/// Whether two conversations say the same, whatever their ids and thoughts.
pub(crate) fn same_messages(one: &[ChatMessage], other: &[ChatMessage]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.role == b.role && says_same(a, b))
}

fn says_same(one: &ChatMessage, other: &ChatMessage) -> bool {
    if one.tool_calls.is_empty() && other.tool_calls.is_empty() {
        one.content == other.content
    } else {
        said(one) == said(other)
    }
}

/// What a message says apart from its reasoning and the ids of its calls.
fn said(message: &ChatMessage) -> String {
    let calls: Vec<_> = message.tool_calls.iter().map(|call| &call.function).collect();
    canonical_json(&json!([message.content, calls]))
}

#[cfg(test)]
mod tests;
