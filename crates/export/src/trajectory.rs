//! `trajectory`: the whole attempt as chain of thought, in one row or step by step. `prompts`: what was asked.
//!
//! Pure.

use crate::{
    Options, Reason, Shape,
    case::Case,
    conversation::with_system,
    example::{Candidate, Content, candidate},
    provenance::Provenance,
    score::{overall, rounded, score},
    steps::{Step, completions},
    tools::Tools,
};

/// The candidates of one attempt.
pub(crate) fn trajectory(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let shaped = match case.check_status(options) {
        Err(reason) => vec![(None, Err(reason))],
        Ok(()) if shape == Shape::Step => completions(case, shape),
        Ok(()) => vec![(None, whole(case))],
    };
    let overall = overall(case, options);
    let score = score(&overall, options.score_rule).map(rounded);
    let of = |(step, shaped): Step| {
        let mut provenance = Provenance::of(&case.row);
        provenance.step = step;
        overall.iter().for_each(|score| provenance.add_score(score));
        let example = candidate(shaped, provenance)?.of_attempt(&case.row).with("status", case.row.status.as_str());
        let example = example
            .with("score", score)
            .with("agent_name", case.agent_name.as_deref())
            .with("agent_version", case.version.as_deref())
            .with("model", case.model.as_deref());
        let Content::Messages(messages) = &example.content else { return Ok(example.with("step", step)) };
        let assistant = messages.iter().filter(|message| message.role == "assistant").count();
        let given = case.whole().map_or(0, |whole| whole.given + usize::from(whole.system.is_some()));
        Ok(example.with("assistant_messages", assistant).with("given_messages", given))
    };
    shaped.into_iter().map(of).collect()
}

/// The prompts of one attempt, whatever came of it: what it was asked, what each of its steps was asked, or the need.
pub(crate) fn prompts(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let overall = overall(case, options);
    let score = score(&overall, options.score_rule);
    let correction = case.feedback.iter().rev().find(|row| row.correction.is_some());
    let is_good = score.is_some_and(|score| score >= options.score_threshold) && case.row.status == "ok";
    let good =
        if is_good { case.artifact().ok().filter(|_| shape == Shape::Task).or(case.answer().ok()) } else { None };
    let reference = correction.and_then(|row| row.correction.as_deref()).or(good);
    let asked = match shape {
        Shape::Task => vec![(None, case.need().map(|need| (need, Tools::default())))],
        Shape::Attempt => {
            vec![(None, case.question().map(|q| (with_system(q.system.as_deref(), &q.messages), q.tools.clone())))]
        }
        Shape::Step => completions(case, shape)
            .into_iter()
            .map(|(step, shaped)| (step, shaped.map(|(content, tools)| (prompt_of(content), tools))))
            .collect(),
    };
    let of = |(step, asked): (Option<usize>, Result<_, Reason>)| {
        let mut provenance = Provenance::of(&case.row);
        provenance.step = step;
        overall.iter().for_each(|score| provenance.add_score(score));
        correction.into_iter().for_each(|row| provenance.add_correction(row));
        let shaped = asked.map(|(prompt, tools)| (Content::Prompt(prompt), tools));
        let mut example = candidate(shaped, provenance)?.of_attempt(&case.row);
        example.precedence = u8::from(reference.is_none());
        Ok(example.with("reference", reference).with("score", score.map(rounded)))
    };
    asked.into_iter().map(of).collect()
}

fn whole(case: &Case) -> Result<(Content, Tools), Reason> {
    let whole = case.whole()?;
    let mut messages = whole.prompt();
    messages.push(whole.completion()?.clone());
    Ok((Content::Messages(messages), whole.tools.clone()))
}

fn prompt_of(content: Content) -> Vec<crate::conversation::ChatMessage> {
    match content {
        Content::Completion { prompt, .. } | Content::Pair { prompt, .. } | Content::List { prompt, .. } => prompt,
        Content::Messages(messages) | Content::Prompt(messages) => messages,
    }
}

#[cfg(test)]
mod tests;
