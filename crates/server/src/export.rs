//! Exports for the command line and the API: arguments to options, and the guard.
//!
//! A `--where` condition, and the query of the kind `sql`, are checked by the SQL guard before they become part of a query.

mod archive;
mod hygiene;

use anyhow::Context as _;
use clap::Args;
use gleaner_export::{Kind, Options, Output, Progress, Reasoning};
use gleaner_store::Reader;
use serde::{Deserialize, Serialize};

use crate::as_of::AsOf;
use crate::cli::PlaceArgs;

pub(crate) use archive::{ArchiveOutput, ArchiveProgress, Told, Unpacker};
use hygiene::{HygieneArgs, SelectArgs};

/// Longest condition: as long as a query may be.
const MAX_CONDITION_BYTES: usize = 64 * 1024;

/// `gleaner export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// sft, preference, kto, reward, trajectory, prompts, revisions or sql; several may be named.
    #[arg(required_unless_present_any = ["explain", "containing"], value_name = "KIND")]
    pub kinds: Vec<String>,
    /// Directory to write to: <kind>.jsonl (or .parquet), rejected.jsonl, manifest.json, README.md.
    #[arg(long, value_name = "DIR", required_unless_present = "containing")]
    pub out: Option<std::path::PathBuf>,
    /// Instead of exporting: tell the whole story of a row of the export in --out, written or rejected.
    #[arg(long, value_name = "ROW_ID", conflicts_with = "kinds")]
    pub explain: Option<String>,
    /// Instead of exporting: list the rows that came of a trace, span, attempt, session or feedback item, in the exports of the
    /// directories given: gleaner export --containing ID DIR…
    #[arg(long, value_name = "ID", conflicts_with_all = ["out", "explain"])]
    pub containing: Option<String>,
    /// The data as it was then: a journal position, or a time in UTC.
    #[arg(long, value_name = "WHEN")]
    pub as_of: Option<AsOf>,
    // Before the selection, which has headings of its own.
    #[command(flatten)]
    pub place: PlaceArgs,
    #[command(flatten)]
    pub selection: Selection,
}

/// What to export and how, as the command line says it.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Selection {
    /// What reads the rows: trl, openai, sharegpt (LLaMA-Factory), axolotl, verl, nemo-rl, tinker, or atif (trajectories).
    #[arg(long, default_value = "trl")]
    pub format: Option<String>,
    /// Who trains on files of the format openai: openai, azure, fireworks, together or mistral. Rows that it would refuse are left
    /// out, with the reason.
    #[arg(long)]
    pub host: Option<String>,
    /// jsonl or parquet; for sql also csv. Default: jsonl, and parquet for verl.
    #[arg(long, value_name = "FORMAT")]
    pub file_format: Option<String>,
    /// How much of an attempt a row holds. attempt: one row per attempt (pairs: all that each attempt wrote). step: one
    /// assistant message after everything before it. task: the user's need and the artifact. Default: step for preference and
    /// reward, attempt for the others.
    #[arg(long)]
    pub shape: Option<String>,
    /// The query of the kind sql: one SELECT over the public schema.
    #[arg(long, value_name = "SQL")]
    pub query: Option<String>,
    /// A condition over the relation `attempts`, e.g. "agent_definition_id = '…' AND started_at > '2026-01-01'".
    #[arg(long = "where", value_name = "SQL")]
    pub r#where: Option<String>,
    /// sft takes attempts at or above this score, kto calls them desirable. Default: 8.
    #[arg(long, value_name = "1..10")]
    pub score_threshold: Option<f64>,
    /// kto calls attempts at or below this score undesirable. Default: 4.
    #[arg(long, value_name = "1..10")]
    pub undesirable_threshold: Option<f64>,
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
    /// Reasoning: keep (own words and summaries), raw (own words alone: no row whose answer rests on a summary or on encrypted
    /// reasoning), require (rows whose completion shows some), require-raw, or drop. Encrypted reasoning is never exported.
    #[arg(long, value_name = "POLICY")]
    pub reasoning: Option<String>,
    /// The same as --reasoning drop.
    #[arg(long, conflicts_with = "reasoning")]
    pub no_reasoning: bool,
    /// Rows that call tools whose definitions were not captured, too.
    #[arg(long)]
    pub allow_undeclared_tools: bool,
    /// Only rows whose messages call one tool at a time: templates of Llama 3.1 and 3.2 refuse more.
    #[arg(long)]
    pub no_parallel_calls: bool,
    /// Only pairs whose answers rest on nothing but the prompt of the row: none where the attempts took different steps.
    #[arg(long)]
    pub no_unseen_steps: bool,
    /// This project only.
    #[arg(long)]
    pub project: Option<String>,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub hygiene: HygieneArgs,
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
    /// Lines that tell of progress between the pieces of files.
    #[serde(default)]
    pub progress: bool,
}

