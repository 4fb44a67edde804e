//! Takes candidates as they come, in any order, and writes the files at the end, in an order of their own.
//!
//! A row waits on disk in the form in which it will be written; in memory are its id and what is needed to judge it beside
//! others. Invariant: in every section, `candidates` = `rows` + rejected ones.

use gleaner_model::derive_id;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    ExportError, Kind, Manifest, Options, Progress, Section,
    canonical::write_identity,
    card::{self, CARD_FILE, Described},
    case::key,
    check::check,
    dataset::Dataset,
    example::{Candidate, Example, Rejection},
    format::Unfit,
    judged::{REJECTED_FILE, Writer, file_name, judge},
    ledger::{Held, Ledger, Noted},
    manifest::{FORMAT_VERSION, MANIFEST_FILE, Program},
    output::Files,
    provenance::Provenance,
    reasoning,
    spool::Spool,
    stage::{Stage, Tie},
};

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
    ledger: Ledger,
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
    pub(crate) fn new(
        kinds: &[Kind],
        options: &'a Options,
        spool: &dyn Fn() -> Result<Spool, ExportError>,
        stages: Vec<Box<dyn Stage>>,
    ) -> Result<Self, ExportError> {
        let datasets = kinds.iter().flat_map(|kind| Dataset::of(*kind, options.shape_of(*kind)));
        let files = datasets.filter(|dataset| options.format.columns(dataset).is_some()).map(|dataset| {
            let section = Section::new(dataset.kind, file_name(dataset, None, options));
            Ok(File { dataset, section, ledger: Ledger::new(spool()?) })
        });
        let files = files.collect::<Result<_, ExportError>>()?;
        Ok(Self { options, spool: spool()?, stages, files })
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
                    self.files[at].ledger.reject(tie, reason, provenance)?;
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
        let Written { id, row, provenance: text, mut example } = written;
        let tie = tie(example.precedence, &example.provenance, &text);
        let row = self.spool.put(&row)?;
        let provenance_bytes = self.spool.put(text.as_bytes())?.bytes();
        let id = u128::from_str_radix(&id, 16).unwrap_or_else(|_| key(&id));
        let noted = Noted {
            id,
            tie,
            reasoning: reasoning::kinds(&example),
            held: Held { row, provenance_bytes },
            opinion: example.opinion.take(),
        };
        let file = &mut self.files[at];
        let number = file.ledger.note(&noted)?;
        self.stages.iter_mut().for_each(|stage| stage.see(file.dataset, number, &example));
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
        progress.begin("writing rows", self.files.iter().map(|file| file.ledger.rows()).sum());
        files.append(REJECTED_FILE, b"")?;
        let mut sections = Vec::new();
        let mut described = Vec::new();
        let mut writer = Writer { options: self.options, spool: self.spool, files, progress, done: 0 };
        for File { dataset, section, ledger } in self.files {
            let judged = judge(dataset, section, ledger, &mut self.stages)?;
            sections.push(writer.write(judged)?);
            described.push(Described::of(dataset, self.options.format.columns(dataset).unwrap_or_default()));
        }
        let mut files = writer.files;
        if let Some((name, text)) = self.options.format.companion(&sections) {
            files.append(name, text.as_bytes())?;
        }
        if let Some((section, one)) = queried {
            sections.push(section);
            described.push(one);
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

/// The order that a provenance gives; `text` is its JSON.
fn tie(precedence: u8, provenance: &Provenance, text: &str) -> Tie {
    (precedence, provenance.started_unix_nano.unwrap_or(0), xxh3_64(text.as_bytes()))
}

#[cfg(test)]
mod tests;
