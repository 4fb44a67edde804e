//! `gleaner feedback`: scores, rankings, locks and the rest from the shell, over gRPC to a running server.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use gleaner_wire::feedback::{Item, Source, SubmitRequest, SubmitResponse, item_result::Status};
use prost::Message as _;

use crate::client::ApiClient;
use crate::config::Config;
use kinds::Kind;

mod kinds;

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
    let client = ApiClient::new(addr);
    let (total, mut answered, mut refused) = (items.len(), 0, 0);
    for items in in_requests(items) {
        let response = client.submit(SubmitRequest { items }).await;
        let response = response.with_context(|| format!("{answered} of {total} items were answered"))?;
        answered += response.results.len();
        refused += report(&response);
    }
    anyhow::ensure!(refused == 0, "{refused} of {total} items were not taken");
    Ok(())
}

/// Items of one request and their bytes at most: far below what a server takes, and few requests all the same.
const REQUEST_ITEMS: usize = 500;
const REQUEST_BYTES: usize = 1 << 20;

/// The items in their order, in requests that a server takes. One that is too large by itself is sent by itself, for the server to tell.
fn in_requests(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut requests: Vec<Vec<Item>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let item_bytes = item.encoded_len();
        match requests.last_mut() {
            Some(last) if last.len() < REQUEST_ITEMS && bytes + item_bytes <= REQUEST_BYTES => {
                bytes += item_bytes;
                last.push(item);
            }
            _ => {
                bytes = item_bytes;
                requests.push(vec![item]);
            }
        }
    }
    requests
}

/// Prints an answer per item, and counts those that were refused.
fn report(response: &SubmitResponse) -> usize {
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
    refused
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
        kind: Some(kind.into_item()?),
    })
}

#[cfg(test)]
mod tests;
