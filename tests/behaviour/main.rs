//! Behaviour of the whole program over real sockets, in process, on free ports. Each test says its scenario and what it
//! guarantees. What they do not prove: durability against a kill (see `crash.rs`), and mapping of every convention (see the tests of
//! `crates/normalize`).

#![allow(clippy::expect_used, reason = "a test that cannot set its scene has failed")]

mod agents;
mod as_of;
mod captures;
mod contract;
mod faulty_disk;
mod feedback;
mod flight;
mod full_session;
mod harness;
mod hostile;
mod operating;
mod other_versions;
mod otlp;
mod otlp_rules;
mod outages;
mod reading;
mod snapshots;
mod truth;
