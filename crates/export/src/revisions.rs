//! `revisions`: an output, what a reviewer asked to change, and what came of it: the lineage's next output, or the
//! reviewer's own text.
//!
//! Pure. Whether the next output is better is not known unless both were scored; one that was scored lower is left out.

use crate::{
    Options, Reason, Shape,
    case::Case,
    conversation::{ChatMessage, with_system},
    example::{Candidate, Content, candidate},
    provenance::Provenance,
    read::RevisionRow,
    score::{overall, rounded, score},
    tools::Tools,
};

/// The candidate of a directive: `next` is the case of the row's next attempt, where the filters let it in.
pub(crate) fn directed(
    row: &RevisionRow,
    case: &Case,
    next: Option<&Case>,
    options: &Options,
    shape: Shape,
) -> Candidate {
    let mut provenance = Provenance::of(&case.row);
    next.iter().for_each(|next| provenance.add_attempt(&next.row));
    provenance.add_directive(row);
    let (was, is) = (
        score(&overall(case, options), options.score_rule),
        next.and_then(|n| score(&overall(n, options), options.score_rule)),
    );
    let shaped = next.ok_or(Reason::NoRevision).and_then(|next| {
        case.check_status(options)?;
        next.check_status(options)?;
        if was.zip(is).is_some_and(|(was, is)| is < was) {
            return Err(Reason::RevisionScoredLower);
        }
        revision(case, &row.text, made(next, shape)?, shape)
    });
    let example = candidate(shaped, provenance)?.of_attempt(&case.row).with("origin", "directive");
    let example = example.with("score", was.map(rounded)).with("better_score", is.map(rounded));
    let example = example.with("better_attempt_id", next.map(|next| next.row.attempt_id.as_str()));
    Ok(example)
}

/// The candidates of an attempt's corrections: the comment is the directive.
pub(crate) fn corrected(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let was = score(&overall(case, options), options.score_rule).map(rounded);
    let of = |row: &crate::read::ScoreRow| {
        let mut provenance = Provenance::of(&case.row);
        provenance.add_correction(row);
        let text = row.correction.as_deref().unwrap_or_default();
        let comment = row.comment.as_deref().filter(|comment| !comment.trim().is_empty());
        let shaped = comment.ok_or(Reason::NoDirective).and_then(|comment| {
            case.check_status(options)?;
            revision(case, comment, text, shape)
        });
        let example = candidate(shaped, provenance)?.of_attempt(&case.row).with("origin", "correction");
        Ok(example.with("score", was))
    };
    case.feedback.iter().filter(|row| row.correction.is_some()).map(of).collect()
}

fn made(case: &Case, shape: Shape) -> Result<&str, Reason> {
    if shape == Shape::Task { case.artifact() } else { case.answer() }
}

/// The question, the output and the directive as one conversation, and the better output as its completion.
fn revision(case: &Case, directive: &str, better: &str, shape: Shape) -> Result<(Content, Tools), Reason> {
    let output = made(case, shape)?;
    if directive.trim().is_empty() {
        return Err(Reason::NoDirective);
    }
    if output.trim() == better.trim() {
        return Err(Reason::ChosenEqualsRejected);
    }
    let (mut prompt, tools) = match (shape, case.answered()) {
        (Shape::Task, _) => (case.need()?, Tools::default()),
        (_, Some(whole)) => (whole.prompt(), whole.tools.clone()),
        (_, None) => {
            let question = case.question()?;
            (with_system(question.system.as_deref(), &question.messages), question.tools.clone())
        }
    };
    prompt.extend([ChatMessage::text("assistant", output), ChatMessage::text("user", directive)]);
    Ok((Content::Completion { prompt, completion: vec![ChatMessage::text("assistant", better)] }, tools))
}

#[cfg(test)]
mod tests;
