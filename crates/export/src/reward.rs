//! The other two forms of `reward`: every score in force, and every ranking as a list.

use crate::{
    ExportError, Options, Reason, Shape, SystemPrompt,
    case::{Case, Cases},
    conversation::with_system,
    example::{Candidate, Content, Example, Rejection, candidate},
    frame::{Output, frame, frames, shared},
    provenance::Provenance,
    read::{RankingRow, ScoreRow},
    score::rounded,
};

/// One candidate per numeric score in force of an attempt.
pub(crate) fn scores(case: &Case, options: &Options, shape: Shape) -> Vec<Candidate> {
    let scored = case.feedback.iter().filter_map(|row| Some((row, rounded(row.score?))));
    scored.map(|(row, score)| scored_output(case, row, score, options, shape)).collect()
}

fn scored_output(case: &Case, row: &ScoreRow, score: f64, options: &Options, shape: Shape) -> Candidate {
    let mut provenance = Provenance::of(&case.row);
    provenance.add_score(row);
    let shaped = case.check_status(options).and_then(|()| {
        let frame = frame(Output { case, correction: None }, shape, true)?;
        let system = frame.system.as_deref().filter(|_| options.system != SystemPrompt::Drop);
        let prompt = with_system(system, &frame.prompt);
        Ok((Content::Completion { prompt, completion: frame.completion }, frame.tools))
    });
    let example = candidate(shaped, provenance)?.of_attempt(&case.row);
    Ok(example
        .with("score", score)
        .with("criterion", row.criterion.as_deref())
        .with("reviewer", row.reviewer.as_deref())
        .with("source", row.source.as_str())
        .with("evaluation_id", row.evaluation_id.as_str()))
}

/// A ranking of which at least one entry is within the filters.
pub(crate) fn ranking(
    ranking: &RankingRow,
    cases: &mut Cases,
    options: &Options,
    shape: Shape,
) -> Result<Option<Candidate>, ExportError> {
    let mut ranked: Vec<(Case, i64)> = Vec::new();
    for (id, rank) in &ranking.entries {
        let Some(id) = id else { continue };
        ranked.extend(cases.get(id)?.map(|case| (case, *rank)));
    }
    if ranked.is_empty() {
        return Ok(None);
    }
    let mut provenance = Provenance::default();
    ranked.iter().for_each(|(case, _)| provenance.add_attempt(&case.row));
    provenance.add_ranking(ranking);
    let listed: Vec<(Output<'_>, i64)> = ranked
        .iter()
        .map(|(case, rank)| (Output { case, correction: None }, *rank))
        .filter(|(output, _)| frames(&[*output], shape, options).is_ok())
        .collect();
    Ok(Some(list(ranking, &listed, provenance, options, shape)))
}

fn list(
    ranking: &RankingRow,
    listed: &[(Output<'_>, i64)],
    provenance: Provenance,
    options: &Options,
    shape: Shape,
) -> Candidate {
    let outputs: Vec<Output<'_>> = listed.iter().map(|(output, _)| *output).collect();
    let framed = if outputs.len() < 2 { Err(Reason::TooFewCompletions) } else { frames(&outputs, shape, options) };
    let frames = match framed {
        Ok(frames) => frames,
        Err(reason) => return Err(Rejection::new(reason, provenance)),
    };
    // One text cannot be better than itself.
    let is_both = |(at, (_, rank)): (usize, &(Output<'_>, i64))| {
        let before = frames.iter().zip(listed).take(at);
        before.into_iter().any(|(other, (_, of))| of != rank && other.completion == frames[at].completion)
    };
    if listed.iter().enumerate().any(is_both) {
        return Err(Rejection::new(Reason::ChosenEqualsRejected, provenance));
    }
    let (prompt, tools) = shared(&frames, options);
    let completions = frames.into_iter().map(|frame| frame.completion).collect();
    let ranks = listed.iter().map(|(_, rank)| *rank).collect();
    let session_id = provenance.session_id.clone();
    Ok(Example::new(Content::List { prompt, completions, ranks }, tools, provenance)
        .with("session_id", session_id)
        .with("comparison_id", ranking.comparison_id.as_str())
        .with("criterion", ranking.criterion.as_deref())
        .with("reviewer", ranking.reviewer.as_deref())
        .with("source", ranking.source.as_str())
        .with("omitted_entries", ranking.entries.len() - outputs.len()))
}

#[cfg(test)]
mod tests;
