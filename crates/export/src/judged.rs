//! One file of rows at its end: its rows are judged beside each other, then written, and the rejected ones told.

use serde::Serialize;
use serde_json::Value;

use crate::{
    ExportError, FileFormat, Kind, Options, Progress, Reason, Section,
    dataset::Dataset,
    decide::{decide, name_who_stays},
    ledger::{Held, Ledger, Notes, Rejected},
    output::Files,
    sink::Sink,
    spool::Spool,
    stage::{Entry, Split, Stage},
};

pub(crate) const REJECTED_FILE: &str = "rejected.jsonl";
pub(crate) const PROVENANCE_FILE: &str = "provenance.jsonl";

/// The rows of a file with their verdicts.
pub(crate) struct Judged {
    dataset: &'static Dataset,
    section: Section,
    entries: Vec<Entry>,
    /// By [`Entry::number`].
    rows: Vec<Held>,
    rejected: Vec<Rejected>,
}

/// Judges the rows of a file: opinions and duplicates first, then stage by stage.
pub(crate) fn judge(
    dataset: &'static Dataset,
    mut section: Section,
    ledger: Ledger,
    stages: &mut [Box<dyn Stage>],
) -> Result<Judged, ExportError> {
    let Notes { mut entries, rows, opinions, rejected } = ledger.read()?;
    decide(&mut entries, &opinions);
    drop(opinions);
    for stage in stages.iter_mut() {
        stage.decide(dataset, &mut entries);
        if let Some(fault) = stage.fault() {
            return Err(fault);
        }
    }
    name_who_stays(&mut entries);
    let reports = stages.iter_mut().filter_map(|stage| stage.report(dataset, &entries));
    section.hygiene = reports.map(|(name, told)| (name.to_owned(), told)).collect();
    Ok(Judged { dataset, section, entries, rows, rejected })
}

/// Writes one file after the other.
pub(crate) struct Writer<'a, 'o> {
    pub(crate) options: &'a Options,
    /// Where the rows and their provenance wait.
    pub(crate) spool: Spool,
    pub(crate) files: Files<'o>,
    pub(crate) progress: &'a mut dyn Progress,
    pub(crate) done: u64,
}

impl Writer<'_, '_> {
    /// Rows in the order of their ids: hashes, so that it is a shuffled order, and the same for the same rows.
    pub(crate) fn write(&mut self, judged: Judged) -> Result<Section, ExportError> {
        let Judged { dataset, mut section, mut entries, rows, mut rejected } = judged;
        entries.sort_unstable_by_key(|entry| (entry.split, entry.id, entry.tie));
        let mut open: Option<(Option<Split>, Sink)> = None;
        let mut row = Vec::new();
        if !entries.iter().any(|entry| entry.verdict.is_ok()) {
            // The file exists even if it stays empty.
            self.sink(dataset, None)?.finish(&mut self.files)?;
        }
        for entry in entries {
            self.progress.check()?;
            self.done += 1;
            self.progress.advance(self.done);
            let held = rows[entry.number as usize];
            if let Err(reason) = entry.verdict {
                let id = Some(Box::new(entry.id));
                rejected.push(Rejected { tie: entry.tie, reason, provenance: held.provenance(), id, kept: entry.kept });
                continue;
            }
            if open.as_ref().is_none_or(|(split, _)| *split != entry.split) {
                if let Some((_, sink)) = open.take() {
                    sink.finish(&mut self.files)?;
                }
                open = Some((entry.split, self.sink(dataset, entry.split)?));
            }
            let Some((_, sink)) = &mut open else { continue };
            self.spool.read(held.row, &mut row)?;
            sink.row(&row, &mut self.files)?;
            section.rows += 1;
            for kind in entry.reasoning.names() {
                *section.reasoning.entry(kind).or_default() += 1;
            }
            if let Some(split) = entry.split {
                *section.splits.entry(split.as_str().to_owned()).or_default() += 1;
            }
            // Parquet is not searched line by line when somebody asks where a row comes from.
            if !self.options.format.carries_provenance() || self.options.file_format() == FileFormat::Parquet {
                let name = file_name(dataset, entry.split, self.options);
                let line = provenance_line(&name, entry.id, &self.spool.get(held.provenance())?);
                self.files.line(PROVENANCE_FILE, &line)?;
            }
        }
        open.map_or(Ok(()), |(_, sink)| sink.finish(&mut self.files))?;
        self.write_rejected(&mut section, rejected)?;
        Ok(section)
    }

    fn sink(&mut self, dataset: &Dataset, split: Option<Split>) -> Result<Sink, ExportError> {
        let columns = self.options.format.columns(dataset).unwrap_or_default();
        let name = file_name(dataset, split, self.options);
        Sink::new(&name, columns, self.options.file_format(), &mut self.files)
    }

    fn write_rejected(&mut self, section: &mut Section, mut rejected: Vec<Rejected>) -> Result<(), ExportError> {
        rejected
            .sort_unstable_by(|one, other| (one.tie, one.reason, &one.id).cmp(&(other.tie, other.reason, &other.id)));
        for rejected in rejected {
            self.progress.check()?;
            *section.rejected.entry(rejected.reason).or_default() += 1;
            let provenance = serde_json::from_slice(&self.spool.get(rejected.provenance)?);
            let hex = |id: Box<u128>| format!("{:032x}", *id);
            let line = RejectedLine {
                kind: section.kind,
                file: &section.file,
                reason: rejected.reason,
                id: rejected.id.map(hex),
                kept_id: rejected.kept.map(hex),
                provenance: provenance.map_err(|source| self.spool.unreadable(source))?,
            };
            self.files.line(REJECTED_FILE, &line)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct RejectedLine<'a> {
    kind: Kind,
    file: &'a str,
    reason: Reason,
    /// The id that the row would have; none where it was never made.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The row that stays in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_id: Option<String>,
    #[serde(flatten)]
    provenance: Value,
}

fn provenance_line(file: &str, id: u128, provenance: &[u8]) -> Value {
    let mut out = serde_json::Map::new();
    out.insert("file".into(), file.into());
    out.insert("id".into(), format!("{id:032x}").into());
    if let Ok(Value::Object(provenance)) = serde_json::from_slice(provenance) {
        out.extend(provenance);
    }
    Value::Object(out)
}

/// `sft.jsonl`, or of a split `sft.train.jsonl`.
pub(crate) fn file_name(dataset: &Dataset, split: Option<Split>, options: &Options) -> String {
    let extension = options.file_format().as_str();
    match split {
        Some(split) => format!("{}.{}.{extension}", dataset.name, split.as_str()),
        None => format!("{}.{extension}", dataset.name),
    }
}
