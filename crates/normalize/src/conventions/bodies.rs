//! Request and response bodies of providers, as instrumentations copy them whole into one attribute: OpenAI's chat and
//! Responses API, Anthropic, Gemini, LangChain's serialization; else plain text.

use gleaner_model::Message;
use serde_json::{Map, Value};

use super::NO_RESPONSE_ID;
use super::reader::{captured, set_usage};
use crate::mapped::Mapped;
use crate::messages::{finish_reason, lift_system, message, messages, system_text, tool_definitions};
use crate::value::{first, first_str, first_text, integer, is_empty, structured, text, whole_fields};

/// Fields of a request that are not invocation parameters.
const NOT_PARAMETERS: &[&str] = &[
    "model",
    "messages",
    "input",
    "contents",
    "prompt",
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
    "tools",
    "functions",
    "config",
    "generationConfig",
];

/// What a request body says: model, messages, system prompt, tools, parameters.
pub(super) fn request(value: &Value) -> Mapped {
    let mut mapped = Mapped::default();
    if is_empty(value) {
        return mapped;
    }
    let body = uncut(value);
    let Value::Object(map) = &body else {
        return with_input(mapped, messages(&body, "user"), None);
    };
    mapped.model = first_text(map, &["model", "model_name", "modelId"]);
    let config = first(map, &["config", "generationConfig"]).and_then(Value::as_object);
    let both = |keys: &[&str]| first(map, keys).or_else(|| config.and_then(|config| first(config, keys)));
    let of_pydantic_ai = || map.get("model_request_parameters")?.get("function_tools");
    mapped.tool_definitions = both(&["tools", "functions"]).or_else(of_pydantic_ai).and_then(tool_definitions);
    let system = both(&["system", "instructions", "system_instruction", "systemInstruction"]).and_then(system_text);
    let parameters: Map<String, Value> = map
        .iter()
        .filter(|(key, value)| !NOT_PARAMETERS.contains(&key.as_str()) && !is_empty(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    mapped.parameters = (!parameters.is_empty() && mapped.model.is_some()).then_some(parameters);
    let given = first(map, &["messages", "input", "contents", "prompt", "new_message"]);
    let input = given.map_or_else(Vec::new, |given| messages(flat(given), "user"));
    if given.is_none() && map.contains_key("role") {
        return with_input(mapped, vec![message(&body, "user")], system);
    }
    with_input(mapped, input, system)
}

/// The structure in a body; where it was cut off, its whole fields: half a conversation is none.
fn uncut(value: &Value) -> Value {
    let is_cut = |text: &&str| text.starts_with("{\"") && !text.trim_end().ends_with('}');
    match value.as_str().filter(is_cut).and_then(whole_fields) {
        Some(fields) => Value::Object(fields),
        None => structured(value),
    }
}

/// LangChain wraps the messages of one prompt in a list of prompts.
fn flat(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([only @ Value::Array(_)]) => only,
        _ => value,
    }
}

fn with_input(mut mapped: Mapped, input: Vec<Message>, system: Option<String>) -> Mapped {
    let (head, rest) = lift_system(input);
    mapped.system_prompt = system.or(head);
    mapped.input_messages = captured(rest);
    mapped
}

/// What a response body says: messages, model, id, finish reason, usage.
pub(super) fn response(value: &Value) -> Mapped {
    let mut mapped = Mapped::default();
    if is_empty(value) {
        return mapped;
    }
    let body = uncut(value);
    // A list of chunks may be one whole response.
    let only = body.as_array().and_then(|items| items.first().filter(|item| items.len() == 1 && is_response(item)));
    let Value::Object(map) = only.unwrap_or(&body) else {
        mapped.output_messages = captured(messages(&body, "assistant"));
        return mapped;
    };
    mapped.response_id = own_id(map).or_else(|| {
        let message = generation(map)?.pointer("/message/kwargs")?;
        // A message without an id of its own has that of LangChain's run.
        let of_message = message.get("id").filter(|id| id.as_str().is_some_and(is_response_id));
        text(message.pointer("/response_metadata/id").or(of_message)?)
    });
    // pydantic-ai's responses have a `kind`; others name the requested model so.
    let named = || first_text(map, &["model_name"]).filter(|_| map.contains_key("kind"));
    mapped.response_model = first_text(map, &["model", "model_version", "modelVersion"]).or_else(named).or_else(|| {
        let metadata = generation(map)?.pointer("/message/kwargs/response_metadata")?.as_object()?;
        first_text(metadata, &["model_name", "model"])
    });
    mapped.output_messages = captured(answer(map, only.unwrap_or(&body)));
    let status = first(map, &["finish_reason", "finishReason", "stop_reason", "stopReason"]).or_else(|| {
        let incomplete = map.get("incomplete_details").and_then(Value::as_object);
        // An item that was cut off does not say why.
        let last_item = || map.get("output")?.as_array()?.last()?.get("status").filter(|status| *status == "completed");
        let whole = first(map, &["status"]).or_else(last_item);
        incomplete.and_then(|details| first(details, &["reason"])).or(whole)
    });
    mapped.finish_reason = mapped
        .output_messages
        .iter()
        .flatten()
        .find_map(|message| message.finish_reason.clone())
        .or_else(|| status.and_then(finish_reason));
    let metadata = generation(map).and_then(|generation| generation.pointer("/message/kwargs/response_metadata"));
    let usage = first(map, &["usage", "usage_metadata", "usageMetadata", "token_usage"])
        .or_else(|| metadata?.get("token_usage"))
        .or_else(|| generation(map)?.pointer("/message/kwargs/usage_metadata"))
        .or_else(|| first(map.get("llm_output")?.as_object()?, &["token_usage", "usage"]));
    if let Some(Value::Object(usage)) = usage {
        read_usage(&mut mapped, usage);
    }
    mapped
}

/// The id that a response names. OpenAI's Agents SDK puts a chat completion into a response of its own, which has none: the
/// completion's stands with the items.
fn own_id(map: &Map<String, Value>) -> Option<String> {
    let told = first_text(map, &["id", "response_id", "responseId", "provider_response_id"]);
    let of_item = || map.get("output")?.get(0)?.pointer("/provider_data/response_id").and_then(text);
    match told.as_deref() {
        Some(NO_RESPONSE_ID) => of_item().or(told),
        _ => told,
    }
}

fn is_response(value: &Value) -> bool {
    value.get("object").and_then(Value::as_str) == Some("response") && value.get("output").is_some_and(Value::is_array)
}

fn is_response_id(id: &str) -> bool {
    ["chatcmpl-", "resp_", "msg_"].iter().any(|prefix| id.starts_with(prefix))
}

fn answer(map: &Map<String, Value>, body: &Value) -> Vec<Message> {
    if let Some(generation) = generation(map) {
        let message_of = generation.get("message").filter(|message| !is_empty(message)).unwrap_or(generation);
        let mut read = message(message_of, "assistant");
        let metadata = generation
            .pointer("/message/kwargs/response_metadata")
            .or_else(|| generation.pointer("/message/response_metadata"));
        let told = [generation.get("generation_info"), metadata];
        let finish = told.into_iter().flatten().filter_map(Value::as_object);
        let finish = finish.filter_map(|map| first(map, &["finish_reason", "stop_reason", "status"])).next();
        read.finish_reason = read.finish_reason.or_else(|| finish.and_then(finish_reason));
        return vec![read];
    }
    let listed = first(map, &["choices", "candidates", "output", "messages"]);
    if let Some(list) = listed {
        // Text in the place of messages is how Python prints objects: no answer.
        let is_printed =
            list.as_array().is_some_and(|items| items.iter().all(Value::is_string)) && map.contains_key("messages");
        let told = if is_printed { Vec::new() } else { messages(list, "assistant") };
        return if map.contains_key("messages") {
            last_answer(told)
        } else {
            told.into_iter().map(as_answer).collect()
        };
    }
    if map.contains_key("parts") && map.get("kind").is_some_and(|kind| kind == "response") {
        return messages(body, "assistant");
    }
    let is_item = matches!(first_str(map, &["type"]), Some("function_call" | "custom_tool_call" | "reasoning"));
    if is_item || ["content", "role", "message", "tool_calls", "kwargs"].iter().any(|key| map.contains_key(*key)) {
        return vec![as_answer(message(body, "assistant"))];
    }
    Vec::new()
}

/// The state of a graph or a chat holds the question and all that came before it too: the answer is what the model said last
/// since the user spoke.
fn last_answer(told: Vec<Message>) -> Vec<Message> {
    if told.iter().all(|message| message.role == "assistant") {
        return told;
    }
    let asked = told.iter().rposition(|message| message.role == "user");
    let answers = || told.iter().enumerate().filter(|(at, _)| asked.is_none_or(|asked| *at > asked));
    let last = answers().rfind(|(_, message)| message.role == "assistant").or_else(|| answers().next_back());
    last.map(|(_, message)| message.clone()).into_iter().collect()
}

fn as_answer(mut message: Message) -> Message {
    if message.role == "user" {
        message.role = "assistant".to_owned();
    }
    message
}

/// The first generation of LangChain's `{"generations": [[{"message": …}]]}`.
fn generation(map: &Map<String, Value>) -> Option<&Value> {
    map.get("generations")?.get(0)?.get(0)
}

pub(super) fn read_usage(mapped: &mut Mapped, usage: &Map<String, Value>) {
    let count = |keys: &[&str]| first(usage, keys).and_then(integer).filter(|count| *count >= 0);
    let detail = |of: &[&str], key: &str| first(usage, of)?.get(key).and_then(integer);
    let cache_read = detail(&["prompt_tokens_details", "input_tokens_details"], "cached_tokens")
        .or_else(|| detail(&["input_token_details"], "cache_read"))
        .or_else(|| {
            count(&[
                "cache_read_input_tokens",
                "cached_content_token_count",
                "cachedContentTokenCount",
                "cacheReadInputTokens",
                "cache_read_tokens",
            ])
        });
    let cache_write = count(&["cache_creation_input_tokens", "cacheWriteInputTokens"]);
    let input = count(&["prompt_tokens", "input_tokens", "prompt_token_count", "promptTokenCount", "inputTokens"]);
    let output = count(&[
        "completion_tokens",
        "output_tokens",
        "candidates_token_count",
        "candidatesTokenCount",
        "outputTokens",
    ]);
    mapped.reasoning_tokens = detail(&["completion_tokens_details", "output_tokens_details"], "reasoning_tokens")
        .or_else(|| detail(&["output_token_details"], "reasoning"))
        .or_else(|| count(&["thoughts_token_count", "thoughtsTokenCount"]));
    // Gemini counts thoughts beside the candidates; the canonical output includes them.
    let thoughts = count(&["thoughts_token_count", "thoughtsTokenCount"]).unwrap_or(0);
    // Anthropic's own `input_tokens`, and Bedrock's, never include what a cache read or wrote.
    const APART: &[&str] =
        &["cache_creation_input_tokens", "cache_read_input_tokens", "cacheReadInputTokens", "cacheWriteInputTokens"];
    let apart = if APART.iter().any(|key| usage.contains_key(*key)) {
        cache_read.unwrap_or(0) + cache_write.unwrap_or(0)
    } else {
        0
    };
    set_usage(
        mapped,
        input.map(|input| input + apart),
        output.map(|output| output + thoughts),
        cache_read,
        cache_write,
    );
}

#[cfg(test)]
mod tests;
