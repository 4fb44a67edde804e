//! `preference` and the pairwise form of `reward`: one row per pair of outputs that reviewers told apart.
//!
//! Reviewers may contradict each other: the majority of distinct reviewers decides, an even count rejects the pair. That
//! pairs of different attempts with the same content do not stand in both directions is seen to later, by their opinions.
//!
//! Pairs come session by session, and never cross sessions: in memory are those of one session.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use gleaner_model::{Source, canonical_json};
use serde_json::json;

use crate::{
    ExportError, Options, Reason, Shape,
    case::{Case, Cases, key},
    example::{Candidate, Content, Example, Opinion, Rejection},
    frame::{Frame, Output, frames, shared},
    provenance::Provenance,
    read::{PairRow, Rule},
    score::rounded,
};

/// One side of a pair: an attempt's answer, or a reviewer's own text (empty where it is not known).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Attempt(String),
    Correction { of: String, text: String },
}

/// All votes on one pair. `first` and `second` are in the order of [`Side`], whichever was preferred.
#[derive(Debug, Clone)]
struct Group {
    first: Side,
    second: Side,
    for_first: Vec<PairRow>,
    for_second: Vec<PairRow>,
}

/// The outcome of a group's votes.
struct Decision<'a> {
    chosen: &'a Side,
    rejected: &'a Side,
    votes: &'a [PairRow],
    /// Distinct reviewers of the other opinion.
    against: usize,
}

/// The candidates of all pairs of one session.
pub(crate) fn session(
    pairs: &[PairRow],
    cases: &mut Cases,
    options: &Options,
    shape: Shape,
) -> Result<Vec<Candidate>, ExportError> {
    let mut out = Vec::new();
    for group in groups(pairs, cases)? {
        let sides = (cases.get(group.first.attempt_of())?, cases.get(group.second.attempt_of())?);
        if let (Some(first), Some(second)) = sides {
            out.push(group.candidate(&first, &second, options, shape));
        }
    }
    Ok(out)
}

/// Pairs by their two sides. Pairs with an attempt that the filters leave out are no candidates.
fn groups(pairs: &[PairRow], cases: &mut Cases) -> Result<Vec<Group>, ExportError> {
    let mut groups: BTreeMap<(Side, Side), Group> = BTreeMap::new();
    for pair in pairs {
        let sides = [pair.chosen_attempt_id.as_ref(), Some(&pair.rejected_attempt_id)];
        if !sides.into_iter().flatten().all(|id| cases.has(id)) {
            continue;
        }
        let rejected = Side::Attempt(pair.rejected_attempt_id.clone());
        let chosen = match &pair.chosen_attempt_id {
            Some(id) => Side::Attempt(id.clone()),
            None => Side::Correction { of: pair.rejected_attempt_id.clone(), text: correction(pair, cases)? },
        };
        let chosen_is_first = chosen < rejected;
        let (first, second) = if chosen_is_first { (chosen, rejected) } else { (rejected, chosen) };
        let group = groups.entry((first.clone(), second.clone())).or_insert_with(|| Group {
            first,
            second,
            for_first: Vec::new(),
            for_second: Vec::new(),
        });
        let votes = if chosen_is_first { &mut group.for_first } else { &mut group.for_second };
        votes.push(pair.clone());
    }
    Ok(groups.into_values().collect())
}

fn correction(pair: &PairRow, cases: &mut Cases) -> Result<String, ExportError> {
    let corrected = cases.get(&pair.rejected_attempt_id)?;
    let feedback = corrected.iter().flat_map(|case| &case.feedback);
    let mut given = feedback.filter(|row| pair.evidence.contains(&row.evaluation_id));
    Ok(given.find_map(|row| row.correction.clone()).unwrap_or_default())
}

impl Group {
    /// What the majority of reviewers says; none where as many say the other.
    fn decision(&self) -> Result<Decision<'_>, Reason> {
        let (first, second) = (reviewers(&self.for_first).len(), reviewers(&self.for_second).len());
        match first.cmp(&second) {
            Ordering::Equal => Err(Reason::Contested),
            Ordering::Greater => {
                Ok(Decision { chosen: &self.first, rejected: &self.second, votes: &self.for_first, against: second })
            }
            Ordering::Less => {
                Ok(Decision { chosen: &self.second, rejected: &self.first, votes: &self.for_second, against: first })
            }
        }
    }

    fn candidate(&self, first: &Case, second: &Case, options: &Options, shape: Shape) -> Candidate {
        let mut provenance = Provenance::of(&first.row);
        provenance.add_attempt(&second.row);
        let decided = self.decision().and_then(|decision| {
            let chosen_is_first = decision.chosen == &self.first;
            let (best, worse) = if chosen_is_first { (first, second) } else { (second, first) };
            Ok((shape_pair(decision.chosen.output(best), decision.rejected.output(worse), options, shape)?, decision))
        });
        match decided {
            Ok((frames, decision)) => {
                decision.votes.iter().for_each(|pair| provenance.add_pair(pair));
                Ok(example(&frames, &decision, provenance, options))
            }
            Err(reason) => {
                self.for_first.iter().chain(&self.for_second).for_each(|pair| provenance.add_pair(pair));
                Err(Rejection::new(reason, provenance))
            }
        }
    }
}

