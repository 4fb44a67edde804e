//! What an export that lies in a directory tells of itself: a row's line, and the rows that came of an id.
//!
//! Reads `manifest.json`, then the files that it lists: rows whose `metadata` tells where they come from,
//! `provenance.jsonl` where the rows themselves cannot, and `rejected.jsonl`. Every file is checked against the manifest's
//! hash while it is read, and what differs is named: an answer from a changed file is no answer. Memory holds one line.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde_json::{Map, Value};

use crate::{
    ExportError,
    judged::{PROVENANCE_FILE, REJECTED_FILE},
    manifest::MANIFEST_FILE,
};

/// A line that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// File of the row, or that it would have gone to.
    pub file: String,
    /// Id of the row; absent where it was never made.
    pub id: Option<String>,
    /// Why it was left out; absent for rows that were written.
    pub rejected: Option<String>,
    /// The row as it was written, where it was found in a file of JSON lines.
    pub row: Option<Map<String, Value>>,
    /// Where it comes from.
    pub provenance: Map<String, Value>,
}

/// What is asked of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought<'a> {
    /// The row of this id.
    Row(&'a str),
    /// All rows that came of this trace, span, attempt, session or feedback item.
    From(&'a str),
}

/// The answer of one export.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The manifest.
    pub manifest: Map<String, Value>,
    /// In the order of the files.
    pub found: Vec<Found>,
    /// Files that are not what the manifest says they were: missing, or changed.
    pub changed: Vec<String>,
}

/// Lists of ids in the provenance of a row.
const ID_LISTS: [&str; 4] = ["trace_ids", "span_ids", "attempt_ids", "feedback_ids"];

/// Looks through the export in `dir`.
///
/// # Errors
/// When there is no manifest, or a file cannot be read.
pub fn lookup(dir: &Path, wanted: Sought<'_>) -> Result<Lookup, ExportError> {
    let manifest = std::fs::read(dir.join(MANIFEST_FILE)).map_err(|e| failed(MANIFEST_FILE, e))?;
    let manifest: Map<String, Value> = serde_json::from_slice(&manifest)
        .map_err(|source| ExportError::Encode { file: MANIFEST_FILE.to_owned(), source })?;
    let mut out = Lookup { manifest, found: Vec::new(), changed: Vec::new() };
    let files = out.manifest.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
    for entry in &files {
        let (Some(name), Some(hash)) = (entry["path"].as_str(), entry["blake3"].as_str()) else { continue };
        if !name.ends_with(".jsonl") || name.contains(['/', '\\']) {
            continue;
        }
        match File::open(dir.join(name)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => out.changed.push(name.to_owned()),
            Err(e) => return Err(failed(name, e)),
            Ok(file) => {
                if search(name, file, wanted, &mut out.found)? != hash {
                    out.changed.push(name.to_owned());
                }
            }
        }
    }
    merge(&mut out.found);
    Ok(out)
}

/// Looks through one file; gives its hash.
fn search(name: &str, file: File, wanted: Sought<'_>, found: &mut Vec<Found>) -> Result<String, ExportError> {
    let (Sought::Row(id) | Sought::From(id)) = wanted;
    let needle = regex::bytes::Regex::new(&regex::escape(id));
    let needle = needle.map_err(|e| ExportError::Option { option: "id", message: e.to_string() })?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = blake3::Hasher::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(|e| failed(name, e))? == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&line);
        // Few lines hold the id at all: the others are not parsed.
        if needle.is_match(&line) {
            let parsed = serde_json::from_slice(&line);
            let parsed: Map<String, Value> =
                parsed.map_err(|source| ExportError::Encode { file: name.to_owned(), source })?;
            found.extend(self::line(name, parsed).filter(|one| one.is(wanted)));
        }
    }
}

/// What a line tells; none of rows that do not tell where they come from (the kind `sql`).
fn line(name: &str, mut line: Map<String, Value>) -> Option<Found> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let id = text(line.get("id"));
    match name {
        REJECTED_FILE => {
            let (file, rejected) = (text(line.get("file"))?, text(line.get("reason")));
            Some(Found { file, id, rejected, row: None, provenance: line })
        }
        PROVENANCE_FILE => {
            Some(Found { file: text(line.get("file"))?, id, rejected: None, row: None, provenance: line })
        }
        _ => {
            let provenance = text(line.get("metadata")).and_then(|text| serde_json::from_str(&text).ok())?;
            line.remove("metadata");
            Some(Found { file: name.to_owned(), id, rejected: None, row: Some(line), provenance })
        }
    }
}

/// A row that tells where it comes from by itself need not be told of twice.
fn merge(found: &mut Vec<Found>) {
    let told: Vec<(String, Option<String>)> =
        found.iter().filter(|one| one.row.is_some()).map(|one| (one.file.clone(), one.id.clone())).collect();
    found.retain(|one| {
        one.row.is_some() || one.rejected.is_some() || !told.contains(&(one.file.clone(), one.id.clone()))
    });
}

impl Found {
    fn is(&self, wanted: Sought<'_>) -> bool {
        match wanted {
            Sought::Row(id) => self.id.as_deref() == Some(id),
            Sought::From(id) => {
                self.provenance.get("session_id").is_some_and(|session| session == id)
                    || ID_LISTS.iter().any(|list| self.ids(list).contains(&id))
            }
        }
    }

    /// One of the lists of ids in its provenance.
    pub fn ids(&self, list: &str) -> Vec<&str> {
        let ids = self.provenance.get(list).and_then(Value::as_array);
        ids.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn failed(file: &str, source: std::io::Error) -> ExportError {
    ExportError::Read { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests;
