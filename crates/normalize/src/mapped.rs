//! What a convention reads from one span: the hand-over from [`crate::conventions`] to [`crate::derive`].
//!
//! Every field is optional: `None` means that the span does not say. Nothing here looks at other spans.

use gleaner_model::{LogFragment, Message, SpanFragment, SpanKind};
use serde_json::{Map, Value};

/// OTLP `STATUS_CODE_ERROR`.
pub(crate) const STATUS_ERROR: i32 = 2;

/// One span put together from all of its fragments, with the log records that belong to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MergedSpan {
    /// Merged over fragments; see [`mod@crate::merge`].
    pub span: SpanFragment,
    /// Log records with this trace and span id, in the order that they were written in.
    pub logs: Vec<LogFragment>,
    /// Highest journal position of its fragments.
    pub position: u64,
    /// Nobody sent the span itself: it is made of its log records.
    pub is_made_of_logs: bool,
    /// The turn that it belongs to, where an agent's turn is not one trace.
    pub turn: Option<String>,
}

/// Everything that conventions could read from one span, in canonical form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapped {
    /// The convention that explained most: `otel_genai`, `openinference` …; `None`: unmapped.
    pub convention: Option<&'static str>,
    /// Why nothing explains it; set when `convention` is `None`.
    pub unmapped_reason: Option<&'static str>,
    /// Kind, where the convention tells.
    pub kind: Option<SpanKind>,
    /// Normalized provider name.
    pub provider: Option<String>,
    /// Requested model.
    pub model: Option<String>,
    /// Model that answered.
    pub response_model: Option<String>,
    /// Provider's response id.
    pub response_id: Option<String>,
    /// Id of the response that the call goes on from.
    pub previous_response_id: Option<String>,
    /// Operation as sent.
    pub operation: Option<String>,
    /// System prompt.
    pub system_prompt: Option<String>,
    /// Without the system prompt.
    pub input_messages: Option<Vec<Message>>,
    /// With finish reasons.
    pub output_messages: Option<Vec<Message>>,
    /// Plain input of spans that record no messages.
    pub input_text: Option<String>,
    /// Plain output of spans that record no messages.
    pub output_text: Option<String>,
    /// Array of `{"type":"function","name","description"?,"parameters"?}`.
    pub tool_definitions: Option<Value>,
    /// Tool spans.
    pub tool_name: Option<String>,
    /// Tool spans.
    pub tool_call_id: Option<String>,
    /// Tool spans: parsed where it parses.
    pub tool_arguments: Option<Value>,
    /// Tool spans: as sent.
    pub tool_result: Option<Value>,
    /// Canonical finish reason.
    pub finish_reason: Option<String>,
    /// Invocation parameters, without model, messages, tools and the previous response.
    pub parameters: Option<Map<String, Value>>,
    /// Cached ones included.
    pub input_tokens: Option<i64>,
    /// Reasoning included.
    pub output_tokens: Option<i64>,
    /// Subset of input.
    pub cached_tokens: Option<i64>,
    /// Subset of output.
    pub reasoning_tokens: Option<i64>,
    /// USD.
    pub cost_usd: Option<f64>,
    /// Error type and message, where the convention tells more than the span status.
    pub error: Option<String>,
    /// The agent that this span runs as.
    pub agent_name: Option<String>,
    /// The convention's own agent version: a label.
    pub agent_version: Option<String>,
    /// The convention's session key, with its rank: 0 for an explicit session id, 1 for a conversation or thread id, 2 for a
    /// rollout, which serves where nothing else does.
    pub session_key: Option<(u8, String)>,
    /// The convention's key of the rollout (a task that is tried).
    pub rollout_key: Option<String>,
    /// The convention's key of the attempt (one try).
    pub attempt_key: Option<String>,
    /// The convention's user key.
    pub user_key: Option<String>,
    /// Whether the usage is the provider's own sum, and not added up from the pieces of a stream.
    pub knows_usage: bool,
    /// Whether how the call ends is told of by a record to come ([`Self::is_late_record`]).
    pub awaits_record: bool,
    /// Whether the span is a record of how a call ended that is told of by a span of its own (a streamed answer, written
    /// when the stream had ended).
    pub is_late_record: bool,
    /// The span repeats the call that its parent tells of, and says less: it is never the report that counts.
    pub repeats_parent: bool,
    /// Id of the span whose call this one reports too: a copy from another trace, see [`crate::shared_calls`].
    pub report_of: Option<String>,
    /// Ids of the spans above, the root's first, where the convention lists them: for when the parent never comes.
    pub ancestors: Option<Vec<String>>,
    /// Canonical field to the attribute key or event that it was read from.
    pub source_keys: Map<String, Value>,
}
