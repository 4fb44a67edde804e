//! OTLP 1.11 to the letter: each rule for a server that a client can see, over real sockets. Tests are named by the rules of the specification
//! that they hold, numbered as C (both transports), G (gRPC) and H (HTTP) in the order of its sections. Rules of the JSON mapping are held by
//! `crates/wire/src/json/tests.rs` (`j1` to `j9`), the table of codes by `crates/server/src/error/tests.rs`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gleaner_wire::proto::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceResponse;
use gleaner_wire::proto::common::v1::{AnyValue, KeyValue, any_value};
use gleaner_wire::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::faulty_disk::FaultyDisk;
use crate::harness::{Gleaner, Traces, export_on, gzip, request, span};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const MIB: usize = 1024 * 1024;

/// `google.rpc.Status`, as a client knows it.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Status {
    fn has(&self, detail: &str) -> bool {
        self.details.iter().any(|any| any.type_url == format!("type.googleapis.com/google.rpc.{detail}"))
    }
}

/// The details that a gRPC status carries; none is an empty status.
fn details(status: &tonic::Status) -> Status {
    Status::decode(status.details()).expect("a google.rpc.Status")
}

/// One good span, in a request of about `bytes`.
fn of_size(bytes: usize) -> Traces {
    request(vec![span(1, 1, 0, "large", &[("text", json!("x".repeat(bytes)))])])
}

/// Exactly so many bytes.
fn exactly(bytes: usize) -> Vec<u8> {
    let overhead = of_size(bytes).encoded_len() - bytes;
    let body = of_size(bytes - overhead).encode_to_vec();
    assert_eq!(body.len(), bytes);
    body
}

/// Status and one header of an answer.
fn told(response: &reqwest::Response, header: &str) -> (u16, String) {
    let value = response.headers().get(header).map(|value| value.to_str().expect("text").to_owned());
    (response.status().as_u16(), value.unwrap_or_default())
}

async fn small() -> Gleaner {
    Gleaner::start_with(|config| config.ingest.max_request_body_size_mib = 1).await
}

fn partial(body: bytes::Bytes) -> (i64, String) {
    let answer = ExportTraceServiceResponse::decode(body).expect("the response message");
    let partial = answer.partial_success.expect("partial_success is set");
    (partial.rejected_spans, partial.error_message)
}

/// C1: no compression and gzip, on both transports; zstd too.
#[tokio::test(flavor = "multi_thread")]
async fn c1_both_transports_take_plain_and_gzip() {
    let gleaner = Gleaner::start().await;
    let body = |id| request(vec![span(1, id, 0, "s", &[])]).encode_to_vec();
    for (id, compression) in [(1, None), (2, Some(CompressionEncoding::Gzip)), (3, Some(CompressionEncoding::Zstd))] {
        let mut grpc = tonic::client::Grpc::new(gleaner.channel().await);
        if let Some(compression) = compression {
            grpc = grpc.send_compressed(compression);
        }
        assert!(export_on(grpc, "trace", body(id)).await.expect("accepted").is_empty(), "{compression:?}");
    }
    assert_eq!(gleaner.post_otlp(PROTOBUF, None, body(4)).await.status(), 200);
    assert_eq!(gleaner.post_otlp(PROTOBUF, Some("gzip"), gzip(&body(5))).await.status(), 200);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 5})]);
}

/// C2: fields of later versions are ignored, in both encodings.
#[tokio::test(flavor = "multi_thread")]
async fn c2_fields_of_later_versions_are_ignored() {
    let gleaner = Gleaner::start().await;
    let mut body = request(vec![span(1, 1, 0, "protobuf", &[])]).encode_to_vec();
    // Field 99 of the request: varint 7, and length-delimited.
    body.extend([0x98, 0x06, 7, 0x9a, 0x06, 2, b'h', b'i']);
    assert!(gleaner.export_grpc(body).await.expect("accepted").is_empty());
    let json = json!({"futureField": {"a": [1]}, "resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "00000000000000000000000000000002", "spanId": "0000000000000002", "name": "json", "later": null,
        "attributes": [{"key": "k", "value": {"stringValue": "v", "futureValue": 1}}]
    }]}]}]});
    assert_eq!(gleaner.post_otlp(JSON, None, json.to_string().into()).await.text().await.expect("a body"), "{}");
    let rows = gleaner.sql("SELECT name FROM execution_spans ORDER BY name").await;
    assert_eq!(rows, [json!({"name": "json"}), json!({"name": "protobuf"})]);
}

