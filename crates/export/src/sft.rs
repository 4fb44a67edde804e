//! `sft`: good completions, from overall scores and from corrections. `kto`: desirable and undesirable ones.
//!
//! Pure.

use crate::{
    Options, Reason, Shape,
    case::Case,
    example::{Candidate, Content, Opinion, candidate},
    provenance::Provenance,
    read::ScoreRow,
    score::{overall, rounded, score},
    steps::{Step, completions, corrected},
};
use gleaner_model::canonical_json;
use serde_json::json;

/// The candidates of one attempt: none where nobody found it good or corrected it.
pub(crate) fn sft(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let overall = overall(case, options);
    let mut out = Vec::new();
    if let Some(score) = score(&overall, options.score_rule).filter(|score| *score >= options.score_threshold) {
        for step in allowed(case, options, shape) {
            out.push(scored(case, step, &overall, score));
        }
    }
    for correction in case.feedback.iter().filter(|row| row.correction.is_some()) {
        out.push(correction_of(case, shape, correction));
    }
    out
}

/// The candidates of one attempt with their labels. A score between the thresholds says neither, and is a rejection.
pub(crate) fn kto(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let overall = overall(case, options);
    let mut out = Vec::new();
    if let Some(score) = score(&overall, options.score_rule) {
        let label = match score {
            _ if score >= options.score_threshold => Ok(true),
            _ if score <= options.undesirable_threshold => Ok(false),
            _ => Err(Reason::ScoreInTheMiddle),
        };
        for (number, step) in allowed(case, options, shape) {
            match label {
                Ok(label) => {
                    let scored = scored(case, (number, step), &overall, score);
                    out.push(labelled(scored, label, &overall));
                }
                Err(reason) => out.push(scored(case, (number, Err(reason)), &overall, score)),
            }
        }
    }
    for correction in case.feedback.iter().filter(|row| row.correction.is_some()) {
        let mut provenance = Provenance::of(&case.row);
        provenance.add_correction(correction);
        let shaped = case.check_status(options).and_then(|()| match completions(case, shape).pop() {
            Some((_, last)) => last,
            None => Err(Reason::NoCompletion),
        });
        let was = candidate(shaped, provenance).map(|e| e.of_attempt(&case.row).with("origin", "correction"));
        out.push(labelled(was, false, &[correction]));
        out.push(labelled(correction_of(case, shape, correction), true, &[correction]));
    }
    out
}

fn allowed(case: &Case, options: &Options, shape: Shape) -> Vec<Step> {
    match case.check_status(options) {
        Ok(()) => completions(case, shape),
        Err(reason) => vec![(None, Err(reason))],
    }
}

fn scored(case: &Case, (step, shaped): Step, overall: &[&ScoreRow], score: f64) -> Candidate {
    let mut provenance = Provenance::of(&case.row);
    provenance.step = step;
    overall.iter().for_each(|score| provenance.add_score(score));
    let example = candidate(shaped, provenance)?;
    Ok(example.of_attempt(&case.row).with("origin", "score").with("score", rounded(score)))
}

fn correction_of(case: &Case, shape: Shape, correction: &ScoreRow) -> Candidate {
    let mut provenance = Provenance::of(&case.row);
    provenance.add_correction(correction);
    let text = correction.correction.as_deref().unwrap_or_default();
    let example = candidate(corrected(case, shape, text), provenance)?;
    Ok(example.of_attempt(&case.row).with("origin", "correction"))
}

/// The same completion may be called good by one and bad by another.
fn labelled(candidate: Candidate, label: bool, judges: &[&ScoreRow]) -> Candidate {
    let mut example = candidate?.with("label", label);
    let Content::Completion { prompt, completion } = &example.content else { return Ok(example) };
    let content = crate::case::key(&canonical_json(&json!([prompt, completion, example.tools])));
    let reviewers = judges.iter().map(|judge| crate::pairs::reviewer(judge.reviewer.as_deref(), judge.source));
    example.opinion = Some(Opinion { content, is_first: label, reviewers: reviewers.collect() });
    Ok(example)
}

#[cfg(test)]
mod tests;
