//! The program `gleaner`: configuration, listeners, the feedback service, the loader task, the command line.
//!
//! The path of one request: `listen.rs` (connections, deadlines, names) → `otlp_grpc.rs` or `otlp_http.rs` → `receive.rs` (bytes, budgets) →
//! `ingest.rs` (one function for both: scan, compress, queue) → journal, fsync, ack.
//! Then `loader.rs`: journal → decode → normalize → store. Feedback: `api_grpc.rs` or `api_http.rs` → `feedback.rs` → journal.
//!
//! Invariants: nothing between a client and its ack depends on DuckDB; only this crate opens sockets, reads configuration and
//! looks at the clock; nothing depends on this crate.

mod api_grpc;
mod api_http;
mod as_of;
mod budget;
pub mod cli;
mod client;
mod commands;
pub mod config;
mod demo;
mod engine;
mod error;
mod export;
mod feedback;
mod feedback_codec;
mod flight;
mod ingest;
mod listen;
mod loader;
mod metrics;
mod otlp_grpc;
mod otlp_http;
mod own_traces;
mod queries;
mod receive;
mod serve;
mod snapshot;

pub use api_grpc::stubs;
pub use config::Config;
pub use otlp_grpc::RawCodec;
pub use serve::{Running, start, start_on, start_with};
