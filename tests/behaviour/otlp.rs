//! OTLP over both transports, as clients use it.

use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt, gzip, request, span};

const PROTOBUF: &str = "application/x-protobuf";

/// Scenario: the same kind of trace over gRPC, and over HTTP as protobuf, gzip, zstd and JSON.
/// Guarantees: all are acknowledged alike and read alike; the answers have the request's content type and leave
/// partial_success unset.
#[tokio::test(flavor = "multi_thread")]
async fn both_transports_take_all_encodings() {
    let gleaner = Gleaner::start().await;
    let bytes = |trace| attempt(trace, &format!("s{trace}"), "A", 1, "Paris").encode_to_vec();

    assert!(gleaner.export_grpc(bytes(1)).await.expect("accepted").is_empty());
    let zstd = zstd::encode_all(bytes(4).as_slice(), 3).expect("compresses");
    for (encoding, body) in [(None, bytes(2)), (Some("gzip"), gzip(&bytes(3))), (Some("zstd"), zstd)] {
        let response = gleaner.post_otlp(PROTOBUF, encoding, body).await;
        assert_eq!(response.status(), 200, "{encoding:?}");
        assert_eq!(response.headers()["content-type"], PROTOBUF);
        assert!(response.bytes().await.expect("a body").is_empty(), "{encoding:?}");
    }
    let json = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "00000000000000000000000000000005", "spanId": "0000000000000001", "name": "from JSON",
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000",
        "attributes": [{"key": "session.id", "value": {"stringValue": "s5"}}]
    }]}]}]});
    let response = gleaner.post_otlp("application/json; charset=utf-8", None, json.to_string().into_bytes()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.expect("a body"), "{}");

    let rows = gleaner.sql("SELECT session_id FROM sessions ORDER BY session_id").await;
    assert_eq!(rows, ["s1", "s2", "s3", "s4", "s5"].map(|s| json!({ "session_id": s })));
}

/// Scenario: a client that posts every signal to the endpoint itself, as JSON; then protobuf there, and JSON that is no OTLP.
/// Guarantees: traces, logs and metrics are told apart by their first key; the others are refused with what was wanted.
#[tokio::test(flavor = "multi_thread")]
async fn the_bare_endpoint_takes_json_of_every_signal() {
    let gleaner = Gleaner::start().await;
    let post = |content_type: &'static str, body: String| {
        let url = format!("http://{}/", gleaner.running.otlp_http);
        gleaner.http.post(url).header("content-type", content_type).body(body).send()
    };
    let span = json!({"traceId": "00000000000000000000000000000007", "spanId": "0000000000000001", "name": "bare",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2"});
    let traces = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1", "body": {"stringValue": "b"}}]}]}]});
    for body in [traces, logs, json!({"resourceMetrics": []})] {
        let response = post("application/json", format!(" {body}")).await.expect("answered");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/json".parse().expect("a header"))
        );
    }
    assert_eq!(gleaner.sql("SELECT name FROM execution_spans").await, [json!({"name": "bare"})]);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM log_records").await, [json!({"n": 1})]);
    let refused = post("application/json", r#"{"spans": []}"#.to_owned()).await.expect("answered");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.expect("a body").contains("resourceSpans"));
    assert_eq!(post(PROTOBUF, String::new()).await.expect("answered").status(), 404);
}

/// Scenario: a request with one good span and one whose trace id is too short.
/// Guarantees: the good one is kept, the answer counts the other and says why (OTLP partial success).
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_span_costs_only_itself() {
    let gleaner = Gleaner::start().await;
    let mut bad = span(1, 2, 0, "bad", &[]);
    bad.trace_id.truncate(5);
    let json_like = request(vec![span(1, 1, 0, "good", &[]), bad]);
    let response = gleaner.post_otlp(PROTOBUF, None, json_like.encode_to_vec()).await;
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.expect("a body");
    let answer = gleaner_wire::proto::collector::trace::v1::ExportTraceServiceResponse::decode(body)
        .expect("the response message");
    let partial = answer.partial_success.expect("set");
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("trace_id has 5 bytes"), "{}", partial.error_message);
    assert_eq!(gleaner.sql("SELECT name FROM execution_spans").await, [json!({"name": "good"})]);
}

