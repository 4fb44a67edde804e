use serde_json::{Value, json};

use super::{answer_of, arguments_of, callback_answer, final_text_of, question_of};

fn text_of(value: &Value) -> Value {
    Value::String(value.to_string())
}

#[test]
fn arguments_by_every_recorder() {
    let expected = json!({"city": "Paris"});
    for recorded in [
        json!({"city": "Paris"}),
        json!({"args": [], "kwargs": {"city": "Paris"}}),
        json!({"args": [{"city": "Paris"}], "kwargs": {}}),
        json!({"args": ["{\"city\":\"Paris\"}"]}),
        json!({"input_str": "{'city': 'Paris'}", "tags": [], "metadata": {}, "inputs": {"city": "Paris"}, "kwargs": {}}),
        json!({"tool_name": "get_weather", "arguments": {"city": "Paris"}}),
    ] {
        assert_eq!(arguments_of(&text_of(&recorded)), expected, "{recorded}");
    }
    assert_eq!(arguments_of(&json!({"args": [], "kwargs": {}})), json!({}));
    let both = json!({"args": [1], "kwargs": {"b": 2}});
    assert_eq!(arguments_of(&both), both, "positions without names stay as they are");
}

#[test]
fn results_stay_what_was_returned() {
    let weather = "{\"city\": \"Paris\"}";
    for recorded in
        [json!(weather), json!(json!(weather).to_string()), json!(json!({"output": weather, "kwargs": {}}).to_string())]
    {
        let answer = answer_of(&recorded);
        assert_eq!((answer.id, answer.response), (None, json!(weather)), "{recorded}");
    }
    assert_eq!(answer_of(&json!("408")).response, json!("408"));
    let own = json!("{\"output\": 1, \"result\": 2}");
    assert_eq!(answer_of(&own).response, own, "a tool's own field is not taken for a wrapper");
    assert_eq!(arguments_of(&json!({"inputs": "tea"})), json!({"inputs": "tea"}));
}

#[test]
fn a_tool_message_tells_its_call() {
    let message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"],
        "kwargs": {"content": "408", "tool_call_id": "c1", "name": "multiply"}});
    for recorded in [text_of(&message), text_of(&json!({"output": message, "kwargs": {}}))] {
        let answer = answer_of(&recorded);
        assert_eq!((answer.id.as_deref(), answer.name.as_deref()), (Some("c1"), Some("multiply")));
        assert_eq!(answer.response, json!("408"));
    }
}

#[test]
fn the_question_is_the_only_text_or_the_last_user_message() {
    let history = json!([{"role": "user", "content": "earlier"}, {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "now?"}]);
    for (recorded, question) in [
        (json!("now?"), Some("now?")),
        (json!({"prompt": "now?"}), Some("now?")),
        (json!({"args": ["now?"], "kwargs": {}}), Some("now?")),
        (json!({"args": [0, {}, history, "and here?"], "kwargs": {}}), Some("and here?")),
        (json!({"inputs": {"messages": history}, "tags": [], "kwargs": {}}), Some("now?")),
        (json!({"args": [], "kwargs": {}}), None),
    ] {
        assert_eq!(question_of(&text_of(&recorded)).as_deref(), question, "{recorded}");
    }
    assert_eq!(question_of(&json!("now?")).as_deref(), Some("now?"), "plain text");
}

#[test]
fn the_final_text_is_the_last_answer() {
    let state = json!({"messages": [{"role": "user", "content": "now?"}, {"role": "assistant", "content": "Yes."}]});
    for recorded in
        [json!("Yes."), state.clone(), json!({"outputs": state, "kwargs": {}}), json!({"output": "Yes.", "kwargs": {}})]
    {
        assert_eq!(final_text_of(&text_of(&recorded)).as_deref(), Some("Yes."), "{recorded}");
    }
    let answer = json!("{\"city\":\"Paris\"}");
    assert_eq!(final_text_of(&answer).as_deref(), answer.as_str(), "an answer in JSON stays JSON");
}

#[test]
fn printed_tool_messages() {
    let answer = |text: &str| callback_answer(&json!(text));
    let told =
        answer(r#"content="it's \"fine\": 18°C" name='get_weather' tool_call_id='call_1' status='success'"#).unwrap();
    assert_eq!(told.response, json!("it's \"fine\": 18°C"));
    assert_eq!((told.name.as_deref(), told.id.as_deref()), (Some("get_weather"), Some("call_1")));
    let escaped = answer(r"content='it\'s fine' tool_call_id='call_2'").unwrap();
    assert_eq!((escaped.response, escaped.name), (json!("it's fine"), None));
    for other in ["sunny", "content='sunny'", "content='sunny tool_call_id='c"] {
        assert!(answer(other).is_none_or(|told| told.response != json!(other)));
    }
}
