//! `gleaner feedback`: scores, rankings, locks and the rest from the shell, over gRPC to a running server.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use gleaner_wire::feedback::{
    Comparison, Directive, Evaluation, Item, Lock, Ranking, Retraction, Session, Source, SubmitRequest, SubmitResponse,
    Target, comparison, evaluation, item, item_result::Status,
};

use crate::client::ApiClient;
use crate::config::Config;

#[derive(Debug, Args)]
pub(crate) struct FeedbackArgs {
    /// API address of the server. Default: the configured one.
    #[arg(long, value_name = "ADDR", global = true)]
    api: Option<SocketAddr>,
    /// Configuration file.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Who says it. Later scores of one reviewer supersede earlier ones.
    #[arg(long, global = true)]
    reviewer: Option<String>,
    /// human, model or code.
    #[arg(long, global = true, default_value = "human")]
    source: String,
    /// Makes a retry harmless. Default: one of its own for each call.
    #[arg(long, global = true)]
    key: Option<String>,
    /// Send items from a file instead: one item of proto/gleaner/feedback/v1/feedback.proto as JSON on each line.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    kind: Option<Kind>,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Score an output from 1 to 10.
    Score {
        #[command(flatten)]
        target: TargetArgs,
        /// 1 to 10, decimals allowed.
        score: f64,
        /// What was judged; overall without it.
        #[arg(long)]
        criterion: Option<String>,
        /// Why.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Give a better output than the agent's.
    Correct {
        #[command(flatten)]
        target: TargetArgs,
        /// The whole better output.
        text: String,
    },
    /// Rank the lineages of one session and cycle, best first: "A > D > B = C".
    Compare {
        /// Session id, as the agent sent it.
        #[arg(long)]
        session: String,
        /// Cycle, from 1.
        #[arg(long, default_value_t = 1)]
        cycle: u32,
        /// Lineage labels, `>` between better and worse, `=` between equals.
        ranking: String,
    },
    /// Keep lineages: the locked beat the others of their cycle.
    Lock {
        /// Session id, as the agent sent it.
        #[arg(long)]
        session: String,
        /// Cycle, from 1.
        #[arg(long, default_value_t = 1)]
        cycle: u32,
        /// Labels of the kept lineages.
        #[arg(required = true)]
        locked: Vec<String>,
        /// Labels of the others; every other lineage without it.
        #[arg(long, value_delimiter = ',')]
        over: Vec<String>,
    },
    /// Say what should change.
    Direct {
        #[command(flatten)]
        target: TargetArgs,
        /// The wish.
        text: String,
        /// From now on, not only for the next cycle.
        #[arg(long)]
        sticky: bool,
    },
    /// Say what a session is about.
    Session {
        /// Session id, as the agent sent it.
        session: String,
        /// The user's need.
        #[arg(long)]
        need: Option<String>,
        /// Constraints.
        #[arg(long)]
        constraints: Option<String>,
        /// Context.
        #[arg(long)]
        context: Option<String>,
    },
    /// Take an earlier item back.
    Retract {
        /// Its item id or idempotency key.
        of: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
struct TargetArgs {
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

pub(crate) async fn run(args: FeedbackArgs) -> anyhow::Result<()> {
    let addr = match args.api {
        Some(addr) => addr,
        None => Config::load(args.config.as_deref())?.api.endpoint,
    };
    let items = match (&args.json, &args.kind) {
        (Some(file), None) => read_items(file)?,
        (None, Some(_)) => vec![one_item(args)?],
        _ => anyhow::bail!("say what to send: a subcommand (see --help) or --json FILE, not both"),
    };
    let response = ApiClient::new(addr).submit(SubmitRequest { items }).await?;
    report(&response)
}

/// Prints an answer per item; refused ones fail the command.
fn report(response: &SubmitResponse) -> anyhow::Result<()> {
    let mut refused = 0;
    for result in &response.results {
        match result.status() {
            Status::Accepted => println!("accepted {}", result.item_id),
            Status::Repeated => println!("repeated {}", result.item_id),
            status => {
                refused += 1;
                println!("{} {}: {}", status.as_str_name().to_ascii_lowercase(), result.field, result.message);
            }
        }
    }
    anyhow::ensure!(refused == 0, "{refused} of {} items were not taken", response.results.len());
    Ok(())
}

fn read_items(file: &std::path::Path) -> anyhow::Result<Vec<Item>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(n, line)| parse_item(line).with_context(|| format!("{}, line {}", file.display(), n + 1)))
        .collect()
}

/// One item from its JSON form.
pub(crate) fn parse_item(json: &str) -> anyhow::Result<Item> {
    Ok(gleaner_wire::feedback::decode_json_item(json)?)
}

fn one_item(args: FeedbackArgs) -> anyhow::Result<Item> {
    let source = match args.source.as_str() {
        "human" => Source::Human,
        "model" => Source::Model,
        "code" => Source::Code,
        other => anyhow::bail!("--source is {other:?}, must be human, model or code"),
    };
    let kind = args.kind.context("nothing to send")?;
    Ok(Item {
        // What a person says again is said anew, also after taking it back: the content alone must not be the key.
        idempotency_key: args.key.unwrap_or_else(|| format!("cli-{}", crate::ingest::now_unix_nano())),
        reviewer: args.reviewer.unwrap_or_default(),
        source: source.into(),
        created_at: None,
        kind: Some(item_kind(kind)?),
    })
}

fn item_kind(kind: Kind) -> anyhow::Result<item::Kind> {
    Ok(match kind {
        Kind::Score { target, score, criterion, comment } => item::Kind::Evaluation(Evaluation {
            target: Some(target.into()),
            criterion: criterion.unwrap_or_default(),
            comment: comment.unwrap_or_default(),
            correction: String::new(),
            value: Some(evaluation::Value::Score(score)),
        }),
        Kind::Correct { target, text } => item::Kind::Evaluation(Evaluation {
            target: Some(target.into()),
            correction: text,
            ..Evaluation::default()
        }),
        Kind::Compare { session, cycle, ranking } => item::Kind::Comparison(Comparison {
            session,
            cycle,
            form: Some(comparison::Form::Ranking(parse_ranking(&ranking)?)),
            ..Comparison::default()
        }),
        Kind::Lock { session, cycle, locked, over } => item::Kind::Comparison(Comparison {
            session,
            cycle,
            form: Some(comparison::Form::Lock(Lock {
                locked: locked.iter().map(|l| lineage(l)).collect(),
                over: over.iter().map(|l| lineage(l)).collect(),
            })),
            ..Comparison::default()
        }),
        Kind::Direct { target, text, sticky } => {
            use gleaner_wire::feedback::directive::Kind as DirectiveKind;
            let kind = if sticky { DirectiveKind::Sticky } else { DirectiveKind::Once };
            item::Kind::Directive(Directive { target: Some(target.into()), text, kind: kind.into() })
        }
        Kind::Session { session, need, constraints, context } => item::Kind::Session(Session {
            session,
            need: need.unwrap_or_default(),
            constraints: constraints.unwrap_or_default(),
            context: context.unwrap_or_default(),
            metadata: None,
        }),
        Kind::Retract { of, reason } => item::Kind::Retraction(Retraction { of, reason: reason.unwrap_or_default() }),
    })
}

/// `A > D > B = C`: groups from best to worst, ties inside a group.
fn parse_ranking(text: &str) -> anyhow::Result<Ranking> {
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

fn lineage(label: &str) -> Target {
    Target { lineage: label.to_owned(), ..Target::default() }
}

impl From<TargetArgs> for Target {
    fn from(args: TargetArgs) -> Self {
        Self {
            artifact_id: String::new(),
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

#[cfg(test)]
mod tests;