/// C4, G5, G6, G7, H8: full success and empty requests leave `partial_success` unset: no bytes, or `{}`; always 200.
#[tokio::test(flavor = "multi_thread")]
async fn g7_h8_full_success_and_empty_requests_leave_partial_success_unset() {
    let gleaner = Gleaner::start().await;
    let empty_envelope = Traces { resource_spans: vec![Default::default()] };
    for request in [Traces::default(), empty_envelope, request(vec![span(1, 1, 0, "s", &[])])] {
        let body = request.encode_to_vec();
        assert!(gleaner.export_grpc(body.clone()).await.expect("accepted").is_empty());
        let response = gleaner.post_otlp(PROTOBUF, None, body).await;
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.expect("a body").is_empty());
    }
    for body in ["{}", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":[{"scopeSpans":[{}]}]}"#] {
        let response = gleaner.post_otlp(JSON, None, body.into()).await;
        assert_eq!((response.status().as_u16(), response.text().await.expect("a body").as_str()), (200, "{}"));
    }
}

/// G1, H1: traces and logs on both transports; metrics are answered with a warning and a count of 0 (G9).
#[tokio::test(flavor = "multi_thread")]
async fn g1_g9_h1_every_signal_is_served() {
    let gleaner = Gleaner::start().await;
    for signal in ["trace", "logs"] {
        let grpc = tonic::client::Grpc::new(gleaner.channel().await);
        assert!(export_on(grpc, signal, Vec::new()).await.expect("accepted").is_empty(), "{signal}");
    }
    let metrics = export_on(tonic::client::Grpc::new(gleaner.channel().await), "metrics", Vec::new()).await;
    let (rejected, warning) = partial(metrics.expect("accepted"));
    assert_eq!((rejected, warning.as_str()), (0, "metrics are not kept; point only traces and logs here"));
    for (path, json) in [("traces", "{}"), ("logs", "{}")] {
        let url = format!("http://{}/v1/{path}", gleaner.running.otlp_http);
        let response = gleaner.http.post(url).header("content-type", JSON).body("{}").send().await.expect("answered");
        assert_eq!(response.text().await.expect("a body"), json);
    }
    let url = format!("http://{}/v1/metrics", gleaner.running.otlp_http);
    let response = gleaner.http.post(url).header("content-type", JSON).body("{}").send().await.expect("answered");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "0");
}

/// G2, G3, R03: over the limit, plain or after decompression, is RESOURCE_EXHAUSTED without RetryInfo; exactly the limit is taken.
#[tokio::test(flavor = "multi_thread")]
async fn g3_oversize_is_resource_exhausted_without_retry_info() {
    let gleaner = small().await;
    let client = async |compression: Option<CompressionEncoding>| {
        let grpc = tonic::client::Grpc::new(gleaner.channel().await);
        compression.into_iter().fold(grpc, tonic::client::Grpc::send_compressed)
    };
    for compression in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let taken = export_on(client(compression).await, "trace", exactly(MIB)).await;
        assert!(taken.expect("at the limit").is_empty(), "{compression:?}");
        let refused =
            export_on(client(compression).await, "trace", exactly(MIB + 1)).await.expect_err("over the limit");
        assert_eq!(refused.code(), Code::ResourceExhausted, "{compression:?}: {refused}");
        assert!(!details(&refused).has("RetryInfo"), "{compression:?}");
        assert!(refused.message().contains("1048576 bytes"), "{refused}");
    }
}

