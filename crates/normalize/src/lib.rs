//! OTLP to the attempt model.
//!
//! Each step is a pure function: [`decode`] makes fragments of requests; [`units`] takes together what has to be looked at
//! together; [`merge`](mod@merge) makes spans of fragments; the log records of coding agents are woven into spans;
//! [`conventions`] reads what a span says, whatever library sent it; [`derive`](mod@derive) looks at whole traces and
//! says which attempt a span belongs to. No I/O, no clock, no DuckDB.
//!
//! Invariants: the same fragments make the same values in whatever order they came (log records of one span and one moment
//! have no other order than their place in a request); a span that no convention explains is still a span; nothing here fails
//! on what a client sent; the time taken is linear in what was sent.

mod agent_logs;
mod attribution;
mod called_functions;
pub mod conventions;
mod cost;
pub mod decode;
pub mod derive;
pub mod feedback;
pub mod mapped;
pub mod merge;
mod messages;
mod prices;
mod prompt_template;
mod rollouts;
pub mod settings;
pub mod shared_calls;
pub mod telemetry_feedback;
mod told;
pub mod units;
mod value;

pub use conventions::{map, switch_on};
pub use decode::{decode_logs, decode_traces};
pub use derive::derive_trace;
pub use mapped::{Mapped, MergedSpan};
pub use merge::{LooseLog, Merged, merge};
pub use settings::{Settings, SettingsError};
pub use telemetry_feedback::telemetry_feedback;
pub use units::{derive_unit, derive_units, is_agent_record, unit_key};
