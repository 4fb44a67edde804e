//! The files of rows: their names and their columns in TRL's form. The dataset card declares these columns, and the
//! writer's tests hold the rows to them.

use crate::{Kind, Shape};

/// One file of rows.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) kind: Kind,
    /// Name of the configuration in the dataset card, and of the file without its extension.
    pub(crate) name: &'static str,
    /// In the order of the keys of a row.
    pub(crate) columns: Columns,
    /// Facts that make two rows of the same messages different rows.
    pub(crate) identity: &'static [&'static str],
    /// What one row is, for the dataset card.
    pub(crate) about: &'static str,
}

pub(crate) type Columns = &'static [(&'static str, Column)];

/// Type of a column, as the dataset card and Parquet declare it: without it a reader guesses from the first rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Free JSON: its keys differ from row to row, which a struct would fill up with nulls.
    Json,
    Text,
    Integer,
    Float,
    Bool,
    List(&'static Column),
    /// Fields that every row has.
    Struct(Columns),
}

use Column::{Bool, Float, Integer, Json, List, Text};

/// Messages, tools.
pub(crate) const JSON_LIST: Column = List(&Json);

impl Dataset {
    /// The files of a kind, the main one first.
    pub(crate) fn of(kind: Kind, shape: Shape) -> Vec<&'static Dataset> {
        match (kind, shape) {
            (Kind::Sft, _) => vec![&SFT],
            (Kind::Preference, _) => vec![&PREFERENCE],
            (Kind::Kto, _) => vec![&KTO],
            (Kind::Reward, _) => vec![&REWARD, &SCORES, &RANKINGS],
            (Kind::Trajectory, Shape::Step) => vec![&TRAJECTORY_STEPS],
            (Kind::Trajectory, _) => vec![&TRAJECTORY],
            (Kind::Prompts, _) => vec![&PROMPTS],
            (Kind::Revisions, _) => vec![&REVISIONS],
            (Kind::Sql, _) => vec![],
        }
    }

    /// The first file of a kind; none of `sql`, whose columns are the query's.
    pub(crate) fn main(kind: Kind, shape: Shape) -> Option<&'static Dataset> {
        Self::of(kind, shape).first().copied()
    }
}

