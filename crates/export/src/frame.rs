//! One output beside others of the same prompt: what is shown before it, and what of it is compared.
//!
//! Pure. What several outputs are compared on must be the same prompt. By shape:
//! - `step`: one assistant message, the final answer. Where all outputs rest on the same steps, the prompt is everything
//!   before the answer; else it is the question, and `unseen` counts the steps that the row does not hold.
//! - `attempt`: the question, and all that the attempt wrote and was told after it.
//! - `task`: the need, and what was made.

use serde_json::Value;

use crate::{
    Options, Reason, Shape, SystemPrompt,
    case::{Case, Whole, same_messages},
    conversation::{ChatMessage, with_system},
    tools::Tools,
};

/// One output and what it was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) system: Option<String>,
    pub(crate) tools: Tools,
    pub(crate) prompt: Vec<ChatMessage>,
    pub(crate) completion: Vec<ChatMessage>,
    /// Messages between prompt and completion that the row does not hold.
    pub(crate) unseen: usize,
}

/// An output: an attempt's own, or a reviewer's text in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output<'a> {
    pub(crate) case: &'a Case,
    pub(crate) correction: Option<&'a str>,
}

/// The frames of several outputs, all with the same prompt.
pub(crate) fn frames(outputs: &[Output<'_>], shape: Shape, options: &Options) -> Result<Vec<Frame>, Reason> {
    let [first, rest @ ..] = outputs else { return Ok(Vec::new()) };
    for output in outputs {
        output.case.check_status(options)?;
    }
    let asked = |output: &Output<'_>| match shape {
        Shape::Task => output.case.need(),
        _ => output.case.question().map(|question| question.messages.clone()),
    };
    let question = asked(first)?;
    for other in rest {
        if asked(other)? != question {
            return Err(Reason::PromptsDiffer);
        }
    }
    let steps: Vec<Option<&Whole>> = outputs.iter().map(|output| output.case.answered()).collect();
    let rests_on_same = steps.windows(2).all(|pair| match pair {
        [Some(one), Some(other)] => same_messages(&one.history, &other.history),
        _ => false,
    });
    outputs.iter().map(|output| frame(*output, shape, rests_on_same)).collect()
}

/// One output by itself.
pub(crate) fn frame(output: Output<'_>, shape: Shape, rests_on_same: bool) -> Result<Frame, Reason> {
    let Output { case, correction } = output;
    let text = |own: Result<&str, Reason>| -> Result<Vec<ChatMessage>, Reason> {
        let text = correction.map_or(own, Ok)?;
        if text.trim().is_empty() {
            return Err(Reason::NoCompletion);
        }
        Ok(vec![ChatMessage::text("assistant", text)])
    };
    match (shape, case.answered().filter(|_| rests_on_same)) {
        (Shape::Task, _) => Ok(Frame {
            system: None,
            tools: Tools::default(),
            prompt: case.need()?,
            completion: text(case.artifact())?,
            unseen: 0,
        }),
        (Shape::Step, Some(whole)) => of_whole(whole, whole.history.len(), text(case.answer())?),
        (Shape::Step, None) => {
            let question = case.question()?;
            Ok(Frame {
                system: question.system.clone(),
                tools: question.tools.clone(),
                prompt: question.messages.clone(),
                completion: text(case.answer())?,
                unseen: case.whole().map_or(0, |whole| whole.history.len() - whole.given),
            })
        }
        (Shape::Attempt, _) => {
            let whole = case.whole()?;
            let mut own = whole.own()?;
            if correction.is_some() {
                own.pop();
                own.append(&mut text(case.answer())?);
            }
            of_whole(whole, whole.given, own)
        }
    }
}

fn of_whole(whole: &Whole, given: usize, completion: Vec<ChatMessage>) -> Result<Frame, Reason> {
    let prompt = whole.history[..given.min(whole.history.len())].to_vec();
    if prompt.is_empty() {
        return Err(Reason::NoPrompt);
    }
    Ok(Frame { system: whole.system.clone(), tools: whole.tools.clone(), prompt, completion, unseen: 0 })
}

/// The prompt and tools of a row made from several outputs: what all of them share, or what the first, the best, had.
pub(crate) fn shared(frames: &[Frame], options: &Options) -> (Vec<ChatMessage>, Tools) {
    let Some(best) = frames.first() else { return (Vec::new(), Tools::default()) };
    let is_shared = |same: fn(&Frame, &Frame) -> bool| {
        options.system == SystemPrompt::Chosen || frames.iter().all(|other| same(other, best))
    };
    let keeps_system = options.system != SystemPrompt::Drop && is_shared(|a, b| a.system == b.system);
    let system = best.system.as_deref().filter(|_| keeps_system);
    let tools = if is_shared(|a, b| a.tools == b.tools) { best.tools.clone() } else { common_tools(frames) };
    (with_system(system, &best.prompt), tools)
}

/// Where agents had different tools, none are told, unless messages call some: then those that all agents had.
fn common_tools(frames: &[Frame]) -> Tools {
    let Some((best, rest)) = frames.split_first() else { return Tools::default() };
    let messages = || frames.iter().flat_map(|frame| frame.prompt.iter().chain(&frame.completion));
    if !messages().any(|message| !message.tool_calls.is_empty()) {
        return Tools::default();
    }
    let common: Vec<Value> =
        best.tools.iter().filter(|tool| rest.iter().all(|other| other.tools.contains(tool))).cloned().collect();
    common.into()
}
