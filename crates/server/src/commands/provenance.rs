//! `gleaner export --explain` and `--containing`: where an exported row comes from, and what became of a trace.
//!
//! The export's own files tell the ids; the store, where it can be reached, tells what they stand for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use gleaner_export::{Found, Kind, Lookup, Options, Reason, Sought, lookup};
use serde_json::{Map, Value};

use crate::cli::{PlaceArgs, SqlFormat};
use crate::client::ApiClient;
use crate::commands::place::{Opened, Place, open, resolve};

/// Characters of a text that are shown.
const SHOWN_CHARACTERS: usize = 200;

/// Prints a row's whole story.
pub(crate) fn explain(dir: &Path, id: &str, place: &PlaceArgs) -> anyhow::Result<()> {
    let answer = lookup(dir, Sought::Row(id)).with_context(|| dir.display().to_string())?;
    warn_of_changes(dir, &answer);
    let answer = match answer.found.is_empty() {
        false => answer,
        true => candidates_of(dir, id)?,
    };
    let store = Store::open(place);
    let mut out = String::new();
    for found in &answer.found {
        tell_row(&mut out, found, &answer.manifest);
        match &store {
            Ok(store) => tell_store(&mut out, found, &|query, params| store.rows(query, params))?,
            Err(error) => {
                let _ = writeln!(out, "\nThe store cannot be asked what these ids stand for: {error:#}");
            }
        }
    }
    crate::commands::sql::write_all(&mut std::io::stdout().lock(), out.as_bytes())
}

/// Candidates that never became a row have no id of their own: they are told by what they came of.
fn candidates_of(dir: &Path, id: &str) -> anyhow::Result<Lookup> {
    let mut answer = lookup(dir, Sought::From(id)).with_context(|| dir.display().to_string())?;
    let rows = answer.found.iter().filter(|found| found.rejected.is_none()).count();
    answer.found.retain(|found| found.rejected.is_some() && found.id.is_none());
    let dir = dir.display();
    anyhow::ensure!(!answer.found.is_empty() || rows > 0, "{dir} holds no row {id}, written or rejected");
    anyhow::ensure!(
        !answer.found.is_empty(),
        "{id} is not a row of {dir}, but {rows} came of it: gleaner export --containing {id} {dir}"
    );
    Ok(answer)
}

/// Prints the rows that came of a trace, span, attempt, session or feedback item, export by export.
pub(crate) fn containing(dirs: &[PathBuf], id: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !dirs.is_empty(),
        "--containing needs the directories of exports: gleaner export --containing ID DIR…"
    );
    let mut out = String::new();
    for dir in dirs {
        let answer = lookup(dir, Sought::From(id)).with_context(|| dir.display().to_string())?;
        warn_of_changes(dir, &answer);
        let (written, rejected): (Vec<&Found>, Vec<&Found>) =
            answer.found.iter().partition(|found| found.rejected.is_none());
        let _ = writeln!(out, "{}: {} rows, {} rejected", dir.display(), written.len(), rejected.len());
        for found in written.iter().chain(&rejected) {
            let fate = found.rejected.as_deref().map(|reason| format!("  rejected: {reason}")).unwrap_or_default();
            let _ = writeln!(out, "  {}  {}{fate}", found.file, found.id.as_deref().unwrap_or("-"));
        }
        if has_kind(&answer.manifest, "sql") {
            let _ = writeln!(out, "  rows of the kind sql do not tell where they come from");
        }
    }
    crate::commands::sql::write_all(&mut std::io::stdout().lock(), out.as_bytes())
}

fn has_kind(manifest: &Map<String, Value>, kind: &str) -> bool {
    manifest.get("kinds").and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|known| known == kind))
}

fn warn_of_changes(dir: &Path, answer: &Lookup) {
    for file in &answer.changed {
        eprintln!(
            "warning: {} is not the file that was exported: it is missing or was changed",
            dir.join(file).display()
        );
    }
}

