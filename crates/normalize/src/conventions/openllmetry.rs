//! OpenLLMetry (Traceloop), Python and JavaScript; Laminar and others embed its instrumentations.
//!
//! Recognised by `traceloop.span.kind`, `traceloop.entity.*`, `llm.request.type`, and messages in flattened keys with an
//! index. Two eras: until spring 2026 messages stood in `gen_ai.prompt.<i>.*` and `gen_ai.completion.<i>.*` (in 2023
//! `llm.prompts.<i>.*`), tools in `llm.request.functions.<i>.*`; since then they are OpenTelemetry's keys, which
//! [`super::otel_genai`] reads. Decorators (`workflow`, `task`, `agent`, `tool`) and framework callbacks record inputs and
//! outputs in `traceloop.entity.*` in both. Sessions and users are association properties: see [`super::association`].
//! Left out: the events per streamed chunk, which repeat the answer.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::functions::{answer_of, arguments_of, final_text_of, question_of, unwrapped};
use super::otel_genai::provider;
use super::reader::{Reader, captured, set_usage};
use super::{Reading, bodies, openllmetry_llama_index};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{finish_reason, lift_system, messages, tool_definitions};
use crate::value::{first, first_str, is_empty, structured, text, unflatten};

/// Keys each of which tells of a call, a tool or a step. The other `traceloop.*` keys are copied onto every span.
const EVIDENCE: &[&str] = &[
    "traceloop.span.kind",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "llm.request.type",
    "llm.request.model",
    "gen_ai.task.input",
    "gen_ai.task.output",
    "db.vector.query.top_k",
];

const EVIDENCE_PREFIXES: &[&str] = &["gen_ai.prompt.", "gen_ai.completion.", "llm.request.functions.", "llm.usage."];

/// Whether the span carries Traceloop's kind, its entities, or messages in its form.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    EVIDENCE.iter().any(|key| attributes.get(*key).is_some_and(|value| !is_empty(value)))
        || attributes.keys().any(|key| EVIDENCE_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
        || is_mcp_call(attributes)
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = kind(&mut reader);
    reader.mapped.kind = kind;
    read_call(&mut reader);
    read_messages(&mut reader, &span.span.scope.name);
    let opaque = match kind.or_else(|| named_kind(&reader)) {
        Some(SpanKind::Tool) => {
            read_tool(&mut reader);
            Mapped::default()
        }
        Some(SpanKind::Llm) => entity_bodies(&reader),
        Some(SpanKind::Chain) if openllmetry_llama_index::read_tool(&mut reader) => Mapped::default(),
        step => {
            read_step(&mut reader);
            if step == Some(SpanKind::Agent) {
                reader.mapped.agent_name = reader.text("agent_name", &["traceloop.entity.name"]);
            }
            Mapped::default()
        }
    };
    reader.mapped.agent_version = agent_version(&mut reader);
    Reading { structured: reader.mapped, opaque }
}

/// What an operation is called says more than Traceloop's kind: LangChain's tools are tasks there.
fn kind(reader: &mut Reader) -> Option<SpanKind> {
    if let Some(operation) = reader.text("kind", &["gen_ai.operation.name"]) {
        return match operation.as_str() {
            "llm_request" => Some(SpanKind::Llm),
            "vector_db_retrieve" => Some(SpanKind::Retriever),
            _ => None,
        };
    }
    let kind = reader.text("kind", &["traceloop.span.kind"]).and_then(|kind| match kind.as_str() {
        "workflow" | "task" | "handoff" => Some(SpanKind::Chain),
        "agent" => Some(SpanKind::Agent),
        "tool" => Some(SpanKind::Tool),
        _ => None,
    });
    let request = |reader: &mut Reader| match reader.text("kind", &["llm.request.type"])?.as_str() {
        "chat" | "completion" => Some(SpanKind::Llm),
        "embedding" | "embeddings" => Some(SpanKind::Embedding),
        "rerank" => Some(SpanKind::Reranker),
        _ => None,
    };
    let call = kind.or_else(|| request(reader));
    if call.is_some() {
        return call;
    }
    if is_mcp_call(reader.attributes()) {
        reader.note("kind", "mcp.method.name");
        return Some(SpanKind::Tool);
    }
    reader.find("kind", &["db.vector.query.top_k"]).map(|_| SpanKind::Retriever)
}