/// G8, H9, R05: bad spans are rejected alone, counted, and the message says why, in every encoding.
#[tokio::test(flavor = "multi_thread")]
async fn g8_h9_partial_success_counts_what_was_rejected() {
    let gleaner = Gleaner::start().await;
    let spans = |trace: u64| {
        let mut spans: Vec<_> = (1..=10).map(|id| span(trace, id, 0, "s", &[])).collect();
        spans[2].trace_id = vec![0; 16];
        spans[5].span_id = vec![1; 7];
        spans[9].span_id.clear();
        request(spans)
    };
    let (rejected, message) = partial(gleaner.export_grpc(spans(1).encode_to_vec()).await.expect("accepted"));
    assert_eq!((rejected, message.as_str()), (3, "3 rejected, first: span 2: trace_id is all zero"));
    let response = gleaner.post_otlp(PROTOBUF, None, spans(2).encode_to_vec()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(partial(response.bytes().await.expect("a body")).0, 3);
    let json = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "00000000000000000000000000000003", "spanId": "0000000000000001"},
        {"traceId": "abcd", "spanId": "0000000000000002"},
    ]}]}]});
    let answer: Value = gleaner.post_otlp(JSON, None, json.to_string().into()).await.json().await.expect("JSON");
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 15})]);
    let rejected = gleaner.metric("gleaner_receiver_rejected_spans_total{receiver=\"otlp\",transport=\"grpc\"}").await;
    assert_eq!(rejected, 3.0);
}

/// G9: what is accepted with a warning has a count of 0 and a message.
#[tokio::test(flavor = "multi_thread")]
async fn g9_a_warning_rejects_nothing() {
    let gleaner = Gleaner::start().await;
    let record = LogRecord { trace_id: vec![1; 5], observed_time_unix_nano: 1, ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let logs = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    let grpc = tonic::client::Grpc::new(gleaner.channel().await);
    let body = export_on(grpc, "logs", logs.encode_to_vec()).await.expect("accepted");
    let partial = ExportLogsServiceResponse::decode(body).expect("the response").partial_success.expect("set");
    assert_eq!(partial.rejected_log_records, 0);
    assert!(partial.error_message.contains("trace_id has 5 bytes"), "{}", partial.error_message);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM log_records").await, [json!({"n": 1})]);
}

/// G11, G13, H11, H13: a disk that fails is UNAVAILABLE with RetryInfo, and 503 with Retry-After in seconds, never INTERNAL or 500; when it
/// works again so does the server, and nothing of what was refused is there.
#[tokio::test(flavor = "multi_thread")]
async fn g11_h11_h13_a_failing_disk_asks_clients_to_retry() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |_| ()).await;
    faults.failing_appends_percent.store(100, Ordering::SeqCst);
    let body = |id| request(vec![span(1, id, 0, "s", &[])]).encode_to_vec();
    let refused = gleaner.export_grpc(body(1)).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(details(&refused).has("RetryInfo"));
    for (content_type, body) in [(PROTOBUF, body(2)), (JSON, json_span(2))] {
        let response = gleaner.post_otlp(content_type, None, body).await;
        assert_eq!(told(&response, "retry-after"), (503, "1".to_owned()));
        assert_eq!(response.headers()["content-type"], content_type);
    }
    faults.failing_appends_percent.store(0, Ordering::SeqCst);
    assert!(gleaner.export_grpc(body(3)).await.expect("accepted").is_empty());
    let rows = gleaner.sql("SELECT span_id FROM execution_spans").await;
    assert_eq!(rows, [json!({"span_id": "0000000000000003"})]);
    let pushed_back = "otelcol_receiver_refused_spans_total{receiver=\"otlp\",transport=\"http\"}";
    assert_eq!(gleaner.metric(pushed_back).await, 2.0);
}

fn json_span(id: u64) -> Vec<u8> {
    let span = json!({"traceId": "00000000000000000000000000000001", "spanId": format!("{id:016x}"), "name": "s"});
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string().into()
}

/// G12, H10, H12: bad data is INVALID_ARGUMENT and 400, with a BadRequest that names the field, and without RetryInfo.
#[tokio::test(flavor = "multi_thread")]
async fn g12_h10_h12_bad_data_names_the_field() {
    let gleaner = Gleaner::start().await;
    // A span whose name is not UTF-8.
    let mut spans = vec![span(1, 1, 0, "name", &[])];
    spans[0].name = "NAME".into();
    let mut body = request(spans).encode_to_vec();
    let at = body.windows(4).position(|bytes| bytes == b"NAME").expect("is there");
    body[at] = 0xff;
    let refused = gleaner.export_grpc(body.clone()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(details(&refused).has("BadRequest") && !details(&refused).has("RetryInfo"));
    let response = gleaner.post_otlp(PROTOBUF, None, body).await;
    assert_eq!(told(&response, "content-type"), (400, PROTOBUF.to_owned()));
    let status = Status::decode(response.bytes().await.expect("a body")).expect("a google.rpc.Status");
    assert_eq!(status.code, Code::InvalidArgument as i32);
    assert!(status.has("BadRequest") && status.message.contains("spans.name"), "{}", status.message);
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}"#;
    let status: Value = gleaner.post_otlp(JSON, None, json.into()).await.json().await.expect("a Status as JSON");
    let violation = &status["details"][0];
    assert_eq!(violation["@type"], "type.googleapis.com/google.rpc.BadRequest");
    assert_eq!(violation["fieldViolations"][0]["field"], "resourceSpans[0].scopeSpans[0].spans[0].kind");
}

