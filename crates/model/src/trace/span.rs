//! One canonical span, and the closed words that tell of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Message;

/// What a span is, in the attempt model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's standard terms")]
pub enum SpanKind {
    Llm,
    Tool,
    Agent,
    Chain,
    Retriever,
    Embedding,
    Reranker,
    Guardrail,
    Evaluator,
    Other,
}

impl SpanKind {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Tool => "tool",
            Self::Agent => "agent",
            Self::Chain => "chain",
            Self::Retriever => "retriever",
            Self::Embedding => "embedding",
            Self::Reranker => "reranker",
            Self::Guardrail => "guardrail",
            Self::Evaluator => "evaluator",
            Self::Other => "other",
        }
    }
}

/// Whether a span was sent as a span or made from log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their own words")]
pub enum SpanOrigin {
    Span,
    Log,
}

/// One canonical span: a row of `execution_spans`. `None` means that the telemetry did not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// 16 lower-case hex digits.
    pub span_id: String,
    /// 16 lower-case hex digits, absent on a root.
    pub parent_span_id: Option<String>,
    /// The attempt it belongs to; `None` outside all attempts.
    pub attempt_id: Option<String>,
    /// Kind in the attempt model.
    pub kind: SpanKind,
    /// Span name as sent.
    pub name: String,
    /// `ok`, `error` or `unset`.
    pub status: String,
    /// Error type and message, where the span failed.
    pub error: Option<String>,
    /// Name of the convention that explained it, e.g. `otel_genai`, `openinference`; `None` for unmapped spans.
    pub convention: Option<String>,
    /// Provider name, normalized (`openai`, `aws.bedrock` …).
    pub provider: Option<String>,
    /// Requested model.
    pub model: Option<String>,
    /// Model that answered.
    pub response_model: Option<String>,
    /// Provider's response id.
    pub response_id: Option<String>,
    /// Id of the response that the call goes on from: what came before is not among its messages (OpenAI's Responses API).
    pub previous_response_id: Option<String>,
    /// Operation as sent (`chat`, `execute_tool` …).
    pub operation: Option<String>,
    /// System prompt, where there is one.
    pub system_prompt: Option<String>,
    /// Messages the model was given, without the system prompt. `None`: not captured; empty: none.
    pub input_messages: Option<Vec<Message>>,
    /// Messages the model wrote.
    pub output_messages: Option<Vec<Message>>,
    /// All answer text of the output (or the plain output of an agent, chain or tool span).
    pub output_text: Option<String>,
    /// Plain input of an agent or chain span, or the last user message of an LLM span.
    pub input_text: Option<String>,
    /// Visible reasoning.
    pub reasoning_text: Option<String>,
    /// Tools offered: array of `{"type":"function","name","description"?,"parameters"?}`.
    pub tool_definitions: Option<Value>,
    /// Tool spans: the tool's name.
    pub tool_name: Option<String>,
    /// Tool spans: id of the model's call.
    pub tool_call_id: Option<String>,
    /// Tool spans: an object where it parses, else the raw text.
    pub tool_arguments: Option<Value>,
    /// Tool spans: the result as sent.
    pub tool_result: Option<Value>,
    /// Canonical: `stop`, `length`, `tool_call`, `content_filter`, `error` or as sent.
    pub finish_reason: Option<String>,
    /// Invocation parameters (temperature, top_p …).
    pub parameters: Option<Map<String, Value>>,
    /// Tokens, cached ones included.
    pub input_tokens: Option<i64>,
    /// Tokens, reasoning included.
    pub output_tokens: Option<i64>,
    /// Part of `input_tokens` read from a cache.
    pub cached_tokens: Option<i64>,
    /// Part of `output_tokens` spent on reasoning.
    pub reasoning_tokens: Option<i64>,
    /// USD, where the telemetry says.
    pub cost_usd: Option<f64>,
    /// Agent that the span runs as, where it says so itself.
    pub agent_name: Option<String>,
    /// Nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch; 0 while unknown.
    pub end_time_unix_nano: u64,
    /// All attributes as sent (merged over fragments).
    pub attributes: Map<String, Value>,
    /// Span events and the log records that belong to the span, by time.
    pub events: Vec<Value>,
    /// Span links as sent.
    pub links: Vec<Value>,
    /// Resource attributes.
    pub resource: Map<String, Value>,
    /// Tracer name.
    pub scope_name: String,
    /// Tracer version.
    pub scope_version: String,
    /// Sent as a span, or made from logs.
    pub origin: SpanOrigin,
    /// Span id of the richer report of the same call.
    pub duplicate_of: Option<String>,
    /// Of a model call: digest of what was asked and answered, which all reports share that captured both.
    pub answer_key: Option<u64>,
    /// Canonical field name to the attribute key (or event) that it came from.
    pub source_keys: Map<String, Value>,
}
