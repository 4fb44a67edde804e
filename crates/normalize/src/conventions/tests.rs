use gleaner_model::{LogFragment, SpanEvent, SpanFragment, SpanKind};
use serde_json::{Value, json};

use super::{map, switch_on};
use crate::mapped::{Mapped, MergedSpan};

/// A span with these attributes.
pub(super) fn span(attributes: Value) -> MergedSpan {
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    MergedSpan {
        span: SpanFragment { name: "chat m".into(), attributes, ..SpanFragment::default() },
        ..MergedSpan::default()
    }
}

/// A log record of a span.
pub(super) fn log(name: &str, time: u64, body: Value, attributes: Value) -> LogFragment {
    LogFragment {
        event_name: name.into(),
        time_unix_nano: time,
        body,
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        ..LogFragment::default()
    }
}

/// Messages as JSON.
pub(super) fn input(mapped: &Mapped) -> Value {
    json!(mapped.input_messages)
}

/// Messages as JSON.
pub(super) fn output(mapped: &Mapped) -> Value {
    json!(mapped.output_messages)
}

fn two_conventions() -> Value {
    json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.output.messages": "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]}]",
        "openinference.span.kind": "AGENT",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "hi",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
        "llm.token_count.prompt": 999,
        "llm.token_count.completion": 5,
    })
}

#[test]
fn conventions_on_one_span_are_merged_field_by_field() {
    let mapped = map(&span(two_conventions()));
    assert_eq!(mapped.kind, Some(SpanKind::Agent));
    assert_eq!(mapped.convention, Some("otel_genai"));
    assert_eq!(mapped.model.as_deref(), Some("m"));
    // One copy of the text, and the call that only the other convention tells.
    let parts = json!([
        {"type": "text", "content": "hi"},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}},
    ]);
    assert_eq!(output(&mapped)[0]["parts"], parts);
    // Never the input of one report with the output of another.
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(10), None));
    assert_eq!(mapped.source_keys["output_messages"], "gen_ai.output.messages");
}

#[test]
fn a_call_that_stopped_for_a_tool_says_so() {
    let mut attributes = two_conventions();
    attributes["gen_ai.response.finish_reasons"] = json!(["stop"]);
    let mapped = map(&span(attributes));
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(output(&mapped)[0]["finish_reason"], "tool_call");
}

#[test]
fn an_exception_is_an_error_only_where_the_span_failed() {
    let mut failed = span(json!({}));
    let thrown = json!({"exception.type": "ToolDown", "exception.message": "no answer"});
    let attributes = thrown.as_object().cloned().unwrap_or_default();
    failed.span.events = vec![SpanEvent { name: "exception".into(), attributes, ..SpanEvent::default() }];
    assert_eq!(map(&failed).error, None);
    failed.span.status_code = 2;
    assert_eq!(map(&failed).error.as_deref(), Some("ToolDown: no answer"));
    assert_eq!(map(&span(json!({"error.type": "timeout"}))).error.as_deref(), Some("timeout"));
}

#[test]
fn an_explicit_session_beats_a_conversation() {
    let both = json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "run-7", "session.id": "s-1", "user.id": "u"});
    let mapped = map(&span(both));
    assert_eq!(mapped.session_key, Some((0, "s-1".into())));
    assert_eq!(mapped.user_key.as_deref(), Some("u"));
    let conversation = json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "run-7", "session.id": ""});
    assert_eq!(map(&span(conversation)).session_key, Some((1, "run-7".into())));
}

/// Guarantees: the response that a call goes on from is told, wherever it stands, and is no parameter.
#[test]
fn the_previous_response_is_no_parameter() {
    let body = json!({"model": "m", "input": "hi", "previous_response_id": "r1", "temperature": 0.5}).to_string();
    let listed = json!({"model": "m", "previous_response_id": "r1", "temperature": 0.5}).to_string();
    let cases = [
        (
            json!({"gen_ai.operation.name": "chat", "gen_ai.request.previous_response.id": "r1",
                "gen_ai.request.temperature": 0.5}),
            "gen_ai.request.previous_response.id",
        ),
        (json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": listed}), "llm.invocation_parameters"),
        (json!({"openinference.span.kind": "LLM", "input.value": body}), "input.value"),
    ];
    for (attributes, origin) in cases {
        let mapped = map(&span(attributes));
        assert_eq!(mapped.previous_response_id.as_deref(), Some("r1"), "{origin}");
        assert_eq!(mapped.source_keys["previous_response_id"], origin);
        assert_eq!(mapped.parameters, json!({"temperature": 0.5}).as_object().cloned(), "{origin}");
    }
    let none =
        json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": "{\"previous_response_id\": null}"});
    let mapped = map(&span(none));
    assert_eq!((mapped.previous_response_id, mapped.parameters), (None, None));
}