/// G14, H13, R11: beyond the budget of bytes in flight the answer is UNAVAILABLE with RetryInfo, and 503 with Retry-After; when the room is
/// given back, requests are taken again.
#[tokio::test(flavor = "multi_thread")]
async fn g14_h13_overload_asks_clients_to_retry() {
    let gleaner = Gleaner::start_with(|config| {
        config.ingest.max_request_body_size_mib = 1;
        (config.ingest.max_in_flight_mib, config.ingest.max_in_flight_per_connection_mib) = (1, 1);
    })
    .await;
    // Holds most of the budget: a body that does not end.
    let mut slow = tokio::net::TcpStream::connect(gleaner.running.otlp_http).await.expect("connects");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {MIB}\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.expect("sends");
    slow.write_all(&vec![0; MIB - 1000]).await.expect("sends");
    while gleaner.metric("gleaner_in_flight_bytes").await < (MIB - 1000) as f64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body = of_size(10_000).encode_to_vec();
    let refused = gleaner.export_grpc(body.clone()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(details(&refused).has("RetryInfo"));
    let response = gleaner.post_otlp(PROTOBUF, None, body.clone()).await;
    assert_eq!(told(&response, "retry-after"), (503, "1".to_owned()));
    assert_eq!(gleaner.metric("gleaner_refused_requests_total{transport=\"grpc\",reason=\"busy\"}").await, 1.0);
    drop(slow);
    while gleaner.metric("gleaner_in_flight_bytes").await > 0.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(gleaner.export_grpc(body).await.expect("accepted").is_empty());
}

/// G15: unary calls that are pipelined on one connection are served at the same time, and share a sync.
#[tokio::test(flavor = "multi_thread")]
async fn g15_calls_on_one_connection_are_served_concurrently() {
    const CALLS: u64 = 50;
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |_| ()).await;
    faults.shut_gate(true);
    let channel = gleaner.channel().await;
    let calls: Vec<_> = (1..=CALLS)
        .map(|id| {
            let grpc = tonic::client::Grpc::new(channel.clone());
            tokio::spawn(export_on(grpc, "trace", request(vec![span(1, id, 0, "s", &[])]).encode_to_vec()))
        })
        .collect();
    // All have arrived though none is answered.
    let bytes_of_one = request(vec![span(1, 1, 0, "s", &[])]).encoded_len();
    while gleaner.metric("gleaner_in_flight_bytes").await < (CALLS as usize * bytes_of_one) as f64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(calls.iter().all(|call| !call.is_finished()));
    faults.shut_gate(false);
    for call in calls {
        assert!(call.await.expect("no panic").expect("accepted").is_empty());
    }
    let commits = gleaner.metric("gleaner_journal_commit_duration_seconds_count").await;
    assert!(commits <= 3.0, "{commits} commits for {CALLS} calls at once");
}

