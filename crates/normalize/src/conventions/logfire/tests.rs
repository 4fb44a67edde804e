use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

fn logfire(template: &str, mut fields: Value) -> Mapped {
    fields["logfire.msg_template"] = json!(template);
    fields["logfire.span_type"] = fields.get("logfire.span_type").cloned().unwrap_or_else(|| json!("span"));
    map(&span(fields))
}

#[test]
fn request_and_response_data_of_earlier_versions() {
    let request = json!({"model": "m", "temperature": 0.1, "previous_response_id": null,
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "tools": [{"type": "function", "function": {"name": "f"}}]});
    let response = json!({"message": {"role": "assistant", "content": "a"},
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}});
    let mapped = logfire(
        "Chat Completion with {request_data[model]!r}",
        json!({
        "request_data": request.to_string(), "response_data": response.to_string(),
        "gen_ai.request.model": "m", "session_id": "s-1", "user_id": "u-1"}),
    );
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(mapped.system_prompt.as_deref(), Some("s"));
    assert_eq!(
        (input(&mapped)[0]["parts"][0]["content"].clone(), mapped.tool_definitions.is_some()),
        (json!("q"), true)
    );
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], "a");
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(5), Some(2), Some(1)));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((0, "s-1".into())), Some("u-1")));
    assert_eq!(mapped.source_keys["output_messages"], "response_data");
}

#[test]
fn anthropic_and_embeddings_and_images() {
    let request =
        json!({"model": "claude", "system": "s", "max_tokens": 9, "messages": [{"role": "user", "content": "q"}]});
    let response = json!({"message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4}});
    let mapped = logfire(
        "Message with {request_data[model]!r}",
        json!({"request_data": request.to_string(), "response_data": response.to_string()}),
    );
    assert_eq!((mapped.kind, mapped.system_prompt.as_deref()), (Some(SpanKind::Llm), Some("s")));
    assert_eq!((mapped.input_tokens, output(&mapped)[0]["parts"][0]["content"].clone()), (Some(7), json!("a")));
    let embedding = json!({"request_data": "{\"model\":\"e\",\"input\":\"x\"}", "gen_ai.request.model": "e"});
    assert_eq!(logfire("Embedding Creation with {request_data[model]!r}", embedding).kind, Some(SpanKind::Embedding));
    let image = json!({"request_data": "{\"model\":\"i\"}", "gen_ai.request.model": "i"});
    assert_eq!(logfire("Image Generation with {request_data[model]!r}", image).kind, Some(SpanKind::Other));
}

#[test]
fn a_streamed_answer_is_a_late_record() {
    let template = "streaming response from {request_data[model]!r} took {duration:.2f}s";
    let chunks = json!({"combined_chunk_content": "hello", "chunk_count": 3}).to_string();
    let record = logfire(template, json!({"logfire.span_type": "log", "response_data": chunks, "duration": 0.1}));
    assert!(record.is_late_record);
    assert_eq!((record.kind, output(&record)[0]["parts"][0]["content"].clone()), (Some(SpanKind::Llm), json!("hello")));
    let request = logfire("Chat Completion with {request_data[model]!r}", json!({"request_data": "{\"model\":\"m\"}"}));
    assert!(!request.is_late_record);
}

#[test]
fn events_of_the_responses_api() {
    let events = json!([
        {"event.name": "gen_ai.system.message", "content": "s", "role": "system"},
        {"event.name": "gen_ai.user.message", "content": "q", "role": "user"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "a"}},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}},
    ]);
    let mapped = logfire("Responses API with {gen_ai.request.model!r}", json!({"events": events.to_string()}));
    assert_eq!(mapped.system_prompt.as_deref(), Some("s"));
    assert_eq!(input(&mapped).as_array().map(Vec::len), Some(1));
    assert_eq!(output(&mapped).as_array().map(Vec::len), Some(1));
    assert_eq!(output(&mapped)[0]["parts"][1]["name"], "f");
}