/// What the export's own files say.
fn tell_row(out: &mut String, found: &Found, manifest: &Map<String, Value>) {
    let id = found.id.as_deref().unwrap_or("-");
    match &found.rejected {
        None => {
            let _ = writeln!(out, "Row {id} of {}", found.file);
        }
        Some(reason) => {
            let _ = match &found.id {
                Some(id) => writeln!(out, "Rejected from {}: {reason} (row {id})", found.file),
                None => writeln!(out, "Rejected from {}: {reason}", found.file),
            };
            let known: Option<Reason> = serde_json::from_value(Value::from(reason.as_str())).ok();
            if let Some(known) = known {
                let _ = writeln!(out, "  that is: {}", known.about());
            }
        }
    }
    let text = |name: &str| found.provenance.get(name).map(plain).filter(|text| !text.is_empty());
    for (label, name) in [
        ("because of", "detail"),
        ("kept in its place", "kept_id"),
        ("rules", "rules"),
        ("scores", "scores"),
        ("reviewers", "reviewers"),
        ("sources", "sources"),
        ("redacted values", "redactions"),
        ("project", "project"),
        ("session", "session_id"),
    ] {
        if let Some(text) = text(name) {
            let _ = writeln!(out, "  {label}: {text}");
        }
    }
    let program =
        manifest.get("program").map(|program| format!("{} {}", plain(&program["name"]), plain(&program["version"])));
    let position = manifest.get("journal_position").map(plain).unwrap_or_default();
    let _ = writeln!(out, "  exported by {} at journal position {position}", program.unwrap_or_default());
    let mut options = Vec::new();
    let defaults = serde_json::to_value(Options::new(Kind::Sft)).unwrap_or(Value::Null);
    tell_options(manifest.get("options").unwrap_or(&Value::Null), &defaults, &mut options);
    let options = if options.is_empty() { "the defaults".to_owned() } else { options.join(" ") };
    let _ = writeln!(out, "  options: {options}");
    for (name, value) in found.row.iter().flatten() {
        match value {
            Value::Array(messages) if !messages.is_empty() => {
                let _ = writeln!(out, "  {name}:");
                for message in messages {
                    let _ = writeln!(out, "    {}", shortened(&message_line(message)));
                }
            }
            Value::Null | Value::Array(_) => {}
            other if name != "id" => {
                let _ = writeln!(out, "  {name}: {}", shortened(&plain(other)));
            }
            _ => {}
        }
    }
}

/// Those that say something: what is as this program's default was not given, or makes no difference.
fn tell_options(options: &Value, defaults: &Value, out: &mut Vec<String>) {
    for (name, value) in options.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(_) if matches!(name.as_str(), "select" | "hygiene") => {
                tell_options(value, &defaults[name], out);
            }
            value if *value == defaults[name] => {}
            value => out.push(format!("{name}={}", plain(value))),
        }
    }
}

fn message_line(message: &Value) -> String {
    let mut out = String::new();
    for (name, value) in message.as_object().into_iter().flatten() {
        match name.as_str() {
            "role" | "from" => {
                let _ = write!(out, "{}: ", plain(value));
            }
            "content" | "value" => out.push_str(&plain(value)),
            "tool_calls" => {
                let _ = write!(out, " calls {}", plain(value));
            }
            "reasoning_content" => {
                let _ = write!(out, " (thought: {})", plain(value));
            }
            _ => {}
        }
    }
    if out.is_empty() { message.to_string() } else { out }
}

