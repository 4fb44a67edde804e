//! Honesty checks of a finished example: what a trainer would be misled by, whatever made the example.
//!
//! Pure. What concerns the making of a conversation (roles, calls and their results, redaction) is checked there.

use crate::{
    Options, Reason,
    conversation::ChatMessage,
    example::{Content, Example},
    reasoning,
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
    reasoning::check(example, options.reasoning)?;
    if !options.parallel_calls && calls_several_at_once(example) {
        return Err(Reason::ParallelCalls);
    }
    if options.undeclared_tools || calls_declared_tools(example) { Ok(()) } else { Err(Reason::ToolNotDeclared) }
}

fn ends_with_assistant(messages: &[ChatMessage]) -> Result<(), Reason> {
    match messages.last() {
        Some(last) if last.role == "assistant" && !last.says_nothing() => Ok(()),
        _ => Err(Reason::NoCompletion),
    }
}

fn calls_several_at_once(example: &Example) -> bool {
    example.parts().into_iter().flat_map(|(_, messages)| messages).any(|message| message.tool_calls.len() > 1)
}

fn calls_declared_tools(example: &Example) -> bool {
    let declared = |name: &str| example.tools.iter().any(|tool| tool["function"]["name"] == name);
    let messages = example.parts().into_iter().flat_map(|(_, messages)| messages);
    messages.flat_map(|message| &message.tool_calls).all(|call| declared(&call.function.name))
}

#[cfg(test)]
mod tests;