/// What the operation says that the span's entity is of, as far as entities differ by it.
fn named_kind(reader: &Reader) -> Option<SpanKind> {
    match reader.attributes().get("gen_ai.operation.name")?.as_str()? {
        "chat" | "text_completion" | "generate_content" | "completion" => Some(SpanKind::Llm),
        "execute_tool" => Some(SpanKind::Tool),
        "invoke_agent" | "create_agent" => Some(SpanKind::Agent),
        _ => None,
    }
}

/// A tool called over MCP. Other MCP methods are transport.
fn is_mcp_call(attributes: &Map<String, Value>) -> bool {
    attributes.get("mcp.method.name").and_then(Value::as_str) == Some("tools/call")
        && ["mcp.request.argument", "mcp.response.value"].iter().any(|key| attributes.contains_key(*key))
}

fn read_call(reader: &mut Reader) {
    reader.mapped.provider = reader.text("provider", &["llm.vendor"]).as_deref().and_then(provider);
    let models = ["llm.request.model", "traceloop.association.properties.ls_model_name"];
    reader.mapped.model = reader.text("model", &models);
    reader.mapped.response_model = reader.text("response_model", &["llm.response.model"]);
    // An answer of tool calls alone is left out by some (Mistral's), and only why it ended is told.
    let finish = [
        "gen_ai.response.stop_reason",
        "llm.response.finish_reason",
        "llm.response.stop_reason",
        "gen_ai.completion.0.finish_reason",
    ];
    reader.mapped.finish_reason = reader.find("finish_reason", &finish).and_then(finish_reason);
    let functions = Value::Array(unflatten(reader.attributes(), "llm.request.functions"));
    reader.mapped.tool_definitions = tool_definitions(&functions);
    if reader.mapped.tool_definitions.is_some() {
        reader.note("tool_definitions", "llm.request.functions.*");
    }
    let input = reader.count("input_tokens", &["llm.usage.prompt_tokens"]);
    let output = reader.count("output_tokens", &["llm.usage.completion_tokens"]);
    set_usage(&mut reader.mapped, input, output, None, None);
    reader.mapped.reasoning_tokens = reader.count("reasoning_tokens", &["llm.usage.reasoning_tokens"]);
    reader.mapped.parameters = parameters(reader);
}

/// Keys of parameters that are no `gen_ai.request.*`, with the names that those have.
const PARAMETERS: &[(&str, &str)] = &[
    ("llm.top_k", "top_k"),
    ("llm.frequency_penalty", "frequency_penalty"),
    ("llm.presence_penalty", "presence_penalty"),
    ("llm.chat.stop_sequences", "stop_sequences"),
    ("llm.request.reasoning_effort", "reasoning_effort"),
    ("llm.request.repetition_penalty", "repetition_penalty"),
    ("llm.request.max_tokens", "max_tokens"),
    ("llm.temperature", "temperature"),
    ("llm.top_p", "top_p"),
];

fn parameters(reader: &mut Reader) -> Option<Map<String, Value>> {
    let mut parameters = Map::new();
    for (key, name) in PARAMETERS {
        if let Some(value) = reader.find("parameters", &[key]) {
            parameters.insert((*name).to_owned(), value.clone());
        }
    }
    let streams = reader.find("parameters", &["gen_ai.is_streaming", "llm.is_streaming"]);
    if streams.is_some_and(|value| matches!(value, Value::Bool(true)) || value.as_str() == Some("true")) {
        parameters.insert("stream".to_owned(), Value::Bool(true));
    }
    if parameters.is_empty() {
        reader.mapped.source_keys.shift_remove("parameters");
        return None;
    }
    reader.note("parameters", "llm.*");
    Some(parameters)
}

/// Of Replicate's models every piece that they wrote is a completion of its own.
fn in_one(pieces: Vec<Message>, scope: &str) -> Vec<Message> {
    if scope != "opentelemetry.instrumentation.replicate" {
        return pieces;
    }
    let texts: Option<Vec<&str>> = pieces
        .iter()
        .map(|piece| match piece.parts.as_slice() {
            [Part::Text { content }] => Some(content.as_str()),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) => vec![Message::text("assistant", texts.concat())],
        None => pieces,
    }
}

fn read_messages(reader: &mut Reader, scope: &str) {
    for (prompts, completions) in [("gen_ai.prompt", "gen_ai.completion"), ("llm.prompts", "llm.completions")] {
        let input = flattened(reader.attributes(), prompts, "user");
        let output = flattened(reader.attributes(), completions, "assistant").map(|output| in_one(output, scope));
        if let Some(input) = input.filter(|_| reader.mapped.input_messages.is_none()) {
            let (system, rest) = lift_system(input);
            reader.note("input_messages", &format!("{prompts}.*"));
            if system.is_some() {
                reader.note("system_prompt", &format!("{prompts}.*"));
            }
            reader.mapped.system_prompt = system;
            reader.mapped.input_messages = captured(rest);
        }
        if output.is_some() && reader.mapped.output_messages.is_none() {
            reader.note("output_messages", &format!("{completions}.*"));
            reader.mapped.output_messages = output;
        }
    }
}