#[test]
fn the_agents_sdk_has_the_raw_items() {
    let response = json!({"id": "resp_1", "model": "m-1", "instructions": "Be brief.", "previous_response_id": "resp_0",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}],
        "tools": [{"type": "function", "name": "f"}], "usage": {"input_tokens": 4, "output_tokens": 1}});
    let mapped = logfire(
        "Responses API with {gen_ai.request.model!r}",
        json!({
        "raw_input": "[{\"role\":\"user\",\"content\":\"q\"}]", "response": response.to_string()}),
    );
    assert_eq!(
        (mapped.response_id.as_deref(), mapped.previous_response_id.as_deref()),
        (Some("resp_1"), Some("resp_0"))
    );
    assert_eq!((mapped.system_prompt.as_deref(), mapped.tool_definitions.is_some()), (Some("Be brief."), true));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "q");
    let tool = logfire("Function: {name}", json!({"name": "f", "input": "{\"x\":1}", "output": "4"}));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("f")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"x": 1})), Some(json!("4"))));
    let agent = logfire("Agent run: {name!r}", json!({"name": "helper"}));
    assert_eq!((agent.kind, agent.agent_name.as_deref()), (Some(SpanKind::Agent), Some("helper")));
    let trace = logfire("OpenAI Agents trace: {name}", json!({"name": "w", "group_id": "g"}));
    assert_eq!((trace.kind, trace.session_key), (Some(SpanKind::Chain), Some((1, "g".into()))));
}

#[test]
fn the_claude_agent_sdk() {
    let partial = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.partial.input_tokens": 9,
        "gen_ai.usage.partial.output_tokens": 2, "gen_ai.usage.partial.cache_read.input_tokens": 4});
    let mapped = logfire("chat {gen_ai.request.model}", partial.clone());
    assert_eq!((mapped.kind, mapped.input_tokens, mapped.cached_tokens), (Some(SpanKind::Llm), Some(9), Some(4)));
    let turn = json!({"content": "[{\"type\":\"text\",\"text\":\"a\"}]", "model": "claude"});
    let turn = logfire("claude.assistant.turn", turn);
    assert_eq!((turn.kind, turn.model.as_deref()), (Some(SpanKind::Llm), Some("claude")));
    assert_eq!(output(&turn)[0]["parts"][0]["content"], "a");
    let run = logfire("claude.conversation", json!({"prompt": "q", "session_id": "s", "total_cost_usd": 0.5}));
    assert_eq!((run.kind, run.input_text.as_deref(), run.cost_usd), (Some(SpanKind::Agent), Some("q"), Some(0.5)));
}

#[test]
fn bare_keys_are_read_on_spans_of_logfire_only() {
    let bare = map(&span(json!({"session_id": "s", "request_data": "{\"messages\": []}"})));
    assert_eq!((bare.session_key, bare.convention), (None, None));
    let own = logfire("chat turn {session_id}", json!({"session_id": "[Scrubbed due to 'session']", "user_id": "u"}));
    assert_eq!((own.session_key, own.user_key.as_deref()), (None, Some("u")));
}

/// The Agents SDK's events do not tell answers from history: they are what the assistant says last.
#[test]
fn answers_among_the_events_are_the_last_of_the_assistant() {
    let call = |id: &str| {
        json!({"event.name": "gen_ai.assistant.message", "role": "assistant",
        "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    };
    let events = json!([
        {"event.name": "gen_ai.user.message", "content": "q", "role": "user"},
        call("c1"), call("c2"),
        {"event.name": "gen_ai.tool.message", "id": "c1", "content": "1", "role": "tool"},
        {"event.name": "gen_ai.tool.message", "id": "c2", "content": "2", "role": "tool"},
        call("c3"), call("c4"),
    ]);
    let settings = json!({"temperature": 0.5, "top_p": null});
    let mapped = logfire(
        "Responses API with {gen_ai.request.model!r}",
        json!({"events": events.to_string(), "model_settings": settings.to_string()}),
    );
    let roles: Vec<&str> = mapped.input_messages.iter().flatten().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool"]);
    assert_eq!(output(&mapped)[0]["parts"].as_array().map(Vec::len), Some(2));
    assert_eq!(mapped.parameters, json!({"temperature": 0.5}).as_object().cloned());
}

#[test]
fn the_anthropic_integration_wraps_arguments() {
    let call = json!({"id": "c1", "function": {"name": "f", "arguments": "{\"input\":{\"x\":1}}"}});
    let response = json!({"message": {"role": "assistant", "content": "wait", "tool_calls": [call]},
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 40}});
    let mapped = logfire(
        "Message with {request_data[model]!r}",
        json!({"response_data": response.to_string(), "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2}),
    );
    assert_eq!(output(&mapped)[0]["parts"][1]["arguments"], json!({"x": 1}));
    assert_eq!((mapped.input_tokens, mapped.cached_tokens), (Some(43), Some(40)), "cached tokens are input");
}

#[test]
fn events_of_googles_client_have_no_names() {
    let events = json!([{"content": "q", "role": "user"},
        {"index": 0, "finish_reason": "STOP", "message": {"role": "assistant", "content": ["a"]}}]);
    let mut google = span(json!({"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini",
        "logfire.span_type": "span", "events": events.to_string()}));
    google.span.scope.name = "opentelemetry.instrumentation.google_genai".into();
    let mapped = map(&google);
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}]));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], "a");
}

