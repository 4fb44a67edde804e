//! `preference` and the pairwise form of `reward`: one row per pair of outputs that reviewers told apart.
//!
//! Reviewers may contradict each other: the majority of distinct reviewers decides, an even count rejects the pair.
//! The same holds for pairs of different attempts with the same content, so that no file holds a pair in
//! both directions.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
};

use gleaner_model::{ContentHash, Source};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason,
    answer::{Answer, Answers, Judged, prompt},
    conversation::ChatMessage,
    dataset::Dataset,
    provenance::Provenance,
    read::{PairRow, Rule},
    sft::characters,
    writer::{Writer, rounded, row_id},
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

/// A pair that is decided and fit.
#[derive(Debug, Clone, PartialEq)]
struct Shaped {
    prompt: Vec<ChatMessage>,
    tools: Vec<Value>,
    chosen: ChatMessage,
    rejected: ChatMessage,
}

#[derive(Serialize)]
struct PairLine<'a> {
    prompt: &'a [ChatMessage],
    chosen: [&'a ChatMessage; 1],
    rejected: [&'a ChatMessage; 1],
    margin: f64,
    tools: &'a [Value],
    id: &'a str,
    session_id: &'a str,
    chosen_attempt_id: Option<&'a str>,
    rejected_attempt_id: Option<&'a str>,
    rules: String,
    votes: usize,
    votes_against: usize,
    prompt_characters: usize,
    chosen_characters: usize,
    rejected_characters: usize,
    metadata: String,
}

pub(crate) fn write(
    options: &Options,
    answers: &Answers,
    dataset: &'static Dataset,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    writer.begin(dataset)?;
    let groups = groups(answers);
    // Two passes over the groups: only hashes of the content are held until it is known which rows stand.
    let contents = groups.iter().map(|group| Ok(group.shape(answers, options)?.content())).collect();
    for (group, verdict) in groups.iter().zip(verdicts(&groups, contents)) {
        let shaped = verdict.and_then(|()| group.shape(answers, options));
        write_pair(group, shaped, answers, dataset, writer)?;
    }
    Ok(())
}

/// Pairs by their two sides. Pairs with an attempt that the filters leave out are no candidates.
fn groups(answers: &Answers) -> Vec<Group> {
    let corrections = answers.corrections();
    let mut groups: BTreeMap<(Side, Side), Group> = BTreeMap::new();
    for pair in &answers.pairs {
        let sides = [pair.chosen_attempt_id.as_ref(), Some(&pair.rejected_attempt_id)];
        if !sides.into_iter().flatten().all(|id| answers.by_attempt.contains_key(id)) {
            continue;
        }
        let rejected = Side::Attempt(pair.rejected_attempt_id.clone());
        let chosen = match &pair.chosen_attempt_id {
            Some(id) => Side::Attempt(id.clone()),
            None => {
                let text = pair.evidence.iter().find_map(|id| corrections.get(id.as_str()));
                let text = text.map(|text| (*text).to_owned()).unwrap_or_default();
                Side::Correction { of: pair.rejected_attempt_id.clone(), text }
            }
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
    groups.into_values().collect()
}

/// Which content stands: each content once, and in one direction only.
fn verdicts(groups: &[Group], contents: Vec<Result<(ContentHash, bool), Reason>>) -> Vec<Result<(), Reason>> {
    let mut by_content: HashMap<&ContentHash, Vec<(usize, bool)>> = HashMap::new();
    for (i, content) in contents.iter().enumerate() {
        if let Ok((hash, direction)) = content {
            by_content.entry(hash).or_default().push((i, *direction));
        }
    }
    let mut verdicts: Vec<Result<(), Reason>> =
        contents.iter().map(|content| content.as_ref().map(|_| ()).map_err(|r| *r)).collect();
    for same in by_content.values() {
        let voters = |direction: bool| {
            let agreeing = same.iter().filter(move |(_, d)| *d == direction);
            distinct_reviewers(
                agreeing.flat_map(|(i, _)| groups[*i].decision().map_or(&[][..], |decision| decision.votes)),
            )
        };
        let winner = match voters(true).cmp(&voters(false)) {
            Ordering::Equal => None,
            order => Some(order.is_gt()),
        };
        let mut taken = false;
        for (i, direction) in same {
            verdicts[*i] = match winner {
                Some(winner) if winner == *direction && !taken => Ok(()),
                Some(winner) if winner == *direction => Err(Reason::Duplicate),
                _ => Err(Reason::Contested),
            };
            taken |= verdicts[*i].is_ok();
        }
    }
    verdicts
}

impl Group {
    /// What the majority of reviewers says; none where as many say the other.
    fn decision(&self) -> Result<Decision<'_>, Reason> {
        let (first, second) = (distinct_reviewers(&self.for_first), distinct_reviewers(&self.for_second));
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

    fn shape(&self, answers: &Answers, options: &Options) -> Result<Shaped, Reason> {
        let Decision { chosen, rejected, .. } = self.decision()?;
        let (best, worse) = (chosen.answer(answers)?, rejected.answer(answers)?);
        let (better_text, worse_text) = (chosen.text(best), rejected.text(worse));
        if better_text.trim().is_empty() {
            return Err(Reason::NoCompletion);
        }
        if best.question_hash != worse.question_hash {
            return Err(Reason::PromptsDiffer);
        }
        // Templates trim: what differs in white space alone renders the same.
        if better_text.trim() == worse_text.trim() {
            return Err(Reason::ChosenEqualsRejected);
        }
        let (prompt, tools) = prompt(&[best, worse], best, options);
        let message = |text: &str| ChatMessage::text("assistant", text);
        Ok(Shaped { prompt, tools, chosen: message(better_text), rejected: message(worse_text) })
    }
}

impl Side {
    fn attempt_id(&self) -> Option<&str> {
        match self {
            Self::Attempt(id) => Some(id),
            Self::Correction { .. } => None,
        }
    }

    /// The attempt that gives the question: of a correction, the corrected one.
    fn judged<'a>(&self, answers: &'a Answers) -> Option<&'a Judged> {
        let (Self::Attempt(id) | Self::Correction { of: id, .. }) = self;
        answers.by_attempt.get(id)
    }

    fn answer<'a>(&self, answers: &'a Answers) -> Result<&'a Answer, Reason> {
        let judged = self.judged(answers).ok_or(Reason::NoCompletion)?;
        judged.answer.as_ref().map_err(|reason| *reason)
    }

    fn text<'a>(&'a self, answer: &'a Answer) -> &'a str {
        match self {
            Self::Attempt(_) => &answer.text,
            Self::Correction { text, .. } => text,
        }
    }
}

