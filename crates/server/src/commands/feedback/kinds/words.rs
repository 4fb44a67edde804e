//! What the words of `gleaner feedback` name: outputs, lineages, rankings of them, and agent definitions.

use anyhow::Context as _;
use clap::Args;
use gleaner_wire::feedback::{DefinitionRef, Ranking, Target};

#[derive(Debug, Args)]
pub(in super::super) struct TargetArgs {
    /// An artifact's id.
    #[arg(long)]
    artifact: Option<String>,
    /// An attempt's id.
    #[arg(long)]
    attempt: Option<String>,
    /// A trace id, 32 hex digits.
    #[arg(long)]
    trace: Option<String>,
    /// A span id in that trace.
    #[arg(long, requires = "trace")]
    span: Option<String>,
    /// The provider's response id.
    #[arg(long)]
    response: Option<String>,
    /// A session id, as the agent sent it.
    #[arg(long)]
    session: Option<String>,
    /// A lineage's label in that session.
    #[arg(long, requires = "session")]
    lineage: Option<String>,
    /// Cycle, from 1.
    #[arg(long, requires = "lineage")]
    cycle: Option<u32>,
    /// Attempt number in that cycle; the last good one without it.
    #[arg(long, requires = "cycle")]
    number: Option<u32>,
}

/// `A > D > B = C`: groups from best to worst, ties inside a group.
pub(super) fn parse_ranking(text: &str) -> anyhow::Result<Ranking> {
    let mut groups = Vec::new();
    for group in text.split('>') {
        let targets: Vec<Target> = group.split('=').map(str::trim).filter(|l| !l.is_empty()).map(lineage).collect();
        anyhow::ensure!(
            !targets.is_empty(),
            "the ranking {text:?} has an empty place; write it like \"A > D > B = C\""
        );
        groups.push(gleaner_wire::feedback::ranking::Group { targets });
    }
    Ok(Ranking { groups, shown_order: Vec::new() })
}

/// One of two sides: `attempt:ID`, `trace:ID`, `response:ID`, else a lineage's label.
pub(super) fn side(text: &str) -> Target {
    match text.split_once(':') {
        Some(("attempt", id)) => Target { attempt_id: id.to_owned(), ..Target::default() },
        Some(("trace", id)) => Target { trace_id: id.to_owned(), ..Target::default() },
        Some(("response", id)) => Target { response_id: id.to_owned(), ..Target::default() },
        _ => lineage(text),
    }
}

/// A definition: `cycle:N`, `AGENT@VERSION`, else an id.
pub(super) fn definition(text: &str) -> anyhow::Result<DefinitionRef> {
    if let Some(cycle) = text.strip_prefix("cycle:") {
        let cycle = cycle.parse().with_context(|| format!("{text:?} names no cycle; write it like cycle:2"))?;
        return Ok(DefinitionRef { cycle, ..DefinitionRef::default() });
    }
    Ok(match text.rsplit_once('@') {
        Some((agent, version)) => {
            DefinitionRef { agent: agent.to_owned(), version: version.to_owned(), ..DefinitionRef::default() }
        }
        None => DefinitionRef { agent_definition_id: text.to_owned(), ..DefinitionRef::default() },
    })
}

pub(super) fn lineage(label: &str) -> Target {
    Target { lineage: label.to_owned(), ..Target::default() }
}

impl From<TargetArgs> for Target {
    fn from(args: TargetArgs) -> Self {
        Self {
            artifact_id: args.artifact.unwrap_or_default(),
            attempt_id: args.attempt.unwrap_or_default(),
            trace_id: args.trace.unwrap_or_default(),
            span_id: args.span.unwrap_or_default(),
            response_id: args.response.unwrap_or_default(),
            session: args.session.unwrap_or_default(),
            lineage: args.lineage.unwrap_or_default(),
            cycle: args.cycle.unwrap_or_default(),
            attempt_number: args.number.unwrap_or_default(),
        }
    }
}
