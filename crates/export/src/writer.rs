//! Puts rows and rejections into files: one line each, counted and hashed as they are written.
//!
//! Invariant: in every section, `candidates` = `rows` + rejected ones. A row whose id is in the file already is rejected
//! as a duplicate: ids are hashes of the trained content.

use std::collections::{BTreeMap, HashSet};

use gleaner_model::{canonical_json, derive_id};
use serde::Serialize;
use serde_json::Value;

use crate::{
    ExportError, Kind, Manifest, Options, Output, Reason, Section,
    card::{self, CARD_FILE},
    dataset::Dataset,
    manifest::{FORMAT_VERSION, FileEntry, MANIFEST_FILE, Program},
    provenance::Provenance,
};

const REJECTED_FILE: &str = "rejected.jsonl";

/// Writes the files of one export.
pub(crate) struct Writer<'a> {
    out: &'a mut dyn Output,
    progress: &'a mut dyn FnMut(u64),
    handled: u64,
    files: BTreeMap<String, Digest>,
    sections: Vec<Section>,
    seen: HashSet<String>,
}

#[derive(Default)]
struct Digest {
    hasher: blake3::Hasher,
    bytes: u64,
    rows: u64,
}

#[derive(Serialize)]
struct Rejected<'a> {
    kind: Kind,
    file: &'a str,
    reason: Reason,
    #[serde(flatten)]
    provenance: &'a Provenance,
}

/// The id of a row: a hash of what a trainer sees of it.
pub(crate) fn row_id(dataset: &Dataset, content: &Value) -> String {
    derive_id("row", &[dataset.name, &canonical_json(content)])
}

/// Six decimals: readers (datasets' JSON columns) round after ten, and a mean should read back as it was written.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut dyn Output, progress: &'a mut dyn FnMut(u64)) -> Result<Self, ExportError> {
        let mut writer =
            Self { out, progress, handled: 0, files: BTreeMap::new(), sections: Vec::new(), seen: HashSet::new() };
        writer.append(REJECTED_FILE, b"")?;
        Ok(writer)
    }

    /// What comes next belongs to this dataset. Its file exists even if it stays empty.
    pub(crate) fn begin(&mut self, dataset: &Dataset) -> Result<(), ExportError> {
        self.seen.clear();
        let (kind, file) = (dataset.kind, dataset.file.to_owned());
        self.append(&file, b"")?;
        self.sections.push(Section { kind, file, candidates: 0, rows: 0, rejected: BTreeMap::new() });
        Ok(())
    }

    /// Writes a candidate: as a row of the dataset begun last, or as a rejection.
    pub(crate) fn candidate<R: Serialize>(
        &mut self,
        row: Result<(String, R), Reason>,
        provenance: &Provenance,
    ) -> Result<(), ExportError> {
        let Some(section) = self.sections.last_mut() else { return Ok(()) };
        let (kind, file) = (section.kind, section.file.clone());
        section.candidates += 1;
        self.handled += 1;
        (self.progress)(self.handled);
        let outcome = match row {
            Ok((id, row)) if self.seen.insert(id.clone()) => Ok(row),
            Ok(_) => Err(Reason::Duplicate),
            Err(reason) => Err(reason),
        };
        match outcome {
            Ok(row) => {
                section.rows += 1;
                self.line(&file, &row)
            }
            Err(reason) => {
                *section.rejected.entry(reason).or_default() += 1;
                self.line(REJECTED_FILE, &Rejected { kind, file: &file, reason, provenance })
            }
        }
    }

    /// Writes card and manifest, and lets the files appear.
    pub(crate) fn finish(
        mut self,
        kinds: &[Kind],
        options: &Options,
        program_version: &str,
        journal_position: u64,
    ) -> Result<Manifest, ExportError> {
        let program = Program { name: "gleaner".to_owned(), version: program_version.to_owned() };
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            program,
            journal_position,
            kinds: kinds.to_vec(),
            options: options.clone(),
            datasets: std::mem::take(&mut self.sections),
            files: Vec::new(),
        };
        self.append(CARD_FILE, card::card(&manifest).as_bytes())?;
        manifest.files = self.files.iter().map(|(path, digest)| digest.entry(path)).collect();
        let mut text = serde_json::to_string_pretty(&manifest)
            .map_err(|source| ExportError::Encode { file: MANIFEST_FILE.to_owned(), source })?;
        text.push('\n');
        self.out.write(MANIFEST_FILE, text.as_bytes())?;
        self.out.finish()?;
        Ok(manifest)
    }

    fn line(&mut self, file: &str, row: &impl Serialize) -> Result<(), ExportError> {
        let mut line =
            serde_json::to_vec(row).map_err(|source| ExportError::Encode { file: file.to_owned(), source })?;
        line.push(b'\n');
        self.append(file, &line)
    }

    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError> {
        if !self.files.contains_key(file) {
            self.files.insert(file.to_owned(), Digest::default());
        }
        if let Some(digest) = self.files.get_mut(file) {
            digest.hasher.update(bytes);
            digest.bytes += bytes.len() as u64;
            digest.rows += u64::from(!bytes.is_empty());
        }
        self.out.write(file, bytes)
    }
}

impl Digest {
    fn entry(&self, path: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            blake3: self.hasher.finalize().to_hex().to_string(),
            bytes: self.bytes,
            rows: path.ends_with(".jsonl").then_some(self.rows),
        }
    }
}

#[cfg(test)]
mod tests;
