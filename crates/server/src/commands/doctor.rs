//! `gleaner doctor`: what each instrumentation sends, what is missing of it, and what to switch on to get it; agents whose versions
//! explode, models without a price, feedback that reaches nothing.
//!
//! Reads public relations only, a query for each part. A span counts for the instrumentation scope and convention that explained it;
//! failed calls are not expected to have an answer. What nothing explains is listed with its reason.

use std::fmt::Write as _;

use anyhow::Context as _;
use gleaner_normalize::switch_on;
use serde::Deserialize;

use crate::cli::{PlaceArgs, SqlFormat};
use crate::commands::sql::{fetch, write_all};

/// Library by library: spans, and of its calls and tool runs how many tell each thing.
const LIBRARIES: &str = include_str!("doctor/libraries.sql");
/// What nothing explains.
const UNEXPLAINED: &str = include_str!("doctor/unexplained.sql");

/// Agents whose versions explode.
const VERSIONS: &str = include_str!("doctor/versions.sql");
/// Models without a price.
const UNPRICED: &str = include_str!("doctor/unpriced.sql");
/// Feedback that reaches nothing.
const UNBOUND: &str = include_str!("doctor/unbound.sql");

pub(crate) fn run(place: &PlaceArgs) -> anyhow::Result<()> {
    let findings = Findings {
        libraries: rows(place, LIBRARIES)?,
        unexplained: rows(place, UNEXPLAINED)?,
        versions: rows(place, VERSIONS)?,
        unpriced: rows(place, UNPRICED)?,
        unbound: rows(place, UNBOUND)?,
    };
    write_all(&mut std::io::stdout().lock(), report(&findings).as_bytes())
}

#[derive(Debug, Default)]
struct Findings {
    libraries: Vec<Library>,
    unexplained: Vec<Unexplained>,
    versions: Vec<Versions>,
    unpriced: Vec<Unpriced>,
    unbound: Vec<Unbound>,
}

fn rows<T: for<'de> Deserialize<'de>>(place: &PlaceArgs, query: &str) -> anyhow::Result<Vec<T>> {
    let answer = fetch(place, None, query, SqlFormat::Json)?;
    serde_json::from_slice(&answer.body).context("the server answered rows of another shape; is it of this version?")
}

/// A scope and the convention that explains its spans. All numbers are counts of spans.
#[derive(Debug, Default, Deserialize)]
struct Library {
    scope: String,
    convention: Option<String>,
    origin: String,
    spans: u64,
    calls: u64,
    answered_calls: u64,
    tools: u64,
    in_attempts: u64,
    model: u64,
    input: u64,
    output: u64,
    tokens: u64,
    finish_reason: u64,
    tool_arguments: u64,
    tool_results: u64,
    session: u64,
    user: u64,
}

#[derive(Debug, Deserialize)]
struct Unexplained {
    scope: String,
    name: String,
    reason: String,
    count: u64,
}

/// An agent whose versions explode.
#[derive(Debug, Deserialize)]
struct Versions {
    agent: String,
    versions: u64,
    attempts: u64,
    /// Of the last version's prompt.
    changed_words: Vec<String>,
    /// Tools, parameters, model or flow differ too.
    is_changed_otherwise: bool,
}

#[derive(Debug, Deserialize)]
struct Unpriced {
    model: String,
    provider: String,
    calls: u64,
}

#[derive(Debug, Deserialize)]
struct Unbound {
    kind: String,
    reason: String,
    count: u64,
}

impl Library {
    /// What a span of this kind should tell: name, how many do, of how many. Nothing is expected where there are none.
    fn fields(&self) -> Vec<(&'static str, u64, u64)> {
        let fields = [
            ("model", self.model, self.calls),
            ("input messages", self.input, self.calls),
            ("output", self.output, self.answered_calls),
            ("tokens", self.tokens, self.answered_calls),
            ("finish reason", self.finish_reason, self.answered_calls),
            ("tool arguments", self.tool_arguments, self.tools),
            ("tool results", self.tool_results, self.tools),
            ("session", self.session, self.in_attempts),
            ("user", self.user, self.in_attempts),
        ];
        fields.into_iter().filter(|(_, _, of)| *of > 0).collect()
    }
}

