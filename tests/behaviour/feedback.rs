//! Feedback over gRPC and JSON, before and after the spans that it speaks of.

use gleaner_server::stubs::feedback_service_client::FeedbackServiceClient;
use gleaner_wire::feedback::{Evaluation, Item, SubmitRequest, Target, evaluation, item, item_result::Status};
use gleaner_wire::proto;
use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt, request, span};

fn score(key: &str, target: Value, score: f64) -> Value {
    json!({"idempotency_key": key, "reviewer": "mara", "evaluation": {"target": target, "score": score}})
}

/// Scenario: scores that name session, lineage and cycle, a trace, and a response id, sent before any span; a ranking and a lock
/// with them; then the spans come.
/// Guarantees: all are accepted, first unlinked and making no pair; afterwards linked, with the pairs that follow.
#[tokio::test(flavor = "multi_thread")]
async fn feedback_may_come_before_its_spans() {
    let gleaner = Gleaner::start().await;
    let cycle = |lineage: &str| json!({"session": "s1", "lineage": lineage, "cycle": 1});
    let answers = gleaner
        .feedback(json!([
            score("k1", cycle("A"), 9.0),
            score("k2", json!({"trace_id": "00000000000000000000000000000002"}), 4.0),
            score("k3", json!({"response_id": "resp-3"}), 7.0),
            {"reviewer": "mara", "comparison": {"session": "s1", "cycle": 1, "ranking": {"groups": [
                {"targets": [{"lineage": "A"}]}, {"targets": [{"lineage": "B"}, {"lineage": "C"}]}]}}},
            {"reviewer": "jonas", "comparison": {"session": "s1", "cycle": 1, "lock": {"locked": [{"lineage": "A"}]}}},
            {"session": {"session": "s1", "need": "geography"}},
        ]))
        .await;
    assert!(answers.iter().all(|(status, _)| status == "ACCEPTED"), "{answers:?}");
    let linked = "SELECT count(*) FILTER (linked) AS linked, count(*) AS n FROM evaluations";
    assert_eq!(gleaner.sql(linked).await, [json!({"linked": 0, "n": 3})]);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM preference_pairs").await, [json!({"n": 0})]);

    for (trace, lineage, answer) in [(1, "A", "Paris"), (2, "B", "Lyon"), (3, "C", "Nice")] {
        gleaner.send(&attempt(trace, "s1", lineage, 1, answer)).await;
    }
    assert_eq!(gleaner.sql(linked).await, [json!({"linked": 3, "n": 3})]);
    let pairs = gleaner
        .sql(
            "SELECT p.rule, c.output_text AS chosen, r.output_text AS rejected FROM preference_pairs p \
             JOIN attempts c ON c.attempt_id = p.chosen_attempt_id JOIN attempts r ON r.attempt_id = p.rejected_attempt_id \
             ORDER BY ALL",
        )
        .await;
    let pair = |rule: &str, chosen: &str, rejected: &str| json!({"rule": rule, "chosen": chosen, "rejected": rejected});
    assert_eq!(
        pairs,
        [
            pair("lock", "Paris", "Lyon"),
            pair("lock", "Paris", "Nice"),
            pair("ranking", "Paris", "Lyon"),
            pair("ranking", "Paris", "Nice"),
            pair("score", "Nice", "Lyon"),
            pair("score", "Paris", "Lyon"),
            pair("score", "Paris", "Nice"),
        ]
    );
    assert_eq!(
        gleaner.sql("SELECT session_id, need FROM sessions").await,
        [json!({"session_id": "s1", "need": "geography"})]
    );
}

