//! `absent.json` of a capture: facts that the bytes seem to hold and that nobody can read from them, each with a reason and a
//! witness that is looked at again at every run.

use std::fs;

use serde::Deserialize;

use crate::bodies::corpus;
use crate::capture::Expected;
use crate::evidence::Evidence;
use crate::scope::Scopes;
use crate::score::{Fact, settle_absent_calls};

/// One entry: the missing facts of a field that it names, why they are absent, and what shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    field: String,
    /// Places in the truth; for a field of a call those of calls.
    of: Vec<usize>,
    reason: String,
    witness: Witness,
}

/// All that is given has to hold for every fact of the entry.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Witness {
    /// The value stands under these keys only, near the call or in its conversation: they mean something else. `*` at the end
    /// stands for any rest.
    only_in: Vec<String>,
    /// No byte of the capture holds these texts.
    nowhere: Vec<String>,
    /// What tells of the call itself does not hold these texts.
    not_at_home: Vec<String>,
    /// The value stands nowhere in what tells of the call itself.
    elsewhere: bool,
}

/// The entries of a capture; none where it has no such file.
pub(crate) fn read(capture: &str) -> Vec<Entry> {
    let path = corpus().join(capture).join("absent.json");
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        Err(_) => Vec::new(),
    }
}

impl Entry {
    fn is_of(&self, fact: &Fact) -> bool {
        self.field == fact.field && self.of.contains(&fact.of)
    }
}

/// Empties the places of the facts that the entries prove absent, and of all facts of calls that are. What is wrong with an
/// entry is returned: a witness that does not hold, or one that proves nothing.
pub(crate) fn apply(entries: &[Entry], facts: &mut [Fact], expected: &Expected, evidence: &Evidence) -> Vec<String> {
    let scopes = Scopes::new(expected, evidence);
    let mut wrong = Vec::new();
    let (calls, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| entry.field == "calls");
    for entry in calls.into_iter().chain(others) {
        let name = format!("{} {:?} ({})", entry.field, entry.of, entry.reason);
        let mut used: Vec<usize> = Vec::new();
        for fact in facts.iter_mut().filter(|fact| entry.is_of(fact) && !fact.is_right && !fact.places.is_empty()) {
            used.push(fact.of);
            match entry.witness.failure(fact, expected, evidence, &scopes) {
                Some(failure) => wrong.push(format!("{name}: {failure}")),
                None => fact.places.clear(),
            }
        }
        if entry.field == "calls" {
            settle_absent_calls(facts);
        }
        let unused: Vec<_> = entry.of.iter().filter(|of| !used.contains(of)).collect();
        if !unused.is_empty() {
            wrong.push(format!("{name}: nothing is missing of {unused:?}"));
        }
    }
    wrong
}

impl Witness {
    fn failure(&self, fact: &Fact, expected: &Expected, evidence: &Evidence, scopes: &Scopes<'_>) -> Option<String> {
        if self.only_in.is_empty() && self.nowhere.is_empty() && self.not_at_home.is_empty() && !self.elsewhere {
            return Some("no witness".to_owned());
        }
        let elsewhere = fact.places.iter().map(|place| evidence.key(*place)).find(|key| !is_one_of(&self.only_in, key));
        if let Some(key) = elsewhere.filter(|_| !self.only_in.is_empty()) {
            return Some(format!("{:?} stands in {key}", fact.what));
        }
        if let Some(text) = self.nowhere.iter().find(|text| !evidence.text(text).is_empty()) {
            return Some(format!("{text:?} is there"));
        }
        let home = expected.llm_calls.get(fact.of).map(|call| scopes.of(call).home).unwrap_or_default();
        if let Some(place) = fact.places.iter().find(|place| self.elsewhere && home.contains(&place.unit)) {
            return Some(format!("{:?} is told of the call, in {}", fact.what, evidence.key(*place)));
        }
        let is_at_home = |text: &&String| evidence.text(text).iter().any(|place| home.contains(&place.unit));
        self.not_at_home.iter().find(is_at_home).map(|text| format!("{text:?} is told of the call"))
    }
}

fn is_one_of(patterns: &[String], key: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => key.starts_with(start),
        None => key == pattern,
    })
}
