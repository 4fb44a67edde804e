//! `gleaner demo`: the main job on real input, checked.
//!
//! Starts a server on free ports in a fresh directory, replays telemetry captured from a real library over gRPC, sends the
//! scores, rankings and locks that its users gave over gRPC, writes the four datasets, shows rows of each, and compares the
//! counts with what is known of the capture. A count that is off is an error.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use gleaner_export::DirOutput;
use gleaner_wire::feedback::{Item, SubmitRequest, item_result::Status};
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;
use tonic::transport::Channel;

use crate::cli::SqlFormat;
use crate::client::ApiClient;
use crate::commands::feedback::parse_item;
use crate::config::Config;
use crate::export::{ExportRequest, Selection};
use crate::otlp_grpc::RawCodec;
use crate::serve::{Running, start};

/// One captured request a line, as OTLP JSON.
const TRACES: &str = include_str!("../../../examples/demo/lineages.traces.jsonl");
/// One item a line, with the number of requests after which it was given and whether it is to be taken.
const FEEDBACK: &str = include_str!("../../../examples/demo/lineages.feedback.jsonl");
/// Counts that are known of the capture, each with the query that must give it.
const EXPECTED: &str = include_str!("../../../examples/demo/lineages.expected.json");
/// How much of a row is shown.
const SHOWN_CHARS: usize = 240;

/// `gleaner demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Directory for data and datasets; must be new or empty.
    #[arg(long, value_name = "DIR", default_value = "gleaner-demo")]
    out: PathBuf,
}

/// A line of the feedback file.
#[derive(Deserialize)]
struct Given {
    after_request: usize,
    expect: String,
    item: Value,
}

/// A count that must come out.
#[derive(Deserialize)]
struct Check {
    what: String,
    sql: String,
    expect: i64,
}

/// Runs the demo to its end.
///
/// # Errors
/// When anything fails, or a count is not what it must be.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let out = fresh_dir(&args.out)?;
    let data = out.join("data");
    let running = start(demo_config(&data)?).await?;
    println!("serving OTLP on {}, API on {}, data in {}", running.otlp_grpc, running.api, data.display());

    let result = act(&running, &out).await;
    let closed = running.shutdown().await;
    result?;
    closed?;

    let gleaner = std::env::args().next().unwrap_or_else(|| "gleaner".to_owned());
    println!("\nGo on with:");
    println!("  {gleaner} sql --data {} \"SELECT rule, count(*) FROM preference_pairs GROUP BY rule\"", data.display());
    println!("  {gleaner} export preference --data {} --out {}", data.display(), out.join("more").display());
    println!(
        "  {gleaner} serve --data {}    # then point OTEL_EXPORTER_OTLP_ENDPOINT at http://127.0.0.1:4317",
        data.display()
    );
    Ok(())
}

async fn act(running: &Running, out: &Path) -> anyhow::Result<()> {
    let api = ApiClient::new(running.api);
    replay(running, &api).await?;
    api.wait_until_loaded().await?;

    let datasets = out.join("datasets");
    let request = ExportRequest {
        kinds: ["sft", "preference", "reward", "trajectory"].map(str::to_owned).to_vec(),
        selection: Selection::default(),
        as_of: None,
        progress: false,
    };
    api.export(&request, &mut DirOutput::new(&datasets)?, &mut |_| ()).await?;
    println!("\nDatasets in {}:", datasets.display());
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(&datasets)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
        let (name, text) = (path.file_name().unwrap_or_default().display(), std::fs::read_to_string(path)?);
        println!("\n{name}: {} rows", text.lines().count());
        for line in text.lines().take(2) {
            println!("  {}", shortened(line));
        }
    }
    check(&api).await
}

/// Sends each captured request, and after it the feedback that was given by then.
async fn replay(running: &Running, api: &ApiClient) -> anyhow::Result<()> {
    let channel = Channel::from_shared(format!("http://{}", running.otlp_grpc))?.connect().await?;
    let given: Vec<Given> = FEEDBACK.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let limits = gleaner_wire::Limits::default();
    let mut counts = [0usize; 3];
    send_feedback(api, &given, 0, &mut counts).await?;
    let mut requests = 0;
    for line in TRACES.lines() {
        let request = gleaner_wire::decode_traces(gleaner_wire::Encoding::Json, line.as_bytes(), &limits)?;
        export_traces(channel.clone(), Bytes::from(request.encode_to_vec())).await?;
        requests += 1;
        send_feedback(api, &given, requests, &mut counts).await?;
    }
    println!(
        "replayed {requests} OTLP requests over gRPC; feedback over gRPC: {} accepted, {} repeated, {} refused",
        counts[0], counts[1], counts[2]
    );
    Ok(())
}

async fn send_feedback(api: &ApiClient, given: &[Given], after: usize, counts: &mut [usize; 3]) -> anyhow::Result<()> {
    for given in given.iter().filter(|g| g.after_request == after) {
        let item: Item = parse_item(&given.item.to_string())?;
        let response = api.submit(SubmitRequest { items: vec![item] }).await?;
        let result = response.results.first().context("no answer to an item")?;
        let refused = result.status() == Status::Refused;
        anyhow::ensure!(
            refused == (given.expect == "refused"),
            "an item that should be {} was answered {:?}: {}",
            given.expect,
            result.status(),
            result.message
        );
        counts[match result.status() {
            Status::Accepted => 0,
            Status::Repeated => 1,
            _ => 2,
        }] += 1;
    }
    Ok(())
}

/// What an exporter does: one unary call with the request's bytes.
async fn export_traces(channel: Channel, body: Bytes) -> anyhow::Result<()> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    grpc.unary(tonic::Request::new(body), path, RawCodec).await?;
    Ok(())
}

/// Compares with what is known of the capture.
async fn check(api: &ApiClient) -> anyhow::Result<()> {
    let checks: Vec<Check> = serde_json::from_str(EXPECTED)?;
    println!("\nChecked against what is known of the capture:");
    let mut wrong = Vec::new();
    for check in checks {
        let answer = api.sql(&check.sql, None, SqlFormat::Json).await.with_context(|| check.what.clone())?;
        let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&answer.body)?;
        let got = rows.first().and_then(|row| row.values().next()).and_then(Value::as_i64).unwrap_or(-1);
        let mark = if got == check.expect { "ok" } else { "WRONG" };
        println!("  {mark:>5}  {:>4}  {}", got, check.what);
        if got != check.expect {
            wrong.push(format!("{}: {got}, must be {}", check.what, check.expect));
        }
    }
    anyhow::ensure!(wrong.is_empty(), "the demo's counts are wrong: {}", wrong.join("; "));
    Ok(())
}

fn demo_config(data: &Path) -> anyhow::Result<Config> {
    let mut config = Config { data_dir: data.to_owned(), ..Config::default() };
    let any = "127.0.0.1:0".parse()?;
    (config.otlp.grpc.endpoint, config.otlp.http.endpoint, config.api.endpoint) = (any, any, any);
    Ok(config)
}

fn fresh_dir(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.exists() && dir.read_dir().with_context(|| format!("cannot read {}", dir.display()))?.next().is_some() {
        anyhow::bail!("{} is not empty; name a new directory with --out", dir.display());
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir.canonicalize()?)
}

fn shortened(line: &str) -> String {
    let mut text: String = line.chars().take(SHOWN_CHARS).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}
