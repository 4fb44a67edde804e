use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::{Mapped, MergedSpan};
use crate::told::add_told_spans;

const MS: u64 = 1_000_000;

/// A run of Claude's Agent SDK as its instrumentation records it, with what the model wrote, block by block.
fn run(blocks: &[Value]) -> Value {
    let mut run = json!({"openinference.span.kind": "AGENT", "llm.system": "anthropic", "llm.model_name": "m-1",
        "input.value": "Rain?", "input.mime_type": "text/plain", "output.value": "Yes.", "llm.finish_reason": "end_turn",
        "llm.token_count.prompt": 20, "llm.token_count.completion": 3});
    for (place, block) in blocks.iter().enumerate() {
        let prefix = format!("llm.output_messages.{place}.message");
        run[format!("{prefix}.role")] = json!("assistant");
        match block {
            Value::String(text) => run[format!("{prefix}.content.0")] = json!(text),
            id => {
                let call = format!("{prefix}.tool_calls.0.tool_call");
                run[format!("{call}.id")] = id["id"].clone();
                run[format!("{call}.function.name")] = json!("look");
                run[format!("{call}.function.arguments")] = json!("{\"at\": 1}");
            }
        }
    }
    run
}

fn at(id: &str, parent: Option<&str>, times: (u64, u64), attributes: Value) -> (MergedSpan, Mapped) {
    let mut merged = span(attributes);
    merged.span.trace_id = "t".into();
    merged.span.span_id = id.into();
    merged.span.parent_span_id = parent.map(str::to_owned);
    (merged.span.start_time_unix_nano, merged.span.end_time_unix_nano) = times;
    let mapped = map(&merged);
    (merged, mapped)
}

fn tool(id: &str, times: (u64, u64), result: Option<&str>) -> (MergedSpan, Mapped) {
    let mut attributes = json!({"openinference.span.kind": "TOOL", "tool.name": "look", "tool.id": id,
        "input.value": "{\"at\": 1}"});
    if let Some(result) = result {
        attributes["output.value"] = json!(result);
    }
    let mut tool = at(id, Some("run"), times, attributes);
    if result.is_none() {
        tool.0.span.status_message = "offline".into();
    }
    tool
}

fn calls(spans: &[(MergedSpan, Mapped)]) -> Vec<&Mapped> {
    spans.iter().map(|(_, mapped)| mapped).filter(|mapped| mapped.kind == Some(SpanKind::Llm)).collect()
}

fn asked(id: &str) -> Value {
    json!({"type": "tool_call", "id": id, "name": "look", "arguments": {"at": 1}})
}

#[test]
fn a_run_is_its_calls() {
    let blocks = [json!("Let me look."), json!({"id": "a"}), json!({"id": "b"}), json!("Yes.")];
    let mut spans = vec![
        at("run", None, (0, 900 * MS), run(&blocks)),
        tool("a", (10 * MS, 20 * MS), Some("wet")),
        tool("b", (25 * MS, 35 * MS), None),
    ];
    add_told_spans(&mut spans);
    let calls = calls(&spans);
    assert_eq!(calls.len(), 2);
    let question = json!({"role": "user", "parts": [{"type": "text", "content": "Rain?"}]});
    let first = json!([{"type": "text", "content": "Let me look."}, asked("a"), asked("b")]);
    assert_eq!(input(calls[0]), json!([question]));
    assert_eq!(output(calls[0]), json!([{"role": "assistant", "parts": first, "finish_reason": "tool_call"}]));
    let told = |id: &str, said: &str| json!({"type": "tool_call_response", "id": id, "name": "look", "response": said});
    let results = json!({"role": "tool", "parts": [told("a", "wet"), told("b", "offline")]});
    assert_eq!(input(calls[1]), json!([question, {"role": "assistant", "parts": first}, results]));
    assert_eq!(calls[1].output_messages.as_ref().map(Vec::len), Some(1));
    assert_eq!(calls[1].finish_reason.as_deref(), Some("stop"));
    assert!(calls.iter().all(|call| call.model.as_deref() == Some("m-1") && call.input_tokens.is_none()));
}

