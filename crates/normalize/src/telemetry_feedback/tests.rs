use gleaner_model::{ScopeInfo, SpanEvent, SpanLink};

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const OTHER_TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const OTHER_SPAN: &str = "e457b5a2e4d86bd1";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn stored(fragment: Fragment) -> StoredFragment {
    StoredFragment { project: "shop".into(), position: 3, ordinal: 1, recorded_at_unix_nano: 99, fragment }
}

fn span(name: &str, attributes: Value) -> SpanFragment {
    SpanFragment {
        trace_id: TRACE.into(),
        span_id: SPAN.into(),
        name: name.into(),
        start_time_unix_nano: 5,
        end_time_unix_nano: 7,
        attributes: object(attributes),
        scope: ScopeInfo { name: "tracer".into(), ..ScopeInfo::default() },
        ..SpanFragment::default()
    }
}

fn of(span: SpanFragment) -> Vec<FeedbackItem> {
    telemetry_feedback(&stored(Fragment::Span(Box::new(span))))
}

fn of_event(name: &str, attributes: Value) -> Vec<FeedbackItem> {
    let mut carrier = span("answer", json!({"gen_ai.operation.name": "chat"}));
    carrier.events = vec![SpanEvent { name: name.into(), time_unix_nano: 6, attributes: object(attributes) }];
    of(carrier)
}

fn log(name: &str, in_span: bool, attributes: Value) -> LogFragment {
    LogFragment {
        trace_id: in_span.then(|| TRACE.into()),
        span_id: in_span.then(|| SPAN.into()),
        event_name: name.into(),
        observed_time_unix_nano: 8,
        attributes: object(attributes),
        ..LogFragment::default()
    }
}

fn of_log(log: LogFragment) -> Vec<FeedbackItem> {
    telemetry_feedback(&stored(Fragment::Log(Box::new(log))))
}

fn link() -> SpanLink {
    SpanLink { trace_id: OTHER_TRACE.into(), span_id: OTHER_SPAN.into(), ..SpanLink::default() }
}

fn evaluation(item: &FeedbackItem) -> &Evaluation {
    match &item.body {
        FeedbackBody::Evaluation(evaluation) => evaluation,
        other => panic!("{other:?}"),
    }
}

/// What matters of the items: criterion, value, label, comment, source, reviewer.
fn said(items: &[FeedbackItem]) -> Value {
    items
        .iter()
        .map(|item| {
            let e = evaluation(item);
            json!([e.criterion, e.value, e.label, e.comment, item.source.as_str(), item.reviewer])
        })
        .collect()
}

fn target(items: &[FeedbackItem]) -> &Target {
    &evaluation(&items[0]).target
}

fn own() -> Target {
    span_target(TRACE, Some(SPAN))
}

fn other() -> Target {
    span_target(OTHER_TRACE, Some(OTHER_SPAN))
}

fn response(id: &str) -> Target {
    Target { response_id: Some(id.into()), ..Target::default() }
}

fn session(id: &str) -> Target {
    Target { session: Some(id.into()), ..Target::default() }
}

fn genai() -> Value {
    json!({
        "gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 1,
        "gen_ai.evaluation.score.label": "pass", "gen_ai.evaluation.explanation": "to the point",
        "gen_ai.response.id": "resp-1", "gen_ai.conversation.id": "conv-1",
    })
}

