//! The files of rows: their names and columns. The dataset card declares these columns, and the writer's tests hold the
//! rows to them.

use crate::Kind;

/// One file of rows.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) kind: Kind,
    /// Name of the configuration in the dataset card.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// In the order of the keys of a row.
    pub(crate) columns: &'static [(&'static str, Column)],
    /// What one row is, for the dataset card.
    pub(crate) about: &'static str,
}

/// Type of a column, as the dataset card declares it: without it a reader guesses from the first rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A list of free JSON: messages, tools.
    JsonList,
    Text,
    Integer,
    IntegerList,
    Float,
}

use Column::{Float, Integer, IntegerList, JsonList, Text};

pub(crate) const SFT: Dataset = Dataset {
    kind: Kind::Sft,
    name: "sft",
    file: "sft.jsonl",
    columns: &[
        ("prompt", JsonList),
        ("completion", JsonList),
        ("tools", JsonList),
        ("id", Text),
        ("session_id", Text),
        ("attempt_id", Text),
        ("trace_id", Text),
        ("origin", Text),
        ("score", Float),
        ("prompt_characters", Integer),
        ("completion_characters", Integer),
        ("metadata", Text),
    ],
    about: "A prompt and a good completion. `origin` is `score`: the attempt's overall score reaches the threshold, \
            the completion is its last assistant message; or `correction`: the completion is a reviewer's own text.",
};

const PAIR_COLUMNS: &[(&str, Column)] = &[
    ("prompt", JsonList),
    ("chosen", JsonList),
    ("rejected", JsonList),
    ("margin", Float),
    ("tools", JsonList),
    ("id", Text),
    ("session_id", Text),
    ("chosen_attempt_id", Text),
    ("rejected_attempt_id", Text),
    ("rules", Text),
    ("votes", Integer),
    ("votes_against", Integer),
    ("prompt_characters", Integer),
    ("chosen_characters", Integer),
    ("rejected_characters", Integer),
    ("metadata", Text),
];

pub(crate) const PREFERENCE: Dataset = Dataset {
    kind: Kind::Preference,
    name: "preference",
    file: "preference.jsonl",
    columns: PAIR_COLUMNS,
    about: "One pair of final answers to the same question. `chosen_attempt_id` is null where a reviewer's correction was \
            chosen. `votes` and `votes_against` count distinct reviewers. `margin` is of the first rule there is: ranking \
            (difference of rank), pairwise (1), score (difference of score), lock (1), correction (1); the mean over votes.",
};

pub(crate) const REWARD: Dataset = Dataset {
    kind: Kind::Reward,
    name: "reward",
    file: "reward.jsonl",
    columns: PAIR_COLUMNS,
    about: "The pairs of `preference`, for a reward model: `margin` is on every row. It is not scaled: a difference of scores \
            may be as large as 9.",
};

pub(crate) const SCORES: Dataset = Dataset {
    kind: Kind::Reward,
    name: "scores",
    file: "scores.jsonl",
    columns: &[
        ("prompt", JsonList),
        ("completion", JsonList),
        ("tools", JsonList),
        ("score", Float),
        ("criterion", Text),
        ("reviewer", Text),
        ("source", Text),
        ("id", Text),
        ("session_id", Text),
        ("attempt_id", Text),
        ("trace_id", Text),
        ("evaluation_id", Text),
        ("prompt_characters", Integer),
        ("completion_characters", Integer),
        ("metadata", Text),
    ],
    about: "One score in force (1 to 10) of one final answer. `criterion` is null for overall scores.",
};

pub(crate) const RANKINGS: Dataset = Dataset {
    kind: Kind::Reward,
    name: "rankings",
    file: "rankings.jsonl",
    columns: &[
        ("prompt", JsonList),
        ("completions", JsonList),
        ("ranks", IntegerList),
        ("tools", JsonList),
        ("criterion", Text),
        ("reviewer", Text),
        ("source", Text),
        ("id", Text),
        ("session_id", Text),
        ("comparison_id", Text),
        ("omitted_entries", Integer),
        ("metadata", Text),
    ],
    about: "One ranking: `completions` (each a list of one message) with their `ranks`, 1 is best and ties share one. \
            `omitted_entries` counts ranked outputs that have no completion.",
};

pub(crate) const TRAJECTORY: Dataset = Dataset {
    kind: Kind::Trajectory,
    name: "trajectory",
    file: "trajectory.jsonl",
    columns: &[
        ("messages", JsonList),
        ("tools", JsonList),
        ("id", Text),
        ("session_id", Text),
        ("attempt_id", Text),
        ("trace_id", Text),
        ("status", Text),
        ("score", Float),
        ("assistant_messages", Integer),
        ("characters", Integer),
        ("metadata", Text),
    ],
    about: "One attempt from the system prompt to the final answer, with reasoning, tool calls and results. `score` is null \
            where nobody scored it.",
};

/// All datasets, in the order of writing.
pub(crate) const ALL: [&Dataset; 6] = [&SFT, &PREFERENCE, &REWARD, &SCORES, &RANKINGS, &TRAJECTORY];
