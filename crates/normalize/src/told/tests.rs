use gleaner_model::SpanKind;
use serde_json::json;

use super::add_told_spans;
use crate::conventions::map;
use crate::mapped::{Mapped, MergedSpan};

fn run() -> MergedSpan {
    let mut run = MergedSpan { position: 7, ..MergedSpan::default() };
    let user =
        "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='12 x 34?')], _name=None, _meta={})";
    let call = "ToolCall(tool_name='multiply', arguments={'a': 12, 'b': 34}, id='c1', extra=None)";
    let asks = format!(
        "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[{call}], _name=None, \
                        _meta={{'model': 'm-1', 'finish_reason': 'tool_calls', 'usage': {{'prompt_tokens': 9, 'completion_tokens': 2}}}})"
    );
    let told = format!(
        "ChatMessage(_role=<ChatRole.TOOL: 'tool'>, _content=[ToolCallResult(result='408', origin={call}, error=False)], \
                        _name=None, _meta={{}})"
    );
    let answer = "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='408.')], _name=None, \
                  _meta={'model': 'm-1', 'finish_reason': 'stop'})";
    run.span.trace_id = "t".into();
    run.span.span_id = "s".into();
    run.span.name = "Agent.run".into();
    run.span.start_time_unix_nano = 300;
    run.span.end_time_unix_nano = 600;
    run.span.attributes = json!({"openinference.span.kind": "CHAIN",
        "input.value": json!({"messages": [user]}).to_string(),
        "output.value": json!({"messages": [user, asks, told, answer]}).to_string()})
    .as_object()
    .cloned()
    .unwrap_or_default();
    run
}

fn mapped(span: MergedSpan) -> (MergedSpan, Mapped) {
    let mapped = map(&span);
    (span, mapped)
}

#[test]
fn a_run_tells_of_its_calls_in_order() {
    let mut spans = vec![mapped(run())];
    add_told_spans(&mut spans);
    let kinds: Vec<_> = spans.iter().map(|(_, mapped)| mapped.kind).collect();
    assert_eq!(kinds, [Some(SpanKind::Agent), Some(SpanKind::Llm), Some(SpanKind::Tool), Some(SpanKind::Llm)]);
    let told: Vec<_> = spans[1..].iter().map(|(span, _)| &span.span).collect();
    let names: Vec<_> = told.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["chat m-1", "execute_tool multiply", "chat m-1"]);
    assert!(told.iter().all(|span| span.parent_span_id.as_deref() == Some("s") && span.span_id.len() == 16));
    let times: Vec<_> = told.iter().map(|span| (span.start_time_unix_nano, span.end_time_unix_nano)).collect();
    assert_eq!(times, [(300, 400), (400, 500), (500, 600)]);
    assert!(spans.iter().all(|(span, _)| span.position == 7));
    assert_eq!((&spans[1].1.source_keys["input_tokens"], spans[3].1.input_tokens), (&json!("span:s"), None));
    assert_eq!(spans[3].1.source_keys.get("input_tokens"), None);
}

#[test]
fn ids_are_the_same_every_time() {
    let ids = || {
        let mut spans = vec![mapped(run())];
        add_told_spans(&mut spans);
        spans.into_iter().map(|(span, _)| span.span.span_id).collect::<Vec<_>>()
    };
    let first = ids();
    assert_eq!(first, ids());
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
}

#[test]
fn real_spans_of_a_kind_know_more() {
    let mut call = MergedSpan::default();
    call.span.span_id = "real".into();
    call.span.attributes = json!({"gen_ai.operation.name": "chat"}).as_object().cloned().unwrap_or_default();
    let mut spans = vec![mapped(run()), mapped(call)];
    add_told_spans(&mut spans);
    let kinds: Vec<_> = spans.iter().map(|(_, mapped)| mapped.kind).collect();
    assert_eq!(kinds, [Some(SpanKind::Agent), Some(SpanKind::Llm), Some(SpanKind::Tool)]);
}

/// Guarantees: where the tools between calls have spans, the calls stand before, between and after them.
#[test]
fn calls_stand_between_the_tools_that_ran() {
    const MS: u64 = 1_000_000;
    let asked = json!([{"role": "user", "content": "Rain?"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "wet"}]);
    let task = json!({"expected_output": "weather", "raw": "Yes.", "messages": asked}).to_string();
    let at = |id: &str, parent: Option<&str>, times: (u64, u64), attributes: serde_json::Value| {
        let mut span = MergedSpan::default();
        span.span.span_id = id.into();
        span.span.parent_span_id = parent.map(str::to_owned);
        (span.span.start_time_unix_nano, span.span.end_time_unix_nano) = times;
        span.span.attributes = attributes.as_object().cloned().unwrap_or_default();
        mapped(span)
    };
    let tool =
        json!({"openinference.span.kind": "TOOL", "tool.name": "look", "input.value": "{}", "output.value": "wet"});
    let mut spans = vec![
        at("run", None, (0, 900 * MS), json!({"openinference.span.kind": "AGENT", "output.value": task})),
        at("tool", Some("run"), (700 * MS, 710 * MS), tool),
    ];
    add_told_spans(&mut spans);
    let made = spans[2..].iter().map(|(told, _)| (told.span.start_time_unix_nano, told.span.end_time_unix_nano));
    assert_eq!(made.collect::<Vec<_>>(), [(0, 700 * MS), (710 * MS, 900 * MS)]);
}