/// The better output and the worse one, if they make a pair.
fn shape_pair(best: Output<'_>, worse: Output<'_>, options: &Options, shape: Shape) -> Result<[Frame; 2], Reason> {
    let frames = frames(&[best, worse], shape, options)?;
    let Ok([best, worse]) = <[Frame; 2]>::try_from(frames) else { return Err(Reason::NoCompletion) };
    // Templates trim: what differs in white space alone renders the same.
    let rendered = |frame: &Frame| -> Vec<_> {
        frame.completion.iter().map(|m| (m.content.trim().to_owned(), m.tool_calls.clone())).collect()
    };
    if rendered(&best) == rendered(&worse) {
        return Err(Reason::ChosenEqualsRejected);
    }
    if !options.unseen_steps && best.unseen + worse.unseen > 0 {
        return Err(Reason::UnseenSteps);
    }
    Ok([best, worse])
}

fn example(frames: &[Frame; 2], decision: &Decision<'_>, provenance: Provenance, options: &Options) -> Example {
    let (prompt, tools) = shared(frames, options);
    let [best, worse] = frames;
    let mut sides = [json!(best.completion), json!(worse.completion)].map(|side| canonical_json(&side));
    let is_first = sides[0] < sides[1];
    sides.sort_unstable();
    let content = key(&canonical_json(&json!([prompt, tools, sides])));
    let rules = provenance.rules.iter().cloned().collect::<Vec<_>>().join(",");
    let session_id = provenance.session_id.clone();
    let (chosen, rejected) = (best.completion.clone(), worse.completion.clone());
    let reviewers = reviewers(decision.votes);
    let mut example = Example::new(Content::Pair { prompt, chosen, rejected }, tools, provenance)
        .with("session_id", session_id)
        .with("chosen_attempt_id", decision.chosen.attempt_id())
        .with("rejected_attempt_id", decision.rejected.attempt_id())
        .with("margin", rounded(margin(decision.votes)))
        .with("rules", rules)
        .with("votes", reviewers.len())
        .with("votes_against", decision.against)
        .with("unseen_steps", best.unseen + worse.unseen);
    example.opinion = Some(Opinion { content, is_first, reviewers: reviewers.into_iter().collect() });
    example
}

impl Side {
    fn attempt_id(&self) -> Option<&str> {
        match self {
            Self::Attempt(id) => Some(id),
            Self::Correction { .. } => None,
        }
    }

    /// The attempt that gives the question: of a correction, the corrected one.
    fn attempt_of(&self) -> &str {
        let (Self::Attempt(id) | Self::Correction { of: id, .. }) = self;
        id
    }

    fn output<'a>(&'a self, case: &'a Case) -> Output<'a> {
        match self {
            Self::Attempt(_) => Output { case, correction: None },
            Self::Correction { text, .. } => Output { case, correction: Some(text) },
        }
    }
}

/// Reviewers without a name are one per source.
pub(crate) fn reviewer(name: Option<&str>, source: Source) -> u64 {
    let hash = blake3::hash(json!([name, source.as_str()]).to_string().as_bytes());
    hash.as_bytes()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn reviewers(votes: &[PairRow]) -> BTreeSet<u64> {
    votes.iter().map(|vote| reviewer(vote.reviewer.as_deref(), vote.source)).collect()
}

/// The margin of the first rule that has a vote: the mean over its votes. Rules without a measure count 1.
fn margin(votes: &[PairRow]) -> f64 {
    for rule in Rule::BY_MARGIN {
        let margins: Vec<f64> = votes.iter().filter(|v| v.rule == rule).map(|v| v.margin.unwrap_or(1.0)).collect();
        if !margins.is_empty() {
            return margins.iter().sum::<f64>() / margins.len() as f64;
        }
    }
    1.0
}

#[cfg(test)]
mod tests;
