//! MLflow: its own spans (`mlflow.*`), and the translation to OpenTelemetry's keys that it exports on request.
//!
//! Recognised by `mlflow.spanType`, `mlflow.spanInputs` and the like, or by its tracer. Every attribute is JSON once more:
//! `"LLM"` arrives as `"\"LLM\""`. Inputs and outputs are the provider's request and response as the autologging of a
//! library saw them (OpenAI, Anthropic, Gemini, Bedrock, LangChain …), read as bodies. Session and user are trace metadata
//! that plain OTLP leaves out; trace tags travel. In the translation, the request's parameters still stand in bare keys,
//! encoded, and what differs there from OpenTelemetry's meaning (the requested model, reasoning, tool results) is read
//! before the translated keys.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::functions::{answer_of, arguments_of, decoded, decoded_text, final_text_of, question_of};
use super::otel_genai::provider;
use super::reader::{Reader, captured, set_usage};
use super::{Reading, bodies, mlflow_chunks};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{finish_reason, messages, tool_definitions};
use crate::value::{first, integer, is_empty, json as parse, number, structured, text};

/// Keys each of which shows a span of MLflow's own.
const EVIDENCE: &[&str] = &[
    "mlflow.spanType",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "mlflow.traceRequestId",
    "mlflow.chat.tokenUsage",
    "mlflow.llm.model",
];

/// Whether the span carries MLflow's keys, or comes from its tracer.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    EVIDENCE.iter().any(|key| span.span.attributes.contains_key(*key)) || span.span.scope.name.starts_with("mlflow.")
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    read_context(&mut reader);
    if span.span.attributes.contains_key("gen_ai.operation.name") {
        correct_translation(&mut reader, span);
        return Reading { structured: reader.mapped, ..Reading::default() };
    }
    let kind = reader.find("kind", &["mlflow.spanType"]).and_then(decoded_text).and_then(|name| kind(&name));
    reader.mapped.kind = kind;
    let opaque = match kind {
        Some(SpanKind::Llm | SpanKind::Embedding | SpanKind::Reranker) => read_call(&mut reader, span),
        Some(SpanKind::Tool) => {
            read_tool(&mut reader, span);
            Mapped::default()
        }
        _ => {
            if kind == Some(SpanKind::Agent) {
                // The fields of the agent that runs are attributes (pydantic-ai).
                reader.mapped.agent_name = reader.find("agent_name", &["name"]).and_then(decoded_text);
            }
            let given = reader.find("input_text", &["mlflow.spanInputs"]);
            reader.mapped.input_text = given.and_then(question_of);
            let returned = reader.find("output_text", &["mlflow.spanOutputs"]);
            reader.mapped.output_text = returned.and_then(final_text_of);
            reader.mapped.finish_reason = returned.and_then(finish_of_step);
            if reader.mapped.finish_reason.is_some() {
                reader.note("finish_reason", "mlflow.spanOutputs");
            }
            // DSPy's modules sum up their calls; the calls themselves have none.
            read_usage(&mut reader);
            Mapped::default()
        }
    };
    Reading { structured: reader.mapped, opaque }
}

/// Why the call in a step ended: LangGraph's steps return the model's message, `{"messages": […]}` or, as an update,
/// `[{"update": {"messages": […]}}]`, with what LangChain was told of it.
fn finish_of_step(returned: &Value) -> Option<String> {
    let returned = structured(returned);
    let update = returned.get(0).and_then(|first| first.get("update")).unwrap_or(&returned);
    let last = update.get("messages")?.as_array()?.last()?;
    let metadata = last.get("response_metadata")?.as_object()?;
    first(metadata, &["finish_reason", "stop_reason", "status"]).and_then(finish_reason)
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_uppercase().as_str() {
        "LLM" | "CHAT_MODEL" => SpanKind::Llm,
        "AGENT" => SpanKind::Agent,
        "TOOL" => SpanKind::Tool,
        "RETRIEVER" => SpanKind::Retriever,
        "EMBEDDING" => SpanKind::Embedding,
        "RERANKER" => SpanKind::Reranker,
        "GUARDRAIL" => SpanKind::Guardrail,
        "EVALUATOR" => SpanKind::Evaluator,
        "CHAIN" | "WORKFLOW" | "TASK" | "PARSER" | "MEMORY" | "UNKNOWN" => SpanKind::Chain,
        _ => return None,
    })
}

/// Session, user and version, by which runs are told apart.
fn read_context(reader: &mut Reader) {
    let found = |reader: &mut Reader, field: &str, keys: &[&str]| reader.find(field, keys).and_then(decoded_text);
    let session = ["mlflow.trace.session", "session.id", "mlflow.traceTag.session_id", "mlflow.traceTag.session"];
    let thread = ["mlflow.traceTag.thread_id", "mlflow.traceTag.conversation_id"];
    let session = found(reader, "session_key", &session).map(|id| (0, id));
    reader.mapped.session_key = session.or_else(|| Some((1, found(reader, "session_key", &thread)?)));
    let user = ["mlflow.trace.user", "user.id", "mlflow.traceTag.user_id", "mlflow.traceTag.user"];
    reader.mapped.user_key = found(reader, "user_key", &user);
    reader.mapped.agent_version = found(reader, "agent_version", &["mlflow.modelId"]).or_else(|| linked_prompt(reader));
}

