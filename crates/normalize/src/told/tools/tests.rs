use gleaner_model::{Message, Part, SpanKind};
use serde_json::json;

use super::add_told_tools;
use crate::derive::fixtures::{TestSpan, derive, llm, tool};

fn asks(id: &str) -> Message {
    let part = Part::ToolCall { id: Some(id.into()), name: "weather".into(), arguments: json!({"city": "Oslo"}) };
    Message { role: "assistant".into(), parts: vec![part], name: None, finish_reason: None }
}

fn told(id: &str) -> Message {
    let part = Part::ToolCallResponse { id: Some(id.into()), name: None, response: json!("snow") };
    Message { role: "tool".into(), parts: vec![part], name: None, finish_reason: None }
}

fn with_tools(spans: Vec<TestSpan>) -> Vec<TestSpan> {
    let mut pairs: Vec<_> = spans.into_iter().map(|TestSpan(merged, mapped)| (merged, mapped)).collect();
    add_told_tools(&mut pairs);
    pairs.into_iter().map(|(merged, mapped)| TestSpan(merged, mapped)).collect()
}

fn conversation() -> Vec<TestSpan> {
    vec![
        llm("first").under("root").at(10, 20).mapped(|mapped| {
            mapped.input_messages = Some(vec![asks("old"), told("old")]);
            mapped.output_messages = Some(vec![asks("c1"), asks("never answered")]);
        }),
        llm("second").under("root").at(30, 40).mapped(|mapped| {
            mapped.input_messages = Some(vec![asks("old"), told("old"), asks("c1"), told("c1")]);
        }),
        llm("third")
            .under("root")
            .at(50, 60)
            .mapped(|mapped| mapped.input_messages = Some(vec![asks("c1"), told("c1")])),
    ]
}

/// Guarantees: one tool span for the call that this trace asked for and was told the result of, however often the history
/// repeats it; none for what came from elsewhere or was never answered.
#[test]
fn a_result_in_the_conversation_is_an_execution() {
    let trace = derive(with_tools(conversation()));
    let tools: Vec<_> = trace.spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    let [tool] = tools.as_slice() else { panic!("{} tools", tools.len()) };
    assert_eq!((tool.tool_name.as_deref(), tool.tool_call_id.as_deref()), (Some("weather"), Some("c1")));
    assert_eq!((&tool.tool_arguments, &tool.tool_result), (&Some(json!({"city": "Oslo"})), &Some(json!("snow"))));
    assert_eq!((tool.start_time_unix_nano, tool.end_time_unix_nano), (20, 30));
    assert_eq!(
        (tool.parent_span_id.as_deref(), &tool.source_keys["tool_result"]),
        (Some("root"), &json!("span:first"))
    );
    assert_eq!(trace.attempts[0].tool_calls, 1);
}

#[test]
fn spans_of_tools_know_more() {
    let mut spans = conversation();
    spans.push(tool("own", "other").under("root").at(21, 22));
    assert_eq!(with_tools(spans).len(), 4);
}

/// Scenario: each call has a trace of its own, and its prompt ends with what a tool returned; or nothing recorded the id of the
/// call in its answer.
/// Guarantees: the tool's run stands in the trace of the call that was told, once, and only for the last results.
#[test]
fn results_at_the_end_of_a_prompt_are_executions() {
    let second = || {
        llm("second").at(30, 40).mapped(|mapped| {
            mapped.input_messages = Some(vec![asks("old"), told("old"), asks("c1"), told("c1")]);
        })
    };
    let trace = derive(with_tools(vec![second()]));
    let tools: Vec<_> = trace.spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    let [tool] = tools.as_slice() else { panic!("{} tools", tools.len()) };
    assert_eq!(tool.tool_call_id.as_deref(), Some("c1"));
    assert_eq!((tool.start_time_unix_nano, tool.end_time_unix_nano), (30, 30));
    assert_eq!(tool.parent_span_id.as_deref(), Some("second"));
    assert_eq!(trace.attempts[0].root_span_id.as_deref(), Some("second"));
    // Below something of the same trace, the call that asked would be there too.
    assert_eq!(with_tools(vec![second().under("agent"), llm("agent").at(1, 50)]).len(), 2);
}

#[test]
fn a_call_without_an_id_is_named_by_the_next_prompt() {
    let mut spans = conversation();
    for part in spans[0].1.output_messages.iter_mut().flatten().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall { id, .. } = part {
            *id = None;
        }
    }
    assert_eq!(with_tools(spans).len(), 4);
}

