use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn kinds() {
    for (name, kind) in [
        ("LLM", SpanKind::Llm),
        ("CACHED", SpanKind::Llm),
        ("TOOL", SpanKind::Tool),
        ("EXECUTOR", SpanKind::Agent),
        ("EVALUATOR", SpanKind::Evaluator),
        ("HUMAN_EVALUATOR", SpanKind::Evaluator),
        ("EVALUATION", SpanKind::Evaluator),
        ("PIPELINE", SpanKind::Chain),
        ("DEFAULT", SpanKind::Chain),
    ] {
        assert_eq!(map(&span(json!({"lmnr.span.type": name}))).kind, Some(kind), "{name}");
    }
    let wrapped = map(&span(json!({"lmnr.span.type": "DEFAULT", "gen_ai.operation.name": "invoke_agent"})));
    assert_eq!(wrapped.kind, Some(SpanKind::Agent), "the default gives way");
    let mut embeddings = span(json!({"lmnr.span.type": "LLM", "gen_ai.request.model": "m"}));
    embeddings.span.name = "openai.embeddings".into();
    assert_eq!(map(&embeddings).kind, Some(SpanKind::Embedding));
}

#[test]
fn functions_under_observation() {
    let tool = map(&span(
        json!({"lmnr.span.type": "TOOL", "lmnr.span.input": "{\"x\":1}", "lmnr.span.output": "\"{\\\"y\\\": 2}\""}),
    ));
    assert_eq!((tool.convention, tool.tool_arguments), (Some("laminar"), Some(json!({"x": 1}))));
    assert_eq!(tool.tool_result, Some(json!("{\"y\": 2}")));
    let chain = map(&span(json!({"lmnr.span.input": "\"hi\"", "lmnr.span.output": "\"Hello.\""})));
    assert_eq!(chain.kind, Some(SpanKind::Chain), "JavaScript names no default");
    assert_eq!((chain.input_text.as_deref(), chain.output_text.as_deref()), (Some("hi"), Some("Hello.")));
}

#[test]
fn a_call_that_only_laminar_tells() {
    let mapped =
        map(&span(json!({"lmnr.span.type": "LLM", "gen_ai.usage.input_cost": 0.25, "gen_ai.usage.output_cost": 0.5,
        "lmnr.span.input": "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"hi\"}]",
        "lmnr.span.output": "[{\"role\":\"assistant\",\"content\":\"Hello.\"}]"})));
    assert_eq!((mapped.system_prompt.as_deref(), mapped.cost_usd), (Some("Be brief."), Some(0.75)));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "Hello."}]));
}

#[test]
fn a_response_item_has_a_status_for_a_finish_reason() {
    let items = json!([{"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hello."}]}]);
    let mapped = map(&span(
        json!({"lmnr.span.type": "LLM", "gen_ai.request.model": "m", "gen_ai.output.messages": items.to_string()}),
    ));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
}
