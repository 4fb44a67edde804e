//! The one error type of this crate.

use thiserror::Error;

/// Why an export could not be made. Examples that are merely unfit are not errors: they go to `rejected.jsonl`.
#[derive(Debug, Error)]
pub enum ExportError {
    /// An option has a value that this program does not take.
    #[error("{option}: {message}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What is wrong, with what would be right.
        message: String,
    },
    /// The store could not answer.
    #[error("cannot read the store: {0}")]
    Store(#[source] Box<gleaner_store::StoreError>),
    /// The store took new facts between two queries of one export: rows of different positions would mix.
    #[error("the store moved from journal position {began} to {ended} during the export: read from a snapshot")]
    Moved {
        /// Position when the export began.
        began: u64,
        /// Position when it ended.
        ended: u64,
    },
    /// A column has another type than the public schema says.
    #[error("{relation}.{column} is not {expected}")]
    Column {
        /// Relation that was read.
        relation: &'static str,
        /// Column in question.
        column: &'static str,
        /// The type that the schema promises.
        expected: &'static str,
    },
    /// A row names a text that is not there.
    #[error("shared text {id} is missing: run `gleaner rebuild`")]
    SharedText {
        /// Its id.
        id: u64,
    },
    /// Whoever asked for the export does not want it any more. Nothing of it is left.
    #[error("the export was interrupted")]
    Cancelled,
    /// One file can have so many candidates.
    #[error("more than {limit} candidates of one file: narrow the export with a condition")]
    TooManyRows {
        /// The limit.
        limit: u32,
    },
    /// A file of an export could not be read.
    #[error("cannot read {file}")]
    Read {
        /// File name as in the manifest.
        file: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {file}")]
    Write {
        /// File name as in the manifest, or the directory.
        file: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A row could not be put into JSON.
    #[error("cannot encode a row of {file}")]
    Encode {
        /// File name as in the manifest.
        file: String,
        /// The encoder's answer.
        source: serde_json::Error,
    },
}
