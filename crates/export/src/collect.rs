//! Takes candidates as they come, in any order, and writes the files at the end, in an order of their own.
//!
//! A row waits on disk in the form in which it will be written; in memory are its id and what is needed to judge it beside
//! others. Invariant: in every section, `candidates` = `rows` + rejected ones.

use gleaner_model::derive_id;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ExportError, FileFormat, Kind, Manifest, Options, Progress, Reason, Section,
    canonical::write_identity,
    card::{self, CARD_FILE, Described},
    case::key,
    check::check,
    dataset::Dataset,
    decide::{decide, name_who_stays},
    example::{Candidate, Example, Opinion, Rejection},
    format::Unfit,
    manifest::{FORMAT_VERSION, MANIFEST_FILE, Program},
    output::Files,
    provenance::Provenance,
    reasoning,
    sink::Sink,
    spool::{Place, Spool},
    stage::{Entry, Split, Stage},
};

pub(crate) const REJECTED_FILE: &str = "rejected.jsonl";
pub(crate) const PROVENANCE_FILE: &str = "provenance.jsonl";

/// All candidates of one export.
pub(crate) struct Collector<'a> {
    options: &'a Options,
    spool: Spool,
    stages: Vec<Box<dyn Stage>>,
    files: Vec<File>,
}

struct File {
    dataset: &'static Dataset,
    section: Section,
    entries: Vec<Entry>,
    /// By [`Entry::number`].
    rows: Vec<Held>,
    opinions: Vec<Option<Box<Opinion>>>,
    rejected: Vec<Rejected>,
}

/// Where a row lies, and its provenance right after it.
struct Held {
    row: Place,
    provenance_bytes: u32,
}

impl Held {
    fn provenance(&self) -> Place {
        self.row.followed_by(self.provenance_bytes)
    }
}

struct Rejected {
    /// The order of `rejected.jsonl`.
    tie: (u8, u64, u128),
    id: Option<u128>,
    reason: Reason,
    kept: Option<Box<u128>>,
    provenance: Place,
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

/// What an export was made of, for the manifest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) kinds: &'a [Kind],
    pub(crate) program_version: &'a str,
    pub(crate) journal_position: u64,
}

/// A row in the form in which it will be written, with what is noted of it.
struct Written {
    id: String,
    row: Vec<u8>,
    provenance: String,
    example: Example,
}

/// The id of a row: a hash of its content, that is of what a trainer sees of it.
fn row_id(dataset: &Dataset, example: &Example) -> String {
    let mut content = Vec::new();
    write_identity(dataset, example, &mut content);
    // JSON is UTF-8.
    derive_id("row", &[dataset.name, &String::from_utf8_lossy(&content)])
}

impl<'a> Collector<'a> {
    /// `kinds` and options must have passed [`Options::check`].
    pub(crate) fn new(kinds: &[Kind], options: &'a Options, spool: Spool, stages: Vec<Box<dyn Stage>>) -> Self {
        let datasets = kinds.iter().flat_map(|kind| Dataset::of(*kind, options.shape_of(*kind)));
        let files = datasets.filter(|dataset| options.format.columns(dataset).is_some()).map(|dataset| {
            let file = file_name(dataset, None, options);
            File {
                dataset,
                section: Section::new(dataset.kind, file),
                entries: Vec::new(),
                rows: Vec::new(),
                opinions: Vec::new(),
                rejected: Vec::new(),
            }
        });
        Self { options, spool, stages, files: files.collect() }
    }

    /// Takes the candidates of one dataset. Those of a dataset that is not written go nowhere.
    pub(crate) fn take(
        &mut self,
        dataset: &'static Dataset,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Result<(), ExportError> {
        let Some(at) = self.files.iter().position(|file| std::ptr::eq(file.dataset, dataset)) else { return Ok(()) };
        for candidate in candidates {
            self.files[at].section.candidates += 1;
            let made = candidate.and_then(|example| self.row(dataset, example));
            match made {
                Ok(written) => self.hold(at, written)?,
                Err(Rejection { reason, provenance }) => {
                    let text = provenance.to_json();
                    let tie = tie(0, &provenance, &text);
                    let provenance = self.spool.put(text.as_bytes())?;
                    self.files[at].rejected.push(Rejected { tie, id: None, reason, kept: None, provenance });
                }
            }
        }
        Ok(())
    }

