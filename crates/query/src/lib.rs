//! Read-only SQL for strangers: what may be asked, how much of it is answered, and in which form.
//!
//! [`execute`] is the whole way of a query: the guard looks at its text before the store does, what no setting bounds goes to a process of its
//! own, a deadline ends it, and the rows go to a [`Sink`] as they come; [`run`] writes them in a format. It does not open stores, wait for
//! fresh data, or know who is asking.
//!
//! Three invariants. No text reaches `prepare` or `execute` that the guard has not passed, since preparing several statements runs all but
//! the last. What is not known to be harmless is refused: relations and functions are allowed by name, so that an upgrade of DuckDB opens no
//! door. What is not known to be bounded is run apart, by name as well.

mod binary;
mod cells;
mod confine;
mod deadline;
mod error;
mod format;
mod functions;
mod growth;
mod guard;
mod isolated;
mod limits;
mod priority;
mod run;
mod text;
mod worker;

pub use binary::ParquetFile;
pub use deadline::Control;
pub use error::QueryError;
pub use format::Format;
pub use growth::Unbounded;
pub use guard::{Checked, Passed, check};
pub use isolated::Isolation;
pub use limits::QueryLimits;
pub use priority::{give_way, give_way_a_little, leave_one_processor, note_receiving};
pub use run::{Description, Sink, Summary, describe, execute, renamed, run, unique_names};
pub use text::{ends_with_semicolon, statements};
pub use worker::serve_one;
