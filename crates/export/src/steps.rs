//! What one attempt gives to be trained on, by shape: its last message, each of its messages, or what it made.
//!
//! Pure.

use crate::{
    Reason, Shape,
    case::{Case, Whole},
    conversation::{ChatMessage, with_system},
    example::Content,
    tools::Tools,
};

/// A step's number from 1 where there are several, and its messages and tools.
pub(crate) type Step = (Option<usize>, Result<(Content, Tools), Reason>);

/// A prompt and a completion of one assistant message: of the whole attempt, of each of its steps, or of its task.
pub(crate) fn completions(case: &Case, shape: Shape) -> Vec<Step> {
    match (shape, case.whole()) {
        (Shape::Task, _) => vec![(None, task(case, case.artifact()))],
        (_, Err(reason)) => vec![(None, Err(reason))],
        (Shape::Attempt, Ok(whole)) => vec![(None, last(whole))],
        (Shape::Step, Ok(whole)) => steps(whole),
    }
}

/// The same prompt as of the whole attempt or of the task, with a reviewer's own text for its completion.
pub(crate) fn corrected(case: &Case, shape: Shape, text: &str) -> Result<(Content, Tools), Reason> {
    if shape == Shape::Task {
        return task(case, Ok(text));
    }
    let whole = case.whole()?;
    let completion = vec![ChatMessage::text("assistant", text)];
    Ok((Content::Completion { prompt: whole.prompt(), completion }, whole.tools.clone()))
}

fn last(whole: &Whole) -> Result<(Content, Tools), Reason> {
    let completion = vec![whole.completion()?.clone()];
    Ok((Content::Completion { prompt: whole.prompt(), completion }, whole.tools.clone()))
}

/// One per assistant message that the attempt itself wrote; what it was given to begin with is none of its steps.
fn steps(whole: &Whole) -> Vec<Step> {
    let is_own = |at: &usize| *at >= whole.given && whole.history[*at].role == "assistant";
    let mut steps: Vec<Step> = (0..whole.history.len())
        .filter(is_own)
        .map(|at| {
            let before = &whole.history[..at];
            let prompt = with_system(whole.system.as_deref(), before);
            let follows = before.last().is_some_and(|last| matches!(last.role, "user" | "tool"));
            let content = Content::Completion { prompt, completion: vec![whole.history[at].clone()] };
            let step =
                if follows { Ok((content, whole.tools.clone())) } else { Err(Reason::PromptDoesNotEndWithUserOrTool) };
            (None, step)
        })
        .collect();
    steps.push((None, last(whole)));
    steps.into_iter().enumerate().map(|(n, (_, step))| (Some(n + 1), step)).collect()
}

fn task(case: &Case, made: Result<&str, Reason>) -> Result<(Content, Tools), Reason> {
    let completion = vec![ChatMessage::text("assistant", made?)];
    Ok((Content::Completion { prompt: case.need()?, completion }, Tools::default()))
}

#[cfg(test)]
mod tests;