    /// Checks, stages and format, in this order: the id is that of the content as it will be written.
    fn row(&mut self, dataset: &'static Dataset, mut example: Example) -> Result<Written, Rejection> {
        example.provenance.reasoning = reasoning::kinds(&example).names().collect();
        let passed = check(&example, self.options)
            .and_then(|()| self.stages.iter_mut().try_for_each(|stage| stage.pass(dataset, &mut example)));
        if let Err(reason) = passed {
            return Err(Rejection::new(reason, example.provenance));
        }
        let id = row_id(dataset, &example);
        let provenance = example.provenance.to_json();
        let mut row = Vec::new();
        let host = self.options.host.unwrap_or_default();
        match self.options.format.write(dataset, &id, &example, &provenance, host, &mut row) {
            Ok(()) => Ok(Written { id, row, provenance, example }),
            Err(Unfit { reason, detail }) => {
                example.provenance.detail = detail.or(example.provenance.detail.take());
                Err(Rejection::new(reason, example.provenance))
            }
        }
    }

    fn hold(&mut self, at: usize, written: Written) -> Result<(), ExportError> {
        let Written { id, row, provenance: text, example } = written;
        let tie = tie(example.precedence, &example.provenance, &text);
        let row = self.spool.put(&row)?;
        let provenance_bytes = self.spool.put(text.as_bytes())?.bytes();
        let file = &mut self.files[at];
        let number = u32::try_from(file.rows.len()).map_err(|_| ExportError::TooManyRows { limit: u32::MAX })?;
        for stage in &mut self.stages {
            stage.see(file.dataset, number, &example);
        }
        let id = u128::from_str_radix(&id, 16).unwrap_or_else(|_| key(&id));
        file.entries.push(Entry { reasoning: reasoning::kinds(&example), ..Entry::new(number, id, tie) });
        file.rows.push(Held { row, provenance_bytes });
        file.opinions.push(example.opinion.map(Box::new));
        Ok(())
    }

    /// Judges all rows, writes those that stand, the rejected ones, the card and the manifest.
    pub(crate) fn finish(
        mut self,
        mut files: Files<'_>,
        queried: Option<(Section, Described)>,
        made: Made<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Manifest, ExportError> {
        for file in &mut self.files {
            decide(&mut file.entries, &file.opinions);
            file.opinions = Vec::new();
        }
        for stage in &mut self.stages {
            self.files.iter_mut().for_each(|file| stage.decide(file.dataset, &mut file.entries));
        }
        if let Some(fault) = self.stages.iter_mut().find_map(|stage| stage.fault()) {
            return Err(fault);
        }
        for file in &mut self.files {
            name_who_stays(&mut file.entries);
            let reports = self.stages.iter_mut().filter_map(|stage| stage.report(file.dataset, &file.entries));
            file.section.hygiene = reports.map(|(name, told)| (name.to_owned(), told)).collect();
        }
        self.stages.clear();
        let total = self.files.iter().map(|file| file.entries.len() as u64).sum();
        progress.begin("writing rows", total);
        let mut done = 0;
        for file in &mut self.files {
            file.write(self.options, &mut self.spool, &mut files, progress, &mut done)?;
        }
        write_rejected(&mut self.files, &mut self.spool, &mut files, progress)?;
        let mut sections: Vec<Section> = self.files.iter().map(|file| file.section.clone()).collect();
        let format = self.options.format;
        let columns = |dataset| format.columns(dataset).unwrap_or_default();
        let mut described: Vec<Described> =
            self.files.iter().map(|file| Described::of(file.dataset, columns(file.dataset))).collect();
        if let Some((section, one)) = queried {
            sections.push(section);
            described.push(one);
        }
        let named: Vec<(&Section, String)> = self.files.iter().flat_map(File::names_of_splits).collect();
        if let Some((name, text)) = self.options.format.companion(&named) {
            files.append(name, text.as_bytes())?;
        }
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            program: Program { name: "gleaner".to_owned(), version: made.program_version.to_owned() },
            journal_position: made.journal_position,
            kinds: made.kinds.to_vec(),
            options: self.options.clone(),
            datasets: sections,
            files: Vec::new(),
        };
        files.append(CARD_FILE, card::card(&manifest, &described).as_bytes())?;
        manifest.files = files.entries()?;
        let mut text = serde_json::to_string_pretty(&manifest)
            .map_err(|source| ExportError::Encode { file: MANIFEST_FILE.to_owned(), source })?;
        text.push('\n');
        files.append(MANIFEST_FILE, text.as_bytes())?;
        files.finish()?;
        Ok(manifest)
    }
}