#[test]
fn chat_calls_of_the_agents_sdk() {
    let question = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]);
    let call = json!({"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let repeated = json!([question[0], question[1], call]);
    let read = |output: Value| {
        logfire(
            "Chat completion with {gen_ai.request.model!r}",
            json!({"input": question.to_string(), "output": output.to_string(), "gen_ai.request.model": "m",
                "gen_ai.system": "openai", "request_data": json!({"model": "m", "messages": repeated}).to_string(),
                "model_config": "{\"temperature\":0.2,\"top_p\":null,\"base_url\":\"http://h/\"}",
                "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 2,
                "usage": "{\"input_tokens\":9,\"output_tokens\":2,\"input_tokens_details\":{\"cached_tokens\":4}}"}),
        )
    };
    let mapped = read(json!([call]));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped).as_array().map(Vec::len), Some(1), "the answer is not part of the question");
    assert_eq!(output(&mapped)[0]["parts"][0]["id"], "c1");
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(mapped.parameters, json!({"temperature": 0.2}).as_object().cloned());
    assert_eq!((mapped.input_tokens, mapped.cached_tokens), (Some(9), Some(4)));
    let streamed =
        read(json!([{"id": "__fake_id__", "object": "response", "model": "m", "output": [{"type": "message",
        "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Sunny."}]}]}]));
    assert_eq!(output(&streamed)[0]["parts"], json!([{"type": "text", "content": "Sunny."}]));
    let mut turn =
        span(json!({"logfire.msg_template": "Turn {turn} for agent a", "sdk_span_type": "turn", "name": "turn"}));
    turn.span.scope.name = "logfire.openai_agents".to_owned();
    assert_eq!(map(&turn).kind, Some(SpanKind::Chain));
}

#[test]
fn items_that_version_3_knows_no_event_for() {
    let item =
        |item: Value| json!({"event.name": "gen_ai.unknown", "role": "assistant", "content": "See JSON", "data": item});
    let events = json!([
        {"event.name": "gen_ai.user.message", "role": "user", "content": "q"},
        item(json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "content": null})),
        item(json!({"type": "refusal", "refusal": "No."})),
    ]);
    let fields = json!({"events": events.to_string(), "gen_ai.request.model": "m"});
    let mapped = logfire("Responses API with {gen_ai.request.model!r}", fields);
    let kinds: Vec<Value> =
        output(&mapped)[0]["parts"].as_array().into_iter().flatten().map(|p| p["type"].clone()).collect();
    assert_eq!(kinds, ["reasoning", "refusal"]);
    assert_eq!(mapped.finish_reason.as_deref(), Some("content_filter"));
}

#[test]
fn a_streamed_chat_of_the_agents_sdk_ended_when_its_items_are_complete() {
    let ended = |status: &str| {
        let message = json!({"type": "message", "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": "a"}]});
        let answer = json!([{"object": "response", "status": null, "output": [message]}]);
        let fields =
            json!({"input": json!([{"role": "user", "content": "q"}]).to_string(), "output": answer.to_string()});
        logfire("Chat completion with {gen_ai.request.model!r}", fields).finish_reason
    };
    assert_eq!(ended("completed").as_deref(), Some("stop"));
    assert_eq!(ended("incomplete"), None);
}

#[test]
fn a_request_that_streams_awaits_its_record() {
    let template = "Chat Completion with {request_data[model]!r}";
    let awaits =
        |stream: bool| logfire(template, json!({"request_data": {"model": "m", "stream": stream}})).awaits_record;
    assert_eq!((awaits(true), awaits(false)), (true, false));
    assert!(
        !logfire(template, json!({"request_data": {"model": "m", "stream": true}, "response_data": {}})).awaits_record
    );
}
