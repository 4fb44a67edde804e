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
