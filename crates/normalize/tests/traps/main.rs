//! Traps that telemetry of language models sets to whoever reads it, one test for each: what comes, and what must become of it.
//!
//! They are told of by small telemetry, made by hand; `tests/corpus` has the real one.

#![expect(clippy::expect_used, reason = "clippy allows it in test functions, not in the helpers beside them")]

mod content;
mod counting;
mod order;
mod rig;
mod semantics;