fn report(findings: &Findings) -> String {
    let Findings { libraries, unexplained, versions, unpriced, unbound } = findings;
    let mut out = String::new();
    if libraries.is_empty() && unexplained.is_empty() {
        return "nothing has arrived yet: set OTEL_EXPORTER_OTLP_ENDPOINT in the agent\n".to_owned();
    }
    let width = libraries.iter().map(|library| library.scope.chars().count()).max().unwrap_or(0).clamp(5, 60);
    if !libraries.is_empty() {
        let _ = writeln!(out, "{:width$}  {:14} {:>8} {:>8} {:>8}", "scope", "convention", "spans", "calls", "tools");
    }
    for library in libraries {
        let convention = library.convention.as_deref().unwrap_or("-");
        let scope = if library.scope.is_empty() { "(none)" } else { &library.scope };
        let _ = write!(
            out,
            "{scope:width$}  {convention:14} {:>8} {:>8} {:>8}",
            library.spans, library.calls, library.tools
        );
        let _ = writeln!(out, "{}", if library.origin == "log" { "  made of log records" } else { "" });
        let (found, missing): (Vec<_>, Vec<_>) = library.fields().into_iter().partition(|(_, told, of)| told == of);
        if !found.is_empty() {
            let _ = writeln!(out, "    found    {}", listed(&found));
        }
        if !missing.is_empty() {
            let _ = writeln!(out, "    missing  {}", listed(&missing));
            // One call without a finish reason or one trace without a session is no matter of a switch.
            let is_off = |(name, told, _): &(&str, u64, u64)| match *name {
                "user" | "finish reason" => false,
                "session" => *told == 0,
                _ => true,
            };
            if let Some(advice) = switch_on(&library.scope, convention).filter(|_| missing.iter().any(is_off)) {
                let _ = writeln!(out, "    switch on  {advice}");
            }
        }
    }
    if !unexplained.is_empty() {
        let _ = writeln!(out, "\nunexplained (kept, and listed in unmapped_spans)");
        for row in unexplained {
            let _ = writeln!(out, "    {:>8}  {}  {}  {}", row.count, row.reason, row.scope, row.name);
        }
    }
    if !versions.is_empty() {
        let _ = writeln!(
            out,
            "\nagents whose versions explode: most were used once (lift what changes by itself: definitions.lift in gleaner.toml)"
        );
        for row in versions {
            let agent = if row.agent.is_empty() { "(no name)" } else { &row.agent };
            let _ = write!(out, "    {:>8}  {agent}: versions of {} attempts", row.versions, row.attempts);
            match (&row.changed_words[..], row.is_changed_otherwise) {
                ([], true) => out.push_str("; tools, parameters, model or flow differ"),
                ([], false) => {}
                (words, _) => {
                    let _ = write!(out, "; new in the last prompt: {}", words.join(" "));
                }
            }
            out.push('\n');
        }
    }
    if !unpriced.is_empty() {
        let _ =
            writeln!(out, "\ncalls without a cost (add their models to a price table: prices.file in gleaner.toml)");
        for row in unpriced {
            let _ = writeln!(out, "    {:>8}  {}  {}", row.calls, row.model, row.provider);
        }
    }
    if !unbound.is_empty() {
        let _ = writeln!(out, "\nfeedback that reaches nothing yet (listed in unbound_feedback)");
        for row in unbound {
            let _ = writeln!(out, "    {:>8}  {}  {}", row.count, row.kind, row.reason);
        }
    }
    out
}

fn listed(fields: &[(&str, u64, u64)]) -> String {
    let told: Vec<String> = fields.iter().map(|(name, told, of)| format!("{name} {told}/{of}")).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests;
