//! Calls that tell pieces, as Claude Code's detailed tracing writes them.

use gleaner_model::{LogFragment, Message, Part, SpanFragment};
use serde_json::{Value, json};

use super::{absorb, complete};
use crate::mapped::{Mapped, MergedSpan};

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn said(role: &str, part: Part) -> Message {
    Message { role: role.into(), parts: vec![part], name: None, finish_reason: None }
}

fn text(role: &str, content: &str) -> Message {
    said(role, Part::Text { content: content.into() })
}

fn call(id: &str) -> Message {
    said("assistant", Part::ToolCall { id: Some(id.into()), name: "Bash".into(), arguments: json!({}) })
}

fn result(id: &str, response: &str) -> Message {
    let part = Part::ToolCallResponse { id: Some(id.into()), name: Some("Bash".into()), response: json!(response) };
    said("tool", part)
}

#[test]
fn news_replace_results_and_add_what_no_record_tells() {
    let mut conversation = vec![text("user", "go on"), call("t1"), result("t1", "{\"stdout\":\"1\"}"), call("t2")];
    let context =
        "[TOOL RESULT: t1]\none\n\n---\n\ntwo\n\n---\n\n[TOOL RESULT: t2]\nExit code 1\n\n---\n\n[USER]\nand now?";
    absorb(&mut conversation, &object(json!({"new_context": context})));
    let expected = vec![
        text("user", "go on"),
        call("t1"),
        result("t1", "one\n\n---\n\ntwo"),
        call("t2"),
        result("t2", "Exit code 1"),
        text("user", "and now?"),
    ];
    assert_eq!(conversation, expected);
}

#[test]
fn what_was_said_before_is_told_again_by_a_new_process() {
    let told = [text("user", "hello"), text("assistant", "hi"), text("user", "bye")];
    let attributes = object(json!({
        "new_context": "[USER]\nbefore\n\n---\n\n[USER]\nhello\n\n---\n\n[USER]\nbye", "system_reminders": "a\n\n---\n\nb"
    }));
    let mut conversation = told.to_vec();
    absorb(&mut conversation, &attributes);
    let reminder = |text: &str| Part::Text { content: format!("<system-reminder>\n{text}\n</system-reminder>") };
    let mut first = text("user", "before");
    first.parts = vec![reminder("a"), reminder("b"), Part::Text { content: "before".into() }];
    let expected = [vec![first], told.to_vec()].concat();
    assert_eq!(conversation, expected);
    absorb(&mut conversation, &attributes);
    assert_eq!(conversation, expected, "twice told is told once");
}

#[test]
fn hashes_stand_for_the_texts_of_records() {
    let record = |event: &str, attributes: Value| LogFragment {
        attributes: [object(json!({"event.name": event})), object(attributes)].into_iter().flatten().collect(),
        ..LogFragment::default()
    };
    let root = MergedSpan {
        logs: vec![
            record("system_prompt", json!({"system_prompt_hash": "sp_1", "system_prompt": "Be brief."})),
            record("tool", json!({"tool_hash": "h1", "tool": "{\"name\":\"Bash\",\"description\":\"runs\"}"})),
        ],
        ..MergedSpan::default()
    };
    let attributes = object(json!({
        "system_prompt_hash": "sp_1",
        "tools": "[{\"name\":\"Bash\",\"hash\":\"h1\"},{\"name\":\"Read\",\"hash\":\"h2\"}]"
    }));
    let call = MergedSpan { span: SpanFragment { attributes, ..SpanFragment::default() }, ..MergedSpan::default() };
    let mut traces = std::collections::BTreeMap::from([
        ("t1".to_owned(), vec![(root, Mapped::default())]),
        ("t2".to_owned(), vec![(call, Mapped::default())]),
    ]);
    complete(&mut traces);
    let mapped = &traces["t2"][0].1;
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    let tools = json!([
        {"type": "function", "name": "Bash", "description": "runs"},
        {"type": "function", "name": "Read"}
    ]);
    assert_eq!(mapped.tool_definitions, Some(tools));
}
