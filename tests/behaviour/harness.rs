//! A server in this process, and the smallest clients that speak to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gleaner_journal::{Disk, FileSystem};
use gleaner_server::{Config, RawCodec, Running, start_on};
use gleaner_wire::proto;
use gleaner_wire::proto::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::Channel;

/// A server on free ports in a directory of its own.
pub(crate) struct Gleaner {
    pub(crate) running: Running,
    pub(crate) dir: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Gleaner {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory")).await
    }

    pub(crate) async fn start_in(dir: TempDir) -> Self {
        Self::start_as(Arc::new(FileSystem), dir, |_| {}, env!("CARGO_BIN_EXE_gleaner").into()).await
    }

    /// With another program to start as helper.
    pub(crate) async fn start_with_program(program: PathBuf) -> Self {
        Self::start_as_program(tempfile::tempdir().expect("a directory"), program).await
    }

    /// As [`Gleaner::start_with_program`], on a directory that is there already.
    pub(crate) async fn start_as_program(dir: TempDir, program: PathBuf) -> Self {
        Self::start_as(Arc::new(FileSystem), dir, |_| {}, program).await
    }

    /// With a configuration that differs from the defaults.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Arc::new(FileSystem), change).await
    }

    /// With the journal on a disk that may fail.
    pub(crate) async fn start_on(disk: Arc<dyn Disk>, change: impl FnOnce(&mut Config)) -> Self {
        let program = env!("CARGO_BIN_EXE_gleaner").into();
        Self::start_as(disk, tempfile::tempdir().expect("a directory"), change, program).await
    }

    async fn start_as(disk: Arc<dyn Disk>, dir: TempDir, change: impl FnOnce(&mut Config), program: PathBuf) -> Self {
        let mut config = config(dir.path());
        change(&mut config);
        let running = start_on(disk, config, program).await.expect("starts");
        Self { running, dir, http: reqwest::Client::new() }
    }

    /// Status of an answer to these items.
    pub(crate) async fn feedback_status(&self, items: Value) -> u16 {
        self.api("/v1/feedback:submit", &json!({ "items": items })).await.status().as_u16()
    }

    /// The value of a line of `/metrics`; `line` is its name with its labels.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let text = self.get("/metrics").await.1;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{line} is not in\n{text}")).parse().expect("a number")
    }

    /// Status and body of a path of the API.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("http://{}{path}", self.running.api)).send().await.expect("answered");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    /// Stops and starts again on the same directory.
    pub(crate) async fn restart(self) -> Self {
        self.running.shutdown().await.expect("stops");
        Self::start_in(self.dir).await
    }

    pub(crate) async fn post_otlp(
        &self,
        content_type: &str,
        encoding: Option<&str>,
        body: Vec<u8>,
    ) -> reqwest::Response {
        let mut request =
            self.http.post(format!("http://{}/v1/traces", self.running.otlp_http)).header("content-type", content_type);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        request.body(body).send().await.expect("answered")
    }

    pub(crate) async fn send(&self, request: &Traces) {
        let response = self.post_otlp("application/x-protobuf", None, request.encode_to_vec()).await;
        assert_eq!(response.status(), 200);
    }

    /// One unary call of OTLP over gRPC with these bytes.
    pub(crate) async fn export_grpc(&self, body: Vec<u8>) -> Result<Bytes, tonic::Status> {
        let grpc = tonic::client::Grpc::new(self.channel().await);
        export_on(grpc, "trace", body).await
    }

    /// A connection to OTLP over gRPC.
    pub(crate) async fn channel(&self) -> Channel {
        let channel = Channel::from_shared(format!("http://{}", self.running.otlp_grpc)).expect("an address");
        channel.connect().await.expect("connects")
    }

    pub(crate) async fn sql(&self, query: &str) -> Vec<Value> {
        let response = self.api("/v1/sql", &json!({ "query": query })).await;
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert_eq!(status, 200, "{query}: {text}");
        serde_json::from_str(&text).expect("an array of rows")
    }

    pub(crate) async fn api(&self, path: &str, body: &Value) -> reqwest::Response {
        self.http.post(format!("http://{}{path}", self.running.api)).json(body).send().await.expect("answered")
    }

    /// Sends items as JSON; gives (status, field) of each answer.
    pub(crate) async fn feedback(&self, items: Value) -> Vec<(String, String)> {
        let response = self.api("/v1/feedback:submit", &json!({ "items": items })).await;
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.expect("JSON");
        answer["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|r| (r["status"].as_str().unwrap_or("").to_owned(), r["field"].as_str().unwrap_or("").to_owned()))
            .collect()
    }
}

