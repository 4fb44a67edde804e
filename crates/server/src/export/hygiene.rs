//! Hygiene and selection of exports, as the command line says them. Files that an option names are read here, and sent with
//! the request where a server exports.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use gleaner_export::{GivenFile, Hygiene, Select, SplitOptions};
use serde::{Deserialize, Serialize};

/// `gleaner export`: which attempts, which feedback.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectArgs {
    /// Attempts of this agent; may be repeated, as the next ones.
    #[arg(long, value_name = "NAME")]
    pub agent: Vec<String>,
    /// Of this version of the agent: its label, or its number.
    #[arg(long, value_name = "LABEL", id = "agent_version")]
    pub version: Vec<String>,
    /// With an LLM call that asked for this model, or was answered by it.
    #[arg(long, value_name = "NAME")]
    pub model: Vec<String>,
    /// Of this session.
    #[arg(long, value_name = "ID")]
    pub session: Vec<String>,
    /// That started at this time (UTC) or later: 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// That started before this time.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Feedback of this reviewer alone.
    #[arg(long, value_name = "NAME")]
    pub reviewer: Vec<String>,
    /// Scores of this criterion in place of overall scores; pairs, rankings and corrections judged by it.
    #[arg(long, value_name = "NAME")]
    pub criterion: Option<String>,
    /// Puts reviewers onto one scale before scores are compared with thresholds. `reviewer` (or `z-score`): by mean and
    /// deviation; `min-max`: by lowest and highest. Reviewers of fewer than 3 scores keep theirs.
    #[arg(long, value_name = "HOW")]
    pub normalize_scores: Option<String>,
}

/// `gleaner export`: what keeps the rows clean.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Hygiene")]
pub(crate) struct HygieneArgs {
    /// Several files per kind, <kind>.train.jsonl …, by session, e.g. train=0.9,validation=0.05,test=0.05. A session stays on
    /// its side however the data grows.
    #[arg(long, value_name = "SHARES")]
    pub split: Option<String>,
    /// Another number is another split. Default: 0.
    #[arg(long, value_name = "N", requires = "split")]
    pub split_seed: Option<u64>,
    /// What stays together: session, or question (all sessions that begin with the same question). Default: session.
    #[arg(long, value_name = "WHAT", requires = "split")]
    pub split_by: Option<String>,
    /// Of rows this much alike (Jaccard index of 5-word shingles, of prompt and completion each) one stays, e.g. 0.9.
    #[arg(long, value_name = "0.5..1")]
    pub near_duplicates: Option<f64>,
    /// Trajectories that another trajectory begins with, too.
    #[arg(long)]
    pub keep_prefixes: bool,
    /// Leave out rows that hold an item of this benchmark: JSON lines, a JSON list, or lines of text.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    #[serde(skip)]
    pub decontaminate: Vec<PathBuf>,
    /// Words in a row that a row must not share with an item. Default: 13.
    #[arg(long, value_name = "N")]
    pub decontaminate_words: Option<usize>,
    /// Replace by stable pseudonyms: secrets, emails, cards, phones, ips.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub redact: Vec<String>,
    /// Replace what a regular expression matches; may be repeated.
    #[arg(long, value_name = "NAME=REGEX")]
    pub redact_pattern: Vec<String>,
    /// Secret that pseudonyms are made with: the same one, the same pseudonyms. Without it anybody can check a guess.
    #[arg(long, value_name = "TEXT")]
    pub redact_salt: Option<String>,
    /// Leave out rows with a longer prompt; nothing is ever cut.
    #[arg(long, value_name = "N")]
    pub max_prompt_bytes: Option<u64>,
    /// Leave out rows with a longer completion (of a pair, the longer side).
    #[arg(long, value_name = "N")]
    pub max_completion_bytes: Option<u64>,
    /// Leave out rows with more tokens, without those of the chat template.
    #[arg(long, value_name = "N", requires = "tokenizer")]
    pub max_tokens: Option<u64>,
    /// The model's tokenizer.json.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub tokenizer: Option<PathBuf>,
    /// Which pairs of one comparison: all, adjacent (A > B and B > C of A > B > C) or best-vs-rest (A > B and A > C).
    #[arg(long, value_name = "RULE")]
    pub pairs: Option<String>,
    /// Smallest margin of a pair, as the column `margin` tells it.
    #[arg(long, value_name = "N")]
    pub min_margin: Option<f64>,
    /// Most pairs of one session; which, chance decides, always the same way.
    #[arg(long, value_name = "N")]
    pub max_pairs_per_session: Option<u64>,
    /// The files named, read.
    #[arg(skip)]
    pub files: Files,
}

/// The content of the files that options name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Files {
    decontaminate: Vec<Upload>,
    tokenizer: Option<Upload>,
}

/// One file, without its directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    name: String,
    text: String,
}

impl SelectArgs {
    pub(crate) fn select(&self) -> anyhow::Result<Select> {
        Ok(Select {
            agents: self.agent.clone(),
            versions: self.version.clone(),
            models: self.model.clone(),
            sessions: self.session.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            reviewers: self.reviewer.clone(),
            criterion: self.criterion.clone(),
            normalize_scores: self.normalize_scores.as_deref().map(str::parse).transpose()?,
        })
    }
}

impl HygieneArgs {
    /// Reads the files that are named: the command line's part, before the request goes anywhere.
    pub(crate) fn read_files(mut self) -> anyhow::Result<Self> {
        for path in &self.decontaminate {
            self.files.decontaminate.push(Upload::read(path).context("--decontaminate")?);
        }
        if let Some(path) = &self.tokenizer {
            self.files.tokenizer = Some(Upload::read(path).context("--tokenizer")?);
        }
        Ok(self)
    }

    pub(crate) fn hygiene(&self) -> anyhow::Result<Hygiene> {
        let defaults = Hygiene::default();
        let split = match &self.split {
            None => None,
            Some(shares) => Some(SplitOptions {
                shares: shares.parse()?,
                seed: self.split_seed.unwrap_or(0),
                by: self.split_by.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            }),
        };
        Ok(Hygiene {
            split,
            near_duplicates: self.near_duplicates,
            keep_prefixes: self.keep_prefixes,
            decontaminate: self.files.decontaminate.iter().map(Upload::given).collect(),
            decontaminate_words: self.decontaminate_words.unwrap_or(defaults.decontaminate_words),
            redact: self.redact.iter().map(|group| group.parse()).collect::<Result<_, _>>()?,
            redact_patterns: self.redact_pattern.iter().map(|pattern| pattern.parse()).collect::<Result<_, _>>()?,
            redact_salt: self.redact_salt.clone().unwrap_or_default(),
            max_prompt_bytes: self.max_prompt_bytes,
            max_completion_bytes: self.max_completion_bytes,
            max_tokens: self.max_tokens,
            tokenizer: self.files.tokenizer.as_ref().map(Upload::given),
            pairs: self.pairs.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            min_margin: self.min_margin,
            max_pairs_per_session: self.max_pairs_per_session,
        })
    }
}

impl Upload {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, text })
    }

    fn given(&self) -> GivenFile {
        GivenFile { name: self.name.clone(), bytes: self.text.clone().into_bytes() }
    }
}

#[cfg(test)]
mod tests;
