//! Rows in memory, and builders for them: one place that knows the columns.

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use serde_json::{Map, Value, json};

use crate::{ExportError, Rows};

/// Answers each of the crate's queries with the rows of its main relation, in the order of its ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryRows {
    pub(crate) attempts: Vec<Value>,
    pub(crate) evaluations: Vec<Value>,
    pub(crate) pairs: Vec<Value>,
    pub(crate) rankings: Vec<Value>,
    /// Directives with the attempts they speak of, as the query gives them.
    pub(crate) directives: Vec<Value>,
    /// How far the journal position moves whenever it is asked for.
    pub(crate) moves: u64,
    pub(crate) position: std::cell::Cell<u64>,
}

impl Rows for MemoryRows {
    fn for_each_row(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let (mut rows, order) = match sql {
            _ if sql.contains("AS recorded_us FROM attempts a") => {
                let chosen = self.attempts.iter().zip(1_000_000..).map(|(attempt, at)| {
                    json!({"attempt_id": attempt["attempt_id"], "is_compared": true, "recorded_us": at})
                });
                (chosen.collect(), "")
            }
            // In the order in which they stand here: the store promises none.
            _ if sql.contains("FROM attempts a") => {
                let ids = params[0].as_array().expect("the ids of a page");
                (self.attempts.iter().filter(|attempt| ids.contains(&attempt["attempt_id"])).cloned().collect(), "")
            }
            // The columns of an attempt's definition stand with the attempt.
            _ if sql.contains("FROM agent_definitions d") => {
                let definition = |attempt: &Value| {
                    json!({
                        "project": attempt["project"], "agent_definition_id": attempt["agent_definition_id"],
                        "system_prompt": attempt["definition_system_prompt"], "tools": attempt["definition_tools"],
                        "model": attempt["model"], "agent_name": attempt["agent_name"], "version": attempt["version"],
                    })
                };
                (self.attempts.iter().map(definition).collect(), "agent_definition_id")
            }
            _ if sql.contains("FROM sessions n") => (self.of_attempts("session_id", "need"), "session_id"),
            _ if sql.contains("FROM artifacts r") => (self.of_attempts("attempt_id", "artifact"), "attempt_id"),
            // Of the sources bound to the query, where there are any.
            _ if sql.contains("ORDER BY e.attempt_id") => {
                let is_asked = |row: &&Value| params.is_empty() || params.contains(&row["source"]);
                (self.evaluations.iter().filter(is_asked).cloned().collect(), "attempt_id")
            }
            _ if sql.contains("AS scores FROM evaluations e") => {
                let counted = self.evaluations.iter().map(|row| {
                    json!({"reviewer": row["reviewer"], "source": row["source"], "score": row["score"], "scores": 1})
                });
                (counted.collect(), "reviewer")
            }
            _ if sql.contains("FROM directives g") => (self.directives.clone(), "directive_id"),
            _ if sql.contains("FROM preference_pairs p") => (self.pairs.clone(), "pair_id"),
            _ if sql.contains("FROM comparisons c") => (self.rankings.clone(), "comparison_id"),
            _ => panic!("unexpected query: {sql}"),
        };
        if !order.is_empty() {
            rows.sort_by(|a, b| a[order].as_str().cmp(&b[order].as_str()));
        }
        rows.into_iter().try_for_each(|row| match row {
            Value::Object(row) => visit(row),
            other => panic!("not a row: {other}"),
        })
    }

    fn for_each_batch(
        &self,
        sql: &str,
        _visit: &mut dyn FnMut(RecordBatch) -> Result<(), ExportError>,
    ) -> Result<SchemaRef, ExportError> {
        panic!("unexpected query: {sql}")
    }

    fn position(&self) -> Result<u64, ExportError> {
        Ok(self.position.replace(self.position.get() + self.moves))
    }
}

impl MemoryRows {
    /// One column of the attempts that have it, by an id of theirs.
    fn of_attempts(&self, id: &str, column: &str) -> Vec<Value> {
        let having = self.attempts.iter().filter(|attempt| !attempt[column].is_null());
        having.map(|a| json!({"project": a["project"], id: a[id], column: a[column]})).collect()
    }
}