/// Guarantees: where calls have no ids, the results at the end of a prompt are executions of the calls before them, by name and
/// order, each told once.
#[test]
fn results_without_ids_answer_the_calls_before_them() {
    let call = |city: &str| Part::ToolCall { id: None, name: "weather".into(), arguments: json!({"city": city}) };
    let result = |text: &str| {
        let part = Part::ToolCallResponse { id: None, name: Some("weather".into()), response: json!(text) };
        Message { parts: vec![part], ..Message::text("tool", "") }
    };
    let answer = Message { parts: vec![call("Oslo"), call("Rome")], ..Message::text("assistant", "") };
    let question = Message::text("user", "Weather?");
    let history = vec![question.clone(), answer.clone(), result("snow"), result("sun")];
    let mut later = history.clone();
    later.extend([Message::text("assistant", "Snow and sun."), Message::text("user", "Thanks.")]);
    let spans = vec![
        llm("first").under("root").at(10, 20).mapped(|mapped| mapped.output_messages = Some(vec![answer])),
        llm("second").under("root").at(30, 40).mapped(|mapped| mapped.input_messages = Some(history)),
        llm("third").under("root").at(50, 60).mapped(|mapped| mapped.input_messages = Some(later)),
    ];
    // Whether the first call's own span tells what it asked for, or only the next prompt.
    let mut silent = spans.clone();
    silent[0] =
        llm("first").under("root").at(10, 20).mapped(|mapped| mapped.input_messages = Some(vec![question.clone()]));
    assert_eq!(derive(with_tools(silent)).spans.iter().filter(|span| span.kind == SpanKind::Tool).count(), 2);
    let mut twice = spans.clone();
    twice.extend(spans.iter().enumerate().map(|(place, TestSpan(merged, mapped))| {
        let mut inner = TestSpan(merged.clone(), mapped.clone()).under(&merged.span.span_id);
        inner.0.span.span_id = format!("inner{place}");
        inner
    }));
    assert_eq!(derive(with_tools(twice)).spans.iter().filter(|span| span.kind == SpanKind::Tool).count(), 2);
    let trace = derive(with_tools(spans));
    let mut tools: Vec<_> = trace.spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    tools.sort_by_key(|span| span.tool_arguments.as_ref().map(ToString::to_string));
    let ran: Vec<_> = tools.iter().map(|span| (span.tool_arguments.clone(), span.tool_result.clone())).collect();
    assert_eq!(
        ran,
        [(Some(json!({"city": "Oslo"})), Some(json!("snow"))), (Some(json!({"city": "Rome"})), Some(json!("sun")))]
    );
    assert_eq!((tools[0].start_time_unix_nano, tools[0].end_time_unix_nano), (20, 30));
}

/// Guarantees: a call that only the next prompt tells of is one that asked.
#[test]
fn a_call_that_is_told_later_asked_too() {
    let question = || Message::text("user", "Oslo?");
    let spans = vec![
        llm("first").under("root").at(10, 20).mapped(|mapped| mapped.input_messages = Some(vec![question()])),
        llm("second")
            .under("root")
            .at(30, 40)
            .mapped(|mapped| mapped.input_messages = Some(vec![question(), asks("c1"), told("c1")])),
    ];
    let spans = with_tools(spans);
    let tools: Vec<_> = spans.iter().filter(|TestSpan(_, mapped)| mapped.kind == Some(SpanKind::Tool)).collect();
    let [TestSpan(merged, mapped)] = tools.as_slice() else { panic!("{} tools", tools.len()) };
    assert_eq!((mapped.tool_call_id.as_deref(), merged.span.start_time_unix_nano), (Some("c1"), 20));
}

/// Guarantees: where a prompt leaves an earlier answer empty, the call before tells what the results after it are of.
#[test]
fn a_result_after_an_empty_answer_is_of_the_call_before() {
    let question = || Message::text("user", "Oslo?");
    let empty = || Message { role: "assistant".into(), parts: Vec::new(), name: None, finish_reason: None };
    let result = || {
        let part = Part::ToolCallResponse { id: None, name: None, response: json!("snow") };
        Message { role: "tool".into(), parts: vec![part], name: None, finish_reason: None }
    };
    let spans = |first: Message| {
        vec![
            llm("a").at(0, 10).mapped(|mapped| {
                mapped.input_messages = Some(vec![first]);
                mapped.output_messages = Some(vec![asks("c1")]);
            }),
            llm("b").at(20, 30).mapped(|mapped| {
                mapped.input_messages = Some(vec![question(), empty(), result()]);
            }),
        ]
    };
    let trace = derive(with_tools(spans(question())));
    let tools: Vec<_> = trace.spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    let [tool] = tools.as_slice() else { panic!("{} tools", tools.len()) };
    assert_eq!((tool.tool_call_id.as_deref(), &tool.tool_result), (Some("c1"), &Some(json!("snow"))));
    assert_eq!(with_tools(spans(Message::text("user", "Rome?"))).len(), 2);
}