/// Guarantees: where one convention lists it and another's parameters win, it is still seen.
#[test]
fn the_previous_response_is_read_from_every_convention() {
    let mut both = two_conventions();
    both["gen_ai.request.temperature"] = json!(0.5);
    both["llm.invocation_parameters"] = json!("{\"previous_response_id\": \"r1\"}");
    let mapped = map(&span(both));
    assert_eq!(mapped.previous_response_id.as_deref(), Some("r1"));
    assert_eq!(mapped.parameters, json!({"temperature": 0.5}).as_object().cloned());
}

#[test]
fn gateways_and_clients_that_only_add_ids_and_costs() {
    // OpenRouter's broadcast.
    let routed = map(&span(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "openai/gpt-4o",
        "gen_ai.prompt": r#"{"messages": [{"role": "user", "content": "Hi"}]}"#,
        "gen_ai.completion": r#"{"completion": "Hello"}"#,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.input_tokens.cached": 4,
        "gen_ai.usage.output_tokens.reasoning": 1,
        "gen_ai.usage.total_cost": 0.5,
        "session.id": "s",
        "user.id": "ada",
    })));
    assert_eq!((routed.cost_usd, routed.cached_tokens, routed.reasoning_tokens), (Some(0.5), Some(4), Some(1)));
    assert_eq!((routed.session_key, routed.user_key.as_deref()), (Some((0, "s".into())), Some("ada")));
    // GitHub Copilot's cost counts requests, not money.
    let copilot = map(&span(json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "github.copilot.cost": 1, "enduser.pseudo.id": "p",
    })));
    assert_eq!((copilot.cost_usd, copilot.user_key.as_deref()), (None, Some("p")));
    let anthropic = map(&span(json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "anthropic.session.id": "a",
        "gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_write.input_tokens": 4,
    })));
    assert_eq!((anthropic.session_key, anthropic.input_tokens), (Some((1, "a".into())), Some(10)));
}

#[test]
fn parameters_that_were_not_set_are_none() {
    let of = |parameters: &str| {
        map(&span(json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": parameters}))).parameters
    };
    let printed = r#"{"temperature": 0.5, "top_p": "<openai.Omit object at 0x7f15fc7029d0>", "seed": "NOT_GIVEN"}"#;
    assert_eq!(of(printed), json!({"temperature": 0.5}).as_object().cloned());
    assert_eq!(of(r#"{"top_p": "<openai.Omit object at 0x7f15fc7029d0>"}"#), None);
}

/// Guarantees: libraries that write another convention's keys are told apart by their scope.
#[test]
fn what_to_switch_on_is_the_library_s_own() {
    let advice = |scope| switch_on(scope, "otel_genai").unwrap_or_default();
    for scope in ["opentelemetry.instrumentation.bedrock", "opentelemetry.instrumentation.openai.v1", "respan.tracer"] {
        assert!(advice(scope).starts_with("TRACELOOP_TRACE_CONTENT"), "{scope}");
    }
    for scope in ["opentelemetry.instrumentation.openai_v2", "opentelemetry.instrumentation.google_genai"] {
        assert!(advice(scope).starts_with("OTEL_INSTRUMENTATION_GENAI"), "{scope}");
    }
    assert!(advice("qwen-code").contains("settings.json") && advice("opencode").contains("opencode.json"));
}

#[test]
fn an_id_that_is_not_set_names_nobody() {
    for unset in ["null", "None", "undefined"] {
        let attributes =
            json!({"session.id": unset, "user.id": unset, "gen_ai.conversation.id": "c", "enduser.id": "u"});
        let mapped = map(&span(attributes));
        assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "c".to_owned())), Some("u")), "{unset}");
    }
}

#[test]
fn a_chat_completion_that_was_forced_to_call_stopped() {
    let finish = |id: &str| {
        let output =
            r#"[{"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {}}]}]"#;
        let attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.response.id": id, "gen_ai.output.messages": output,
            "gen_ai.response.finish_reasons": ["stop"]});
        map(&span(attributes)).finish_reason
    };
    assert_eq!(finish("chatcmpl-1").as_deref(), Some("stop"));
    // The Responses API and Gemini have no other word.
    assert_eq!(finish("resp_1").as_deref(), Some("tool_call"));
}