/// Guarantees: a record, an event and attributes of a span say the same, in the same item, with its origin beside it.
#[test]
fn genai_results_in_three_carriers() {
    let expected = json!([["relevance", 1.0, "pass", "to the point", "code", null]]);
    let record = of_log(log("gen_ai.evaluation.result", true, genai()));
    let event = of_event("gen_ai.evaluation.result", genai());
    let mut attributes = object(genai());
    attributes.insert("gen_ai.operation.name".into(), json!("chat"));
    let on_span = of(span("chat m", Value::Object(attributes)));
    for items in [&record, &event, &on_span] {
        assert_eq!(said(items), expected);
        assert_eq!(target(items), &own());
        assert_eq!((&items[0].item_id, &items[0].content_hash), (&record[0].item_id, &record[0].content_hash));
    }
    let times: Vec<u64> = [&record, &event, &on_span].iter().map(|items| items[0].created_at_unix_nano).collect();
    assert_eq!(times, [8, 6, 7]);
    let metadata = evaluation(&on_span[0]).metadata.clone().expect("metadata");
    assert_eq!(
        Value::Object(metadata),
        json!({"source_stated": false, "carrier": "gen_ai.evaluation", "signal": "span", "name": "chat m",
            "scope_name": "tracer", "trace_id": TRACE, "span_id": SPAN})
    );
}

/// Guarantees: a record outside of a span is about the response, else its trace, else the session that it names.
#[test]
fn genai_targets_without_a_span() {
    let loose = |attributes: Value| of_log(log("gen_ai.evaluation.result", false, attributes));
    assert_eq!(target(&loose(genai())), &response("resp-1"));
    let mut attributes = object(genai());
    attributes.remove("gen_ai.response.id");
    assert_eq!(target(&loose(Value::Object(attributes.clone()))), &session("conv-1"));
    let mut in_trace = log("gen_ai.evaluation.result", true, Value::Object(attributes.clone()));
    in_trace.span_id = None;
    assert_eq!(target(&of_log(in_trace)), &span_target(TRACE, None));
    attributes.remove("gen_ai.conversation.id");
    assert_eq!(loose(Value::Object(attributes)), [], "about nothing");
}

/// Guarantees: a span that is there for an evaluation alone is about what it names: ids, a link, a response, a session.
#[test]
fn genai_score_spans() {
    let mut attributes = object(genai());
    attributes.insert("gen_ai.evaluation.source".into(), json!("llm-judge"));
    let score = |attributes: &Map<String, Value>| span("gen_ai.evaluation.result", Value::Object(attributes.clone()));
    let items = of(score(&attributes));
    assert_eq!((items[0].source, target(&items)), (Source::Model, &response("resp-1")));
    let mut by_link = score(&attributes);
    by_link.links = vec![link()];
    assert_eq!(target(&of(by_link)), &other());
    attributes.insert("gen_ai.evaluation.trace_id".into(), json!(OTHER_TRACE.to_uppercase()));
    assert_eq!(target(&of(score(&attributes))), &span_target(OTHER_TRACE, None));
    attributes.insert("gen_ai.evaluation.span_id".into(), json!(OTHER_SPAN));
    assert_eq!(target(&of(score(&attributes))), &other());
    for key in ["gen_ai.evaluation.trace_id", "gen_ai.evaluation.span_id", "gen_ai.response.id"] {
        attributes.remove(key);
    }
    assert_eq!(target(&of(score(&attributes))), &session("conv-1"));
}

/// Guarantees: nothing said makes no item; text that is no number is a label; NaN is no value; what is over a limit is kept
/// aside.
#[test]
fn what_cannot_be_a_value() {
    let of = |attributes: Value| of_log(log("gen_ai.evaluation.result", true, attributes));
    assert_eq!(of(json!({"gen_ai.evaluation.name": "relevance", "error.type": "timeout"})), []);
    assert_eq!(of(json!({"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": {"$double": "NaN"}})), []);
    let text = of(json!({"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": "0.5"}));
    assert_eq!(said(&text), json!([["x", 0.5, null, null, "code", null]]));
    let word = of(json!({"gen_ai.evaluation.score.value": "good"}));
    assert_eq!(said(&word), json!([["evaluation", null, "good", null, "code", null]]));
    let long = "x".repeat(FeedbackLimits::DEFAULT_MAX_KEY_BYTES + 1);
    let long = of(
        json!({"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": 2, "gen_ai.evaluation.score.label": long}),
    );
    let evaluation = evaluation(&long[0]);
    assert_eq!((&evaluation.value, &evaluation.label), (&Some(json!(2.0)), &None));
    assert_eq!(evaluation.metadata.as_ref().expect("metadata")["label"].as_str().map(str::len), Some(513));
}

