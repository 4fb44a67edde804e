use serde_json::{Value, json};

use crate::{
    Format, Host, Kind, Options, Reason,
    tests::{
        exported, lines,
        memory::{MemoryRows, answers, attempt, pair, says, score},
    },
};

/// One attempt: its messages, and the tools it was offered.
fn one(messages: Value, tools: Value) -> MemoryRows {
    let mut row = attempt("a", "q", "39");
    row["input_messages"] = json!(messages.to_string());
    row["tool_definitions"] = json!(tools.to_string());
    MemoryRows { attempts: vec![row], evaluations: vec![score("e", "a", "mara", 9.0)], ..MemoryRows::default() }
}

fn tool(name: &str) -> Value {
    json!([{"type": "function", "name": name, "description": "d"}])
}

fn asks(text: &str, name: &str) -> Value {
    let call = json!({"type": "tool_call", "id": "c1", "name": name, "arguments": {}});
    match text {
        "" => json!({"role": "assistant", "parts": [call]}),
        text => json!({"role": "assistant", "parts": [{"type": "text", "content": text}, call]}),
    }
}

/// The row, or the reason and the detail of its rejection.
fn for_host(host: Host, rows: &MemoryRows) -> Result<Value, (Value, String)> {
    let options = Options { format: Format::Openai, host: Some(host), ..Options::new(Kind::Sft) };
    let (_, files) = exported(rows, &[Kind::Sft], &options);
    match lines(&files, "sft.jsonl").pop() {
        Some(row) => Ok(row),
        None => {
            let rejected = &lines(&files, "rejected.jsonl")[0];
            Err((rejected["reason"].clone(), rejected["detail"].as_str().expect("a detail").to_owned()))
        }
    }
}

fn refused(host: Host, rows: &MemoryRows) -> String {
    let (reason, detail) = for_host(host, rows).expect_err("refused");
    assert_eq!(reason, json!(Reason::RefusedByHost));
    detail
}

#[test]
fn together_takes_plain_chats_whose_roles_alternate() {
    let called = json!([says("user", "q"), asks("", "search"), answers("c1", json!("x"))]);
    assert_eq!(
        refused(Host::Together, &one(called, tool("search"))),
        "together: tool calls and their results are not taken"
    );
    let twice = json!([says("user", "q"), says("user", "And?")]);
    assert_eq!(
        refused(Host::Together, &one(twice, json!([]))),
        "together: roles must alternate, and user follows user"
    );
    let row = for_host(Host::Together, &one(json!([says("user", "q")]), tool("search"))).expect("a row");
    assert_eq!(row.as_object().expect("an object").keys().collect::<Vec<_>>(), ["messages"]);
}

#[test]
fn mistral_takes_texts_or_calls_under_plain_names() {
    let talking = json!([says("user", "q"), asks("Let me see.", "search"), answers("c1", json!("x"))]);
    assert_eq!(
        refused(Host::Mistral, &one(talking.clone(), tool("search"))),
        "mistral: a message has either a text or calls, not both"
    );
    assert!(for_host(Host::Openai, &one(talking, tool("search"))).is_ok());
    let odd = json!([says("user", "q"), asks("", "a.search"), answers("c1", json!("x"))]);
    assert!(refused(Host::Mistral, &one(odd, tool("a.search"))).starts_with("mistral: the tool name `a.search`"));
    let fine = json!([says("user", "q"), asks("", "search"), answers("c1", json!("x"))]);
    let row = for_host(Host::Mistral, &one(fine, tool("search"))).expect("a row");
    assert_eq!(row["tools"][0]["function"]["parameters"], json!({"type": "object", "properties": {}}));
}

#[test]
fn fireworks_takes_reasoning() {
    let mut rows = one(json!([says("user", "q")]), json!([]));
    let parts = json!([{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "39"}]);
    rows.attempts[0]["output_messages"] = json!(json!([{"role": "assistant", "parts": parts}]).to_string());
    let last = |host| for_host(host, &rows).expect("a row")["messages"].as_array().expect("a list").last().cloned();
    assert_eq!(
        last(Host::Fireworks),
        Some(json!({"role": "assistant", "content": "39", "reasoning_content": "Hm.", "weight": 1}))
    );
    assert_eq!(last(Host::Openai), Some(json!({"role": "assistant", "content": "39", "weight": 1})));
}

#[test]
fn pairs_are_checked_too() {
    let rows = MemoryRows {
        attempts: vec![attempt("a", "q", "39"), attempt("b", "q", "forty")],
        pairs: vec![pair("a", "b", "lock", None, "mara")],
        ..MemoryRows::default()
    };
    let options = Options { format: Format::Openai, host: Some(Host::Together), ..Options::new(Kind::Preference) };
    let (_, files) = exported(&rows, &[Kind::Preference], &options);
    let row = &lines(&files, "preference.jsonl")[0];
    assert_eq!(row["input"].as_object().expect("an object").keys().collect::<Vec<_>>(), ["messages"]);
}

#[test]
fn a_host_goes_with_its_form_and_with_what_it_trains_on() {
    let refusal = |host, format, kind| {
        let options = Options { format, host: Some(host), ..Options::new(kind) };
        options.check(&[kind]).expect_err("refused").to_string()
    };
    assert_eq!(
        refusal(Host::Together, Format::Trl, Kind::Sft),
        "host: together goes with the format openai, not with trl"
    );
    assert_eq!(refusal(Host::Mistral, Format::Openai, Kind::Preference), "host: mistral does not train on preference");
    let unknown = "acme".parse::<Host>().expect_err("unknown").to_string();
    assert_eq!(unknown, "host: `acme` is unknown; supported: openai, azure, fireworks, together, mistral");
}
