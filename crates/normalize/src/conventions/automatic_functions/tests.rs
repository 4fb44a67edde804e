use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, span};
use super::told;

fn response(history: &Value) -> Value {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Sunny."}]}, "finish_reason": "STOP"}],
        "automatic_function_calling_history": history});
    json!({
        "openinference.span.kind": "LLM", "llm.model_name": "gemini-2.5-flash", "llm.token_count.prompt": 71,
        "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "Weather in Paris?",
        "llm.output_messages.0.message.role": "model", "llm.output_messages.0.message.content": "Sunny.",
        "llm.finish_reason": "STOP", "output.value": body.to_string(),
    })
}

#[test]
fn functions_that_the_client_ran_are_told_with_both_calls() {
    let history = json!([{"parts": [{"text": "Weather in Paris?"}]},
        {"role": "model", "parts": [{"function_call": {"name": "weather", "args": {"city": "Paris"}}}]},
        {"role": "user", "parts": [{"function_response": {"name": "weather", "response": {"result": "21"}}}]}]);
    let span = span(response(&history));
    let given = input(&map(&span));
    assert_eq!(given.as_array().map(Vec::len), Some(3));
    assert_eq!(given[2]["parts"][0]["response"], json!({"result": "21"}));
    let told = told(&span);
    let kinds: Vec<_> = told.iter().filter_map(|told| told.kind).collect();
    assert_eq!(kinds, [SpanKind::Llm, SpanKind::Tool, SpanKind::Llm]);
    assert_eq!(input(&told[0]), json!([{"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]}]));
    assert_eq!((told[0].system_prompt.as_deref(), told[0].input_tokens), (Some("Be brief."), None));
    assert_eq!(
        (told[1].tool_name.as_deref(), &told[1].tool_arguments),
        (Some("weather"), &Some(json!({"city": "Paris"})))
    );
    assert_eq!(told[0].finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(told[1].tool_result, Some(json!({"result": "21"})));
    assert_eq!((input(&told[2]), told[2].input_tokens), (given, Some(71)));
}

#[test]
fn an_empty_history_tells_nothing() {
    let span = span(response(&json!([])));
    assert_eq!(told(&span), []);
    assert_eq!(input(&map(&span)).as_array().map(Vec::len), Some(1));
}

/// Guarantees: a span of several calls becomes them where the functions below it tell what was asked for; not where the
/// answer asks itself, and not where a function hides what it was given.
#[test]
fn functions_below_a_call_tell_the_one_that_asked() {
    use gleaner_model::SpanKind;

    use crate::derive::fixtures::{derive, llm, tool};
    use crate::told::add_told_spans;

    let kinds = |operation: &str, hides: bool| {
        let call = llm("call").at(0, 100).question("Oslo?").answer("7").attr("gen_ai.operation.name", operation);
        let ran = tool("ran", "weather").under("call").at(10, 20).mapped(|mapped| {
            mapped.tool_arguments = Some(json!({"city": "Oslo"})).filter(|_| !hides);
            mapped.tool_result = Some(json!("7"));
        });
        let mut spans: Vec<_> = [call, ran].into_iter().map(|span| (span.0, span.1)).collect();
        add_told_spans(&mut spans);
        let trace = derive(spans.into_iter().map(|(merged, mapped)| crate::derive::fixtures::TestSpan(merged, mapped)));
        let calls: Vec<_> = trace.spans.into_iter().filter(|span| span.kind == SpanKind::Llm).collect();
        calls
            .iter()
            .map(|call| (call.input_messages.as_ref().map_or(0, Vec::len), call.finish_reason.clone()))
            .collect::<Vec<_>>()
    };
    let told = kinds("generate_content", false);
    assert_eq!(told.iter().map(|(given, _)| *given).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(told[0].1.as_deref(), Some("tool_call"));
    assert_eq!(kinds("generate_content", true).len(), 1);
    assert_eq!(kinds("chat", false).len(), 1);
}