/// Guarantees: annotations are about their span, its trace or its session; kinds, identifiers and metadata are kept.
#[test]
fn openinference_annotations() {
    let items = of(span(
        "answer_question",
        json!({
            "openinference.span.kind": "CHAIN", "session.id": "s1",
            "annotations.0.annotation.name": "hallucination", "annotations.0.annotation.score": 1,
            "annotations.0.annotation.label": "hallucinated", "annotations.0.annotation.annotator_kind": "LLM",
            "annotations.0.annotation.identifier": "judge-v2", "annotations.0.annotation.metadata": "{\"rubric\":\"r1\"}",
            "annotations.1.annotation.name": "thumb", "annotations.1.annotation.label": "up",
            "annotations.1.annotation.annotator_kind": "HUMAN",
            "trace.annotations.0.annotation.name": "frustration", "trace.annotations.0.annotation.explanation": "shouts",
            "session.evaluations.0.evaluation.name": "goal", "session.evaluations.0.evaluation.score": true,
            "session.evaluations.0.evaluation.annotator_kind": "CODE",
        }),
    ));
    assert_eq!(
        said(&items),
        json!([
            ["hallucination", 1.0, "hallucinated", null, "model", "judge-v2"],
            ["thumb", null, "up", null, "human", null],
            ["frustration", null, null, "shouts", "code", null],
            ["goal", true, null, null, "code", null],
        ])
    );
    let targets: Vec<&Target> = items.iter().map(|item| &evaluation(item).target).collect();
    assert_eq!(targets, [&own(), &own(), &span_target(TRACE, None), &session("s1")]);
    assert_eq!(evaluation(&items[0]).metadata.as_ref().expect("metadata")["metadata"], json!({"rubric": "r1"}));
}

/// Guarantees: what an evaluator span says is about the one span that it links to; parentage and several links tell nothing.
#[test]
fn openinference_evaluator_spans() {
    for list in ["evaluations.0.evaluation", "annotations.0.annotation"] {
        let mut judge = span(
            "judge",
            json!({"openinference.span.kind": "EVALUATOR", format!("{list}.name"): "tone", format!("{list}.score"): 0.5}),
        );
        judge.parent_span_id = Some(OTHER_SPAN.into());
        assert_eq!(target(&of(judge.clone())), &own());
        judge.links = vec![link()];
        assert_eq!(target(&of(judge.clone())), &other());
        judge.links.push(link());
        assert_eq!(target(&of(judge)), &own());
    }
    let mut annotated =
        span("chain", json!({"annotations.0.annotation.name": "tone", "annotations.0.annotation.score": 0.5}));
    annotated.links = vec![link()];
    assert_eq!(target(&of(annotated)), &own(), "an annotation is about its span");
}

/// Guarantees: rewards of all versions, each an item of its own.
#[test]
fn agent_lightning_rewards() {
    let two = json!({
        "agentlightning.reward.0.name": "task", "agentlightning.reward.0.value": 1.0,
        "agentlightning.reward.1.name": "efficiency", "agentlightning.reward.1.value": 0.8,
    });
    let items = of(span("agentlightning.annotation", two));
    assert_eq!(
        said(&items),
        json!([["task", 1.0, null, null, "code", null], ["efficiency", 0.8, null, null, "code", null]])
    );
    assert_eq!(target(&items), &own());
    let primary = json!([["primary", 0.25, null, null, "code", null]]);
    for (name, attributes) in [
        ("agentlightning.annotation", json!({"agentlightning.reward.0.value": 0.25})),
        (
            "agentlightning.reward",
            json!({"agentlightning.reward.primary": 0.25, "agentlightning.reward.metadata.n": 3}),
        ),
        ("agentlightning.annotation", json!({"reward": 0.25})),
        ("reward.task", json!({"agentops.task.output": "{\"type\": \"reward\", \"value\": 0.25}"})),
        ("reward.task", json!({"agentops.entity.output": "{\"type\": \"reward\", \"value\": 0.25}"})),
    ] {
        assert_eq!(said(&of(span(name, attributes.clone()))), primary, "{attributes}");
    }
    for (name, attributes) in [
        ("game", json!({"reward": 0.25})),
        ("agentlightning.annotation", json!({"final.score": 3})),
        ("task", json!({"agentops.task.output": "{\"type\": \"reward\", \"value\": null}"})),
        ("task", json!({"agentops.task.output": "{\"type\": \"answer\", \"value\": 1}"})),
    ] {
        assert_eq!(of(span(name, attributes.clone())), [], "{attributes}");
    }
}