/// `name@version` of the prompt that the call was made with.
fn linked_prompt(reader: &mut Reader) -> Option<String> {
    let prompts = structured(reader.find("agent_version", &["mlflow.linkedPrompts"])?);
    let prompt = prompts.get(0)?;
    Some(format!("{}@{}", prompt.get("name").and_then(text)?, prompt.get("version").and_then(text)?))
}

fn read_call(reader: &mut Reader, span: &MergedSpan) -> Mapped {
    let body = |reader: &Reader, key: &str| reader.attributes().get(key).map(body_of);
    let mut request = body(reader, "mlflow.spanInputs").map(|body| bodies::request(&body)).unwrap_or_default();
    // LangChain's inputs are the messages alone.
    if let Some(asked) = body(reader, "invocation_params").map(|body| bodies::request(&body)) {
        request.model = request.model.or(asked.model);
        request.parameters = request.parameters.or(asked.parameters);
        request.tool_definitions = request.tool_definitions.or(asked.tool_definitions);
    }
    let mut response = body(reader, "mlflow.spanOutputs").map(|body| bodies::response(&body)).unwrap_or_default();
    if let Some(streamed) = mlflow_chunks::fuller_response(&span.span, response.output_messages.as_deref()) {
        response.finish_reason = streamed.finish_reason.or(response.finish_reason);
        response.output_messages = streamed.output_messages;
    }
    let format = reader.find("provider", &["mlflow.message.format"]).and_then(decoded_text);
    let named = reader.find("provider", &["mlflow.llm.provider"]).and_then(decoded_text);
    reader.mapped.provider = named.as_deref().and_then(provider).or_else(|| provider_of_format(&format?));
    let asked = reader.find("model", &["model"]).and_then(decoded_text).or_else(|| request.model.clone());
    let named = reader.find("response_model", &["mlflow.llm.model"]).and_then(decoded_text);
    reader.mapped.response_model = named.clone().filter(|named| asked.as_ref().is_some_and(|asked| asked != named));
    if asked.is_none() && named.is_some() {
        reader.note("model", "mlflow.llm.model");
    }
    reader.mapped.model = asked.or(named);
    reader.mapped.tool_definitions = reader.find("tool_definitions", &["mlflow.chat.tools"]).and_then(tool_definitions);
    let cost = reader.find("cost_usd", &["mlflow.llm.cost"]).map(structured);
    reader.mapped.cost_usd = cost.and_then(|cost| cost.get("total_cost").or(Some(&cost)).and_then(number));
    // The provider's own usage says more, and whether what was cached is part of the input.
    if response.input_tokens.is_none() {
        read_usage(reader);
    }
    with_sources(request, response)
}

/// The shape of the messages tells the provider, where nothing else does.
fn provider_of_format(format: &str) -> Option<String> {
    matches!(format, "openai" | "anthropic" | "gemini" | "groq" | "bedrock" | "mistral")
        .then(|| provider(format))
        .flatten()
}

/// A body; LangChain's list of prompts, each a list of messages, is the first of them.
fn body_of(value: &Value) -> Value {
    match structured(value) {
        Value::Array(mut prompts) if prompts.len() == 1 && prompts[0].is_array() => prompts.remove(0),
        body => body,
    }
}

fn read_usage(reader: &mut Reader) {
    let Some(Value::Object(usage)) = reader.find("input_tokens", &["mlflow.chat.tokenUsage"]).map(structured) else {
        return;
    };
    let count = |key: &str| usage.get(key).and_then(integer).filter(|count| *count >= 0);
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    set_usage(&mut reader.mapped, count("input_tokens"), count("output_tokens"), read, written);
    for field in ["output_tokens", "cached_tokens"] {
        reader.note(field, "mlflow.chat.tokenUsage");
    }
}

fn with_sources(request: Mapped, response: Mapped) -> Mapped {
    let mut opaque = Mapped {
        response_id: response.response_id,
        response_model: response.response_model,
        finish_reason: response.finish_reason,
        output_messages: response.output_messages,
        input_tokens: response.input_tokens,
        output_tokens: response.output_tokens,
        cached_tokens: response.cached_tokens,
        reasoning_tokens: response.reasoning_tokens,
        ..request
    };
    let sources = [
        ("mlflow.spanInputs", &["input_messages", "system_prompt", "tool_definitions", "parameters"] as &[&str]),
        (
            "mlflow.spanOutputs",
            &["response_id", "response_model", "finish_reason", "output_messages", "input_tokens", "output_tokens"],
        ),
    ];
    for (key, fields) in sources {
        opaque.source_keys.extend(fields.iter().map(|field| ((*field).to_owned(), json!(key))));
    }
    opaque
}

