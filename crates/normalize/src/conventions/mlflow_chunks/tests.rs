use gleaner_model::{SpanEvent, SpanFragment};
use serde_json::{Value, json};

use super::response;
use crate::conventions::map;
use crate::conventions::tests::{output, span};

fn streamed(chunks: &[Value]) -> SpanFragment {
    let event = |(index, chunk): (usize, &Value)| SpanEvent {
        name: format!("mlflow.chunk.item.{index}"),
        attributes: json!({"mlflow.chunk.value": chunk.to_string()}).as_object().cloned().unwrap(),
        ..SpanEvent::default()
    };
    SpanFragment { events: chunks.iter().enumerate().map(event).collect(), ..SpanFragment::default() }
}

fn chat(delta: Value, finish_reason: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
}

fn chat_chunks() -> Vec<Value> {
    vec![
        chat(
            json!({"role": "assistant", "tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]}),
            Value::Null,
        ),
        chat(
            json!({"tool_calls": [{"index": 0, "id": null, "function": {"arguments": "{\"x\":", "name": null}}]}),
            Value::Null,
        ),
        chat(json!({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}), Value::Null),
        chat(json!({}), json!("tool_calls")),
        json!({"choices": []}),
    ]
}

fn parts(span: &SpanFragment) -> Value {
    serde_json::to_value(response(span).output_messages.map(|messages| messages[0].parts.clone())).unwrap()
}

#[test]
fn pieces_of_every_api() {
    let call = json!([{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]);
    assert_eq!(parts(&streamed(&chat_chunks())), call);
    let anthropic = [
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Wait."}}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "c1", "name": "f"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"x\": 1}"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
    ];
    assert_eq!(parts(&streamed(&anthropic)), json!([{"type": "text", "content": "Wait."}, call[0]]));
    let responses = [
        json!({"type": "response.created"}),
        json!({"type": "response.completed", "response": {"output": [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\": 1}"}]}}),
    ];
    assert_eq!(parts(&streamed(&responses)), call);
}

#[test]
fn a_stream_with_gaps_tells_nothing() {
    let mut span = streamed(&chat_chunks());
    span.events.remove(1);
    assert_eq!(response(&span).output_messages, None);
    let mut cut = streamed(&chat_chunks());
    cut.dropped_counts = [0, 3, 0];
    assert_eq!(response(&cut).output_messages, None);
}

#[test]
fn the_stream_completes_an_answer_without_content() {
    let mut call = span(json!({"mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanOutputs":
        json!({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": ""}}]}).to_string()}));
    call.span.events = streamed(&chat_chunks()).events;
    let mapped = map(&call);
    assert_eq!(
        (mapped.finish_reason.as_deref(), output(&mapped)[0]["parts"][0]["name"].as_str()),
        (Some("tool_call"), Some("f"))
    );
}

#[test]
fn text_beside_tool_calls_is_recorded_as_an_answer_that_stopped() {
    let mut chunks = chat_chunks();
    chunks.insert(0, chat(json!({"content": "Let me see."}), Value::Null));
    let recorded = json!({"id": "r1", "choices": [{"finish_reason": "stop",
        "message": {"role": "assistant", "content": "Let me see.", "tool_calls": null}}]});
    let mut span = span(json!({"mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanOutputs": recorded.to_string()}));
    span.span.events = streamed(&chunks).events;
    let mapped = map(&span);
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(mapped.response_id.as_deref(), Some("r1"));
    let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "Let me see."}, call]));
}

/// Guarantees: of Bedrock's stream, whose output MLflow runs together, every block is told.
#[test]
fn blocks_of_bedrock() {
    let events = [
        ("messageStart", json!({"role": "assistant"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"text": "Wait."}})),
        ("contentBlockStart", json!({"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "c1", "name": "f"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{\"x\": "}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": "1}"}}})),
        ("contentBlockStart", json!({"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "c2", "name": "f"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 3, "delta": {"toolUse": {"input": "{\"x\": 2}"}}})),
        ("messageStop", json!({"stopReason": "tool_use"})),
    ];
    let recorded = json!({"stopReason": "tool_use", "output": {"message": {"role": "assistant", "content": [
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": "{\"x\": 1}{\"x\": 2}"}}]}}});
    let mut span = span(json!({"mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanOutputs": recorded.to_string()}));
    span.span.events = events
        .iter()
        .map(|(name, body)| SpanEvent {
            name: (*name).to_owned(),
            attributes: json!({"json": body.to_string()}).as_object().cloned().unwrap(),
            ..SpanEvent::default()
        })
        .collect();
    let mapped = map(&span);
    let call = |id: &str, x: i64| json!({"type": "tool_call", "id": id, "name": "f", "arguments": {"x": x}});
    assert_eq!(
        output(&mapped)[0]["parts"],
        json!([{"type": "reasoning", "content": "Hm"}, {"type": "text", "content": "Wait."}, call("c1", 1), call("c2", 2)])
    );
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
}
