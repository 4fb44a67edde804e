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
