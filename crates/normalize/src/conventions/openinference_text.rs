//! What OpenInference's spans that are no model calls were given and returned, as text: agents, chains, searches.

use serde_json::{Map, Value};

use super::bodies;
use super::reader::Reader;
use crate::value::{first_text, structured, text, unflatten};

/// An agent that is named by its method: `skylark.run`, `CodeAgent.run`, `skylark.on_messages_stream`.
pub(super) fn agent_of_method(name: &str) -> Option<String> {
    const METHODS: &[&str] = &[
        "run",
        "arun",
        "run_stream",
        "on_messages",
        "on_messages_stream",
        "invoke",
        "ainvoke",
        "kickoff",
        "_execute_core",
    ];
    let (agent, method) = name.rsplit_once('.')?;
    (METHODS.contains(&method) && !agent.is_empty()).then(|| agent.to_owned())
}

/// Embeddings, retrievers and rerankers: the query or the texts, and the documents that were found.
pub(super) fn read_search(reader: &mut Reader) {
    let attributes = reader.attributes();
    let texts = listed(attributes, "embedding.embeddings", "/embedding/text");
    reader.mapped.input_text = match texts {
        Some(texts) => {
            reader.note("input_text", "embedding.embeddings.*");
            Some(texts)
        }
        None => reader.text("input_text", &["reranker.query"]).or_else(|| {
            let given = reader.find("input_text", &["input.value"])?;
            plain(given, "user")
        }),
    };
    for prefix in ["retrieval.documents", "reranker.output_documents"] {
        if let Some(found) = listed(attributes, prefix, "/document/content") {
            reader.note("output_text", &format!("{prefix}.*"));
            reader.mapped.output_text = Some(found);
            return;
        }
    }
    // An embedding's output is numbers.
    if !attributes.keys().any(|key| key.starts_with("embedding.")) {
        reader.mapped.output_text = reader.text("output_text", &["output.value"]);
    }
}

fn listed(attributes: &Map<String, Value>, prefix: &str, path: &str) -> Option<String> {
    let items = unflatten(attributes, prefix);
    let texts: Vec<String> = items.iter().filter_map(|item| text(item.pointer(path)?)).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// The recorded state of a framework's workflow: nobody's question.
fn is_dump(body: &Value) -> bool {
    match body {
        Value::Object(map) => map.contains_key("init_state") && map.contains_key("start_event"),
        // Printed events are cut off in the middle.
        Value::String(text) => text.starts_with("StopEvent(") && text.ends_with("..."),
        _ => false,
    }
}

/// The question among the arguments of an agent's method.
fn task(body: &Value) -> Option<String> {
    let Value::Object(arguments) = body else { return None };
    first_text(arguments, &["task", "user_msg"]).filter(|_| arguments.len() > 1)
}

/// CrewAI's output of a crew repeats the last task's in `raw`.
fn crew_answer(body: &Value) -> Option<String> {
    body.get("tasks_output")?;
    body.get("raw").and_then(text)
}

/// The text of an agent's or chain's input or output: plain text, or that of the one message or last answer it holds.
pub(super) fn plain(value: &Value, role: &str) -> Option<String> {
    let body = structured(value);
    if is_dump(&body) {
        return None;
    }
    if let Some(task) = task(&body).filter(|_| role == "user") {
        return Some(task);
    }
    if let Some(answer) = crew_answer(&body).filter(|_| role == "assistant") {
        return Some(answer);
    }
    if !holds_messages(&body) {
        // ADK's event of a failure is no answer.
        let is_failure = body.get("error_code").is_some() && body.get("error_message").is_some();
        return text(value).filter(|_| !is_failure);
    }
    let read =
        if role == "user" { bodies::request(&body).input_messages } else { bodies::response(&body).output_messages };
    let last = read.into_iter().flatten().rfind(|message| message.role == role);
    last.and_then(|message| gleaner_model::output_text(&[message])).or_else(|| text(value))
}

/// Whether a value is made of messages. Any other object is the agent's own data and stays whole.
fn holds_messages(body: &Value) -> bool {
    match body {
        Value::Array(items) => items.iter().all(Value::is_object),
        Value::Object(map) => {
            let keys = ["role", "messages", "choices", "candidates", "generations", "new_message"];
            map.len() == 1 || keys.iter().any(|key| map.contains_key(*key)) || body.pointer("/content/parts").is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