/// Who asks, for what SQL may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Whoever reaches the API.
    Stranger,
    /// Of a directory at rest.
    Owner,
}

/// A request whose kinds, options and SQL have been found good.
pub(crate) struct Export {
    kinds: Vec<Kind>,
    options: Options,
}

impl Export {
    /// Checks a request before anything is read.
    ///
    /// # Errors
    /// When a kind or option is unknown, they do not go together, or SQL is refused by the guard or by DuckDB.
    pub(crate) fn new(reader: &Reader, request: &ExportRequest, asker: Asker) -> anyhow::Result<Self> {
        let kinds = request.kinds.iter().map(|k| k.parse()).collect::<Result<Vec<Kind>, _>>()?;
        let first = *kinds.first().context("no kind named")?;
        let options = options(first, &request.selection)?;
        options.check(&kinds)?;
        if let Some(condition) = &options.where_sql {
            // Checked as it stands, so that it cannot close the parenthesis that it is put into.
            check_sql(reader, &format!("SELECT attempt_id FROM attempts WHERE {condition}"), asker)
                .context("--where")?;
        }
        if let Some(query) = &options.query {
            check_sql(reader, query, asker).context("--query")?;
        }
        Ok(Self { kinds, options })
    }

    /// Writes the files to `out`.
    ///
    /// # Errors
    /// When reading or writing fails, or nobody wants the export any more.
    pub(crate) fn write(
        &self,
        reader: &Reader,
        out: &mut dyn Output,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<gleaner_export::Manifest> {
        // All queries of an export see one state of the store.
        reader.begin_snapshot()?;
        let version = env!("CARGO_PKG_VERSION");
        let written = gleaner_export::export_all(reader, &self.kinds, &self.options, version, out, progress);
        reader.end_snapshot()?;
        Ok(written?)
    }
}

/// One query over the public relations, that DuckDB can bind: so that a mistake is told before anything is written.
fn check_sql(reader: &Reader, query: &str, asker: Asker) -> anyhow::Result<()> {
    match gleaner_query::check(query, MAX_CONDITION_BYTES)? {
        gleaner_query::Checked::Query(passed) => anyhow::ensure!(
            asker == Asker::Owner || passed.unbounded.is_none(),
            "its values may grow without bound, which an export over the API does not allow: simplify it, or export the directory at rest"
        ),
        gleaner_query::Checked::ShowTables => anyhow::bail!("SHOW TABLES is not a query"),
    }
    let describe = format!("DESCRIBE {query}");
    gleaner_query::check(&describe, MAX_CONDITION_BYTES + "DESCRIBE ".len())?;
    reader.rows(&describe, &[])?;
    Ok(())
}

fn options(kind: Kind, selection: &Selection) -> anyhow::Result<Options> {
    let mut options = Options::new(kind);
    if let Some(format) = &selection.format {
        options.format = format.parse()?;
    }
    if let Some(threshold) = selection.score_threshold {
        options.score_threshold = threshold;
    }
    if let Some(threshold) = selection.undesirable_threshold {
        options.undesirable_threshold = threshold;
    }
    options.host = selection.host.as_deref().map(str::parse).transpose()?;
    options.file_format = selection.file_format.as_deref().map(str::parse).transpose()?;
    options.shape = selection.shape.as_deref().map(str::parse).transpose()?;
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
    options.query.clone_from(&selection.query);
    options.undeclared_tools = selection.allow_undeclared_tools;
    options.parallel_calls = !selection.no_parallel_calls;
    options.unseen_steps = !selection.no_unseen_steps;
    options.include_failed = selection.include_failed;
    options.project.clone_from(&selection.project);
    options.reasoning = match &selection.reasoning {
        Some(policy) => policy.parse()?,
        None if selection.no_reasoning => Reasoning::Drop,
        None => Reasoning::Keep,
    };
    options.select = selection.select.select()?;
    options.hygiene = selection.hygiene.hygiene()?;
    Ok(options)
}
