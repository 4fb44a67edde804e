//! Exports for the command line and the API: arguments to options, and the archive that carries files over the API.
//!
//! A `--where` condition is checked by the SQL guard before it becomes part of a query.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;
use gleaner_export::{Kind, MemoryOutput, Options, Output};
use gleaner_store::Reader;
use serde::{Deserialize, Serialize};

use crate::as_of::AsOf;
use crate::cli::PlaceArgs;

/// Longest condition: as long as a query may be.
const MAX_CONDITION_BYTES: usize = 64 * 1024;

/// `gleaner export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// sft, preference, reward or trajectory; several may be named.
    #[arg(required = true, value_name = "KIND")]
    pub kinds: Vec<String>,
    /// Directory to write to: <kind>.jsonl, rejected.jsonl, manifest.json, README.md.
    #[arg(long, value_name = "DIR")]
    pub out: std::path::PathBuf,
    #[command(flatten)]
    pub selection: Selection,
    /// The data as it was then: a journal position, or a time in UTC.
    #[arg(long, value_name = "WHEN")]
    pub as_of: Option<AsOf>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What to export and how, as the command line says it.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Selection {
    /// trl.
    #[arg(long, default_value = "trl")]
    pub format: Option<String>,
    /// A condition over the relation `attempts`, e.g. "agent_definition_id = '…' AND started_at > '2026-01-01'".
    #[arg(long = "where", value_name = "SQL")]
    pub r#where: Option<String>,
    /// SFT takes attempts at or above this score.
    #[arg(long, value_name = "1..10")]
    pub score_threshold: Option<f64>,
    /// Which of several scores counts: mean, min, max, any or latest.
    #[arg(long)]
    pub score_rule: Option<String>,
    /// Feedback of these sources only: human, model, code.
    #[arg(long, value_delimiter = ',')]
    pub source: Vec<String>,
    /// System prompt of pairs: drop, chosen or shared.
    #[arg(long)]
    pub system: Option<String>,
    /// Attempts that ended in an error too.
    #[arg(long)]
    pub include_failed: bool,
    /// Leave visible reasoning out.
    #[arg(long)]
    pub no_reasoning: bool,
    /// This project only.
    #[arg(long)]
    pub project: Option<String>,
}

/// Body of `POST /v1/export`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportRequest {
    /// Kinds to write.
    pub kinds: Vec<String>,
    /// What of them.
    #[serde(default)]
    pub selection: Selection,
    /// The data as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
}

/// One line of an archive: a piece of a file.
#[derive(Serialize, Deserialize)]
struct Piece {
    file: String,
    text: String,
}

/// Writes the export's files to `out`; tells progress as candidates handled.
///
/// # Errors
/// When a kind or option is unknown, the condition is refused by the guard, or reading or writing fails.
pub(crate) fn write(
    reader: &Reader,
    request: &ExportRequest,
    out: &mut dyn Output,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<gleaner_export::Manifest> {
    let kinds = request.kinds.iter().map(|k| k.parse()).collect::<Result<Vec<Kind>, _>>()?;
    let first = *kinds.first().context("no kind named")?;
    let options = options(first, &request.selection)?;
    if let Some(condition) = &options.where_sql {
        // Checked as it stands, so that it cannot close the parenthesis that it is put into.
        let query = format!("SELECT attempt_id FROM attempts WHERE {condition}");
        gleaner_query::check(reader, &query, MAX_CONDITION_BYTES).context("--where")?;
    }
    // All queries of an export see one state of the store.
    reader.begin_snapshot()?;
    let written = gleaner_export::export_all(reader, &kinds, &options, env!("CARGO_PKG_VERSION"), out, progress);
    reader.end_snapshot()?;
    Ok(written?)
}

/// The export as one byte string of JSON lines, each a piece of a file: what the API sends.
///
/// # Errors
/// As [`write`].
pub(crate) fn to_archive(reader: &Reader, request: &ExportRequest) -> anyhow::Result<Vec<u8>> {
    let mut out = MemoryOutput::default();
    write(reader, request, &mut out, &mut |_| {})?;
    let mut archive = Vec::new();
    for (file, bytes) in out.files {
        let piece = Piece { file, text: String::from_utf8(bytes).context("an export file is not UTF-8")? };
        serde_json::to_writer(&mut archive, &piece)?;
        archive.write_all(b"\n")?;
    }
    Ok(archive)
}

/// Writes the files of an archive. A server names files, so anything but a plain file name is refused.
///
/// # Errors
/// When the archive is not what this program writes, or a file cannot be written.
pub(crate) fn unpack(archive: &[u8], out: &mut dyn Output) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for line in archive.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let piece: Piece = serde_json::from_slice(line).context("the server's export cannot be read")?;
        let plain = !piece.file.is_empty()
            && !piece.file.starts_with('.')
            && piece.file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        anyhow::ensure!(plain, "the server named a file {:?}", piece.file);
        out.write(&piece.file, piece.text.as_bytes())?;
        files.insert(piece.file, piece.text);
    }
    out.finish()?;
    Ok(files)
}

fn options(kind: Kind, selection: &Selection) -> anyhow::Result<Options> {
    let mut options = Options::new(kind);
    if let Some(format) = &selection.format {
        options.format = format.parse()?;
    }
    if let Some(threshold) = selection.score_threshold {
        options.score_threshold = threshold;
    }
    if let Some(rule) = &selection.score_rule {
        options.score_rule = rule.parse()?;
    }
    if let Some(system) = &selection.system {
        options.system = system.parse()?;
    }
    for source in &selection.source {
        options.sources.push(match source.as_str() {
            "human" => gleaner_model::Source::Human,
            "model" => gleaner_model::Source::Model,
            "code" => gleaner_model::Source::Code,
            other => anyhow::bail!("source: `{other}` is unknown; supported: human, model, code"),
        });
    }
    options.where_sql.clone_from(&selection.r#where);
    options.include_failed = selection.include_failed;
    options.project.clone_from(&selection.project);
    options.reasoning = !selection.no_reasoning;
    Ok(options)
}
