//! Commands that are not the server: each file is one command.

pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod feedback;
pub(crate) mod import;
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod provenance;
pub(crate) mod rebuild;
pub(crate) mod snapshot;
pub(crate) mod sql;
