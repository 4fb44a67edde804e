//! Where a row comes from (I5): the ids of everything that made it, in its `metadata` column and in `rejected.jsonl`.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::Source;
use serde::Serialize;

use crate::read::{AttemptRow, PairRow, RankingRow, RevisionRow, ScoreRow};

/// Ids and judges of one row. Lists are sorted and hold each value once, save `scores`, which are in order of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Provenance {
    pub(crate) project: String,
    pub(crate) session_id: String,
    pub(crate) lineage_ids: BTreeSet<String>,
    pub(crate) attempt_ids: BTreeSet<String>,
    pub(crate) agent_definition_ids: BTreeSet<String>,
    pub(crate) trace_ids: BTreeSet<String>,
    /// The LLM and tool spans of the attempts, those that another span tells better left out.
    pub(crate) span_ids: BTreeSet<String>,
    /// Evaluations and comparisons.
    pub(crate) feedback_ids: BTreeSet<String>,
    /// `score`, `correction`, `ranking`, `pairwise`, `lock`.
    pub(crate) rules: BTreeSet<String>,
    pub(crate) scores: Vec<f64>,
    pub(crate) reviewers: BTreeSet<String>,
    pub(crate) sources: BTreeSet<&'static str>,
    /// The session's id where `session_id` became a pseudonym: splits go by it. Never written.
    #[serde(skip)]
    pub(crate) original_session_id: Option<String>,
    /// Redacted values by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) redactions: BTreeMap<String, u64>,
    /// What a rejection's reason does not say: the benchmark item, the length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// What the telemetry shows of the reasoning behind what is trained on: `raw`, `summary`, `encrypted` or `redacted`. The
    /// latter two are never in a row, the others as the policy says.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) reasoning: BTreeSet<&'static str>,
    /// Which of the attempt's assistant messages the row is, from 1; where rows are steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<usize>,
    /// Start of the earliest attempt: of equal rows the earliest stays.
    #[serde(skip)]
    pub(crate) started_unix_nano: Option<u64>,
}

impl Provenance {
    /// The `metadata` column: JSON as one text, since a column of objects would change its type from row to row.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn of(attempt: &AttemptRow) -> Self {
        let mut out = Self::default();
        out.add_attempt(attempt);
        out
    }

    pub(crate) fn add_attempt(&mut self, attempt: &AttemptRow) {
        self.project.clone_from(&attempt.project);
        self.session_id.clone_from(&attempt.session_id);
        let started = attempt.started_unix_nano;
        self.started_unix_nano = Some(self.started_unix_nano.map_or(started, |earliest| earliest.min(started)));
        self.lineage_ids.extend(attempt.lineage_id.clone());
        self.attempt_ids.insert(attempt.attempt_id.clone());
        self.agent_definition_ids.extend(attempt.agent_definition_id.clone());
        self.trace_ids.extend(attempt.trace_ids.iter().cloned());
        self.span_ids.extend(attempt.span_ids.iter().cloned());
    }

    pub(crate) fn add_score(&mut self, score: &ScoreRow) {
        self.add_judge(&score.evaluation_id, score.reviewer.as_deref(), score.source);
        self.rules.insert("score".to_owned());
        self.scores.extend(score.given);
    }

    pub(crate) fn add_correction(&mut self, correction: &ScoreRow) {
        self.add_judge(&correction.evaluation_id, correction.reviewer.as_deref(), correction.source);
        self.rules.insert("correction".to_owned());
    }

    pub(crate) fn add_pair(&mut self, pair: &PairRow) {
        for id in &pair.evidence {
            self.add_judge(id, pair.reviewer.as_deref(), pair.source);
        }
        self.rules.insert(pair.rule.as_str().to_owned());
        if self.session_id.is_empty() {
            self.session_id.clone_from(&pair.session_id);
            self.project.clone_from(&pair.project);
        }
    }

    pub(crate) fn add_ranking(&mut self, ranking: &RankingRow) {
        self.add_judge(&ranking.comparison_id, ranking.reviewer.as_deref(), ranking.source);
        self.rules.insert("ranking".to_owned());
    }

    pub(crate) fn add_directive(&mut self, revision: &RevisionRow) {
        self.add_judge(&revision.directive_id, revision.reviewer.as_deref(), revision.source);
        self.rules.insert("directive".to_owned());
    }

    fn add_judge(&mut self, feedback_id: &str, reviewer: Option<&str>, source: Source) {
        self.feedback_ids.insert(feedback_id.to_owned());
        self.reviewers.extend(reviewer.map(str::to_owned));
        self.sources.insert(source.as_str());
    }
}