/// Scenario: a batch with a score of 11, a ranking of one and a misspelt field among good items; a retry after a restart; another content under a key.
/// Guarantees: bad items are refused alone with their field; a key means the same after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn items_are_judged_one_by_one_and_keys_outlive_a_restart() {
    let gleaner = Gleaner::start().await;
    let target = json!({"session": "s1", "lineage": "A", "cycle": 1});
    let answers = gleaner
        .feedback(json!([
            score("k1", target.clone(), 8.0),
            score("k2", target.clone(), 11.0),
            {"comparison": {"session": "s1", "cycle": 1, "ranking": {"groups": [{"targets": [{"lineage": "A"}]}]}}},
            {"reviewer": "mara", "evaluatoin": {}},
        ]))
        .await;
    let answer = |status: &str, field: &str| (status.to_owned(), field.to_owned());
    assert_eq!(
        answers,
        [answer("ACCEPTED", ""), answer("REFUSED", "score"), answer("REFUSED", "ranking"), answer("REFUSED", "")]
    );

    let gleaner = gleaner.restart().await;
    assert_eq!(gleaner.feedback(json!([score("k1", target.clone(), 8.0)])).await, [answer("REPEATED", "")]);
    assert_eq!(gleaner.feedback(json!([score("k1", target, 2.0)])).await, [answer("REFUSED", "idempotency_key")]);
    assert_eq!(gleaner.sql("SELECT score FROM evaluations").await, [json!({"score": 8.0})]);
}

/// Scenario: a client with generated stubs, unary and streaming; health; reflection by a client that knows no proto.
/// Guarantees: the gRPC service answers as the JSON form does, and tells what it is.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_clients_submit_stream_and_ask_what_is_served() {
    let gleaner = Gleaner::start().await;
    let url = format!("http://{}", gleaner.running.api);
    let item = |score: f64| Item {
        reviewer: "jonas".into(),
        kind: Some(item::Kind::Evaluation(Evaluation {
            target: Some(Target { attempt_id: "a1".into(), ..Target::default() }),
            value: Some(evaluation::Value::Score(score)),
            ..Evaluation::default()
        })),
        ..Item::default()
    };
    let mut client = FeedbackServiceClient::connect(url.clone()).await.expect("connects");
    let answer =
        client.submit(SubmitRequest { items: vec![item(6.0), item(0.5)] }).await.expect("answered").into_inner();
    assert_eq!(answer.results.iter().map(|r| r.status()).collect::<Vec<_>>(), [Status::Accepted, Status::Refused]);

    // Two bytes each on the wire, some hundred as items: counted before they are built.
    let flood = SubmitRequest { items: vec![Item::default(); 1_000_000] };
    let refused = client.submit(flood).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused:?}");

    let requests = tokio_stream::iter([6.0, 7.0].map(|s| SubmitRequest { items: vec![item(s)] }));
    let mut answers = client.submit_stream(requests).await.expect("answered").into_inner();
    let mut statuses = Vec::new();
    while let Some(answer) = answers.message().await.expect("goes on") {
        statuses.push(answer.results[0].status());
    }
    assert_eq!(statuses, [Status::Repeated, Status::Accepted]);

    let channel = tonic::transport::Channel::from_shared(url).expect("an address").connect().await.expect("connects");
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    let serving = health.check(tonic_health::pb::HealthCheckRequest::default()).await.expect("answered").into_inner();
    assert_eq!(serving.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);

    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut told = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([ask]))
        .await
        .expect("answered")
        .into_inner();
    let told = told.message().await.expect("goes on").expect("an answer").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = told else { panic!("a list of services") };
    assert!(list.service.iter().any(|s| s.name == "gleaner.feedback.v1.FeedbackService"), "{list:?}");
}

