//! Where hygiene joins the pipeline: stages that look at examples one by one, and afterwards at all of a file together.
//!
//! The pipeline calls, for every example of every file: [`Stage::pass`] of each stage in turn (which may rewrite the
//! example or leave it out), then [`Stage::see`] of each stage. When all examples of all files have been seen, it sorts the
//! entries of each file by their [`Entry::tie`], removes exact duplicates and contradictions, and calls [`Stage::decide`]
//! of each stage in turn, file by file.
//!
//! Examples come in no particular order; whatever a stage decides must depend on the examples alone, not on their order.

use serde_json::Value;

use crate::{ExportError, Reason, dataset::Dataset, example::Example, reasoning::Kinds};

/// One stage of hygiene.
pub(crate) trait Stage: Send {
    /// Looks at one example by itself. It may be rewritten here (redaction); a reason leaves it out.
    fn pass(&mut self, _dataset: &'static Dataset, _example: &mut Example) -> Result<(), Reason> {
        Ok(())
    }

    /// Takes a sketch of an example that every stage let pass. `number` is its name within the file, as in
    /// [`Entry::number`].
    fn see(&mut self, _dataset: &'static Dataset, _number: u32, _example: &Example) {}

    /// Judges the examples of one file beside each other: sets [`Entry::verdict`] of those that are still in, and
    /// [`Entry::split`]. Entries are sorted by [`Entry::tie`].
    fn decide(&mut self, _dataset: &'static Dataset, _entries: &mut [Entry]) {}

    /// What went wrong on disk, where something did; asked when all have decided.
    fn fault(&mut self) -> Option<ExportError> {
        None
    }

    /// What the manifest tells of the stage and this file, by name; asked when all stages have decided.
    fn report(&mut self, _dataset: &'static Dataset, _entries: &[Entry]) -> Option<(&'static str, Value)> {
        None
    }
}

/// An order of examples that depends on them alone: precedence, start of the earliest attempt, hash of the provenance.
pub(crate) type Tie = (u8, u64, u64);

/// What is held in memory of one example while all are judged: its content is on disk.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Counts the examples of a file in order of arrival.
    pub(crate) number: u32,
    /// Id of the row: a hash of what a trainer sees. Rows are written in this order.
    pub(crate) id: u128,
    /// Of equal ones the lowest stays.
    pub(crate) tie: Tie,
    /// The split that the row is written to; none where the file is not split.
    pub(crate) split: Option<Split>,
    pub(crate) verdict: Result<(), Reason>,
    /// What stands behind what is trained on.
    pub(crate) reasoning: Kinds,
    /// Where it goes because of another row: the id of that row. Few have one, and all take the room.
    pub(crate) kept: Option<Box<u128>>,
}

impl Entry {
    pub(crate) fn new(number: u32, id: u128, tie: Tie) -> Self {
        Self { number, id, tie, split: None, verdict: Ok(()), reasoning: Kinds::default(), kept: None }
    }
}

/// A part of a dataset. Siblings of one session are never in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    /// The name in file names and in the dataset card.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}