/// One unary call of a signal's `Export` (`trace`, `logs`, `metrics`).
pub(crate) async fn export_on(
    mut grpc: tonic::client::Grpc<Channel>,
    signal: &str,
    body: Vec<u8>,
) -> Result<Bytes, tonic::Status> {
    grpc.ready().await.expect("ready");
    let name = format!("{}{}Service", signal[..1].to_uppercase(), &signal[1..]);
    let path = format!("/opentelemetry.proto.collector.{signal}.v1.{name}/Export").parse().expect("a path");
    Ok(grpc.unary(tonic::Request::new(Bytes::from(body)), path, RawCodec).await?.into_inner())
}

pub(crate) type Traces = proto::collector::trace::v1::ExportTraceServiceRequest;

fn config(dir: &Path) -> Config {
    let mut config = Config { data_dir: dir.join("data"), ..Config::default() };
    let any = "127.0.0.1:0".parse().expect("an address");
    (config.otlp.grpc.endpoint, config.otlp.http.endpoint, config.api.endpoint) = (any, any, any);
    config
}

/// One span. `parent` 0 is a root; ids are small numbers.
pub(crate) fn span(
    trace: u64,
    id: u64,
    parent: u64,
    name: &str,
    attributes: &[(&str, Value)],
) -> proto::trace::v1::Span {
    proto::trace::v1::Span {
        trace_id: u128::from(trace).to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + id * 1_000_000,
        end_time_unix_nano: 1_700_000_000_000_000_000 + id * 1_000_000 + 500_000,
        attributes: attributes
            .iter()
            .map(|(key, value)| KeyValue { key: (*key).to_owned(), value: Some(any(value)), ..Default::default() })
            .collect(),
        ..Default::default()
    }
}

/// A request of these spans.
pub(crate) fn request(spans: Vec<proto::trace::v1::Span>) -> Traces {
    Traces {
        resource_spans: vec![proto::trace::v1::ResourceSpans {
            scope_spans: vec![proto::trace::v1::ScopeSpans { spans, ..Default::default() }],
            ..Default::default()
        }],
    }
}

/// An attempt of a lineage that answers `answer` to one question: an agent span with its keys and one model call.
pub(crate) fn attempt(trace: u64, session: &str, lineage: &str, cycle: i64, answer: &str) -> Traces {
    let question = json!([{"role": "user", "parts": [{"type": "text", "content": "What is the capital of France?"}]}]);
    let output =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]);
    let keys = [
        ("gen_ai.operation.name", json!("invoke_agent")),
        ("gen_ai.agent.name", json!("geographer")),
        ("gleaner.session.id", json!(session)),
        ("gleaner.lineage.label", json!(lineage)),
        ("gleaner.rollout.cycle", json!(cycle)),
    ];
    let call = [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4o-mini")),
        ("gen_ai.input.messages", json!(question.to_string())),
        ("gen_ai.output.messages", json!(output.to_string())),
        ("gen_ai.usage.input_tokens", json!(9)),
        ("gen_ai.usage.output_tokens", json!(3)),
        ("gen_ai.response.id", json!(format!("resp-{trace}"))),
    ];
    request(vec![span(trace, 1, 0, "invoke_agent geographer", &keys), span(trace, 2, 1, "chat gpt-4o-mini", &call)])
}

fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::String(s) => Any::StringValue(s.clone()),
        Value::Bool(b) => Any::BoolValue(*b),
        Value::Number(n) => n.as_i64().map_or_else(|| Any::DoubleValue(n.as_f64().expect("a number")), Any::IntValue),
        other => panic!("the harness has no use for {other}"),
    };
    AnyValue { value: Some(value) }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("writes");
    encoder.finish().expect("finishes")
}
