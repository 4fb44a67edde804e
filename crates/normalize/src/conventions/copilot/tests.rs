//! Two turns of a conversation, as Copilot CLI sends them.

use gleaner_model::{DerivedTrace, Fragment, SpanFragment, SpanKind, StoredFragment};
use serde_json::{Value, json};

use crate::derive_unit;

fn span(trace: &str, id: &str, parent: Option<&str>, start: u64, attributes: Value) -> Fragment {
    let mut span = SpanFragment {
        trace_id: trace.into(),
        span_id: id.into(),
        parent_span_id: parent.map(str::to_owned),
        name: id.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1,
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        ..SpanFragment::default()
    };
    span.scope.name = "github.copilot".into();
    span.attributes.insert("gen_ai.conversation.id".into(), json!("s"));
    Fragment::Span(Box::new(span))
}

fn call(trace: &str, id: &str, start: u64, new: Value, answer: Value) -> Fragment {
    let attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
        "gen_ai.input.messages": new.to_string(), "gen_ai.output.messages": json!([answer]).to_string()});
    span(trace, id, Some("root"), start, attributes)
}

fn text(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

fn derived() -> Vec<DerivedTrace> {
    let asks =
        json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "bash", "arguments": {}}]});
    let result = json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "one"}]});
    let agent = || json!({"gen_ai.operation.name": "invoke_agent"});
    let tool = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "bash", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "one (abridged)"});
    let fragments = [
        span("t1", "root", None, 10, agent()),
        call("t1", "a", 11, json!([text("user", "run it")]), asks),
        span("t1", "tool", Some("root"), 13, tool),
        call("t1", "b", 15, json!([result]), text("assistant", "done")),
        span("t2", "root", None, 20, agent()),
        call("t2", "c", 21, json!([text("user", "thanks")]), text("assistant", "bye")),
    ];
    let stored = fragments.into_iter().enumerate().map(|(place, fragment)| StoredFragment {
        project: "p".into(),
        position: place as u64,
        ordinal: 0,
        recorded_at_unix_nano: 0,
        fragment,
    });
    derive_unit("p", &stored.collect::<Vec<_>>())
}

#[test]
fn calls_are_given_the_conversation_so_far() {
    let traces = derived();
    let calls = || traces.iter().flat_map(|trace| &trace.spans).filter(|span| span.kind == SpanKind::Llm);
    let given = |id: &str| {
        let call = calls().find(|span| span.span_id == id).expect("the call");
        json!(call.input_messages)
    };
    let roles = |id: &str| -> Vec<String> {
        let given = given(id);
        given
            .as_array()
            .into_iter()
            .flatten()
            .map(|message| message["role"].as_str().unwrap_or_default().into())
            .collect()
    };
    assert_eq!(roles("a"), ["user"]);
    assert_eq!(roles("b"), ["user", "assistant", "tool"]);
    assert_eq!(given("b")[2]["parts"][0]["response"], "one", "what the model was told");
    assert_eq!(roles("c"), ["user", "assistant", "tool", "assistant", "user"]);
}

#[test]
fn the_agent_is_called_as_the_program() {
    let traces = derived();
    let agent = traces[0].spans.iter().find(|span| span.kind == SpanKind::Agent).expect("an agent");
    assert_eq!(agent.agent_name.as_deref(), Some("github-copilot"));
    assert_eq!(traces[0].attempts[0].session_id, "s");
}