/// H2, H3, H10, R06: answers have the content type of their request, whatever they say; parameters of the type do not matter. An
/// unknown content encoding is 400.
#[tokio::test(flavor = "multi_thread")]
async fn h3_answers_have_the_content_type_of_their_request() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |config| config.ingest.max_request_body_size_mib = 1).await;
    let good = |content_type: &str| match content_type {
        PROTOBUF => request(vec![span(1, 1, 0, "s", &[])]).encode_to_vec(),
        _ => json_span(1),
    };
    for content_type in [PROTOBUF, JSON] {
        for (path, encoding, body, status) in [
            ("/v1/traces", None, good(content_type), 200),
            ("/v1/traces", None, b"\x0a\xff".to_vec(), 400),
            ("/v1/traces", Some("br"), good(content_type), 400),
            ("/v1/traces", Some("gzip, gzip"), good(content_type), 400),
            ("/v1/traces", None, vec![b' '; MIB + 1], 413),
            ("/v1/traces", Some("gzip"), gzip(&vec![b' '; MIB + 1]), 413),
            ("/v2/traces", None, good(content_type), 404),
        ] {
            let url = format!("http://{}{path}", gleaner.running.otlp_http);
            let mut request = gleaner.http.post(url).header("content-type", format!("{content_type}; charset=utf-8"));
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            let response = request.body(body).send().await.expect("answered");
            assert_eq!(response.status(), status, "{path} {encoding:?} {content_type}");
            assert_eq!(response.headers()["content-type"], content_type, "{path} {status}");
            if status != 200 {
                assert!(!response.headers().contains_key("retry-after"), "{status} is not to be tried again");
                let body = response.bytes().await.expect("a body");
                let message = match content_type {
                    PROTOBUF => Status::decode(body).expect("a Status").message,
                    _ => serde_json::from_slice::<Value>(&body).expect("JSON")["message"].to_string(),
                };
                assert!(message.len() > 5, "{status} says why");
            }
        }
        let url = format!("http://{}/v1/traces", gleaner.running.otlp_http);
        let response = gleaner.http.get(url).header("content-type", content_type).send().await.expect("answered");
        assert_eq!(told(&response, "allow"), (405, "POST".to_owned()));
        assert_eq!(response.headers()["content-type"], content_type);
        faults.failing_appends_percent.store(100, Ordering::SeqCst);
        let response = gleaner.post_otlp(content_type, None, good(content_type)).await;
        assert_eq!(told(&response, "content-type"), (503, content_type.to_owned()));
        faults.failing_appends_percent.store(0, Ordering::SeqCst);
    }
}

/// H5: `Accept-Encoding: gzip` is honoured where an answer is long enough for it.
#[tokio::test(flavor = "multi_thread")]
async fn h5_long_answers_are_compressed_for_who_takes_it() {
    let gleaner = Gleaner::start().await;
    // The path of the field makes a long message.
    let nested = (0..12).fold(
        json!({"intValue": "no number"}),
        |inner, _| json!({"kvlistValue": {"values": [{"key": "k", "value": inner}]}}),
    );
    let span = json!({"attributes": [{"key": "k", "value": nested}]});
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let post = async |accept: &str| {
        let url = format!("http://{}/v1/traces", gleaner.running.otlp_http);
        let request = gleaner.http.post(url).header("content-type", JSON).header("accept-encoding", accept);
        request.body(body.clone()).send().await.expect("answered")
    };
    let plain = post("identity").await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.expect("a body");
    assert!(plain.len() > 256, "{}", plain.len());
    let compressed = post("br;q=1, gzip;q=0.5").await;
    assert_eq!(told(&compressed, "content-encoding"), (400, "gzip".to_owned()));
    let compressed = compressed.bytes().await.expect("a body");
    assert!(compressed.len() < plain.len());
    let limits = gleaner_wire::Limits::default();
    let read = gleaner_wire::decompress(gleaner_wire::ContentEncoding::Gzip, compressed, &limits);
    assert_eq!(read.expect("gzip"), plain);
    assert!(!post("gzip;q=0").await.headers().contains_key("content-encoding"));
}

/// H6, R03: over the limit is 413, by the announced length, by what came without one, and after decompression; the client reads the
/// answer even though it was still sending.
#[tokio::test(flavor = "multi_thread")]
async fn h6_oversize_is_413_and_the_client_gets_to_read_it() {
    let gleaner = small().await;
    assert_eq!(gleaner.post_otlp(PROTOBUF, None, exactly(MIB)).await.status(), 200);
    assert_eq!(gleaner.post_otlp(PROTOBUF, None, exactly(MIB + 1)).await.status(), 413);
    assert_eq!(gleaner.post_otlp(PROTOBUF, Some("gzip"), gzip(&exactly(MIB))).await.status(), 200);
    assert_eq!(gleaner.post_otlp(PROTOBUF, Some("gzip"), gzip(&exactly(MIB + 1))).await.status(), 413);
    // 4 MiB in chunks, all of them sent before the answer is read.
    let mut stream = tokio::net::TcpStream::connect(gleaner.running.otlp_http).await.expect("connects");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {PROTOBUF}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sends");
    for _ in 0..64 {
        let chunk = [b"10000\r\n".as_slice(), &[0; 0x10000], b"\r\n"].concat();
        stream.write_all(&chunk).await.expect("sends without being cut off");
    }
    // Whatever may have been closed by now: the answer is there.
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 413");
}

