//! What was said, in the many ways in which it is written down, and what is left of it.

use gleaner_model::{Part, Span};
use serde_json::{Value, json};

use crate::rig::{alone, chat, row, said, span, trace};

fn parts(span: &Span) -> Vec<Value> {
    let messages = span.output_messages.iter().flatten();
    messages.flat_map(|message| &message.parts).map(|part| json!(part)).collect()
}

/// A mark in place of what a client hid is no content.
#[test]
fn marks_of_hidden_content_are_none() {
    for mark in ["__REDACTED__", "<REDACTED>", "[REDACTED]", "[Scrubbed due to 'password']"] {
        let call = alone(json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "input.value": mark,
            "output.value": mark, "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": mark}));
        assert_eq!((&call.input_text, &call.output_text), (&None, &None), "{mark}");
    }
}

/// A limit of the client cuts JSON anywhere, with no mark.
#[test]
fn json_is_cut_off() {
    let whole = said(&[("user", "one"), ("assistant", "two"), ("user", "three")]);
    let whole = whole.as_str().expect("text");
    let call = alone(chat(json!({"gen_ai.input.messages": &whole[..whole.len() - 9]})));
    let messages = call.input_messages.as_ref().expect("what was whole");
    assert_eq!(messages.len(), 2);
    assert!(call.source_keys.contains_key("truncated"));
}

/// Flattened conventions lose their later keys to a limit of the number of attributes: often the answer.
#[test]
fn the_answer_is_lost_to_a_limit() {
    let input = |count: usize| {
        let conversation = [("user", "q"), ("assistant", "a"), ("user", "more")];
        said(&conversation[..count])
    };
    let trace = trace([
        span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"})),
        span("first", Some("agent"), (2, 3), chat(json!({"gen_ai.input.messages": input(1)}))),
        span("second", Some("agent"), (4, 5), chat(json!({"gen_ai.input.messages": input(3)}))),
    ]);
    assert_eq!(row(&trace, "first").output_text.as_deref(), Some("a"));
    assert_eq!(row(&trace, "first").source_keys["output_messages"], "span:second");
}

/// Lists of maps instead of JSON text, numbers as text or with a fraction of zero.
#[test]
fn attributes_are_structured() {
    let messages = json!([{"role": "user", "parts": [{"type": "text", "content": "q"}, null]}]);
    let call = alone(chat(json!({"gen_ai.input.messages": messages, "gen_ai.usage.input_tokens": "12",
        "gen_ai.usage.output_tokens": 3.0})));
    assert_eq!(call.input_text.as_deref(), Some("q"));
    assert_eq!((call.input_tokens, call.output_tokens), (Some(12), Some(3)));
}

