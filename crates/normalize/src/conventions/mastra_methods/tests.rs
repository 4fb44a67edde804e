//! Runs as Mastra 0.20 traced its methods.

use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use super::told;
use crate::mapped::MergedSpan;

fn method(name: &str, attributes: Value) -> MergedSpan {
    let mut span = span(attributes);
    span.span.name = name.into();
    span
}

fn step(body: Value, id: &str, more: Value) -> Value {
    let mut step = json!({"request": {"body": body}, "response": {"id": id, "modelId": "m-1",
        "modelMetadata": {"modelId": "m", "modelProvider": "openai.chat"}}});
    if let (Value::Object(step), Value::Object(more)) = (&mut step, more) {
        step.extend(more);
    }
    step
}

#[test]
fn a_runs_steps_are_calls_and_tools() {
    let asked = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Oslo?"}]);
    let called = json!({"toolCalls": [{"type": "tool-call", "payload": {"toolCallId": "c1", "toolName": "w", "args": {"city": "Oslo"}}}],
        "toolResults": [{"type": "tool-result", "payload": {"toolCallId": "c1", "toolName": "w", "args": {"city": "Oslo"}, "result": "sun"}}],
        "finishReason": "tool-calls", "usage": {"inputTokens": 5, "outputTokens": 2, "cachedInputTokens": 1}});
    let said = json!({"text": "Sun.", "finishReason": "stop", "toolCalls": [], "usage": {"inputTokens": 9, "outputTokens": 3}});
    let body = json!({"model": "m", "messages": asked});
    let result = json!({"text": "Sun.", "steps": [step(body.clone(), "r1", called), step(body, "r2", said)]});
    let run = method(
        "agent.generate",
        json!({"componentName": "guide", "agent.generate.argument.0": "[{\"role\":\"user\",\"content\":\"Oslo?\"}]",
            "agent.generate.argument.1": {"memory": {"thread": {"id": "t"}, "resource": "u"}}, "agent.generate.result": result.to_string()}),
    );

    let mapped = map(&run);
    assert_eq!((mapped.kind, mapped.agent_name.as_deref()), (Some(SpanKind::Agent), Some("guide")));
    assert_eq!((mapped.session_key.clone(), mapped.user_key.as_deref()), (Some((1, "t".into())), Some("u")));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "Sun."}]));

    let told = told(&run);
    let [first, tool, last] = told.as_slice() else { panic!("{} told", told.len()) };
    assert_eq!((first.response_id.as_deref(), first.model.as_deref()), (Some("r1"), Some("m")));
    assert_eq!((first.input_tokens, first.output_tokens, first.cached_tokens), (Some(5), Some(2), Some(1)));
    assert_eq!((first.provider.as_deref(), first.system_prompt.as_deref()), (Some("openai"), Some("Be brief.")));
    assert_eq!(input(first), json!([{"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]}]));
    let call = json!([{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Oslo"}}]);
    assert_eq!((&output(first)[0]["parts"], first.finish_reason.as_deref()), (&call, Some("tool_call")));
    assert_eq!((tool.kind, tool.tool_call_id.as_deref()), (Some(SpanKind::Tool), Some("c1")));
    assert_eq!(
        (tool.tool_arguments.clone(), tool.tool_result.clone()),
        (Some(json!({"city": "Oslo"})), Some(json!("sun")))
    );
    assert_eq!((last.finish_reason.as_deref(), last.output_tokens), (Some("stop"), Some(3)));
}

#[test]
fn a_stream_tells_its_end() {
    let result = json!({"text": "Sun.", "finishReason": "stop", "usage": {"inputTokens": 5, "outputTokens": 2},
        "toolCalls": [{"toolCallId": "c1", "toolName": "w", "args": {}}],
        "toolResults": [{"toolCallId": "c1", "toolName": "w", "args": {}, "result": "sun"}]});
    let stream = |result: &Value| {
        method(
            "agent.stream",
            json!({"componentName": "guide", "threadId": "t", "resourceId": "u", "agent.stream.argument.0": "Oslo?",
                "agent.stream.result": result.to_string()}),
        )
    };
    let told_of_tools = told(&stream(&result));
    let kinds: Vec<_> = told_of_tools.iter().filter_map(|told| told.kind).collect();
    assert_eq!(kinds, [SpanKind::Llm, SpanKind::Tool, SpanKind::Llm]);
    assert_eq!(told_of_tools[2].input_tokens, None, "the sum is no call's");
    assert_eq!(input(&told_of_tools[2]).as_array().map(Vec::len), Some(3));

    let plain = json!({"text": "Hi.", "finishReason": "stop", "usage": {"promptTokens": 5, "completionTokens": 2}, "toolCalls": []});
    let [only] = &told(&stream(&plain))[..] else { panic!("one call") };
    assert_eq!((only.input_tokens, only.output_tokens), (Some(5), Some(2)));

    let mut below = stream(&plain);
    below.span.parent_span_id = Some("p".into());
    assert!(told(&below).is_empty(), "the run above tells");
}

#[test]
fn a_failed_tool_answers_with_its_error() {
    let result = json!({"message": "no data", "code": "TOOL_EXECUTION_FAILED"});
    let called =
        json!({"toolResults": [{"payload": {"toolCallId": "c1", "toolName": "w", "args": {}, "result": result}}]});
    let steps = json!({"steps": [step(json!({"model": "m"}), "r1", called)]});
    let run = method("agent.generate", json!({"componentName": "guide", "agent.generate.result": steps.to_string()}));
    assert_eq!(told(&run)[1].error.as_deref(), Some("no data"));
}

#[test]
fn other_methods_are_no_calls() {
    let mapped =
        map(&method("mastra.generateId", json!({"componentName": "guide", "mastra.generateId.result": "\"x\""})));
    assert_eq!((mapped.kind, mapped.output_messages), (Some(SpanKind::Chain), None));
}
