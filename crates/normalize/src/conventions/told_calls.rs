//! The model calls that the history of a run's last call tells of, for spans that stand for all of them.

use gleaner_model::{Message, Part};

use crate::mapped::Mapped;
use crate::told::MAX_HISTORIES;

/// The calls since the last question: those that the last call's history shows, then the last call.
pub(super) fn calls_of_history(last: Mapped) -> Vec<Mapped> {
    let history = last.input_messages.clone().unwrap_or_default();
    let first = question(&history).map_or(history.len(), |place| place + 1);
    let answers = history.iter().enumerate().skip(first).filter(|(_, message)| message.role == "assistant");
    let mut calls_left = answers.clone().count();
    let mut calls = Vec::new();
    for (place, answer) in answers {
        let asks = answer.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        let finish_reason = Some(if asks { "tool_call" } else { "stop" }.to_owned());
        let given = if calls_left < MAX_HISTORIES {
            Mapped {
                system_prompt: last.system_prompt.clone(),
                input_messages: Some(history[..place].to_vec()),
                tool_definitions: last.tool_definitions.clone(),
                parameters: last.parameters.clone(),
                ..Mapped::default()
            }
        } else {
            Mapped::default()
        };
        calls_left -= 1;
        calls.push(Mapped {
            convention: last.convention,
            kind: last.kind,
            provider: last.provider.clone(),
            model: last.model.clone(),
            operation: last.operation.clone(),
            output_messages: Some(vec![Message { finish_reason: finish_reason.clone(), ..answer.clone() }]),
            finish_reason,
            agent_name: last.agent_name.clone(),
            ..given
        });
    }
    calls.push(last);
    calls
}

/// Where the user spoke last.
pub(super) fn question(history: &[Message]) -> Option<usize> {
    let has_text = |message: &Message| message.parts.iter().any(|part| matches!(part, Part::Text { .. }));
    history.iter().rposition(|message| message.role == "user" && has_text(message))
}