pub(crate) static SFT: Dataset = Dataset {
    kind: Kind::Sft,
    name: "sft",
    columns: &[
        ("prompt", JSON_LIST),
        ("completion", JSON_LIST),
        ("tools", JSON_LIST),
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
    identity: &[],
    about: "A prompt and a good completion of one assistant message. `origin` is `score`: the attempt's overall score reaches \
            the threshold; or `correction`: the completion is a reviewer's own text.",
};

const PAIR_COLUMNS: Columns = &[
    ("prompt", JSON_LIST),
    ("chosen", JSON_LIST),
    ("rejected", JSON_LIST),
    ("margin", Float),
    ("tools", JSON_LIST),
    ("id", Text),
    ("session_id", Text),
    ("chosen_attempt_id", Text),
    ("rejected_attempt_id", Text),
    ("rules", Text),
    ("votes", Integer),
    ("votes_against", Integer),
    ("unseen_steps", Integer),
    ("prompt_characters", Integer),
    ("chosen_characters", Integer),
    ("rejected_characters", Integer),
    ("metadata", Text),
];

pub(crate) static PREFERENCE: Dataset = Dataset {
    kind: Kind::Preference,
    name: "preference",
    columns: PAIR_COLUMNS,
    identity: &[],
    about: "Two outputs of one prompt, told apart by reviewers. `chosen_attempt_id` is null where a reviewer's correction was \
            chosen. `votes` and `votes_against` count distinct reviewers. `margin` is of the first rule there is: ranking \
            (difference of rank), pairwise (1), score (difference of score), lock (1), correction (1); the mean over votes. \
            `unseen_steps` counts messages (tool calls, results) between the prompt and the two answers that the row does \
            not hold, since the attempts went different ways: 0 means that both answers rest on this prompt alone.",
};

pub(crate) static REWARD: Dataset = Dataset {
    kind: Kind::Reward,
    name: "reward",
    columns: PAIR_COLUMNS,
    identity: &[],
    about: "The pairs of `preference`, for a reward model: `margin` is on every row. It is not scaled: a difference of scores \
            may be as large as 9.",
};

pub(crate) static SCORES: Dataset = Dataset {
    kind: Kind::Reward,
    name: "scores",
    columns: &[
        ("prompt", JSON_LIST),
        ("completion", JSON_LIST),
        ("tools", JSON_LIST),
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
    identity: &["score", "criterion", "reviewer", "source"],
    about: "One score in force (1 to 10) of one output. `criterion` is null for overall scores.",
};

pub(crate) static RANKINGS: Dataset = Dataset {
    kind: Kind::Reward,
    name: "rankings",
    columns: &[
        ("prompt", JSON_LIST),
        ("completions", JSON_LIST),
        ("ranks", List(&Integer)),
        ("tools", JSON_LIST),
        ("criterion", Text),
        ("reviewer", Text),
        ("source", Text),
        ("id", Text),
        ("session_id", Text),
        ("comparison_id", Text),
        ("omitted_entries", Integer),
        ("metadata", Text),
    ],
    identity: &["criterion", "reviewer", "source"],
    about: "One ranking: `completions` (each a list of messages) with their `ranks`, 1 is best and ties share one. \
            `omitted_entries` counts ranked outputs that have no completion.",
};

pub(crate) static KTO: Dataset = Dataset {
    kind: Kind::Kto,
    name: "kto",
    columns: &[
        ("prompt", JSON_LIST),
        ("completion", JSON_LIST),
        ("label", Bool),
        ("tools", JSON_LIST),
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
    identity: &["label"],
    about: "A prompt and one assistant message, desirable (`label` true) or not. `origin` is `score`: the overall score is at \
            or above the one threshold, or at or below the other; or `correction`: what was corrected is undesirable, the \
            reviewer's own text desirable.",
};

const TRAJECTORY_FACTS: [(&str, Column); 8] = [
    ("tools", JSON_LIST),
    ("id", Text),
    ("session_id", Text),
    ("attempt_id", Text),
    ("trace_id", Text),
    ("status", Text),
    ("score", Float),
    ("metadata", Text),
];

pub(crate) static TRAJECTORY: Dataset = Dataset {
    kind: Kind::Trajectory,
    name: "trajectory",
    columns: &[
        ("messages", JSON_LIST),
        TRAJECTORY_FACTS[0],
        TRAJECTORY_FACTS[1],
        TRAJECTORY_FACTS[2],
        TRAJECTORY_FACTS[3],
        TRAJECTORY_FACTS[4],
        TRAJECTORY_FACTS[5],
        TRAJECTORY_FACTS[6],
        ("assistant_messages", Integer),
        ("characters", Integer),
        TRAJECTORY_FACTS[7],
    ],
    identity: &[],
    about: "One attempt from the system prompt to the final answer, with reasoning, tool calls and results. Attempts of any \
            score are here, bad ones and unscored ones too: `score` (in formats without that column, `scores` in \
            `provenance.jsonl`) tells; null where nobody scored it.",
};

pub(crate) static TRAJECTORY_STEPS: Dataset = Dataset {
    kind: Kind::Trajectory,
    name: "trajectory",
    columns: &[
        ("prompt", JSON_LIST),
        ("completion", JSON_LIST),
        TRAJECTORY_FACTS[0],
        TRAJECTORY_FACTS[1],
        TRAJECTORY_FACTS[2],
        TRAJECTORY_FACTS[3],
        TRAJECTORY_FACTS[4],
        TRAJECTORY_FACTS[5],
        TRAJECTORY_FACTS[6],
        ("step", Integer),
        ("prompt_characters", Integer),
        ("completion_characters", Integer),
        TRAJECTORY_FACTS[7],
    ],
    identity: &[],
    about: "One assistant message of an attempt after everything before it, with reasoning. `step` counts the attempt's \
            assistant messages from 1. Attempts of any score are here: `score` (in formats without that column, `scores` in \
            `provenance.jsonl`) is the attempt's, null where nobody scored it.",
};

pub(crate) static PROMPTS: Dataset = Dataset {
    kind: Kind::Prompts,
    name: "prompts",
    columns: &[
        ("prompt", JSON_LIST),
        ("tools", JSON_LIST),
        ("id", Text),
        ("session_id", Text),
        ("attempt_id", Text),
        ("trace_id", Text),
        ("reference", Text),
        ("score", Float),
        ("prompt_characters", Integer),
        ("metadata", Text),
    ],
    identity: &[],
    about: "A prompt without an answer. `reference` is an answer known to be good, where there is one: a reviewer's correction, \
            else the attempt's answer if its overall score reaches the threshold. `score` is that of the attempt.",
};

pub(crate) static REVISIONS: Dataset = Dataset {
    kind: Kind::Revisions,
    name: "revisions",
    columns: &[
        ("prompt", JSON_LIST),
        ("completion", JSON_LIST),
        ("tools", JSON_LIST),
        ("output", Text),
        ("directive", Text),
        ("better_output", Text),
        ("id", Text),
        ("session_id", Text),
        ("attempt_id", Text),
        ("better_attempt_id", Text),
        ("origin", Text),
        ("score", Float),
        ("better_score", Float),
        ("prompt_characters", Integer),
        ("completion_characters", Integer),
        ("metadata", Text),
    ],
    identity: &[],
    about: "An output, what a reviewer asked to change, and the output that followed. `prompt` ends with the output and the \
            directive as a user's message, `completion` is the better output. `origin` is `directive`: the better output is \
            the lineage's next; or `correction`: it is the reviewer's own text, the directive is their comment.",
};
