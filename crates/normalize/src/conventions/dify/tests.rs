use gleaner_model::SpanKind;
use serde_json::json;

use crate::conventions::map;
use crate::conventions::tests::{input, output, span};

#[test]
fn dify_names_its_kinds() {
    let model = map(&span(json!({
        "gen_ai.span.kind": "LLM",
        "gen_ai.framework": "dify",
        "gen_ai.request.model": "m",
        "gen_ai.user.id": "ada",
        "dify.app_id": "a",
        "input.value": r#"[{"role": "system", "text": "Be brief."}, {"role": "user", "text": "Hi"}]"#,
        "output.value": "Hello",
    })));
    assert_eq!((model.kind, model.user_key.as_deref()), (Some(SpanKind::Llm), Some("ada")));
    assert_eq!(model.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(model.source_keys["output_messages"], "output.value");
    assert_eq!(input(&model), json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]));
    assert_eq!(output(&model), json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}]));

    let tool = map(&span(json!({
        "gen_ai.span.kind": "TOOL", "gen_ai.tool.name": "f", "tool.parameters": r#"{"a": 1}"#, "output.value": "x",
    })));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("f")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"a": 1})), Some(json!("x"))));

    let found = map(&span(json!({
        "gen_ai.span.kind": "RETRIEVER", "retrieval.query": "sun", "retrieval.document": "[]x",
    })));
    assert_eq!((found.kind, found.input_text.as_deref()), (Some(SpanKind::Retriever), Some("sun")));
    let flow = map(&span(json!({"gen_ai.span.kind": "WORKFLOW", "input.value": "in", "output.value": "out"})));
    assert_eq!((flow.kind, flow.output_text.as_deref()), (Some(SpanKind::Chain), Some("out")));
}
