//! Honesty checks of a finished example: what a trainer would be misled by, whatever made the example.
//!
//! Pure. What concerns the making of a conversation (roles, calls and their results, redaction) is checked there.

use crate::{
    Options, Reason,
    conversation::ChatMessage,
    example::{Content, Example},
};

/// The reason why this example must not be exported, if there is one.
pub(crate) fn check(example: &Example, options: &Options) -> Result<(), Reason> {
    if let Content::Messages(messages) = &example.content {
        ends_with_assistant(messages)?;
    } else {
        match example.prompt().last() {
            None => return Err(Reason::NoPrompt),
            Some(last) if !matches!(last.role, "user" | "tool") => return Err(Reason::PromptDoesNotEndWithUserOrTool),
            Some(_) => {}
        }
        example.completions().into_iter().try_for_each(ends_with_assistant)?;
    }
    if options.require_reasoning && !shows_reasoning(example) {
        return Err(Reason::NoReasoning);
    }
    if options.undeclared_tools || calls_declared_tools(example) { Ok(()) } else { Err(Reason::ToolNotDeclared) }
}

/// In what is trained on: every completion, or the assistant's part of a whole conversation.
fn shows_reasoning(example: &Example) -> bool {
    let shows = |messages: &[ChatMessage]| messages.iter().any(|message| message.reasoning_content.is_some());
    match &example.content {
        Content::Messages(messages) => shows(messages),
        Content::Prompt(_) => true,
        _ => example.completions().into_iter().all(shows),
    }
}

fn ends_with_assistant(messages: &[ChatMessage]) -> Result<(), Reason> {
    match messages.last() {
        Some(last) if last.role == "assistant" && !last.says_nothing() => Ok(()),
        _ => Err(Reason::NoCompletion),
    }
}

fn calls_declared_tools(example: &Example) -> bool {
    let declared = |name: &str| example.tools.iter().any(|tool| tool["function"]["name"] == name);
    let messages = example.parts().into_iter().flat_map(|(_, messages)| messages);
    messages.flat_map(|message| &message.tool_calls).all(|call| declared(&call.function.name))
}

#[cfg(test)]
mod tests;