#[test]
fn agent_lightning_links() {
    let linked_by = |links: &[(&str, &str)]| {
        let mut attributes = object(json!({"agentlightning.reward.0.value": 1}));
        for (place, (key, value)) in links.iter().enumerate() {
            attributes.insert(format!("agentlightning.link.{place}.key_match"), json!(key));
            attributes.insert(format!("agentlightning.link.{place}.value_match"), json!(value));
        }
        of(span("agentlightning.annotation", Value::Object(attributes)))
    };
    assert_eq!(target(&linked_by(&[("gen_ai.response.id", "resp-1")])), &response("resp-1"));
    assert_eq!(target(&linked_by(&[("trace_id", OTHER_TRACE), ("span_id", OTHER_SPAN)])), &other());
    assert_eq!(target(&linked_by(&[("span_id", OTHER_SPAN)])), &span_target(TRACE, Some(OTHER_SPAN)));
    let by_step = linked_by(&[("step_count", "3")]);
    assert_eq!(target(&by_step), &own());
    assert_eq!(evaluation(&by_step[0]).metadata.as_ref().expect("metadata")["links"], json!({"step_count": "3"}));
}

/// Guarantees: an answered survey is the user's, two surveys are two, and one that only appeared is none.
#[test]
fn claude_code_surveys() {
    let survey = |event: &str, appearance: &str, in_span| {
        let attributes = json!({
            "event.name": "feedback_survey", "event_type": event, "appearance_id": appearance, "survey_type": "session",
            "response": "good", "session.id": "s1", "user.id": "u1",
        });
        of_log(log("feedback_survey", in_span, attributes))
    };
    assert_eq!(survey("appeared", "a1", false), []);
    let items = survey("responded", "a1", false);
    assert_eq!(said(&items), json!([["feedback_survey", null, "good", null, "human", "u1"]]));
    assert_eq!(target(&items), &session("s1"));
    assert_ne!(items[0].item_id, survey("responded", "a2", false)[0].item_id);
    assert_eq!(target(&survey("responded", "a1", true)), &own());
    assert_eq!(items[0].item_id, survey("responded", "a1", false)[0].item_id);
}

#[test]
fn langwatch_events() {
    let event = json!({"name": "toxicity", "score": 0.1, "passed": true, "label": "safe", "details": "calm", "status": "processed"});
    let items = of_event("langwatch.evaluation.custom", json!({"json_encoded_event": event.to_string()}));
    assert_eq!(said(&items), json!([["toxicity", 0.1, "safe", "calm", "code", null]]));
    assert_eq!(evaluation(&items[0]).metadata.as_ref().expect("metadata")["passed"], true);
    assert_eq!(target(&items), &own());
    let passed =
        of_event("langwatch.evaluation.custom", json!({"json_encoded_event": "{\"name\":\"pii\",\"passed\":false}"}));
    assert_eq!(said(&passed), json!([["pii", false, null, null, "code", null]]));
    let vote = |kind: &str| {
        of_event(
            "langwatch.event",
            json!({"event.type": kind, "event.metrics.vote": -1.0, "event.details.feedback": "slow"}),
        )
    };
    assert_eq!(said(&vote("thumbs_up_down")), json!([["thumbs_up_down", -1.0, null, "slow", "human", null]]));
    assert_eq!(vote("selected_text"), []);
    assert_eq!(of_event("langwatch.evaluation.custom", json!({"json_encoded_event": "{not JSON"})), []);
}

