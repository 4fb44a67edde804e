//! What an export was made from and what it holds: `manifest.json`. No time of day in it, so that equal exports are
//! equal.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Kind, Options, Reason};

/// Version of the shape of `manifest.json`.
pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const MANIFEST_FILE: &str = "manifest.json";

/// The whole of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// Shape of this file.
    pub format_version: u32,
    /// What wrote it.
    pub program: Program,
    /// All facts up to here were seen, none after.
    pub journal_position: u64,
    /// The kinds asked for.
    pub kinds: Vec<Kind>,
    /// Filters and choices.
    pub options: Options,
    /// One per file of rows.
    pub datasets: Vec<Section>,
    /// All files but this one, by name.
    pub files: Vec<FileEntry>,
}

/// The program that wrote an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// `gleaner`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Counts of one file of rows: `candidates` is `rows` plus all of `rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Kind that it belongs to.
    pub kind: Kind,
    /// File name.
    pub file: String,
    /// Examples that the filters selected.
    pub candidates: u64,
    /// Rows written.
    pub rows: u64,
    /// Candidates not written, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Rows by what the telemetry shows of the reasoning behind what is trained on: `raw`, `summary`, `encrypted`, `redacted`.
    /// A row may count for several; one that shows none counts for none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasoning: BTreeMap<&'static str, u64>,
    /// Rows by split, where the file is split: then the files are `sft.train.jsonl` and so on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<String, u64>,
    /// What the stages of hygiene tell of it: redacted values by kind, benchmarks, prompts that are in several splits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hygiene: BTreeMap<String, serde_json::Value>,
}

impl Section {
    pub(crate) fn new(kind: Kind, file: String) -> Self {
        Self {
            kind,
            file,
            candidates: 0,
            rows: 0,
            rejected: BTreeMap::new(),
            reasoning: BTreeMap::new(),
            splits: BTreeMap::new(),
            hygiene: BTreeMap::new(),
        }
    }

    /// Split, name and rows of each file that has rows.
    pub(crate) fn file_names(&self) -> Vec<(&str, String, u64)> {
        if self.splits.is_empty() {
            return if self.rows > 0 { vec![("train", self.file.clone(), self.rows)] } else { Vec::new() };
        }
        let (name, extension) = self.file.rsplit_once('.').unwrap_or((&self.file, ""));
        self.splits.iter().map(|(split, rows)| (split.as_str(), format!("{name}.{split}.{extension}"), *rows)).collect()
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Name in the directory.
    pub path: String,
    /// BLAKE3 of its bytes, lower-case hex.
    pub blake3: String,
    /// Its length.
    pub bytes: u64,
    /// Rows, for files of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}