#[test]
fn tools_one_after_the_other_are_of_two_calls() {
    let blocks = [json!({"id": "a"}), json!({"id": "b"}), json!("Yes.")];
    let mut spans = vec![
        at("run", None, (0, 900 * MS), run(&blocks)),
        tool("a", (10 * MS, 20 * MS), Some("wet")),
        tool("b", (60 * MS, 70 * MS), Some("dry")),
    ];
    add_told_spans(&mut spans);
    let asked_by: Vec<Value> = calls(&spans).iter().map(|call| output(call)[0]["parts"].clone()).collect();
    assert_eq!(asked_by, [json!([asked("a")]), json!([asked("b")]), json!([{"type": "text", "content": "Yes."}])]);
}

#[test]
fn the_only_call_used_what_the_run_used() {
    let mut spans = vec![at("run", None, (0, 900 * MS), run(&[json!("Yes.")]))];
    add_told_spans(&mut spans);
    let calls = calls(&spans);
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].input_tokens, calls[0].output_tokens), (Some(20), Some(3)));
    assert_eq!(calls[0].source_keys["output_messages"], "span:run");
}

#[test]
fn calls_with_spans_are_not_told_again() {
    let call = json!({"openinference.span.kind": "LLM", "llm.model_name": "m-1", "llm.output_messages.0.message.content": "Yes."});
    let mut spans =
        vec![at("run", None, (0, 900 * MS), run(&[json!("Yes.")])), at("call", Some("run"), (5 * MS, 90 * MS), call)];
    add_told_spans(&mut spans);
    assert_eq!(spans.len(), 2);
}

#[test]
fn a_run_without_messages_is_told_by_its_tools_and_its_answer() {
    let mut attributes = run(&[]);
    attributes["output.value"] = json!("Yes, wet.");
    let mut spans = vec![
        at("run", None, (0, 900 * MS), attributes),
        tool("b", (60 * MS, 70 * MS), Some("dry")),
        tool("a", (10 * MS, 20 * MS), Some("wet")),
    ];
    add_told_spans(&mut spans);
    let answers: Vec<Value> = calls(&spans).iter().map(|call| output(call)[0]["parts"].clone()).collect();
    assert_eq!(answers, [json!([asked("a")]), json!([asked("b")]), json!([{"type": "text", "content": "Yes, wet."}])]);
    assert_eq!(calls(&spans)[2].input_messages.as_ref().map(Vec::len), Some(5));
    assert_eq!(calls(&spans)[2].output_tokens, None);
}

/// As OpenTelemetry's instrumentations of Agno and LlamaIndex record it.
fn invoked(answer: &str, tools: &[&str]) -> Value {
    let message =
        |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]).to_string();
    let offered: Vec<Value> = tools.iter().map(|name| json!({"type": "function", "name": name})).collect();
    json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m-1", "gen_ai.agent.name": "a",
        "gen_ai.input.messages": message("user", "Rain?"), "gen_ai.output.messages": message("assistant", answer),
        "gen_ai.tool.definitions": json!(offered).to_string()})
}

#[test]
fn an_invoked_agent_is_told_by_its_tools_and_its_answer() {
    let executed = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "a",
        "gen_ai.tool.call.arguments": "{\"at\": 1}", "gen_ai.tool.call.result": "wet"});
    let mut spans = vec![
        at("run", None, (0, 900 * MS), invoked("Yes.", &["look"])),
        at("tool", Some("run"), (10 * MS, 20 * MS), executed),
    ];
    add_told_spans(&mut spans);
    let answers: Vec<Value> = calls(&spans).iter().map(|call| output(call)[0]["parts"].clone()).collect();
    assert_eq!(answers, [json!([asked("a")]), json!([{"type": "text", "content": "Yes."}])]);
    assert!(
        calls(&spans).iter().all(|call| call.tool_definitions.is_some() && call.agent_name.as_deref() == Some("a"))
    );
}

#[test]
fn an_agent_around_another_and_one_that_answers_by_a_tool_tell_of_no_calls() {
    let mut spans = vec![
        at("outer", None, (0, 900 * MS), invoked("Yes.", &[])),
        at("inner", Some("outer"), (10 * MS, 800 * MS), invoked("Yes.", &["final_answer"])),
    ];
    add_told_spans(&mut spans);
    assert_eq!(spans.len(), 2);
}
