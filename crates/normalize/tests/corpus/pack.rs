//! Adds captures to the corpus: `PACK=<folder>,… cargo test -p gleaner-normalize --test corpus -- --ignored pack`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::bodies::{self, corpus};
use crate::text::normal;

/// Each folder holds numbered bodies and the `expected.json` of whoever captured them, which is reduced to what is scored.
#[test]
#[ignore = "writes to the corpus"]
fn pack() {
    let folders = std::env::var("PACK").expect("PACK names the folders to add, a comma between them");
    for folder in folders.split(',').map(PathBuf::from) {
        let name = folder.file_name().expect("a folder with a name");
        let target = corpus().join(name);
        fs::create_dir_all(&target).expect("the corpus can be written to");
        // Captures that other tests read as files keep them.
        if bodies::read_files(&target).is_empty() {
            let bodies = bodies::read_files(&folder);
            assert!(!bodies.is_empty(), "{}: no request bodies", folder.display());
            fs::write(target.join("requests.zst"), bodies::pack(&bodies)).expect("written");
        }
        fs::write(target.join("expected.json"), lines(&reduced(&folder))).expect("written");
    }
}

fn reduced(folder: &Path) -> Map<String, Value> {
    let text = fs::read(folder.join("expected.json")).expect("a truth");
    let whole: Value = serde_json::from_slice(&text).expect("JSON");
    let list = |key: &str| whole[key].as_array().cloned().unwrap_or_default();
    let (answered, failed): (Vec<Value>, Vec<Value>) =
        list("llm_calls").into_iter().partition(|call| matches!(call["status"].as_i64(), None | Some(200)));
    let mut texts = Texts::default();
    let call = |call: &Value| {
        let input = call["input_messages"].as_array().into_iter().flatten();
        let input: Vec<usize> = input.filter_map(|message| texts.place(&text_of(&message["content"]))).collect();
        let tool_calls: Value = call["tool_calls"].as_array().into_iter().flatten().map(tool_use).collect();
        let mut reduced = json!({
            "model": call["model"], "response_model": call["response_model"], "response_id": call["response_id"],
            "input": input, "output_text": call["output_text"], "reasoning_text": call["reasoning_text"],
            "tool_calls": tool_calls, "finish_reason": call["finish_reason"],
            "input_tokens": call["input_tokens"], "output_tokens": call["output_tokens"],
        });
        if call["api"].as_str().is_some_and(|api| api.contains("embed")) {
            reduced["is_embedding"] = json!(true);
            // It wrote nothing, and no server counts that.
            reduced["output_tokens"] = json!(null);
        }
        let says_something =
            |value: &Value| !matches!(value.as_str(), Some("")) && !value.is_null() && *value != json!([]);
        reduced.as_object_mut().expect("it was written as an object").retain(|_, value| says_something(value));
        reduced
    };
    let llm_calls: Value = answered.iter().map(call).collect();
    let ids = |key: &str, sent: &str| if whole[sent] == json!(false) { Vec::new() } else { list(key) };
    let observed = &whole["observed"];
    let traces = observed["traces"].as_u64().or_else(|| observed["number_of_traces"].as_u64());
    let reduced = json!({
        "library": whole["library"], "versions": whole["versions"], "convention": whole["convention"],
        "traces": traces,
        "session_ids": ids("session_ids", "session_in_telemetry"), "user_ids": ids("user_ids", "user_in_telemetry"),
        "llm_calls_failed": failed.len(),
        "texts": texts.all, "llm_calls": llm_calls,
        // Some capturing programs count executions of which they know nothing.
        "tool_executions": list("tool_executions").iter().filter(|t| t["name"].is_string()).map(tool_use).collect::<Value>(),
    });
    reduced.as_object().cloned().expect("it was written as an object")
}

fn tool_use(tool: &Value) -> Value {
    json!({"name": tool["name"], "arguments": tool["arguments"]})
}

/// Each text once: a conversation repeats itself with every call.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    places: HashMap<String, usize>,
}

impl Texts {
    /// `None` for a text that says nothing.
    fn place(&mut self, text: &str) -> Option<usize> {
        if normal(text).is_empty() {
            return None;
        }
        Some(*self.places.entry(text.to_owned()).or_insert_with(|| {
            self.all.push(text.to_owned());
            self.all.len() - 1
        }))
    }
}

/// The text of a message in any provider's form: of a list of parts their texts, of an object its JSON.
fn text_of(content: &Value) -> String {
    match content {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let part = |part: &Value| match part {
                Value::Object(fields) => {
                    let said = ["text", "content"].iter().filter_map(|key| fields.get(*key));
                    said.map(text_of).find(|text| !text.is_empty()).unwrap_or_default()
                }
                other => text_of(other),
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// JSON with one line for each item, so that a change shows where it is.
fn lines(fields: &Map<String, Value>) -> String {
    let field = |(key, value): (&String, &Value)| {
        let key = Value::from(key.as_str());
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) || items.len() > 8 => {
                let items: Vec<String> = items.iter().map(|item| format!("  {item}")).collect();
                format!(" {key}: [\n{}\n ]", items.join(",\n"))
            }
            other => format!(" {key}: {other}"),
        }
    };
    format!("{{\n{}\n}}\n", fields.iter().map(field).collect::<Vec<_>>().join(",\n"))
}

/// Prints what a folder of numbered bodies becomes: `LOOK=<folder> cargo test -p gleaner-normalize --test corpus -- --ignored
/// look --nocapture`.
#[test]
#[ignore = "prints only"]
fn look() {
    let folder = PathBuf::from(std::env::var("LOOK").expect("LOOK names the folder"));
    let requests: Vec<_> = bodies::read_files(&folder).iter().map(bodies::Body::fragments).collect();
    for trace in crate::derive(&crate::each_request(&requests)) {
        let attempts: Vec<_> = trace.attempts.iter().map(|a| (&a.session_id, &a.lineage_label, a.llm_calls)).collect();
        println!("trace {} {attempts:?}", trace.trace_id);
        for span in &trace.spans {
            let tokens = (span.input_tokens, span.output_tokens);
            println!(
                "  {:?} {:?} of {:?} by {:?}, duplicate of {:?}",
                span.kind, span.name, span.scope_name, span.convention, span.duplicate_of
            );
            println!(
                "    {:?}/{:?} {:?} {:?} {:?} {tokens:?} error {:?}",
                span.model, span.response_model, span.provider, span.response_id, span.finish_reason, span.error
            );
            println!("    system {:?}", span.system_prompt);
            println!("    in  {}", json!(span.input_messages));
            println!("    out {} reasoning {:?}", json!(span.output_messages), span.reasoning_text);
            println!(
                "    tool {:?} {:?} {:?} -> {:?}",
                span.tool_name, span.tool_call_id, span.tool_arguments, span.tool_result
            );
        }
    }
}
