//! Traps that telemetry of language models sets to whoever reads it, one test for each: what comes, and what must become of it.
//!
//! They are told of by small telemetry, made by hand; `tests/corpus` has the real one.

mod content;
mod counting;
mod order;
mod rig;
mod semantics;
