//! OpenInference's tool spans: arguments and results, out of the forms in which frameworks record a call.

use gleaner_model::Part;
use serde_json::{Value, json};

use super::reader::Reader;
use crate::messages::{arguments, message};
use crate::value::{first, is_empty, structured};

/// Reads a tool's name, call, arguments and result.
pub(super) fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_name = reader.text("tool_name", &["tool.name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["tool.id", "tool_call.id"]);
    let given =
        reader.find("tool_arguments", &["input.value"]).map(|value| without_options(called_with(arguments(value))));
    reader.mapped.tool_arguments = given.or_else(|| {
        // By the specification the schema stands here; some write the arguments.
        let written = reader.find("tool_arguments", &["tool.parameters"]).map(arguments)?;
        if is_schema(&written) {
            reader.mapped.source_keys.shift_remove("tool_arguments");
            return None;
        }
        Some(written)
    });
    reader.mapped.tool_result = reader.find("tool_result", &["output.value"]).cloned();
    if let Some(printed) = reader.mapped.tool_result.as_ref().and_then(tool_output) {
        reader.mapped.tool_result = Some(printed);
    }
    // LangChain's and ADK's tools return a message or a named answer around the result; its id names the call.
    if let Some(answer) = reader.mapped.tool_result.as_ref().map(structured).as_ref().and_then(answer_of) {
        if reader.mapped.tool_call_id.is_none() {
            reader.mapped.tool_call_id = answer.0;
            reader.note("tool_call_id", "output.value");
        }
        reader.mapped.tool_result = Some(answer.1);
    }
}

/// Python's way to record a call: `{"args": […], "kwargs": {…}}`.
pub(crate) fn called_with(arguments: Value) -> Value {
    let Value::Object(map) = &arguments else { return arguments };
    let is_call = map.keys().all(|key| matches!(key.as_str(), "args" | "kwargs" | "sanitize_inputs_outputs"));
    match (map.get("args"), map.get("kwargs")) {
        (args, Some(kwargs @ Value::Object(_))) if is_call && args.is_none_or(is_empty) => kwargs.clone(),
        // By position: without names, which the model's call has.
        (Some(Value::Array(args)), kwargs) if is_call && kwargs.is_none_or(is_empty) => match args.as_slice() {
            [only] => only.clone(),
            _ => Value::Array(args.clone()),
        },
        _ => arguments,
    }
}

/// BeeAI's tools are run with options beside what the model gave them: `{"input": {…}, "options": …}`.
fn without_options(arguments: Value) -> Value {
    match arguments {
        Value::Object(mut map)
            if map.len() == 2 && map.contains_key("options") && map.get("input").is_some_and(Value::is_object) =>
        {
            map.shift_remove("input").unwrap_or_default()
        }
        other => other,
    }
}

/// LlamaIndex' `ToolOutput` repeats name and arguments around what the model is told.
fn tool_output(value: &Value) -> Option<Value> {
    let Value::Object(output) = structured(value) else { return None };
    if !output.contains_key("raw_output") || !output.contains_key("tool_name") {
        return None;
    }
    let told = first(&output, &["blocks", "content"]).or_else(|| output.get("raw_output"))?;
    let blocks = message(&json!({"role": "tool", "content": told}), "tool").parts;
    blocks.into_iter().find_map(|part| match part {
        Part::ToolCallResponse { response, .. } => Some(response),
        _ => None,
    })
}

/// A JSON schema, or a map of names to schemas.
fn is_schema(value: &Value) -> bool {
    let Value::Object(map) = value else { return true };
    map.contains_key("properties")
        || map.contains_key("$schema")
        || (!map.is_empty() && map.values().all(|field| field.get("type").is_some()))
}

/// The call's id and the result that a serialized tool message holds.
pub(super) fn answer_of(value: &Value) -> Option<(Option<String>, Value)> {
    if let Some(inner) = value.get("output").filter(|_| value.as_object().is_some_and(|map| map.len() == 1)) {
        return answer_of(inner);
    }
    let is_message = value.get("tool_call_id").or_else(|| value.pointer("/data/tool_call_id")).is_some()
        || value.pointer("/kwargs/tool_call_id").is_some();
    if !is_message {
        return None;
    }
    message(value, "tool").parts.into_iter().find_map(|part| match part {
        Part::ToolCallResponse { id, response, .. } => Some((id, response)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
