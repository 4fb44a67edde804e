//! `sft`: good completions, from overall scores and from corrections.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason, Rows, ScoreRule,
    answer::{Answers, check_status},
    conversation::{ChatMessage, Conversation, conversation, is_redacted, with_system},
    dataset::SFT,
    provenance::Provenance,
    read::{self, ConversationRow, ScoreRow, Which},
    tools::tools,
    writer::{Writer, rounded, row_id},
};

/// An attempt's conversation, cut before its last assistant message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Example {
    /// With the system prompt; ends with a user or tool message.
    pub(crate) prompt: Vec<ChatMessage>,
    /// The reason stands for a missing or unfit final message: the prompt may serve a correction all the same.
    pub(crate) completion: Result<ChatMessage, Reason>,
    pub(crate) tools: Vec<Value>,
}

#[derive(Serialize)]
struct SftRow<'a> {
    prompt: &'a [ChatMessage],
    completion: [&'a ChatMessage; 1],
    tools: &'a [Value],
    id: &'a str,
    session_id: &'a str,
    attempt_id: &'a str,
    trace_id: Option<&'a String>,
    origin: &'a str,
    score: Option<f64>,
    prompt_characters: usize,
    completion_characters: usize,
    metadata: String,
}

pub(crate) fn write(
    rows: &dyn Rows,
    options: &Options,
    answers: &Answers,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    writer.begin(&SFT)?;
    let feedback = answers.scores_by_attempt();
    read::conversations(rows, options, Which::Scored, &mut |row| {
        let Some(feedback) = feedback.get(row.attempt.attempt_id.as_str()) else { return Ok(()) };
        let example = example(&row, options);
        let overall = overall(feedback);
        if let Some(score) = score(&overall, options.score_rule).filter(|score| *score >= options.score_threshold) {
            let mut provenance = Provenance::of(&row.attempt);
            overall.iter().for_each(|score| provenance.add_score(score));
            let completion = check_status(&row.attempt, options).and_then(|()| example.clone()?.completion);
            write_row(writer, &row, &example, completion, Some(score), &provenance)?;
        }
        for correction in feedback.iter().filter(|row| row.correction.is_some()) {
            let mut provenance = Provenance::of(&row.attempt);
            provenance.add_correction(correction);
            let text = correction.correction.as_deref().unwrap_or_default();
            write_row(writer, &row, &example, Ok(ChatMessage::text("assistant", text)), None, &provenance)?;
        }
        Ok(())
    })
}

/// The overall scores: those without a criterion.
pub(crate) fn overall<'a>(feedback: &[&'a ScoreRow]) -> Vec<&'a ScoreRow> {
    feedback.iter().copied().filter(|row| row.criterion.is_none() && row.score.is_some()).collect()
}

/// One score of several, which must be in order of time. None of none.
pub(crate) fn score(scores: &[&ScoreRow], rule: ScoreRule) -> Option<f64> {
    let numbers = || scores.iter().filter_map(|row| row.score);
    match rule {
        ScoreRule::Mean => (!scores.is_empty()).then(|| numbers().sum::<f64>() / numbers().count() as f64),
        ScoreRule::Min => numbers().reduce(f64::min),
        ScoreRule::Max | ScoreRule::Any => numbers().reduce(f64::max),
        ScoreRule::Latest => numbers().next_back(),
    }
}

/// Pure: an attempt's conversation as prompt and completion.
pub(crate) fn example(row: &ConversationRow, options: &Options) -> Result<Example, Reason> {
    if row.lacks_history {
        return Err(Reason::HistoryNotCaptured);
    }
    let input = row.input_messages.as_deref().ok_or(Reason::PromptNotCaptured)?;
    let mut recorded = input.to_vec();
    match (&row.output_messages, &row.call_output_text) {
        (Some(output), _) if !output.is_empty() => recorded.extend(output.iter().cloned()),
        (_, Some(text)) => recorded.push(gleaner_model::Message::text("assistant", text)),
        _ => {}
    }
    let mut whole = conversation(row.system_prompt.as_deref(), &recorded, options.reasoning)?;
    let completion = match whole.messages.pop_if(|last| last.role == "assistant") {
        Some(last) => check_completion(last, whole.open_calls, row.attempt.output_text.as_deref()),
        None => Err(Reason::NoCompletion),
    };
    let Conversation { system, messages, .. } = whole;
    match messages.last() {
        None => Err(Reason::NoPrompt),
        Some(last) if !matches!(last.role, "user" | "tool") => Err(Reason::PromptDoesNotEndWithUserOrTool),
        Some(_) => Ok(Example {
            prompt: with_system(system.as_deref(), &messages),
            completion,
            tools: tools(row.tool_definitions.as_ref())?,
        }),
    }
}

/// An attempt may end on a tool call where the call itself is the answer (structured output, `final_answer`): then its
/// arguments hold what the attempt gave out. Any other call without its result is an attempt that was cut off.
fn check_completion(last: ChatMessage, open_calls: usize, output_text: Option<&str>) -> Result<ChatMessage, Reason> {
    if last.says_nothing() {
        return Err(Reason::NoCompletion);
    }
    let is_answer = |call: &crate::conversation::ToolCall| {
        let Some(output) = output_text else { return false };
        let arguments = &call.function.arguments;
        arguments.values().any(|value| value.as_str() == Some(output))
            || serde_json::from_str::<Value>(output).is_ok_and(|output| output.as_object() == Some(arguments))
    };
    if open_calls > 0 && !last.tool_calls.iter().any(is_answer) {
        return Err(Reason::ToolCallWithoutResult);
    }
    if is_redacted(&last.content) {
        return Err(Reason::Redacted);
    }
    Ok(last)
}

fn write_row(
    writer: &mut Writer<'_>,
    row: &ConversationRow,
    example: &Result<Example, Reason>,
    completion: Result<ChatMessage, Reason>,
    score: Option<f64>,
    provenance: &Provenance,
) -> Result<(), ExportError> {
    let shaped = example.as_ref().map_err(|reason| *reason).and_then(|example| Ok((example, completion?)));
    let (example, completion) = match shaped {
        Ok(shaped) => shaped,
        Err(reason) => return writer.candidate(Err::<(String, SftRow<'_>), _>(reason), provenance),
    };
    let id = row_id(&SFT, &json!({"prompt": example.prompt, "completion": [completion], "tools": example.tools}));
    let sft = SftRow {
        prompt: &example.prompt,
        completion: [&completion],
        tools: &example.tools,
        id: &id,
        session_id: &row.attempt.session_id,
        attempt_id: &row.attempt.attempt_id,
        trace_id: row.attempt.trace_ids.first(),
        origin: if score.is_some() { "score" } else { "correction" },
        score: score.map(rounded),
        prompt_characters: characters(&example.prompt),
        completion_characters: completion.characters(),
        metadata: provenance.to_json(),
    };
    writer.candidate(Ok((id.clone(), sft)), provenance)
}

pub(crate) fn characters(messages: &[ChatMessage]) -> usize {
    messages.iter().map(ChatMessage::characters).sum()
}

#[cfg(test)]
mod tests;
