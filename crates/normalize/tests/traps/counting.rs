//! What is told several times, and counts once.

use gleaner_model::SpanKind;
use serde_json::json;

use crate::rig::{alone, calls, chat, row, said, span, trace};

/// Agents and steps repeat the usage of the calls below them, with the same keys.
#[test]
fn usage_is_repeated_on_parents() {
    let usage = |operation: &str| {
        json!({"gen_ai.operation.name": operation, "gen_ai.request.model": "m",
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2})
    };
    let trace = trace([
        span("agent", None, (1, 9), usage("invoke_agent")),
        span("step", Some("agent"), (2, 8), usage("chat")),
        span("first", Some("step"), (3, 4), usage("chat")),
        span("second", Some("step"), (5, 6), usage("chat")),
    ]);
    assert_eq!(calls(&trace), ["first", "second"]);
    assert_eq!(row(&trace, "agent").kind, SpanKind::Agent);
    let attempt = &trace.attempts[0];
    assert_eq!((attempt.llm_calls, attempt.input_tokens, attempt.output_tokens), (2, Some(20), Some(4)));
}

/// The sum of all input tokens includes what was read from a cache; some report the rest alone.
#[test]
fn cached_tokens_are_part_of_the_input_or_beside_it() {
    let inclusive = alone(chat(json!({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 60})));
    assert_eq!((inclusive.input_tokens, inclusive.cached_tokens), (Some(100), Some(60)));
    let exclusive = alone(chat(json!({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 60})));
    assert_eq!((exclusive.input_tokens, exclusive.cached_tokens), (Some(70), Some(60)));
}

#[test]
fn one_usage_under_two_names_is_not_added() {
    let call = alone(chat(json!({"gen_ai.usage.input_tokens": 7, "gen_ai.usage.prompt_tokens": 7,
        "gen_ai.usage.output_tokens": 3, "gen_ai.usage.completion_tokens": 3, "gen_ai.usage.details.reasoning_tokens": 1,
        "llm.usage.total_tokens": 10})));
    assert_eq!((call.input_tokens, call.output_tokens), (Some(7), Some(3)));
}

/// Two instrumentations of one client, nested or side by side, with an id in common or none.
#[test]
fn two_instrumentations_describe_one_call() {
    let content = |id: Option<&str>| {
        chat(json!({"gen_ai.response.id": id, "gen_ai.output.messages": said(&[("assistant", "a")])}))
    };
    let openinference = json!({"openinference.span.kind": "LLM", "llm.model_name": "m",
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "a"});
    let agent = || span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"}));
    let nested = trace([
        agent(),
        span("outer", Some("agent"), (2, 5), openinference.clone()).scope("openinference.instrumentation.openai"),
        span("inner", Some("outer"), (3, 4), content(None)).scope("opentelemetry.instrumentation.openai"),
    ]);
    let beside = trace([
        agent(),
        span("outer", Some("agent"), (2, 5), openinference).scope("openinference.instrumentation.openai"),
        span("inner", Some("agent"), (2, 4), content(None)).scope("opentelemetry.instrumentation.openai"),
    ]);
    let by_id = trace([
        agent(),
        span("outer", Some("agent"), (2, 5), content(Some("r"))).scope("a"),
        span("elsewhere", None, (3, 4), content(Some("r"))).scope("b"),
    ]);
    for trace in [nested, beside, by_id] {
        assert_eq!(calls(&trace).len(), 1);
        assert_eq!(trace.spans.iter().filter(|span| span.duplicate_of.is_some()).count(), 1, "it stays visible");
    }
}

/// Attributes and events in one span, text and calls under two keys.
#[test]
fn content_that_comes_twice_is_there_once() {
    let output = json!([{"role": "assistant", "finish_reason": "tool_calls", "parts": [
        {"type": "text", "content": "Let me see."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]}]);
    let both = span("call", None, (1, 2), chat(json!({"gen_ai.output.messages": output.to_string()})))
        .event("gen_ai.client.inference.operation.details", json!({"gen_ai.output.messages": output.to_string()}));
    let trace = trace([both]);
    let messages = row(&trace, "call").output_messages.as_ref().expect("an answer");
    assert_eq!((messages.len(), messages[0].parts.len()), (1, 2));
    let anthropic = alone(json!({"openinference.span.kind": "LLM",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"a\": 1}",
        "output.value": json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}]}).to_string()}));
    assert_eq!(anthropic.output_messages.expect("an answer")[0].parts.len(), 1);
}

/// A call that is tried again: each try is a span, and those that failed told no usage.
#[test]
fn a_call_is_tried_again() {
    let mut failed = span("first", Some("agent"), (2, 3), chat(json!({"error.type": "rate_limit"})));
    failed.0.status_code = 2;
    let trace = trace([
        span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"})),
        failed,
        span(
            "again",
            Some("agent"),
            (4, 5),
            chat(json!({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1})),
        ),
    ]);
    assert_eq!(calls(&trace), ["first", "again"]);
    assert_eq!(trace.attempts[0].input_tokens, Some(5));
    assert_eq!((row(&trace, "first").status.as_str(), row(&trace, "first").input_tokens), ("error", None));
}
