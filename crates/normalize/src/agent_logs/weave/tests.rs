//! Records of invented sessions, from fragments to derived traces.

use gleaner_model::{
    DerivedTrace, Fragment, LogFragment, Part, Span, SpanFragment, SpanKind, SpanOrigin, StoredFragment,
};
use serde_json::{Map, Value, json};

use crate::{derive_unit, unit_key};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A record of Claude Code at a time in milliseconds.
fn claude(event: &str, time_ms: u64, attributes: Value) -> LogFragment {
    let mut all = map(json!({"session.id": "s", "prompt.id": "p1", "event.name": event}));
    all.extend(map(attributes));
    LogFragment {
        event_name: event.into(),
        time_unix_nano: time_ms * 1_000_000,
        body: json!(format!("claude_code.{event}")),
        attributes: all,
        ..LogFragment::default()
    }
}

/// A prompt, a call that asks for a tool, the tool, and the call that answers.
fn turn() -> Vec<LogFragment> {
    let usage = |id: &str| {
        json!({"request_id": id, "model": "m", "input_tokens": 10, "cache_read_tokens": 5, "cache_creation_tokens": "2",
            "output_tokens": 3, "cost_usd": 0.5, "duration_ms": 100, "query_source": "sdk"})
    };
    let said = |id: &str, text: &str| json!({"request_id": id, "response": text});
    vec![
        claude("user_prompt", 1_000, json!({"prompt": "count the files"})),
        claude("api_request", 1_200, usage("r1")),
        claude("assistant_response", 1_201, said("r1", "let me see")),
        claude("tool_decision", 1_210, json!({"tool_name": "Bash", "tool_use_id": "t1", "decision": "accept"})),
        claude(
            "tool_result",
            1_300,
            json!({"tool_name": "Bash", "tool_use_id": "t1", "tool_input": "{\"command\":\"ls\"}", "success": "true",
                "duration_ms": "50"}),
        ),
        claude("api_request", 1_500, usage("r2")),
        claude("assistant_response", 1_501, said("r2", "two")),
    ]
}

fn derive(logs: Vec<LogFragment>, spans: Vec<SpanFragment>) -> Vec<DerivedTrace> {
    let logs = logs.into_iter().map(|log| Fragment::Log(Box::new(log)));
    let fragments = spans.into_iter().map(|span| Fragment::Span(Box::new(span))).chain(logs);
    let stored: Vec<StoredFragment> = fragments
        .map(|fragment| StoredFragment {
            project: "p".into(),
            position: 1,
            ordinal: 0,
            recorded_at_unix_nano: 7,
            fragment,
        })
        .collect();
    derive_unit("p", &stored)
}

fn of_kind(trace: &DerivedTrace, kind: SpanKind) -> Vec<&Span> {
    trace.spans.iter().filter(|span| span.kind == kind).collect()
}

#[test]
fn a_prompt_without_any_trace_is_one_attempt() {
    let traces = derive(turn(), vec![]);
    let [trace] = traces.as_slice() else { panic!("{} traces", traces.len()) };
    let [attempt] = trace.attempts.as_slice() else { panic!("{} attempts", trace.attempts.len()) };
    assert_eq!(attempt.session_id, "s");
    assert_eq!((attempt.llm_calls, attempt.tool_calls), (2, 1));
    assert_eq!(attempt.input_text.as_deref(), Some("count the files"));
    assert_eq!(attempt.output_text.as_deref(), Some("two"));
    assert_eq!((attempt.input_tokens, attempt.output_tokens, attempt.cached_tokens), (Some(34), Some(6), Some(10)));
    assert_eq!(attempt.cost_usd, Some(1.0));
    assert!(trace.spans.iter().all(|span| span.origin == SpanOrigin::Log && span.attempt_id.is_some()));
    assert!(trace.unmapped.is_empty());

    let [root] = of_kind(trace, SpanKind::Agent)[..] else { panic!("one agent") };
    assert_eq!((root.start_time_unix_nano, root.end_time_unix_nano), (1_000_000_000, 1_501_000_000));
    let [tool] = of_kind(trace, SpanKind::Tool)[..] else { panic!("one tool") };
    assert_eq!(tool.parent_span_id.as_deref(), Some(root.span_id.as_str()));
    assert_eq!(tool.tool_arguments, Some(json!({"command": "ls"})));
    assert_eq!(tool.start_time_unix_nano, 1_250_000_000);
    // The decision is told where it belongs.
    assert_eq!(tool.events.len(), 2);
}

