//! Harbor's Agent Trajectory Interchange Format, v1.8: one trajectory a row. Its readers forbid unknown keys; ours are
//! under `extra`.

use serde_json::{Map, Value, json};

use super::{Row, Unfit, row as columns_of};
use crate::{
    Kind,
    conversation::ChatMessage,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- One ATIF-v1.8 trajectory per line. Results of tools are the `observation` of the step that called them. Attempts, \
    spans and feedback are under `extra`.\n\
    - Steps with `is_copied_context` were given to the attempt, and are not its own work: do not train on them.\n";

const VERSION: &str = "ATIF-v1.8";
/// What is written where the telemetry does not name it: both are required.
const UNKNOWN: &str = "unknown";

pub(crate) fn columns(kind: Kind) -> Option<Columns> {
    let columns: Columns = &[
        ("schema_version", Column::Text),
        ("session_id", Column::Text),
        ("trajectory_id", Column::Text),
        ("agent", Column::Json),
        ("steps", JSON_LIST),
        ("final_metrics", Column::Json),
        ("extra", Column::Json),
    ];
    (kind == Kind::Trajectory).then_some(columns)
}

pub(crate) fn row(id: &str, example: &Example) -> Result<Row, Unfit> {
    let Content::Messages(messages) = &example.content else { return Err(Unfit::content()) };
    let fact = |name: &str| example.facts.get(name).filter(|value| !value.is_null());
    let text = |name: &str| fact(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut agent = columns_of([
        ("name", json!(text("agent_name").unwrap_or(UNKNOWN))),
        ("version", json!(text("agent_version").unwrap_or(UNKNOWN))),
    ]);
    agent.extend(text("model").map(|model| ("model_name".to_owned(), json!(model))));
    if !example.tools.is_empty() {
        agent.insert("tool_definitions".into(), json!(example.tools));
    }
    let given = fact("given_messages").and_then(Value::as_u64).unwrap_or(0);
    let steps = steps(messages, given);
    let mut extra = Map::new();
    extra.insert("provenance".into(), serde_json::to_value(&example.provenance).unwrap_or(Value::Null));
    extra.extend(fact("score").map(|score| ("feedback".to_owned(), json!({"score": score}))));
    Ok(columns_of([
        ("schema_version", json!(VERSION)),
        ("session_id", json!(example.provenance.session_id)),
        ("trajectory_id", json!(id)),
        ("agent", Value::Object(agent)),
        ("final_metrics", json!({"total_steps": steps.len()})),
        ("steps", Value::Array(steps)),
        ("extra", Value::Object(extra)),
    ]))
}

fn steps(messages: &[ChatMessage], given: u64) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.role == "tool" {
            let result = json!({"source_call_id": message.tool_call_id, "content": message.content});
            if let Some(results) = steps.last_mut().and_then(|step| results_of(step)) {
                results.push(result);
            }
            continue;
        }
        let source = if message.role == "assistant" { "agent" } else { message.role };
        let mut step = columns_of([
            ("step_id", json!(steps.len() + 1)),
            ("source", json!(source)),
            ("message", json!(message.content)),
        ]);
        step.extend(message.reasoning_content.as_ref().map(|text| ("reasoning_content".to_owned(), json!(text))));
        if !message.tool_calls.is_empty() {
            let calls = message.tool_calls.iter().map(|call| {
                json!({"tool_call_id": call.id, "function_name": call.function.name, "arguments": call.function.arguments})
            });
            step.insert("tool_calls".into(), calls.collect());
        }
        if message.role == "assistant" && (at as u64) < given {
            step.insert("is_copied_context".into(), json!(true));
        }
        steps.push(Value::Object(step));
    }
    steps
}

/// The results of a step, to be added to: every result has its call in the step before it.
fn results_of(step: &mut Value) -> Option<&mut Vec<Value>> {
    let observation = step.as_object_mut()?.entry("observation").or_insert_with(|| json!({"results": []}));
    observation["results"].as_array_mut()
}
