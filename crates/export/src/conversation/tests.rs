use serde_json::json;

use super::*;

fn built(messages: Value) -> Result<Conversation, Reason> {
    let messages: Vec<Message> = serde_json::from_value(messages).expect("canonical messages");
    conversation(None, &messages, Reasoning::Keep)
}

fn check(messages: Value, expected: Value) {
    assert_eq!(json!(built(messages).expect("a conversation").messages), expected);
}

fn check_reason(messages: Value, expected: Reason) {
    assert_eq!(built(messages).expect_err("rejected"), expected);
}

fn text(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

fn call(id: Option<&str>, name: &str, arguments: Value) -> Value {
    json!({"role": "assistant", "parts": [{"type": "tool_call", "id": id, "name": name, "arguments": arguments}]})
}

fn result(id: Option<&str>, name: Option<&str>, response: Value) -> Value {
    json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "name": name, "response": response}]})
}

#[test]
fn a_tool_conversation_takes_trl_s_form() {
    check(
        json!([
            text("user", "List files"),
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "I should list."},
                {"type": "tool_call", "id": "call_1", "name": "bash", "arguments": {"cmd": "ls"}}]},
            result(Some("call_1"), None, json!({"files": ["a.rs"], "more": false})),
            text("assistant", "a.rs"),
        ]),
        json!([
            {"role": "user", "content": "List files"},
            {"role": "assistant", "content": "", "reasoning_content": "I should list.", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": {"cmd": "ls"}}}]},
            {"role": "tool", "content": "{\"files\":[\"a.rs\"],\"more\":false}", "tool_call_id": "call_1", "name": "bash"},
            {"role": "assistant", "content": "a.rs"},
        ]),
    );
}

#[test]
fn items_of_one_turn_become_one_message_and_results_follow_call_order() {
    check(
        json!([
            text("user", "q"),
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "think"}]},
            text("assistant", "Looking."),
            call(Some("x"), "one", json!({})),
            call(Some("y"), "two", json!("{\"a\":1}")),
            result(Some("y"), None, json!("2")),
            result(Some("x"), None, json!("1")),
        ]),
        json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "Looking.", "reasoning_content": "think", "tool_calls": [
                {"id": "x", "type": "function", "function": {"name": "one", "arguments": {}}},
                {"id": "y", "type": "function", "function": {"name": "two", "arguments": {"a": 1}}}]},
            {"role": "tool", "content": "1", "tool_call_id": "x", "name": "one"},
            {"role": "tool", "content": "2", "tool_call_id": "y", "name": "two"},
        ]),
    );
}

#[test]
fn ids_are_made_where_missing_and_made_unique_where_repeated() {
    let whole = built(json!([
        text("user", "q"),
        call(None, "f", json!({})),
        result(None, Some("f"), json!("1")),
        call(Some("c"), "f", json!({})),
        result(Some("c"), None, json!("2")),
        call(Some("c"), "f", json!({})),
        result(Some("c"), None, json!("3")),
        call(None, "f", json!({})),
        result(Some("only here"), Some("f"), json!("4")),
    ]))
    .expect("a conversation");
    let ids: Vec<&str> = whole.messages.iter().filter_map(|m| m.tool_call_id.as_deref()).collect();
    assert_eq!(ids, ["call_1", "c", "c_2", "call_2"]);
    assert_eq!(whole.open_calls, 0);
}

#[test]
fn a_lone_result_answers_a_lone_call_whatever_its_id() {
    let ids = |response: Value| {
        let whole = built(json!([text("user", "q"), call(Some("item_1"), "f", json!({})), response]));
        whole.map(|whole| whole.messages[2].tool_call_id.clone())
    };
    assert_eq!(ids(result(Some("call_9"), None, json!("1"))), Ok(Some("item_1".into())));
    assert_eq!(ids(result(None, None, json!("1"))), Ok(Some("item_1".into())));
    assert_eq!(ids(result(Some("call_9"), Some("g"), json!("1"))), Err(Reason::ToolResultWithoutCall));
    let two = json!([
        call(Some("a"), "f", json!({})),
        call(Some("b"), "f", json!({})),
        result(Some("x"), None, json!("1")),
        result(Some("y"), None, json!("2")),
    ]);
    check_reason(two, Reason::ToolResultWithoutCall);
}

