use gleaner_model::{LogFragment, SpanKind};
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::{Mapped, MergedSpan};

/// A span of Qwen Code with one record of its own.
fn recorded(name: &str, event: &str, record: Value) -> Mapped {
    let mut merged: MergedSpan = span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    merged.span.name = name.to_owned();
    merged.span.scope.name = "qwen-code".to_owned();
    let mut attributes = record.as_object().cloned().unwrap();
    attributes.insert("event.name".to_owned(), json!(event));
    attributes.insert("session.id".to_owned(), json!("s-1"));
    merged.logs = vec![LogFragment { attributes, ..LogFragment::default() }];
    map(&merged)
}

#[test]
fn spans_named_by_their_program() {
    let call = recorded(
        "qwen-code.llm_request",
        "qwen-code.api_response",
        json!({"response_id": "r1", "response_text": "Hi.", "input_token_count": 9, "output_token_count": 3}),
    );
    assert_eq!((call.kind, call.convention), (Some(SpanKind::Llm), Some("gemini_cli")));
    assert_eq!(output(&call)[0]["parts"][0]["content"], json!("Hi."));
    assert_eq!((call.input_tokens, call.output_tokens), (Some(9), Some(3)));
    let tool = recorded(
        "qwen-code.tool",
        "qwen-code.tool_call",
        json!({"function_name": "run_shell_command", "function_args": "{\"command\": \"ls\"}", "success": true}),
    );
    assert_eq!((tool.kind, tool.tool_arguments), (Some(SpanKind::Tool), Some(json!({"command": "ls"}))));
    for (name, kind) in
        [("interaction", SpanKind::Agent), ("hook", SpanKind::Chain), ("tool.execution", SpanKind::Chain)]
    {
        let mapped = recorded(&format!("qwen-code.{name}"), "qwen-code.config", json!({}));
        assert_eq!(mapped.kind, Some(kind), "{name}");
    }
}

#[test]
fn thoughts_in_the_history_are_marked_in_the_text() {
    let request = json!([{"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hm.\n[Thought: true]"}, {"text": "Ho."}]}]);
    let call = recorded(
        "qwen-code.llm_request",
        "qwen-code.api_request",
        json!({"prompt_id": "p", "request_text": request.to_string()}),
    );
    assert_eq!(
        input(&call)[1]["parts"],
        json!([{"type": "reasoning", "content": "Hm.", "kind": "summary"}, {"type": "text", "content": "Ho."}])
    );
}
