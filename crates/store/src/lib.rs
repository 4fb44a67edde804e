//! Gleaner's store: DuckDB as a view of the journal.
//!
//! What it does: the schema, the loader's transaction ([`Store::commit`]), read handles ([`Reader`]). What it does not: it
//! never sees OTLP, sockets or the journal, and it does not judge SQL that strangers send.
//!
//! Four kinds of relations:
//! - **Facts** (`span_facts`, `feedback_facts`, `content_bodies`, `texts` …) are appended and never changed.
//! - **Derived rows** (`span_rows`, `attempt_rows` …) of a trace are replaced as a whole, in the same transaction, whenever
//!   the trace gets new facts. They can always be made anew from the facts.
//! - **Kept tables** (`attempt_index`, `target_bindings`, `pair_rows`, `artifact_roots`, `response_histories`) hold what looks across
//!   traces or depends on feedback and is costly to find at each read. Each has a file in `store/` that says what makes its rows others; a
//!   commit makes those anew, and a test holds the table to what one pass over all facts would make of it.
//! - **Views** (`views/*.sql`, one file per relation) are what readers see. Whatever else looks across traces or depends on
//!   feedback is decided there, when it is read.
//!
//! Invariants: one writer; the journal position is written in the transaction that writes what it covers; no keys and no
//! indexes, since one logical row is guaranteed by the commit itself.

mod cache_limit;
mod catalog;
mod columns;
mod documentation;
mod error;
mod json_rows;
mod known_contents;
mod memory_limit;
mod params;
mod parser;
mod reader;
mod recent;
mod schema;
mod store;
mod tables;
mod text_reader;
mod texts;

pub use catalog::{Sandbox, Snapshot, parquet_file, write_catalog};
pub use documentation::{ColumnDocumentation, RelationDocumentation, column_documentation, documentation};
pub use error::StoreError;
pub use params::{Param, Params};
pub use parser::syntax_tree;
pub use reader::{Interrupt, Reader, Readers};
pub use schema::{PUBLIC_RELATIONS, SCHEMA_VERSION};
pub use store::{
    Commit, DEFAULT_MAX_KNOWN_TEXTS, DEFAULT_MIN_SCORE_GAP, Fact, FeedbackKey, Store, StoreConfig, UnitLink,
};