/// H15, as the Collector: where a request has none of OTLP's types the answer is plain text, 415 for a POST. A missing type counts as
/// wrong: a web page could send it here without asking.
#[tokio::test(flavor = "multi_thread")]
async fn h15_other_media_types_are_415_in_plain_text() {
    let gleaner = Gleaner::start().await;
    let url = format!("http://{}/v1/traces", gleaner.running.otlp_http);
    for content_type in [None, Some("text/plain"), Some("application/protobuf"), Some("application/jsonp")] {
        let request = gleaner.http.post(&url).body("{}");
        let request = content_type.into_iter().fold(request, |r, value| r.header("content-type", value));
        let response = request.send().await.expect("answered");
        assert_eq!(response.status(), 415, "{content_type:?}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    }
    let response = gleaner.http.get(&url).send().await.expect("answered");
    assert_eq!(told(&response, "content-type"), (405, "text/plain; charset=utf-8".to_owned()));
}

/// H1: the HTTP port speaks HTTP/2 too, without TLS; health of gRPC is told on the gRPC port.
#[tokio::test(flavor = "multi_thread")]
async fn h1_http_2_is_served_and_health_is_told() {
    let gleaner = Gleaner::start().await;
    let stream = tokio::net::TcpStream::connect(gleaner.running.otlp_http).await.expect("connects");
    let (mut client, connection) = h2::client::handshake(stream).await.expect("shakes hands");
    let driver = tokio::spawn(connection);
    let post =
        http::Request::post("http://localhost/v1/traces").header("content-type", PROTOBUF).body(()).expect("a request");
    let (answer, mut body) = client.send_request(post, false).expect("sends");
    let traces = request(vec![span(1, 1, 0, "over HTTP/2", &[])]).encode_to_vec();
    body.send_data(traces.into(), true).expect("sends");
    assert_eq!(answer.await.expect("answered").status(), 200);
    driver.abort();
    assert_eq!(gleaner.sql("SELECT name FROM execution_spans").await, [json!({"name": "over HTTP/2"})]);
    let mut grpc = tonic::client::Grpc::new(gleaner.channel().await);
    grpc.ready().await.expect("ready");
    let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let answer = grpc.unary(tonic::Request::new(bytes::Bytes::new()), path, gleaner_server::RawCodec).await;
    // HealthCheckResponse { status: SERVING }
    assert_eq!(answer.expect("healthy").into_inner().as_ref(), [8, 1]);
}

/// gRPC's own rules: an unknown method is UNIMPLEMENTED, an unknown codec too and the known ones are listed, what is no message is
/// INVALID_ARGUMENT; the connection serves on.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_what_is_not_served_is_told_so() {
    let gleaner = Gleaner::start().await;
    let mut grpc = tonic::client::Grpc::new(gleaner.channel().await);
    let mut call = async |path: &'static str, encoding: Option<&'static str>| {
        grpc.ready().await.expect("ready");
        let mut request = tonic::Request::new(bytes::Bytes::new());
        if let Some(encoding) = encoding {
            request.metadata_mut().insert("grpc-encoding", encoding.parse().expect("a value"));
        }
        let path = http::uri::PathAndQuery::from_static(path);
        grpc.unary(request, path, gleaner_server::RawCodec).await.map(tonic::Response::into_inner)
    };
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(
        call("/opentelemetry.proto.collector.trace.v1.TraceService/Import", None).await.expect_err("refused").code(),
        Code::Unimplemented
    );
    assert_eq!(call("/no.such.Service/Export", None).await.expect_err("refused").code(), Code::Unimplemented);
    let refused = call(export, Some("snappy")).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.metadata().get("grpc-accept-encoding").expect("listed"), "identity,gzip,zstd");
    assert!(call(export, None).await.expect("accepted").is_empty());
}