/// Guarantees: Logfire's feedback is about the parent of its span, and the copy of a span that only started says nothing.
#[test]
fn logfire_feedback() {
    let mut feedback = span(
        "feedback: factuality",
        json!({"logfire.span_type": "annotation", "logfire.feedback.name": "factuality", "factuality": 0.1,
            "logfire.feedback.comment": "the agent lied"}),
    );
    feedback.parent_span_id = Some(OTHER_SPAN.into());
    let items = of(feedback.clone());
    assert_eq!(said(&items), json!([["factuality", 0.1, null, "the agent lied", "code", null]]));
    assert_eq!(target(&items), &span_target(TRACE, Some(OTHER_SPAN)));
    feedback.attributes.insert("logfire.span_type".into(), json!("pending_span"));
    assert_eq!(of(feedback), []);
}

#[test]
fn guardrails_that_were_triggered() {
    let items = of(span("guardrail", json!({"gen_ai.guardrail.name": "pii", "gen_ai.guardrail.triggered": true})));
    assert_eq!(said(&items), json!([["pii", true, null, null, "code", null]]));
    assert_eq!(of(span("guardrail", json!({"gen_ai.guardrail.name": "pii"}))), []);
}

#[test]
fn feedback_of_no_library() {
    let bare = json!({"rating": "up", "comment": "nice", "user.id": "u1", "session.id": "s1"});
    let items = of(span("user_feedback", bare.clone()));
    assert_eq!(said(&items), json!([["user_feedback", null, "up", "nice", "human", "u1"]]));
    assert_eq!(target(&items), &session("s1"), "a trace of its own is about another");
    let mut child = span("user_feedback", bare.clone());
    child.parent_span_id = Some(OTHER_SPAN.into());
    assert_eq!(target(&of(child.clone())), &own());
    child.links = vec![link()];
    assert_eq!(target(&of(child)), &other());
    assert_eq!(target(&of_log(log("user_feedback", false, bare))), &session("s1"));

    let prefixed = json!({"feedback.score": 4, "feedback.name": "stars", "feedback.source": "model",
        "feedback.trace_id": OTHER_TRACE, "feedback.span_id": OTHER_SPAN});
    let items = of(span("chat", prefixed));
    assert_eq!(said(&items), json!([["stars", 4.0, null, null, "model", null]]));
    assert_eq!(target(&items), &other());
    assert_eq!(of(span("feedback", json!({"text": "a step of a graph"}))), []);
}

/// Guarantees: most fragments carry nothing, and which do is known to those who list what is unexplained.
#[test]
fn what_carries_nothing() {
    assert_eq!(of(span("chat m", json!({"gen_ai.request.model": "m", "session.id": "s", "trace.kind": "x"}))), []);
    assert!(carries_feedback(&log("gen_ai.evaluation.result", true, genai())));
    assert!(!carries_feedback(&log("gen_ai.evaluation.result", true, json!({"gen_ai.evaluation.name": "x"}))));
    assert!(!carries_feedback(&log("gen_ai.user.message", true, json!({}))));
}

/// Guarantees: the items are made of the content alone: another project or content is another item, another place is not.
#[test]
fn items_are_their_content() {
    let record = Fragment::Log(Box::new(log("gen_ai.evaluation.result", true, genai())));
    let first = telemetry_feedback(&stored(record.clone()));
    let again = StoredFragment { position: 9, ordinal: 0, recorded_at_unix_nano: 1_000, ..stored(record.clone()) };
    assert_eq!(telemetry_feedback(&again)[0].item_id, first[0].item_id);
    let elsewhere = StoredFragment { project: "other".into(), ..stored(record) };
    assert_ne!(telemetry_feedback(&elsewhere)[0].item_id, first[0].item_id);
}