fn read_tool(reader: &mut Reader, span: &MergedSpan) {
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["mlflow.spanInputs"]).map(arguments_of);
    if let Some(returned) = reader.find("tool_result", &["mlflow.spanOutputs"]) {
        let answer = answer_of(returned);
        reader.mapped.tool_result = Some(answer.response);
        (reader.mapped.tool_call_id, reader.mapped.tool_name) = (answer.id, answer.name);
    }
    let function = reader.find("tool_name", &["mlflow.spanFunctionName"]).and_then(decoded_text);
    // DSPy's tools: the class and the function.
    let named = function.map(|function| tool_name(function, &span.span.name));
    let named = named.or_else(|| span.span.name.strip_prefix("Tool.").map(str::to_owned));
    reader.mapped.tool_name = reader.mapped.tool_name.take().or(named);
}

/// The span's name, where a decorated function was given one for the tool. Older versions number equal names, and who
/// instruments a library names a class and its method.
fn tool_name(function: String, span_name: &str) -> String {
    let is_number = |end: &str| end.bytes().all(|byte| byte.is_ascii_digit());
    let unnumbered = span_name.rsplit_once('_').filter(|(_, end)| is_number(end)).map(|(name, _)| name);
    let is_method = span_name.is_empty() || span_name.contains(['.', ' ']);
    if is_method || unnumbered == Some(&function) { function } else { span_name.to_owned() }
}

/// Bare keys that autologging copies from a request.
const PARAMETERS: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
    "previous_response_id",
];

fn correct_translation(reader: &mut Reader, span: &MergedSpan) {
    if let Some(returned) = reader.find("tool_result", &["gen_ai.tool.call.result"]) {
        reader.mapped.tool_result = Some(answer_of(returned).response);
    }
    // The answer's model stands where the requested one belongs.
    reader.mapped.model = reader.find("model", &["model"]).and_then(decoded_text);
    let asked: Map<String, Value> = PARAMETERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), reader.attributes().get(*name)?)))
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| (name, plain_value(value)))
        .collect();
    if !asked.is_empty() {
        reader.note("parameters", "*");
        reader.mapped.parameters = Some(asked);
    }
    let translated = reader.find("output_messages", &["gen_ai.output.messages"]);
    let read = translated.and_then(|value| captured(messages(value, "assistant")));
    if let Some(streamed) = mlflow_chunks::fuller_response(&span.span, read.as_deref()) {
        reader.mapped.finish_reason = streamed.finish_reason;
        reader.mapped.output_messages = streamed.output_messages;
        for field in ["finish_reason", "output_messages"] {
            reader.note(field, "mlflow.chunk.item.*");
        }
    } else {
        reader.mapped.output_messages = translated.and_then(answer);
    }
}

/// JSON of a number, a flag, a list or an object is that; a text is itself.
fn plain_value(value: &Value) -> Value {
    match value.as_str().map(serde_json::from_str::<Value>) {
        Some(Ok(parsed)) => parsed,
        _ => decoded(value),
    }
}

/// The items of a Responses answer, which the translation makes a message each, with reasoning as JSON text: one message.
/// `None` where it is not such an answer.
fn answer(value: &Value) -> Option<Vec<Message>> {
    let mut read = messages(value, "assistant");
    let mut has_items = false;
    for message in &mut read {
        for part in &mut message.parts {
            if let Part::Text { content } = part
                && let Some(item) = item_in(content)
            {
                *part = item;
                has_items = true;
            }
        }
    }
    let calls = |message: &Message| message.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    has_items |= read.len() > 1 && read.iter().any(calls);
    if !has_items {
        return None;
    }
    let mut one = Message { role: "assistant".to_owned(), parts: Vec::new(), name: None, finish_reason: None };
    for message in read {
        one.parts.extend(message.parts.into_iter().filter(|part| !is_hollow(part)));
        one.finish_reason = message.finish_reason.or(one.finish_reason);
    }
    captured(vec![one])
}

/// Reasoning whose text the provider kept.
fn is_hollow(part: &Part) -> bool {
    part.is_reasoning() && *part == Part::reasoning("")
}

/// Reasoning or a refusal, as JSON of the item that it was.
fn item_in(content: &str) -> Option<Part> {
    let item = parse(content)?;
    let is = |kind: &str, field: &str| item.get("type").is_some_and(|is| is == kind) && item.get(field).is_some();
    if !is("reasoning", "summary") && !is("refusal", "refusal") {
        return None;
    }
    let part = messages(&json!([item]), "assistant").into_iter().flat_map(|message| message.parts).next();
    Some(part.unwrap_or(Part::reasoning("")))
}

#[cfg(test)]
mod tests;