#[test]
fn results_inside_a_user_turn_become_messages_of_their_own() {
    check(
        json!([
            text("user", "q"),
            call(Some("x"), "f", json!({})),
            {"role": "user", "parts": [
                {"type": "tool_call_response", "id": "x", "response": "1"}, {"type": "text", "content": "Go on."}]},
        ]),
        json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "x", "type": "function", "function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "content": "1", "tool_call_id": "x", "name": "f"},
            {"role": "user", "content": "Go on."},
        ]),
    );
}

#[test]
fn leading_system_messages_fold_into_one_and_a_later_one_rejects() {
    let messages = json!([text("system", "A"), text("system", "B"), text("user", "q")]);
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    let whole = conversation(Some("A"), &messages, Reasoning::Keep).expect("a conversation");
    assert_eq!(whole.system.as_deref(), Some("A\nB"));
    assert_eq!(whole.messages.len(), 1);
    assert_eq!(with_system(whole.system.as_deref(), &whole.messages)[0], ChatMessage::text("system", "A\nB"));
    check_reason(json!([text("user", "q"), text("system", "late")]), Reason::SystemNotFirst);
}

#[test]
fn reasoning_is_left_out_on_demand() {
    let messages = json!([{"role": "assistant", "parts": [
        {"type": "reasoning", "content": "hm"}, {"type": "text", "content": "a"}]}]);
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    let whole = conversation(None, &messages, Reasoning::Drop).expect("a conversation");
    assert_eq!(whole.messages.len(), 1);
    assert_eq!(json!(whole.messages[0]), json!({"role": "assistant", "content": "a"}));
}

#[test]
fn what_would_mislead_is_rejected_with_its_reason() {
    let image = json!({"role": "user", "parts": [{"type": "text", "content": "What is it?"},
        {"type": "uri", "uri": "https://example.com/a.png"}]});
    check_reason(json!([image]), Reason::NonTextContent);
    check_reason(json!([text("user", "__REDACTED__")]), Reason::Redacted);
    let masked = json!({"to": [{"key": "[REDACTED]"}], "subject": "hi"});
    check_reason(json!([call(Some("x"), "f", masked.clone())]), Reason::Redacted);
    check_reason(json!([call(Some("x"), "f", json!({})), result(Some("x"), None, masked)]), Reason::Redacted);
    check_reason(json!([text("critic", "x")]), Reason::UnknownRole);
    check_reason(json!([result(Some("x"), None, json!("1"))]), Reason::ToolResultWithoutCall);
    check_reason(json!([call(Some("x"), "f", json!({})), text("user", "?")]), Reason::ToolCallWithoutResult);
    check_reason(json!([call(Some("x"), "f", json!("{broken"))]), Reason::ArgumentsNotAnObject);
    check_reason(json!([call(Some("x"), "f", json!([1]))]), Reason::ArgumentsNotAnObject);
    check_reason(json!([call(Some("x"), "f", Value::Null)]), Reason::ArgumentsNotAnObject);
    let thought = json!({"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]});
    check_reason(json!([thought, text("user", "?")]), Reason::EmptyMessage);
    let caller = json!({"role": "user", "parts": [{"type": "tool_call", "name": "f", "arguments": {}}]});
    check_reason(json!([caller]), Reason::MisplacedPart);
    let two = json!([
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "x", "name": "f", "arguments": {}},
            {"type": "tool_call", "id": "y", "name": "f", "arguments": {}}]},
        result(Some("x"), None, json!("1")),
        text("assistant", "done"),
    ]);
    check_reason(two, Reason::ToolCallWithoutResult);
}

#[test]
fn writing_about_redaction_is_no_redaction() {
    assert!(built(json!([text("user", "Replace names by [REDACTED], please")])).is_ok());
    assert!(is_redacted(" <REDACTED>\n"));
}

#[test]
fn lengths_count_characters_of_all_that_is_rendered() {
    let mut message = ChatMessage::text("assistant", "£39");
    message.reasoning_content = Some("hm".into());
    message.tool_calls.push(tool_call(Some("x"), "f", &json!({"a": 1})).expect("a call"));
    assert_eq!(message.characters(), 3 + 2 + 1 + "{\"a\":1}".len());
}