impl Shaped {
    /// The content whichever side was chosen, and which one it was.
    fn content(&self) -> (ContentHash, bool) {
        let mut sides = [&self.chosen.content, &self.rejected.content];
        sides.sort_unstable();
        let hash = ContentHash::of_json(&json!([self.prompt, self.tools, sides]));
        (hash, self.chosen.content < self.rejected.content)
    }
}

fn distinct_reviewers<'a>(votes: impl IntoIterator<Item = &'a PairRow>) -> usize {
    let reviewers: HashSet<(Option<&str>, &str)> =
        votes.into_iter().map(|vote| (vote.reviewer.as_deref(), Source::as_str(vote.source))).collect();
    reviewers.len()
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

fn write_pair(
    group: &Group,
    shaped: Result<Shaped, Reason>,
    answers: &Answers,
    dataset: &Dataset,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    let mut provenance = Provenance::default();
    for judged in [&group.first, &group.second].into_iter().filter_map(|side| side.judged(answers)) {
        provenance.add_attempt(&judged.attempt);
    }
    let (shaped, Decision { chosen, rejected, votes, against }) = match shaped.and_then(|s| Ok((s, group.decision()?)))
    {
        Ok(decided) => decided,
        Err(reason) => {
            group.for_first.iter().chain(&group.for_second).for_each(|pair| provenance.add_pair(pair));
            return writer.candidate(Err::<(String, PairLine<'_>), _>(reason), &provenance);
        }
    };
    votes.iter().for_each(|pair| provenance.add_pair(pair));
    let Shaped { prompt, tools, .. } = &shaped;
    let id = row_id(
        dataset,
        &json!({"prompt": prompt, "tools": tools, "chosen": [shaped.chosen], "rejected": [shaped.rejected]}),
    );
    let line = PairLine {
        prompt,
        chosen: [&shaped.chosen],
        rejected: [&shaped.rejected],
        margin: rounded(margin(votes)),
        tools,
        id: &id,
        session_id: &provenance.session_id,
        chosen_attempt_id: chosen.attempt_id(),
        rejected_attempt_id: rejected.attempt_id(),
        rules: provenance.rules.iter().cloned().collect::<Vec<_>>().join(","),
        votes: distinct_reviewers(votes),
        votes_against: against,
        prompt_characters: characters(prompt),
        chosen_characters: shaped.chosen.characters(),
        rejected_characters: shaped.rejected.characters(),
        metadata: provenance.to_json(),
    };
    writer.candidate(Ok((id.clone(), line)), &provenance)
}

#[cfg(test)]
mod tests;