/// Scenario: an agent's trace, and what is said of it in telemetry: by a span event, an annotation, a judge's span in a trace of
/// its own that came before, a record outside any trace that names the response, a user's answer that names the session. All
/// of it is sent twice; then the server starts again.
/// Guarantees: each is one evaluation with its source and origin, bound to the attempt, with the span where one is named; and
/// is readable, retractable and told apart from items that are sent.
#[tokio::test(flavor = "multi_thread")]
async fn evaluations_that_travel_in_telemetry() {
    let gleaner = Gleaner::start().await;
    let mut traces = attempt(1, "s1", "A", 1, "Paris");
    let spans = &mut traces.resource_spans[0].scope_spans[0].spans;
    let result = [("gen_ai.evaluation.name", json!("helpful")), ("gen_ai.evaluation.score.value", json!(0.9))];
    let carrier = span(1, 9, 0, "gen_ai.evaluation.result", &result);
    spans[0].events.push(proto::trace::v1::span::Event {
        name: carrier.name,
        attributes: carrier.attributes,
        ..Default::default()
    });
    let annotation = [
        ("annotations.0.annotation.name", json!("tone")),
        ("annotations.0.annotation.label", json!("kind")),
        ("annotations.0.annotation.annotator_kind", json!("HUMAN")),
    ];
    spans[1].attributes.extend(span(1, 9, 0, "", &annotation).attributes);
    let mut judge = span(
        2,
        1,
        0,
        "judge",
        &[
            ("openinference.span.kind", json!("EVALUATOR")),
            ("evaluations.0.evaluation.name", json!("true")),
            ("evaluations.0.evaluation.score", json!(1)),
            ("evaluations.0.evaluation.annotator_kind", json!("LLM")),
            ("evaluations.0.evaluation.identifier", json!("judge-v2")),
        ],
    );
    judge.links = vec![proto::trace::v1::span::Link {
        trace_id: spans[1].trace_id.clone(),
        span_id: spans[1].span_id.clone(),
        ..Default::default()
    }];
    let record = |name: &str, attributes: Value| {
        let attributes: Vec<Value> = attributes
            .as_object()
            .expect("attributes")
            .iter()
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
            .collect();
        json!({"timeUnixNano": "1700000000000000000", "eventName": name, "attributes": attributes})
    };
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        record("gen_ai.evaluation.result", json!({
            "gen_ai.evaluation.name": "late", "gen_ai.evaluation.score.label": "fine", "gen_ai.response.id": "resp-1"})),
        record("feedback_survey", json!({
            "event_type": "responded", "response": "good", "session.id": "s1", "user.id": "u1", "appearance_id": "a1"})),
    ]}]}]});
    for _ in 0..2 {
        gleaner.send(&request(vec![judge.clone()])).await;
        gleaner.send(&traces).await;
        let url = format!("http://{}/v1/logs", gleaner.running.otlp_http);
        assert_eq!(gleaner.http.post(url).json(&logs).send().await.expect("answered").status(), 200);
    }

    let gleaner = gleaner.restart().await;
    let query = "SELECT e.criterion, e.value, e.label, e.source, e.reviewer, a.session_id, s.name AS span, \
                 e.metadata ->> 'carrier' AS carrier FROM evaluations e JOIN attempts a USING (attempt_id) \
                 LEFT JOIN execution_spans s ON s.trace_id = e.trace_id AND s.span_id = e.span_id ORDER BY e.criterion";
    let rows: Vec<Value> = gleaner
        .sql(query)
        .await
        .iter()
        .map(|row| row.as_object().expect("a row").values().cloned().collect())
        .collect();
    let (agent, call) = ("invoke_agent geographer", "chat gpt-4o-mini");
    assert_eq!(
        rows,
        [
            json!(["feedback_survey", null, "good", "human", "u1", "s1", null, "claude_code"]),
            json!(["helpful", 0.9, null, "code", null, "s1", agent, "gen_ai.evaluation"]),
            json!(["late", null, "fine", "code", null, "s1", null, "gen_ai.evaluation"]),
            json!(["tone", null, "kind", "human", null, "s1", call, "openinference"]),
            json!(["true", 1.0, null, "model", "judge-v2", "s1", call, "openinference"]),
        ]
    );
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM evaluations").await, [json!({"n": 5})]);
    assert_eq!(gleaner.sql("SELECT name FROM unmapped_spans WHERE trace_id IS NULL").await, [] as [Value; 0]);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM log_records").await, [json!({"n": 2})]);

    let helpful =
        &gleaner.sql("SELECT evaluation_id FROM evaluations WHERE criterion = 'helpful'").await[0]["evaluation_id"];
    let answers = gleaner.feedback(json!([{"retraction": {"of": helpful}}])).await;
    assert_eq!(answers[0].0, "ACCEPTED");
    let in_force = gleaner.sql("SELECT count(*) AS n FROM evaluations WHERE in_force").await;
    assert_eq!(in_force, [json!({"n": 4})]);
}