/// G4, H7: answers stay far below 4 MiB whatever was sent, and say still what was wrong: a thousand bad spans, an unknown content encoding and a project
/// name of some KiB.
#[tokio::test(flavor = "multi_thread")]
async fn g4_h7_answers_stay_small() {
    const MOST_BYTES: usize = 8 * 1024;
    let gleaner = Gleaner::start().await;
    let long = "long ".repeat(100_000);
    let bad = (0..1000).map(|n| {
        let mut span = span(1, n + 1, 0, &long[..2000], &[(&long[..3000], json!(1))]);
        span.trace_id.pop();
        span
    });
    let body = request(bad.collect()).encode_to_vec();
    let answer = gleaner.export_grpc(body.clone()).await.expect("a partial success");
    assert!(answer.len() < MOST_BYTES, "{}", answer.len());
    assert_eq!(partial(answer).0, 1000);
    let answer = gleaner.post_otlp(PROTOBUF, None, body).await.bytes().await.expect("a body");
    assert!(answer.len() < MOST_BYTES && partial(answer.clone()).1.contains("trace_id"), "{}", answer.len());
    let json =
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": long, "spanId": "zz", "kind": long}]}]}]});
    let refused = gleaner.post_otlp(JSON, None, json.to_string().into()).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.bytes().await.expect("a body").len() < MOST_BYTES);
    let refused = gleaner.post_otlp(JSON, Some(&long[..4000]), b"{}".to_vec()).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.bytes().await.expect("a body").len() < MOST_BYTES);
    let mut grpc = tonic::client::Grpc::new(gleaner.channel().await);
    grpc.ready().await.expect("ready");
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export".parse().expect("a path");
    let mut call = tonic::Request::new(bytes::Bytes::new());
    call.metadata_mut().insert("x-gleaner-project", long[..4000].replace(' ', "-").parse().expect("a value"));
    let status = grpc.unary(call, path, gleaner_server::RawCodec).await.expect_err("refused");
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().len() + status.details().len() < MOST_BYTES);
}

/// H11, H14: a client that goes away before it is answered costs nothing, and what it sends again is there once.
#[tokio::test(flavor = "multi_thread")]
async fn h14_who_hangs_up_and_sends_again_is_there_once() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |_| ()).await;
    let body = request(vec![span(1, 1, 0, "s", &[])]).encode_to_vec();
    faults.shut_gate(true);
    let patience = std::time::Duration::from_millis(200);
    let unanswered = gleaner.post_otlp(PROTOBUF, None, body.clone());
    assert!(tokio::time::timeout(patience, unanswered).await.is_err(), "nothing is acknowledged before it is on disk");
    let unanswered = gleaner.export_grpc(body.clone());
    assert!(tokio::time::timeout(patience, unanswered).await.is_err());
    faults.shut_gate(false);
    assert_eq!(gleaner.post_otlp(PROTOBUF, None, body).await.status(), 200);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 1})]);
}

/// Data rules (`common.proto`): the fields that refer to a profile's string table mean nothing on traces; they are treated as absent, and cost nothing.
#[tokio::test(flavor = "multi_thread")]
async fn data_rules_references_to_string_tables_are_absent_on_traces() {
    let gleaner = Gleaner::start().await;
    let mut span = span(1, 1, 0, "s", &[("plain", json!("kept"))]);
    let by_reference = any_value::Value::StringValueStrindex(3);
    span.attributes.push(KeyValue {
        key: "by_reference".into(),
        value: Some(AnyValue { value: Some(by_reference) }),
        ..Default::default()
    });
    span.attributes.push(KeyValue { key: "key".into(), key_strindex: 5, value: None });
    assert!(gleaner.export_grpc(request(vec![span]).encode_to_vec()).await.expect("accepted").is_empty());
    let json = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "00000000000000000000000000000002", "spanId": "0000000000000002",
        "attributes": [{"keyStrindex": 4, "key": "k", "value": {"stringValueStrindex": 2}}]}]}]}]});
    assert_eq!(gleaner.post_otlp(JSON, None, json.to_string().into()).await.status(), 200);
    let rows = gleaner.sql("SELECT attributes FROM execution_spans ORDER BY trace_id").await;
    assert_eq!(rows[0]["attributes"]["plain"], "kept", "{rows:?}");
    assert_eq!(
        (rows[0]["attributes"].get("by_reference"), rows[1]["attributes"].get("k")),
        (Some(&json!(null)), Some(&json!(null))),
        "{rows:?}"
    );
}