/// Every call repeats the history; a message is one content, whatever convention it came by.
#[test]
fn one_message_is_one_content_in_every_convention() {
    let one = alone(chat(json!({"gen_ai.input.messages": said(&[("user", "q")])})));
    let other = alone(json!({"openinference.span.kind": "LLM", "llm.model_name": "m",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "q"}));
    let third = alone(json!({"gen_ai.system": "openai", "gen_ai.request.model": "m", "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "q"}));
    let hash = |span: &Span| span.input_messages.as_ref().expect("a prompt")[0].content_hash();
    assert_eq!((hash(&one), hash(&one)), (hash(&other), hash(&third)));
}

/// A history need not begin with the one before: it was compacted.
#[test]
fn histories_are_rewritten() {
    let trace = trace([
        span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"})),
        span("first", Some("agent"), (2, 3), chat(json!({"gen_ai.input.messages": said(&[("user", "q")])}))),
        span(
            "second",
            Some("agent"),
            (4, 5),
            chat(json!({"gen_ai.input.messages": said(&[("user", "summary"), ("assistant", "b")])})),
        ),
    ]);
    assert_eq!(row(&trace, "first").output_text, None, "nothing follows from another conversation");
}

#[test]
fn a_call_says_which_response_it_goes_on_from() {
    let call = alone(chat(json!({"gen_ai.request.previous_response.id": "resp_1"})));
    assert_eq!(call.previous_response_id.as_deref(), Some("resp_1"));
}

/// Objects, JSON text, and what a model wrote that is no JSON.
#[test]
fn arguments_of_tools_in_every_dress() {
    let call = |arguments: Value| {
        let message =
            json!([{"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": arguments}]}]);
        parts(&alone(chat(json!({"gen_ai.output.messages": message.to_string()})))).remove(0)["arguments"].clone()
    };
    assert_eq!(call(json!({"a": 1})), json!({"a": 1}));
    assert_eq!(call(json!("{\"a\": 1}")), json!({"a": 1}));
    assert_eq!(call(json!("{\"a\": oops")), json!("{\"a\": oops"));
}

/// Gemini names no calls: their name and order join them with the tools that ran.
#[test]
fn calls_without_ids() {
    let asks = json!([{"role": "assistant", "parts": [
        {"type": "tool_call", "name": "f", "arguments": {"a": 1}}, {"type": "tool_call", "name": "f", "arguments": {"a": 2}}]}]);
    let run = |id: &str, at: u64| {
        span(id, Some("agent"), (at, at + 1), json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}))
    };
    let trace = trace([
        span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"})),
        span("call", Some("agent"), (2, 3), chat(json!({"gen_ai.output.messages": asks.to_string()}))),
        run("one", 4),
        run("two", 6),
    ]);
    assert_eq!(row(&trace, "one").tool_arguments, Some(json!({"a": 1})));
    assert_eq!(row(&trace, "two").tool_arguments, Some(json!({"a": 2})));
}

#[test]
fn roles_go_by_other_names() {
    let messages = json!([{"role": "developer", "content": "Be brief."}, {"role": "human", "content": "q"},
        {"role": "ai", "content": "a"}, {"role": "model", "content": "b"},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]}]);
    let call = alone(chat(json!({"gen_ai.input.messages": messages.to_string()})));
    let roles: Vec<_> = call.input_messages.iter().flatten().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "assistant", "tool"]);
    assert_eq!(call.system_prompt.as_deref(), Some("Be brief."));
}

#[test]
fn reasoning_goes_by_other_names() {
    let forms = [
        json!({"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}]}),
        json!({"role": "assistant", "parts": [{"type": "thinking", "content": "Hm."}]}),
        json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}]}),
        json!({"role": "assistant", "reasoning_content": "Hm.", "content": "a"}),
        json!({"role": "model", "parts": [{"text": "Hm.", "thought": true}]}),
        json!({"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}]}),
    ];
    for form in forms {
        let call = alone(chat(json!({"gen_ai.output.messages": json!([form]).to_string()})));
        assert_eq!(call.reasoning_text.as_deref(), Some("Hm."), "{form}");
    }
}

/// NUL and what is no text at all.
#[test]
fn characters_that_are_none() {
    let call = alone(chat(json!({"gen_ai.output.messages": said(&[("assistant", "a\u{0}b")])})));
    assert_eq!(call.output_text.as_deref(), Some("a\u{0}b"));
    let lone = r#"[{"role":"assistant","parts":[{"type":"text","content":"\ud83d"}]}]"#;
    let call = alone(chat(json!({"gen_ai.output.messages": lone})));
    assert_eq!(call.attributes["gen_ai.output.messages"], lone, "what cannot be read is kept");
}

/// An image stands in a prompt by reference or whole: it is a part of its own, and no text.
#[test]
fn images_are_parts() {
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]);
    let call = alone(chat(json!({"gen_ai.input.messages": messages.to_string()})));
    let parts = &call.input_messages.as_ref().expect("a prompt")[0].parts;
    assert_eq!(parts.len(), 3);
    assert!(parts[1..].iter().all(|part| !matches!(part, Part::Text { .. })));
    assert_eq!(call.input_text.as_deref(), Some("what is it?"));
}
