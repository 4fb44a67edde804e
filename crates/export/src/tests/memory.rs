//! Rows in memory, and builders for them: one place that knows the columns.

use std::{cell::RefCell, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBuilder, ListBuilder, StringArray, StringBuilder, UInt64Builder},
    datatypes::SchemaRef,
    record_batch::RecordBatch,
};
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
    /// Shared texts, by id.
    pub(crate) texts: RefCell<Vec<String>>,
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

    /// In the order in which they stand here: the store promises none.
    fn for_each_page(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let ids = params[0].as_array().expect("the ids of a page");
        let rows: Vec<&Value> = self.attempts.iter().filter(|attempt| ids.contains(&attempt["attempt_id"])).collect();
        visit(&if sql.contains("AS call_output_text") { plain_texts(&rows) } else { self.page(&rows) })
    }

    fn for_each_text(&self, ids: &[u64], visit: &mut dyn FnMut(u64, &str)) -> Result<(), ExportError> {
        let texts = self.texts.borrow();
        ids.iter().for_each(|id| visit(*id, &texts[*id as usize]));
        Ok(())
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

/// The columns of `sql::plain_texts`.
fn plain_texts(rows: &[&Value]) -> RecordBatch {
    let columns = ["attempt_id", "input_text", "call_output_text"].map(|name| {
        let column: StringArray = rows.iter().map(|row| row[name].as_str()).collect();
        (name, Arc::new(column) as ArrayRef, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

impl MemoryRows {
    /// The columns of `sql::page`. Each long text is one piece.
    fn page(&self, rows: &[&Value]) -> RecordBatch {
        let text =
            |name: &str| -> ArrayRef { Arc::new(rows.iter().map(|row| row[name].as_str()).collect::<StringArray>()) };
        let none: ArrayRef = Arc::new(rows.iter().map(|_| None::<&str>).collect::<StringArray>());
        let boolean =
            |name: &str| -> ArrayRef { Arc::new(rows.iter().map(|row| row[name].as_bool()).collect::<BooleanArray>()) };
        let texts = |name: &str| -> ArrayRef {
            let mut out = ListBuilder::new(StringBuilder::new());
            for row in rows {
                let values = parsed(&row[name]);
                out.append_option(values.as_array().map(|list| list.iter().map(Value::as_str)));
            }
            Arc::new(out.finish())
        };
        let pieces = |name: &str| -> ArrayRef {
            let mut out = ListBuilder::new(UInt64Builder::new());
            for row in rows {
                let text = row[name].as_str().map(str::to_owned);
                let text = text.or_else(|| Some(row[name].to_string()).filter(|_| !row[name].is_null()));
                out.append_option(text.map(|text| [Some(self.share(text))]));
            }
            Arc::new(out.finish())
        };
        let keys = |name: &str| {
            let is = |row: &&Value| row[name] == true;
            rows.iter()
                .map(|row| if is(row) { json!({"input_messages": "truncated"}) } else { json!({}) })
                .collect::<Vec<_>>()
        };
        let mut source_keys = ListBuilder::new(ListBuilder::new(UInt64Builder::new()));
        for keys in keys("is_truncated") {
            source_keys.append_value([Some([Some(self.share(keys.to_string()))])]);
        }
        let mut call_source_keys = ListBuilder::new(UInt64Builder::new());
        for keys in keys("conversation_truncated") {
            call_source_keys.append_value([Some(self.share(keys.to_string()))]);
        }
        let mut outputs = ListBuilder::new(ListBuilder::new(UInt64Builder::new()));
        let mut think = ListBuilder::new(BooleanBuilder::new());
        for row in rows {
            let of_calls = parsed(&row["thoughtful"]);
            let of_calls = of_calls.as_array().map_or(&[][..], Vec::as_slice);
            outputs.append_value(of_calls.iter().map(|output| Some([Some(self.share(output.to_string()))])));
            think.append_value(of_calls.iter().map(|_| Some(true)));
        }
        let columns = [
            ("attempt_id", text("attempt_id")),
            ("project", text("project")),
            ("session_id", text("session_id")),
            ("lineage_id", text("lineage_id")),
            ("agent_definition_id", text("agent_definition_id")),
            ("trace_ids", texts("trace_ids")),
            ("span_ids", texts("span_ids")),
            ("status", text("status")),
            ("output_text", text("output_text")),
            ("started", text("started")),
            ("question", pieces("question_messages")),
            ("question_history", none.clone()),
            ("question_complete", boolean("question_complete")),
            ("system_prompt", pieces("system_prompt")),
            ("input", pieces("input_messages")),
            ("input_history", none),
            ("history_complete", boolean("history_complete")),
            ("output", pieces("output_messages")),
            ("tool_definitions", pieces("tool_definitions")),
            ("agent_tools", pieces("agent_tools")),
            ("source_keys", Arc::new(source_keys.finish())),
            ("call_source_keys", Arc::new(call_source_keys.finish())),
            ("has_model", boolean("has_model")),
            ("outputs", Arc::new(outputs.finish())),
            ("outputs_think", Arc::new(think.finish())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .expect("columns of one length")
    }

    fn share(&self, text: String) -> u64 {
        let mut texts = self.texts.borrow_mut();
        texts.push(text);
        texts.len() as u64 - 1
    }

    /// One column of the attempts that have it, by an id of theirs.
    fn of_attempts(&self, id: &str, column: &str) -> Vec<Value> {
        let having = self.attempts.iter().filter(|attempt| !attempt[column].is_null());
        having.map(|a| json!({"project": a["project"], id: a[id], column: a[column]})).collect()
    }
}

/// A JSON column: parsed already, or as its text.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).expect("JSON"),
        other => other.clone(),
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