/// Scenario: bodies that are not OTLP, a media type and a path that are not served.
/// Guarantees: 400 with a Status in the request's encoding, 415, 404, 405; nothing is stored; the server goes on.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told_so_and_cost_nothing() {
    let gleaner = Gleaner::start().await;
    let response = gleaner.post_otlp(PROTOBUF, None, b"\x0a\xff\xff\xff\xff\x0f".to_vec()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (400, &PROTOBUF.parse().expect("a header"))
    );
    let response = gleaner.post_otlp("application/json", None, b"{\"resourceSpans\": 7}".to_vec()).await;
    assert_eq!(response.status(), 400);
    let status: Value = response.json().await.expect("a Status");
    assert!(status["message"].as_str().is_some_and(|m| m.contains("resourceSpans")), "{status}");
    assert_eq!(gleaner.post_otlp("text/plain", None, Vec::new()).await.status(), 415);
    let url = format!("http://{}", gleaner.running.otlp_http);
    assert_eq!(gleaner.http.post(format!("{url}/v2/traces")).send().await.expect("answered").status(), 404);
    assert_eq!(gleaner.http.get(format!("{url}/v1/traces")).send().await.expect("answered").status(), 405);
    let refused = gleaner.export_grpc(b"\x0a\xff".to_vec()).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 0})]);
}

/// Scenario: children in an earlier request than their parents, a request sent twice, and a trace in one request a span.
/// Guarantees: one row a span, attributed as if all had come in order.
#[tokio::test(flavor = "multi_thread")]
async fn order_and_repeats_of_requests_do_not_matter() {
    let gleaner = Gleaner::start().await;
    let mut spans = attempt(7, "s7", "B", 2, "Paris").resource_spans.remove(0).scope_spans.remove(0).spans;
    spans.push(span(7, 3, 2, "POST", &[]));
    for span in spans.iter().rev() {
        gleaner.send(&request(vec![span.clone()])).await;
        gleaner.send(&request(vec![span.clone()])).await;
    }
    let rows = gleaner
        .sql(
            "SELECT s.name, a.session_id, l.label, r.cycle, a.status, a.llm_calls FROM execution_spans s \
             JOIN attempts a USING (attempt_id) JOIN lineages l ON l.lineage_id = a.lineage_id \
             JOIN rollouts r ON r.rollout_id = a.rollout_id ORDER BY s.name",
        )
        .await;
    let row = |name: &str| json!({"name": name, "session_id": "s7", "label": "B", "cycle": 2, "status": "ok", "llm_calls": 1});
    assert_eq!(rows, [row("POST"), row("chat gpt-4o-mini"), row("invoke_agent geographer")]);
}

/// Scenario: a span that no convention knows, with an attribute of each type.
/// Guarantees: it is stored, listed with a reason, and every attribute reads back equal (I6, I8).
#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_explains_is_kept_and_listed() {
    let gleaner = Gleaner::start().await;
    let attributes =
        [("a.text", json!("é\u{1f600}")), ("a.int", json!(-3)), ("a.float", json!(0.5)), ("a.bool", json!(true))];
    gleaner.send(&request(vec![span(9, 1, 0, "mystery", &attributes)])).await;
    let rows = gleaner
        .sql("SELECT u.name, u.reason, s.attributes FROM unmapped_spans u JOIN execution_spans s USING (span_id)")
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], "mystery");
    assert!(rows[0]["reason"].as_str().is_some_and(|r| !r.is_empty()));
    let read = match &rows[0]["attributes"] {
        Value::String(text) => serde_json::from_str(text).expect("JSON"),
        other => other.clone(),
    };
    assert_eq!(read, json!({"a.text": "é\u{1f600}", "a.int": -3, "a.float": 0.5, "a.bool": true}));
}

/// Scenario: OTLP sent to the API's port, and a log record outside any trace sent where it belongs.
/// Guarantees: the wrong port does not answer with a success; the record reads back, body and attributes (I6).
#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_port_says_so_and_loose_records_read_back() {
    let gleaner = Gleaner::start().await;
    let record = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "observedTimeUnixNano": "1700000000000000000", "eventName": "said",
        "body": {"stringValue": "hello"}, "attributes": [{"key": "k", "value": {"intValue": "7"}}]
    }]}]}]});
    for (addr, status) in [(gleaner.running.api, 404), (gleaner.running.otlp_http, 200)] {
        let response =
            gleaner.http.post(format!("http://{addr}/v1/logs")).json(&record).send().await.expect("answered");
        assert_eq!(response.status(), status);
    }
    let rows = gleaner.sql("SELECT event_name, body, attributes FROM log_records").await;
    assert_eq!(rows, [json!({"event_name": "said", "body": "hello", "attributes": {"k": 7}})]);
    let unmapped = gleaner.sql("SELECT name, reason FROM unmapped_spans").await;
    assert_eq!(unmapped, [json!({"name": "said", "reason": "log_outside_any_trace"})]);
}