/// A canonical text message.
pub(crate) fn says(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

/// An assistant's call of the tool `search`, with a thought before it.
pub(crate) fn calls(thought: &str, id: &str, arguments: Value) -> Value {
    json!({"role": "assistant", "parts": [
        {"type": "reasoning", "content": thought},
        {"type": "tool_call", "id": id, "name": "search", "arguments": arguments},
    ]})
}

/// The answer of a tool.
pub(crate) fn answers(id: &str, response: Value) -> Value {
    json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "response": response}]})
}

/// An attempt of session `s1` that answered `output` to `question` in one call. JSON columns are text, as DuckDB gives them.
pub(crate) fn attempt(id: &str, question: &str, output: &str) -> Value {
    let input = json!([says("user", question)]).to_string();
    json!({
        "attempt_id": id, "project": "default", "session_id": "s1", "lineage_id": format!("lineage-{id}"),
        "agent_definition_id": format!("definition-{id}"), "trace_ids": json!([format!("trace-{id}")]).to_string(),
        "span_ids": json!([format!("span-{id}")]).to_string(), "status": "ok", "output_text": output,
        "question_messages": input, "input_messages": input, "input_text": question, "system_prompt": "Be brief.",
        "definition_system_prompt": "Be brief.", "definition_tools": null,
        "output_messages": json!([says("assistant", output)]).to_string(), "call_output_text": output,
        "tool_definitions": null, "thoughtful": null,
    })
}

/// An attempt that thought, searched twice with different argument keys, and answered.
pub(crate) fn searching_attempt(id: &str, question: &str, output: &str) -> Value {
    let arguments = if id < "b" { json!({"query": "lantern"}) } else { json!({"path": "a.md", "limit": 3}) };
    let first = calls("I should look it up first.", "call_1", json!({"query": "price"}));
    let mut history_first = first.clone();
    history_first["parts"].as_array_mut().expect("parts").remove(0);
    let second = calls("Once more, with care.", "call_2", arguments);
    let input = json!([
        says("user", question),
        history_first,
        answers("call_1", json!("39 pounds")),
        second,
        answers("call_2", json!({"hits": [1, 2]})),
    ]);
    let mut out = attempt(id, question, output);
    out["input_messages"] = json!(input.to_string());
    out["output_messages"] = json!(
        json!([{"role": "assistant", "finish_reason": "stop", "parts": [
        {"type": "reasoning", "content": "Now I know."}, {"type": "text", "content": output}]}])
        .to_string()
    );
    out["thoughtful"] = json!(json!([[first]]).to_string());
    out["tool_definitions"] = json!(
        json!([{"type": "function", "name": "search", "description": "Search the shop",
            "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}])
        .to_string()
    );
    out
}

/// A score in force by a human.
pub(crate) fn score(id: &str, attempt: &str, reviewer: &str, score: f64) -> Value {
    json!({"evaluation_id": id, "attempt_id": attempt, "criterion": null, "score": score, "correction": null,
        "reviewer": reviewer, "source": "human"})
}

/// A correction in force by a human.
pub(crate) fn correction(id: &str, attempt: &str, reviewer: &str, text: &str) -> Value {
    let mut out = score(id, attempt, reviewer, 0.0);
    out["score"] = Value::Null;
    out["correction"] = json!(text);
    out
}

/// One vote of a human on a pair.
pub(crate) fn pair(chosen: &str, rejected: &str, rule: &str, margin: Option<f64>, reviewer: &str) -> Value {
    json!({"pair_id": format!("{chosen}>{rejected}:{rule}:{reviewer}"), "project": "default", "session_id": "s1",
        "chosen_attempt_id": chosen, "rejected_attempt_id": rejected, "rule": rule, "margin": margin,
        "reviewer": reviewer, "source": "human", "evidence": json!([format!("{rule}-{reviewer}")]).to_string()})
}

/// One entry of the ranking `id` by a human.
pub(crate) fn ranked(id: &str, attempt: Option<&str>, rank: i64) -> Value {
    json!({"comparison_id": id, "criterion": null, "reviewer": "mara", "source": "human", "attempt_id": attempt,
        "rank": rank})
}