/// The messages of flattened keys; `None` where there are none, or none with content.
pub(super) fn flattened(attributes: &Map<String, Value>, prefix: &str, default_role: &str) -> Option<Vec<Message>> {
    let mut items: Vec<Value> = Vec::new();
    for item in &unflatten(attributes, prefix) {
        let role = if is_unnamed_result(item, items.last()) { "tool" } else { default_role };
        items.extend(chat_message(item, role));
    }
    captured(messages(&Value::Array(items), default_role))
}

/// LangChain's tool messages had no name among the roles in 2025: what of a history comes after an answer of the model, and is
/// of nobody who is known, is what a tool returned.
fn is_unnamed_result(item: &Value, before: Option<&Value>) -> bool {
    let role = |item: &Value| item.get("role").and_then(Value::as_str).map(str::to_owned);
    let follows = || before.and_then(role).is_some_and(|role| matches!(role.as_str(), "assistant" | "tool"));
    role(item).as_deref() == Some("unknown") && item.get("content").is_some() && follows()
}

/// One un-flattened message in the shape of a chat message.
fn chat_message(item: &Value, default_role: &str) -> Option<Value> {
    let fields = item.as_object()?;
    let mut out = fields.clone();
    // What the model thought is a completion of its own with Anthropic.
    if first_str(fields, &["role"]) == Some("thinking") {
        return Some(json!({"role": "assistant", "reasoning_content": thought(fields.get("content")?)}));
    }
    // LangChain's generations have no role of a message.
    if first_str(fields, &["role"]).is_none_or(|role| role == "unknown") {
        if !["content", "user", "tool_calls", "function_call"].iter().any(|key| fields.contains_key(*key)) {
            return None;
        }
        out.insert("role".to_owned(), json!(default_role));
    }
    // Prompts of the completions API.
    if let Some(prompt) = out.shift_remove("user")
        && !fields.contains_key("content")
    {
        out.insert("content".to_owned(), prompt);
    }
    if let Some(content) = fields.get("content").and_then(|content| content_of(content, fields)) {
        out.insert("content".to_owned(), content);
    }
    if let Some(reasoning) = fields.get("reasoning") {
        // JSON of summary blocks tells that it is a summary: left for the reading of messages.
        let is_summary = |block: &Value| block.get("type").is_some_and(|kind| kind == "summary_text");
        if !structured(reasoning).as_array().is_some_and(|blocks| !blocks.is_empty() && blocks.iter().all(is_summary)) {
            out.insert("reasoning".to_owned(), Value::String(thought(reasoning)));
        }
    }
    Some(Value::Object(out))
}

/// JSON of content blocks is structure; other text, JSON answers and tool results too, stays text.
fn content_of(content: &Value, fields: &Map<String, Value>) -> Option<Value> {
    // What a filter took away; JSON of no text.
    if matches!(content.as_str(), Some("FILTERED" | "\"\"")) {
        return Some(Value::Null);
    }
    if fields.contains_key("tool_call_id") {
        return None;
    }
    let Value::Array(blocks) = structured(content) else { return None };
    let is_block = |block: &Value| block.get("type").is_some_and(Value::is_string);
    (!blocks.is_empty() && blocks.iter().all(is_block)).then_some(Value::Array(blocks))
}

/// What a model thought: text, or JSON of text blocks.
fn thought(value: &Value) -> String {
    let blocks = structured(value);
    let texts: Vec<&str> = blocks
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|block| first_str(block.as_object()?, &["text", "thinking", "content"]))
        .collect();
    if texts.is_empty() { text(value).unwrap_or_default() } else { texts.join("\n") }
}

