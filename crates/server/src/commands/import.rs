//! `gleaner import`: OTLP from files, into a running server or a directory at rest.
//!
//! Every request goes through the same checks as one over the wire. At rest it is journalled directly, then loaded.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use gleaner_wire::Encoding;

use crate::cli::ImportArgs;
use crate::commands::progress::{progress, tell};
use crate::config::Config;
use crate::engine::open_at_rest_or_new;
use crate::ingest::{self, PROJECT_HEADER, Signal};

/// One request out of a file.
struct Request {
    signal: Signal,
    encoding: Encoding,
    body: Bytes,
    /// File and line, for messages.
    place: String,
}

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let mut config = Config::load(args.config.as_deref())?;
    ingest::project_of(Some(args.project.as_bytes()))?;
    let mut requests = Vec::new();
    for file in &args.files {
        requests.extend(read_requests(file)?);
    }
    match args.otlp_http {
        Some(addr) => crate::cli::runtime()?.block_on(send(addr, &args.project, &requests))?,
        None => {
            if let Some(dir) = &args.data {
                config.data_dir.clone_from(dir);
            }
            import_at_rest(&config, &args.project, &requests)?;
        }
    }
    println!("imported {} requests from {} files", requests.len(), args.files.len());
    Ok(())
}

fn import_at_rest(config: &Config, project: &str, requests: &[Request]) -> anyhow::Result<()> {
    // All are checked before the first is kept: a file that cannot be read must not leave half an import.
    let limits = config.wire_limits();
    for request in requests {
        let scan = ingest::scan(request.signal, request.encoding, &request.body, &limits)
            .with_context(|| request.place.clone())?;
        if let Some(first) = scan.first_rejection {
            eprintln!("note: {}: {} rejected, first: {first}", request.place, scan.rejected);
        }
    }
    let bar = progress("importing");
    tell(&bar, "importing", 0, requests.len() as u64);
    let mut store = open_at_rest_or_new(config, &mut |_, _| {})?;
    for request in requests {
        let body = request.body.to_vec();
        let record = ingest::telemetry_record(request.signal, request.encoding, project.to_owned(), body);
        store.journal().append_blocking(record)?;
        bar.inc(1);
    }
    store.catch_up(&mut |_, _| {})?;
    bar.finish_and_clear();
    Ok(())
}

async fn send(addr: std::net::SocketAddr, project: &str, requests: &[Request]) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let bar = progress("sending");
    tell(&bar, "sending", 0, requests.len() as u64);
    for request in requests {
        let path = match request.signal {
            Signal::Traces => "traces",
            Signal::Logs => "logs",
        };
        let content_type = match request.encoding {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        let response = client
            .post(format!("http://{addr}/v1/{path}"))
            .header("content-type", content_type)
            .header(PROJECT_HEADER, project)
            .body(request.body.clone())
            .send()
            .await
            .with_context(|| format!("no server answers on {addr}"))?;
        let told = response.headers().get("content-type").is_some_and(|v| v.as_bytes() == content_type.as_bytes());
        anyhow::ensure!(
            response.status().is_success() && told,
            "{}: {addr} answered {}; is it the address of OTLP over HTTP?",
            request.place,
            response.status()
        );
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn read_requests(file: &Path) -> anyhow::Result<Vec<Request>> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let protobuf = matches!(file.extension().and_then(|e| e.to_str()), Some("binpb" | "pb"));
    anyhow::ensure!(!name.contains(".metrics."), "{name}: metrics are not kept");
    if protobuf {
        let signal = if name.contains(".logs.") { Signal::Logs } else { Signal::Traces };
        return Ok(vec![Request { signal, encoding: Encoding::Protobuf, body: bytes.into(), place: name }]);
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{name} is neither .binpb nor UTF-8 JSON lines"))?;
    let mut requests = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{name}, line {}", n + 1);
        let signal = signal_of(line).with_context(|| format!("{place}: neither resourceSpans nor resourceLogs"))?;
        requests.push(Request { signal, encoding: Encoding::Json, body: Bytes::from(line.to_owned()), place });
    }
    Ok(requests)
}

/// A line says what it is by its top-level key.
fn signal_of(line: &str) -> Option<Signal> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    if value.get("resourceSpans").is_some() {
        Some(Signal::Traces)
    } else if value.get("resourceLogs").is_some() {
        Some(Signal::Logs)
    } else {
        None
    }
}
