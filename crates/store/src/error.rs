//! Everything that can go wrong with the store, by what the caller can do about it.

use std::path::{Path, PathBuf};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("cannot open the store {path}: {message}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// DuckDB's or the system's words.
        message: String,
    },
    /// Another process has the file open.
    #[error("the store {path} is open in another process: {holder}")]
    Locked {
        /// The database file.
        path: PathBuf,
        /// DuckDB's words, which name the holder's process id.
        holder: String,
    },
    /// The database refuses all further work. Drop the store with all readers, open it again and read
    /// [`crate::Store::position`]: a commit that failed with this may have been stored all the same.
    #[error("the store must be reopened: {message}")]
    Invalidated {
        /// DuckDB's words.
        message: String,
    },
    /// The store is being closed, and opened anew perhaps: whoever opens it says when it can be read again.
    #[error("the store is being closed")]
    Closed,
    /// A statement failed; the store remains usable and nothing of a failed commit was written.
    #[error("{doing} failed: {error}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// DuckDB's error; what is its source says nothing more.
        error: Box<duckdb::Error>,
    },
    /// The file was made by another version of the schema.
    #[error("{}", schema_version_message(.path, *.found, *.supported))]
    SchemaVersion {
        /// The database file.
        path: PathBuf,
        /// Version in the file; `None`: a DuckDB file that is no store of Gleaner.
        found: Option<u64>,
        /// Version of this program.
        supported: u64,
    },
    /// A commit would take the journal position back.
    #[error("commit.position {given} is behind the store's position {stored}")]
    Position {
        /// Position of the refused commit.
        given: u64,
        /// Position in the store.
        stored: u64,
    },
    /// The values for a statement's parameters do not fit them.
    #[error("{message}")]
    Parameters {
        /// What does not fit.
        message: String,
    },
    /// A value could not be brought into the form in which it is stored or read.
    #[error("cannot convert {what}: {message}")]
    Value {
        /// Which value.
        what: &'static str,
        /// Why not.
        message: String,
    },
}

impl StoreError {
    /// Sorts an error by DuckDB's message: the C interface gives no code that tells an invalidated database.
    pub(crate) fn sql(doing: &'static str, source: duckdb::Error) -> Self {
        let message = source.to_string();
        if is_fatal(&message) { Self::Invalidated { message } } else { Self::Sql { doing, error: Box::new(source) } }
    }

    /// Whether DuckDB's memory limit ended a query, or a COMMIT, of whose error DuckDB gives the words alone.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        let Self::Sql { error, .. } = self else { return false };
        let message = error.to_string();
        let of_commit = message.strip_prefix("TransactionContext Error: Failed to commit: ");
        message.starts_with("Out of Memory Error")
            || of_commit.is_some_and(|words| OUT_OF_MEMORY.iter().any(|begin| words.starts_with(begin)))
    }

    /// The error of an attempt to open `path`.
    pub(crate) fn open(path: &Path, source: &duckdb::Error) -> Self {
        let (path, message) = (path.to_owned(), source.to_string());
        if message.contains("Could not set lock on file") {
            Self::Locked { path, holder: message }
        } else {
            Self::Open { path, message }
        }
    }
}

/// How the messages of DuckDB 1.5's buffer manager begin when its limit is reached.
const OUT_OF_MEMORY: &[&str] =
    &["could not allocate block of size", "failed to allocate data of size", "failed to pin block of size"];

fn is_fatal(message: &str) -> bool {
    message.contains("has been invalidated") || message.starts_with("FATAL Error") || message.contains("FATAL Error:")
}

fn schema_version_message(path: &Path, found: Option<u64>, supported: u64) -> String {
    let path = path.display();
    match found {
        None => format!("{path} is a database, but not a store of gleaner"),
        Some(found) if found > supported => format!(
            "the store {path} has schema version {found}, this program knows {supported}: use a newer gleaner, or make \
             the store anew with `gleaner rebuild`"
        ),
        Some(found) => format!(
            "the store {path} has schema version {found}, this program needs {supported}: make it anew with `gleaner rebuild`"
        ),
    }
}

#[cfg(test)]
mod tests;