/// What the store knows of the ids: attempts, their spans, and the feedback.
fn tell_store(out: &mut String, found: &Found, ask: &Ask<'_>) -> anyhow::Result<()> {
    const QUERIES: [(&str, &str, &str); 5] = [
        (
            "Attempts",
            "attempt_ids",
            "SELECT a.attempt_id, a.lineage_label AS lineage, a.cycle, a.attempt_number AS number, a.status, a.agent_name AS agent, \
             d.version_number AS version, d.model, a.started_at, a.output_text AS output FROM attempts a \
             LEFT JOIN agent_definitions d ON d.project = a.project AND d.agent_definition_id = a.agent_definition_id \
             WHERE a.attempt_id IN (?) ORDER BY a.started_at, a.attempt_id",
        ),
        (
            "Spans",
            "span_ids",
            "SELECT s.span_id, s.trace_id, s.kind, s.name, s.status, s.model, s.tool_name, s.convention, s.started_at FROM execution_spans s \
             WHERE s.duplicate_of IS NULL AND s.span_id IN (?) ORDER BY s.started_at, s.span_id",
        ),
        (
            "Scores and corrections",
            "feedback_ids",
            "SELECT e.evaluation_id, e.attempt_id, e.reviewer, e.source, e.criterion, e.score, e.correction, e.comment, e.in_force, \
             e.retracted, e.created_at FROM evaluations e WHERE e.evaluation_id IN (?) ORDER BY e.created_at, e.evaluation_id",
        ),
        (
            "Comparisons",
            "feedback_ids",
            "SELECT c.comparison_id, c.kind, c.reviewer, c.source, c.criterion, c.comment, c.created_at, \
             list({attempt: e.attempt_id, rank: e.rank, locked: e.locked} ORDER BY e.rank, e.attempt_id) AS entries FROM comparisons c \
             JOIN comparison_entries e ON e.project = c.project AND e.comparison_id = c.comparison_id \
             WHERE c.comparison_id IN (?) GROUP BY ALL ORDER BY c.created_at, c.comparison_id",
        ),
        (
            "Directives",
            "feedback_ids",
            "SELECT g.directive_id, g.kind, g.reviewer, g.source, g.text, g.created_at FROM directives g \
             WHERE g.directive_id IN (?) ORDER BY g.created_at, g.directive_id",
        ),
    ];
    for (title, list, query) in QUERIES {
        let ids = found.ids(list);
        if ids.is_empty() {
            continue;
        }
        let marks = vec!["?"; ids.len()].join(", ");
        let params: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
        let rows = ask(&query.replace("(?)", &format!("({marks})")), &params)?;
        let is_main = matches!(title, "Attempts" | "Spans");
        if rows.is_empty() && !is_main {
            continue;
        }
        let _ = writeln!(out, "\n{title}");
        if rows.is_empty() {
            let _ = writeln!(out, "  the store does not know them: {}", ids.join(", "));
        }
        for row in rows {
            let fields = row.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| format!("{name}={}", shortened(&plain(value))));
            let _ = writeln!(out, "  {}", fields.collect::<Vec<_>>().join("  "));
        }
    }
    Ok(())
}

/// Answers a query with values bound to it.
type Ask<'a> = dyn Fn(&str, &[Value]) -> anyhow::Result<Vec<Map<String, Value>>> + 'a;

/// Where the ids can be looked up; opened once.
enum Store {
    Server(Box<(tokio::runtime::Runtime, ApiClient)>),
    AtRest(Box<Opened>),
}

impl Store {
    fn open(place: &PlaceArgs) -> anyhow::Result<Self> {
        Ok(match resolve(place)? {
            Place::Server(addr) => Self::Server(Box::new((crate::cli::runtime()?, ApiClient::new(addr)))),
            Place::AtRest(config) => {
                // An explanation makes no store where there is none.
                anyhow::ensure!(config.data_dir.exists(), "there is no directory {}", config.data_dir.display());
                Self::AtRest(Box::new(open(&config, None)?))
            }
        })
    }

    fn rows(&self, query: &str, params: &[Value]) -> anyhow::Result<Vec<Map<String, Value>>> {
        match self {
            Self::Server(server) => {
                let (runtime, api) = server.as_ref();
                let answer = runtime.block_on(api.sql_with(query, params, None, SqlFormat::Json))?;
                Ok(serde_json::from_slice(&answer.body)?)
            }
            Self::AtRest(store) => Ok(store.reader()?.rows(query, params)?),
        }
    }
}

/// A value on one line: text as it is, lists with commas.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}… ({} bytes)", &line[..at], text.len()),
        None => line,
    }
}

#[cfg(test)]
mod tests;