impl File {
    /// Rows in the order of their ids: hashes, so that it is a shuffled order, and the same for the same rows.
    fn write(
        &mut self,
        options: &Options,
        spool: &mut Spool,
        files: &mut Files<'_>,
        progress: &mut dyn Progress,
        done: &mut u64,
    ) -> Result<(), ExportError> {
        self.entries.sort_unstable_by_key(|entry| (entry.split, entry.id, entry.tie));
        let columns = options.format.columns(self.dataset).unwrap_or_default();
        let mut open: Option<(Option<Split>, Sink)> = None;
        let entries = std::mem::take(&mut self.entries);
        let mut row = Vec::new();
        if !entries.iter().any(|entry| entry.verdict.is_ok()) {
            // The file exists even if it stays empty.
            Sink::new(&self.section.file, columns, options.file_format(), files)?.finish(files)?;
        }
        for entry in entries {
            progress.check()?;
            *done += 1;
            progress.advance(*done);
            let held = &self.rows[entry.number as usize];
            if let Err(reason) = entry.verdict {
                let provenance = held.provenance();
                self.rejected.push(Rejected {
                    tie: entry.tie,
                    id: Some(entry.id),
                    reason,
                    kept: entry.kept,
                    provenance,
                });
                continue;
            }
            if open.as_ref().is_none_or(|(split, _)| *split != entry.split) {
                if let Some((_, sink)) = open.take() {
                    sink.finish(files)?;
                }
                let name = file_name(self.dataset, entry.split, options);
                open = Some((entry.split, Sink::new(&name, columns, options.file_format(), files)?));
            }
            let Some((_, sink)) = &mut open else { continue };
            spool.read(held.row, &mut row)?;
            sink.row(&row, files)?;
            self.section.rows += 1;
            for kind in entry.reasoning.names() {
                *self.section.reasoning.entry(kind).or_default() += 1;
            }
            if let Some(split) = entry.split {
                *self.section.splits.entry(split.as_str().to_owned()).or_default() += 1;
            }
            // Parquet is not searched line by line when somebody asks where a row comes from.
            if !options.format.carries_provenance() || options.file_format() == FileFormat::Parquet {
                let name = file_name(self.dataset, entry.split, options);
                files.line(PROVENANCE_FILE, &provenance_line(&name, entry.id, &spool.get(held.provenance())?))?;
            }
        }
        open.map_or(Ok(()), |(_, sink)| sink.finish(files))
    }

    fn names_of_splits(&self) -> Vec<(&Section, String)> {
        self.section.file_names().into_iter().map(|(_, name, _)| (&self.section, name)).collect()
    }
}

fn write_rejected(
    files_of_rows: &mut [File],
    spool: &mut Spool,
    files: &mut Files<'_>,
    progress: &mut dyn Progress,
) -> Result<(), ExportError> {
    files.append(REJECTED_FILE, b"")?;
    for file in files_of_rows {
        file.rejected.sort_unstable_by_key(|rejected| (rejected.tie, rejected.reason, rejected.id));
        for rejected in std::mem::take(&mut file.rejected) {
            progress.check()?;
            *file.section.rejected.entry(rejected.reason).or_default() += 1;
            let provenance = serde_json::from_slice(&spool.get(rejected.provenance)?);
            let line = RejectedLine {
                kind: file.section.kind,
                file: &file.section.file,
                reason: rejected.reason,
                id: rejected.id.map(|id| format!("{id:032x}")),
                kept_id: rejected.kept.map(|id| format!("{:032x}", *id)),
                provenance: provenance.map_err(|source| spool.unreadable(source))?,
            };
            files.line(REJECTED_FILE, &line)?;
        }
    }
    Ok(())
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
fn file_name(dataset: &Dataset, split: Option<Split>, options: &Options) -> String {
    let extension = options.file_format().as_str();
    match split {
        Some(split) => format!("{}.{}.{extension}", dataset.name, split.as_str()),
        None => format!("{}.{extension}", dataset.name),
    }
}

/// The order that a provenance gives; `text` is its JSON.
fn tie(precedence: u8, provenance: &Provenance, text: &str) -> (u8, u64, u128) {
    (precedence, provenance.started_unix_nano.unwrap_or(0), key(text))
}

#[cfg(test)]
mod tests;