fn read_tool(reader: &mut Reader) {
    let given = reader.find("tool_arguments", &["mcp.request.argument", "traceloop.entity.input"]);
    let asked = given.map(structured);
    reader.mapped.tool_arguments = given.map(arguments_of);
    if let Some(params) = asked.as_ref().and_then(|asked| asked.get("params")).filter(|params| params.is_object()) {
        reader.mapped.tool_arguments = params.get("arguments").cloned();
        reader.mapped.tool_name = params.get("name").and_then(text);
    }
    if let Some(returned) = reader.find("tool_result", &["mcp.response.value", "traceloop.entity.output"]) {
        // A tool called over MCP: `{"result": …, "is_error"?: true}`.
        let is_mcp = asked.as_ref().is_some_and(|asked| asked.get("tool_name").is_some());
        let inner = structured(returned).get("result").filter(|_| is_mcp).cloned();
        let answer = answer_of(inner.as_ref().unwrap_or(returned));
        reader.mapped.tool_result = Some(answer.response);
        if answer.id.is_some() {
            reader.note("tool_call_id", "traceloop.entity.output");
        }
        reader.mapped.tool_call_id = answer.id;
        reader.mapped.tool_name = reader.mapped.tool_name.take().or(answer.name);
    }
    if reader.mapped.tool_call_id.is_none() {
        reader.mapped.tool_call_id = asked.as_ref().and_then(|asked| text(asked.pointer("/kwargs/tool_call_id")?));
        reader.note("tool_call_id", "traceloop.entity.input");
    }
    let named = reader.text("tool_name", &["traceloop.entity.name"]);
    let asked_name = || asked.as_ref()?.get("tool_name").and_then(text);
    reader.mapped.tool_name = reader.mapped.tool_name.take().or_else(asked_name).or(named);
}

/// Agents, workflows and tasks.
fn read_step(reader: &mut Reader) {
    let keys = ["traceloop.entity.input", "gen_ai.task.input"];
    reader.mapped.input_text = reader.find("input_text", &keys).and_then(question_of);
    let Some(returned) = reader.find("output_text", &["traceloop.entity.output", "gen_ai.task.output"]) else { return };
    reader.mapped.output_text = final_text_of(returned);
    // A step that returns one answer of a model shows what the model's own span may leave out.
    let body = only_message(structured(&unwrapped(returned)));
    let is_answer = body.get("kwargs").is_some() || body.get("role").is_some();
    let metadata = body.pointer("/kwargs/response_metadata").and_then(Value::as_object);
    let finish = metadata.and_then(|told| first(told, &["finish_reason", "stop_reason"])).and_then(finish_reason);
    let mut answer = is_answer.then(|| bodies::response(&serialized(body)).output_messages).flatten();
    if let Some([message]) = answer.as_deref_mut()
        && message.role == "assistant"
    {
        message.finish_reason = message.finish_reason.take().or(finish);
        reader.note("output_messages", "traceloop.entity.output");
        reader.mapped.output_messages = answer;
    }
}

/// What a step of LangGraph adds to the state: `{"messages": [answer]}`, or a command that does:
/// `{"output": [{"update": {"messages": [answer]}}]}`.
fn only_message(body: Value) -> Value {
    let told = body.get("output").unwrap_or(&body);
    let command = told.as_array().filter(|commands| commands.len() == 1).map_or(told, |commands| &commands[0]);
    let body = command.get("update").filter(|update| update.is_object()).cloned().unwrap_or(body);
    match body.get("messages").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) if only.get("kwargs").is_some() => only.clone(),
        _ => body,
    }
}

/// A serialized LangChain message as the message that it is.
fn serialized(body: Value) -> Value {
    json!({"messages": [body]})
}

/// What a framework recorded around a call whose messages stand in no key of their own.
fn entity_bodies(reader: &Reader) -> Mapped {
    let body = |key: &str| reader.attributes().get(key).map(|value| arguments_of(&unwrapped(value)));
    let mut opaque = body("traceloop.entity.input").map(|body| bodies::request(&body)).unwrap_or_default();
    opaque.output_messages = body("traceloop.entity.output").and_then(|body| bodies::response(&body).output_messages);
    for field in ["model", "input_messages", "system_prompt", "tool_definitions", "parameters"] {
        opaque.source_keys.insert(field.to_owned(), json!("traceloop.entity.input"));
    }
    opaque.source_keys.insert("output_messages".to_owned(), json!("traceloop.entity.output"));
    opaque
}

/// The version that the application gave the entity, else that of the managed prompt.
fn agent_version(reader: &mut Reader) -> Option<String> {
    if let Some(version) = reader.text("agent_version", &["traceloop.entity.version"]) {
        return Some(version);
    }
    let key = first(reader.attributes(), &["traceloop.prompt.key"]).and_then(text)?;
    let versions = ["traceloop.prompt.version", "traceloop.prompt.version_name", "traceloop.prompt.version_hash"];
    let version = reader.text("agent_version", &versions)?;
    Some(format!("{key}@{version}"))
}

#[cfg(test)]
mod tests;
