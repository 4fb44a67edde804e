//! Tools of LlamaIndex, as OpenLLMetry records them: tasks like all else of a workflow.
//!
//! Recognised by what they returned: a `ToolOutput` (`{"tool_name", "raw_input", "raw_output", "is_error"}`), or what the
//! workflow's step around it returned, a `ToolCallResult` (`{"tool_name", "tool_kwargs", "tool_id", "tool_output"}`). Until
//! 2025 that JSON stood in JSON text.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::functions::arguments_of;
use super::reader::Reader;
use crate::value::{first, first_text, structured, text};

const RETURNED: &str = "traceloop.entity.output";

/// Reads a tool's execution, if the task is one; says whether it is.
pub(super) fn read_tool(reader: &mut Reader) -> bool {
    let Some(Value::Object(returned)) = reader.attributes().get(RETURNED).map(structured) else { return false };
    let output = returned.get("tool_output").and_then(Value::as_object).unwrap_or(&returned);
    let is_output = ["tool_name", "raw_input", "raw_output"].iter().all(|key| output.contains_key(*key));
    let Some(name) = first_text(output, &["tool_name"]).filter(|_| is_output) else { return false };
    let given = first(&returned, &["tool_kwargs"]).cloned().or_else(|| output.get("raw_input").map(arguments_of));
    let mapped = &mut reader.mapped;
    mapped.kind = Some(SpanKind::Tool);
    mapped.tool_name = Some(name);
    mapped.tool_call_id = first_text(&returned, &["tool_id"]);
    mapped.tool_arguments = given;
    mapped.tool_result = result(output);
    if output.get("is_error") == Some(&Value::Bool(true)) {
        mapped.error = mapped.tool_result.as_ref().and_then(text);
        reader.note("error", RETURNED);
    }
    for field in ["kind", "tool_name", "tool_call_id", "tool_arguments", "tool_result"] {
        reader.note(field, RETURNED);
    }
    true
}

/// What the function returned; where that is nothing, what the model was told.
fn result(output: &Map<String, Value>) -> Option<Value> {
    let told = || {
        let blocks = output.get("blocks").and_then(Value::as_array).into_iter().flatten();
        let texts: Vec<&str> = blocks.filter_map(|block| block.get("text")?.as_str()).collect();
        (!texts.is_empty()).then(|| Value::String(texts.join("\n")))
    };
    first(output, &["raw_output", "content"]).cloned().or_else(told)
}

#[cfg(test)]
mod tests;