#[test]
fn what_a_call_was_given_is_put_together_over_turns() {
    let mut next = vec![claude("user_prompt", 2_000, json!({"prompt": "thanks", "prompt.id": "p2"}))];
    next.push(claude("api_request", 2_100, json!({"prompt.id": "p2", "request_id": "r3", "model": "m"})));
    let traces = derive([turn(), next].concat(), vec![]);
    assert_eq!(traces.len(), 2);
    let calls: Vec<&Span> = traces.iter().flat_map(|trace| of_kind(trace, SpanKind::Llm)).collect();
    let last = calls.iter().find(|call| call.response_id.as_deref() == Some("r3")).expect("the third call");
    let given = last.input_messages.as_deref().unwrap_or_default();
    let roles: Vec<&str> = given.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "assistant", "user"]);
    assert!(matches!(&given[1].parts[1], Part::ToolCall { id: Some(id), .. } if id == "t1"));
    assert_eq!(last.source_keys["input_messages"], "session");
    let first = calls.iter().find(|call| call.response_id.as_deref() == Some("r1")).expect("the first call");
    assert_eq!(first.finish_reason.as_deref(), Some("tool_call"));
}

#[test]
fn a_request_body_without_id_belongs_to_the_call_that_ran() {
    let body = |time_ms: u64, text: &str| {
        let messages = json!([{"role": "user", "content": text}]);
        // Cut within the tools, as the agent does with long bodies.
        let cut = format!(r#"{{"model":"m","messages":{messages},"system":"Be brief.","tools":[{{"name":"Ba"#);
        claude("api_request_body", time_ms, json!({"body": cut, "query_source": "sdk"}))
    };
    let bodies = vec![body(1_105, "<context> count the files"), body(1_405, "<context> count them again")];
    let traces = derive([turn(), bodies].concat(), vec![]);
    let calls = of_kind(&traces[0], SpanKind::Llm);
    assert_eq!(calls.len(), 2, "a body is no call of its own");
    let first = calls.iter().find(|call| call.response_id.as_deref() == Some("r1")).expect("the first call");
    assert_eq!(first.input_text.as_deref(), Some("<context> count the files"));
    assert_eq!(first.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(first.source_keys["input_messages"], "api_request_body/body");
    assert_eq!(first.tool_definitions, None, "half a list of tools is none");
}

#[test]
fn a_sub_agent_told_by_its_type_is_the_one_that_called() {
    let source = json!({"request_id": "r9", "query_source": "agent:builtin:explorer", "duration_ms": 10});
    let done = json!({"agent_type": "explorer", "is_built_in": true, "duration_ms": 60});
    let records = vec![claude("api_request", 1_300, source), claude("subagent_completed", 1_310, done)];
    let traces = derive([turn(), records].concat(), vec![]);
    let agents = of_kind(&traces[0], SpanKind::Agent);
    let [sub_agent] = agents.iter().filter(|agent| agent.parent_span_id.is_some()).collect::<Vec<_>>()[..] else {
        panic!("{} agents", agents.len())
    };
    assert_eq!(sub_agent.agent_name.as_deref(), Some("explorer"));
}

#[test]
fn a_turn_whose_last_call_failed_has_failed() {
    let gemini = |event: &str, time_ms: u64, attributes: Value| LogFragment {
        time_unix_nano: time_ms * 1_000_000,
        attributes: [map(json!({"session.id": "s", "prompt_id": "p", "event.name": event})), map(attributes)]
            .into_iter()
            .flatten()
            .collect(),
        ..LogFragment::default()
    };
    let traces = derive(
        vec![
            gemini("qwen-code.user_prompt", 1_000, json!({"prompt": "hi", "auth_type": "openai"})),
            gemini("qwen-code.api_error", 1_100, json!({"model": "m", "error_message": "too many", "duration_ms": 9})),
        ],
        vec![],
    );
    assert_eq!(traces[0].attempts[0].status.as_str(), "error");
}

#[test]
fn a_request_and_an_answer_of_one_name_are_one_call() {
    let details = "gen_ai.client.inference.operation.details";
    let record = |event: &str, time_ms: u64, attributes: Value| LogFragment {
        time_unix_nano: time_ms * 1_000_000,
        attributes: [
            map(json!({"session.id": "s", "installation.id": "i", "auth_type": "k", "event.name": event})),
            map(attributes),
        ]
        .into_iter()
        .flatten()
        .collect(),
        ..LogFragment::default()
    };
    let traces = derive(
        vec![
            record("gemini_cli.user_prompt", 1_000, json!({"prompt": "hi"})),
            record("gemini_cli.api_request", 1_010, json!({"prompt_id": "p", "model": "m"})),
            record(details, 1_010, json!({"gen_ai.request.model": "m"})),
            record(
                "gemini_cli.api_response",
                1_050,
                json!({"prompt_id": "p", "model": "m", "duration_ms": 40, "input_token_count": 7}),
            ),
            record(
                details,
                1_050,
                json!({"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "m", "gen_ai.response.id": "r"}),
            ),
        ],
        vec![],
    );
    let [call] = of_kind(&traces[0], SpanKind::Llm)[..] else { panic!("one call") };
    assert_eq!((call.input_tokens, call.events.len()), (Some(7), 4));
}

/// Guarantees: records of a call that was sent as a span too add to that span, wherever they name no trace.
#[test]
fn a_record_and_a_span_of_one_call_are_one_span() {
    let span = |id: &str, parent: Option<&str>, name: &str, attributes: Value| SpanFragment {
        trace_id: "a".repeat(32),
        span_id: id.into(),
        parent_span_id: parent.map(str::to_owned),
        name: name.into(),
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_600_000_000,
        attributes: map(attributes),
        ..SpanFragment::default()
    };
    let spans = vec![
        span("root", None, "claude_code.interaction", json!({"session.id": "s", "user_prompt": "count the files"})),
        span(
            "call",
            Some("root"),
            "claude_code.llm_request",
            json!({"session.id": "s", "request_id": "r2", "gen_ai.request.model": "m", "stop_reason": "end_turn"}),
        ),
    ];
    let mut logs = turn();
    for log in &mut logs {
        log.trace_id = Some("a".repeat(32));
        log.span_id = Some("root".into());
    }
    let traces = derive(logs, spans);
    assert_eq!(traces.len(), 1);
    let calls = of_kind(&traces[0], SpanKind::Llm);
    assert_eq!(calls.len(), 2, "one as sent, one of records only");
    let sent = calls.iter().find(|call| call.span_id == "call").expect("the span as sent");
    assert_eq!(sent.origin, SpanOrigin::Span);
    assert_eq!(sent.output_text.as_deref(), Some("two"));
    assert_eq!(sent.input_tokens, Some(17));
    let made = calls.iter().find(|call| call.span_id != "call").expect("the span of records");
    assert_eq!((made.origin, made.parent_span_id.as_deref()), (SpanOrigin::Log, Some("root")));
    assert_eq!(traces[0].attempts.len(), 1);
}

#[test]
fn sub_agents_have_a_conversation_of_their_own() {
    let agent = json!({"tool_name": "Agent", "tool_use_id": "t9", "tool_input": "{\"prompt\":\"look around\"}"});
    let call = json!({"request_id": "r8", "model": "m", "query_source": "agent:custom", "agent_id": "a1"});
    let mut logs = vec![
        claude("user_prompt", 1_000, json!({"prompt": "delegate"})),
        claude("api_request", 1_100, json!({"request_id": "r7", "model": "m"})),
        claude("tool_result", 1_200, agent),
        claude("api_request", 1_300, call),
        claude("assistant_response", 1_301, json!({"request_id": "r8", "response": "seen", "agent_id": "a1"})),
    ];
    logs.push(claude("subagent_completed", 1_400, json!({"agent_type": "explorer", "agent_id": "a1"})));
    logs.push(claude("api_request", 1_500, json!({"request_id": "r9", "model": "m"})));
    logs.push(claude("assistant_response", 1_501, json!({"request_id": "r9", "response": "done"})));
    let traces = derive(logs, vec![]);
    let trace = &traces[0];
    let explorer =
        of_kind(trace, SpanKind::Agent).into_iter().find(|span| span.agent_name.as_deref() == Some("explorer"));
    let explorer = explorer.expect("the sub-agent");
    let call = of_kind(trace, SpanKind::Llm).into_iter().find(|call| call.output_text.as_deref() == Some("seen"));
    let call = call.expect("its call");
    assert_eq!(call.parent_span_id.as_deref(), Some(explorer.span_id.as_str()));
    assert_eq!(call.input_text.as_deref(), Some("look around"));
    assert_eq!(trace.attempts[0].output_text.as_deref(), Some("done"));
}

#[test]
fn a_call_without_id_ends_with_its_usage() {
    let codex = |event: &str, time_ms: u64, attributes: Value| {
        let mut all = map(json!({"conversation.id": "c", "event.name": format!("codex.{event}"), "model": "m"}));
        all.extend(map(attributes));
        LogFragment {
            event_name: "event src/telemetry.rs:1".into(),
            observed_time_unix_nano: time_ms * 1_000_000,
            attributes: all,
            ..LogFragment::default()
        }
    };
    let done = |input: &str| {
        json!({"event.kind": "response.completed", "input_token_count": input, "output_token_count": 4,
            "cached_token_count": 3, "reasoning_token_count": 1})
    };
    let logs = vec![
        codex("user_prompt", 100, json!({"prompt": "hi"})),
        codex("api_request", 160, json!({"duration_ms": "50", "http.response.status_code": 200})),
        codex("sse_event", 170, json!({"event.kind": "response.created"})),
        codex("sse_event", 200, done("11")),
        codex("tool_result", 300, json!({"call_id": "k", "tool_name": "exec", "arguments": "{}", "output": "ok"})),
        codex("api_request", 360, json!({"http.response.status_code": 500, "error.message": "overloaded"})),
        codex("api_request", 400, json!({"http.response.status_code": 200})),
        codex("sse_event", 450, done("20")),
    ];
    assert_eq!(unit_key(&Fragment::Log(Box::new(logs[2].clone()))), None, "a stream event says nothing");
    let traces = derive(logs, vec![]);
    let calls = of_kind(&traces[0], SpanKind::Llm);
    let told: Vec<_> = calls.iter().map(|call| (call.input_tokens, call.error.as_deref())).collect();
    assert_eq!(told, [(Some(11), None), (None, Some("overloaded")), (Some(20), None)]);
    assert_eq!(calls[0].start_time_unix_nano, 110_000_000);
    assert_eq!(calls[0].finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(calls[2].finish_reason.as_deref(), Some("stop"));
    let roles: Vec<_> = calls[2].input_messages.iter().flatten().map(|message| message.role.clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
    assert_eq!(traces[0].attempts[0].llm_calls_failed, 1);
}

#[test]
fn a_turn_of_several_traces_is_one_attempt() {
    let record = |event: &str, time_ms: u64, attributes: Value| {
        let mut all = map(json!({"session.id": "g", "event.name": event, "installation.id": "i", "auth_type": "key"}));
        all.extend(map(attributes));
        LogFragment {
            event_name: event.into(),
            time_unix_nano: time_ms * 1_000_000,
            attributes: all,
            ..LogFragment::default()
        }
    };
    let span = |trace: &str, start_ms: u64, name: &str, attributes: Value| {
        let mut all = map(json!({"gen_ai.operation.name": name, "gen_ai.conversation.id": "g"}));
        all.extend(map(attributes));
        let mut span = SpanFragment {
            trace_id: trace.repeat(32),
            span_id: trace.repeat(16),
            name: name.into(),
            start_time_unix_nano: start_ms * 1_000_000,
            end_time_unix_nano: (start_ms + 50) * 1_000_000,
            attributes: all,
            ..SpanFragment::default()
        };
        span.scope.name = "gemini-cli".into();
        span
    };
    let answer = r#"[{"role":"model","parts":[{"text":"he"}]},{"role":"model","parts":[{"text":"llo"}]}]"#;
    let call = json!({"gen_ai.request.model": "gemini-x", "gen_ai.output.messages": answer,
        "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2});
    let spans = vec![
        span("a", 1_010, "llm_call", call.clone()),
        span(
            "b",
            1_100,
            "tool_call",
            json!({"gen_ai.tool.name": "ls", "gen_ai.input.messages": r#"{"args":{"d":"."}}"#}),
        ),
        span("c", 2_010, "llm_call", call),
    ];
    let logs = vec![
        record("gemini_cli.user_prompt", 1_000, json!({"prompt": "first"})),
        record(
            "gemini_cli.api_response",
            1_061,
            json!({"input_token_count": 5, "output_token_count": 2, "finish_reasons": ["stop"], "duration_ms": 50}),
        ),
        record("gemini_cli.user_prompt", 2_000, json!({"prompt": "second"})),
    ];
    let traces = derive(logs, spans);
    let attempt_of = |trace: &str| {
        let of_trace = traces.iter().find(|derived| derived.trace_id == trace.repeat(32)).expect("the trace");
        of_trace.spans[0].attempt_id.clone().expect("an attempt")
    };
    assert_eq!(attempt_of("a"), attempt_of("b"));
    assert_ne!(attempt_of("a"), attempt_of("c"));
    let calls: Vec<&Span> = traces.iter().flat_map(|trace| of_kind(trace, SpanKind::Llm)).collect();
    assert_eq!(calls.len(), 2, "the record adds to its span");
    assert_eq!(calls[0].finish_reason.as_deref(), Some("stop"));
    assert_eq!(calls[0].output_text.as_deref(), Some("hello"));
    let tools: Vec<&Span> = traces.iter().flat_map(|trace| of_kind(trace, SpanKind::Tool)).collect();
    assert_eq!(tools[0].tool_arguments, Some(json!({"d": "."})));
}

/// Guarantees: neither the order of records nor repeats change what is derived.
#[test]
fn order_does_not_matter() {
    let forward = derive(turn(), vec![]);
    let mut reversed = turn();
    reversed.reverse();
    reversed.extend(turn());
    let json = |traces: &[DerivedTrace]| serde_json::to_value(traces).expect("JSON");
    assert_eq!(json(&forward), json(&derive(reversed, vec![])));
}
