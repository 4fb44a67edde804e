//! The conventions that are known, in order of precedence: of two that say the same thing the upper is believed.

use super::*;

/// One way of telling about LLM calls, tools and agents.
pub(super) struct Convention {
    /// As in `execution_spans.convention`.
    pub(super) name: &'static str,
    /// Whose kind is believed first: the lowest.
    pub(super) kind_rank: u8,
    /// Whether the span carries this convention's attributes or events.
    pub(super) recognises: fn(&MergedSpan) -> bool,
    /// What it says by them.
    pub(super) read: fn(&MergedSpan) -> Reading,
    /// What its users switch on to have prompts, answers, tool content and sessions sent.
    pub(super) switch_on: &'static str,
}

/// A convention is named as its file.
macro_rules! conventions {
    ($($file:ident $kind_rank:literal $switch_on:literal)+) => {
        &[$(Convention {
            name: stringify!($file),
            kind_rank: $kind_rank,
            recognises: $file::recognises,
            read: $file::read,
            switch_on: $switch_on,
        }),+]
    };
}

/// File, kind rank, what to switch on.
pub(super) const CONVENTIONS: &[Convention] = conventions![
    claude_code 6 "CLAUDE_CODE_ENABLE_TELEMETRY=1, OTEL_LOGS_EXPORTER=otlp, OTEL_LOG_USER_PROMPTS=1, OTEL_LOG_TOOL_DETAILS=1; \
        OTEL_LOG_RAW_API_BODIES=1 for all that a call was given"
    gemini_cli 6 "in settings.json: telemetry.enabled, telemetry.logPrompts and telemetry.traces"
    copilot 6 "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"
    codex 6 "in config.toml: [otel] exporter and trace_exporter, log_user_prompt = true; the model's answers are never sent"
    // Before OpenTelemetry's: of its older keys the AI SDK writes a part, with the same values.
    vercel_ai 3 "experimental_telemetry: { isEnabled: true, functionId, metadata: { sessionId, userId } }; from version 7 \
        registerTelemetry(new OpenTelemetry({ runtimeContext: true })) and runtimeContext: { sessionId, userId }"
    haystack 0 "HAYSTACK_CONTENT_TRACING_ENABLED=true before the import, with its OpenTelemetry tracer; session.id on a span of yours"
    // Before the others: repairs what they would misread.
    openllmetry_js 13 "as for openllmetry"
    mlflow 5 "mlflow.<library>.autolog() with an OTLP endpoint; @mlflow.trace(span_type=\"TOOL\"); session.id as an attribute"
    // Before OpenTelemetry's, whose keys it fills with other numbers.
    openlit 6 "capture_message_content=True (default); session.id and user.id on a span of yours; @openlit.trace on tools"
    // Before OpenTelemetry's, in whose keys both write the model that answered.
    traceai 1 "FI_HIDE_INPUTS and FI_HIDE_OUTPUTS unset; using_session(), using_user()"
    pipecat 6 "PipelineTask(enable_tracing=True, conversation_id=), metrics on for usage"
    otel_genai 7 "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, or SPAN_AND_EVENT with \
        OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental; a logs exporter where content goes by events"
    google_genai 7 "as for otel_genai"
    openinference 1 "unset OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUTS and their kind; using_session(), using_user()"
    // Before OpenLLMetry's, which calls its tasks agents.
    crewai 6 "as for openllmetry"
    openllmetry 6 "TRACELOOP_TRACE_CONTENT not false; @tool, @agent, @workflow; \
        Traceloop.set_association_properties({\"session_id\": , \"user_id\": })"
    agentops 9 "an OTLP span processor on its tracer provider; start_trace(tags={\"session_id\": , \"user_id\": }); @tool"
    laminar 4 "content is on; @observe(span_type=\"TOOL\"); Laminar.set_trace_session_id() and set_trace_user_id()"
    // After OpenLLMetry, whose older keys it shares.
    litellm 6 "callbacks=[\"otel\"] and message logging on; user= with each call; sessions on a span around the call"
    spring_ai 6 "spring.ai.chat.observations.log-prompt and log-completion; export logs"
    livekit 6 "set_tracer_provider(); sessions from gen_ai.conversation.id, else the room"
    llama_index 6 "instrument_tags({\"session_id\": , \"user_id\": }); without streaming for answers"
    mcp 11 "gen_ai.tool.call.arguments and gen_ai.tool.call.result, which are opt-in"
    mistral_sdk 0 "an OpenTelemetry, OpenInference or OpenLLMetry instrumentation of the client"
    dify 9 "ENABLE_OTEL=true"
    n8n 9 "content is never sent; the execution is the attempt"
    ag2 6 "TelemetryMiddleware(capture_content=True) (default); session.id on a span of yours"
    langtrace 9 "TRACE_PROMPT_COMPLETION_DATA not false; inject_additional_attributes({\"session.id\": , \"user.id\": })"
    agent_framework 9 "ENABLE_INSTRUMENTATION=true, ENABLE_SENSITIVE_DATA=true; session.id on a span of yours"
    mastra 6 "content is on; memory thread and resource, or tracingOptions.metadata: { sessionId, userId }"
    mastra_methods 6 "telemetry: { enabled: true, export: { type: \"otlp\" } }; memory thread and resource (Mastra 0.x)"
    genkit 6 "content is on; sessions by Genkit's session API, users by context.auth.uid"
    voltagent 6 "content is on; conversationId and userId with each call"
    langfuse 2 "content is on: no mask, no capture_input=False; as_type=\"tool\"; propagate_attributes(session_id=, user_id=)"
    langsmith 6 "LANGSMITH_TRACING=true, LANGSMITH_OTEL_ENABLED=true; traceable(run_type=\"tool\"); metadata session_id, user_id"
    logfire 6 "logfire.instrument_openai() and its kind; session_id and user_id as baggage: `session` in attributes is scrubbed"
    braintrust 6 "wrap the client with its tracing; metadata session_id, user_id"
    langwatch 9 "content is on; langwatch.thread.id and langwatch.user.id, or metadata thread_id, user_id"
    weave 9 "content capture of the OpenTelemetry instrumentation; wandb.thread_id"
    honeyhive 9 "an OpenInference or OpenLLMetry instrumentation; @trace(event_type=\"tool\"); \
        enrich_session(user_properties={\"user_id\": })"
    trulens 9 "TRULENS_OTEL_CAPTURE_CONTENT=true; @instrument(span_type=); conversation_id with each recording"
    opik 9 "an OpenTelemetry or OpenInference instrumentation; thread_id or session.id"
    pydantic_ai 8 "InstrumentationSettings(include_content=True); a logs exporter where events are logs"
    google_adk 0 "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS not false; newer: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true; \
        export logs for the user"
    agent_lightning 6 "LightningStoreOTLPExporter; operation() with kind=\"tool\" on tools; session.id on the turn's span"
    strands 6 "trace_attributes={\"session.id\": , \"user.id\": }; gen_ai_tool_definitions in OTEL_SEMCONV_STABILITY_OPT_IN"
    autogen 9 "an instrumentation of the model's client for prompts and answers; one root span with session.id around the run"
];

/// Libraries that write another convention's keys, by the beginning of their instrumentation scope: their own switches count.
const LIBRARIES: &[(&str, &str)] = &[
    ("gen_ai", "vercel_ai"),
    ("@traceloop/", "openllmetry"),
    ("traceloop.", "openllmetry"),
    ("respan.", "openllmetry"),
    ("keywordsai.", "openllmetry"),
    // OpenLLMetry's instrumentations are called as OpenTelemetry's are: those that only it has.
    ("opentelemetry.instrumentation.agno", "openllmetry"),
    ("opentelemetry.instrumentation.anthropic", "openllmetry"),
    ("opentelemetry.instrumentation.bedrock", "openllmetry"),
    ("opentelemetry.instrumentation.cohere", "openllmetry"),
    ("opentelemetry.instrumentation.crewai", "openllmetry"),
    ("opentelemetry.instrumentation.google_generativeai", "openllmetry"),
    ("opentelemetry.instrumentation.groq", "openllmetry"),
    ("opentelemetry.instrumentation.haystack", "openllmetry"),
    ("opentelemetry.instrumentation.llamaindex", "openllmetry"),
    ("opentelemetry.instrumentation.mcp", "openllmetry"),
    ("opentelemetry.instrumentation.mistralai", "openllmetry"),
    ("opentelemetry.instrumentation.ollama", "openllmetry"),
    ("opentelemetry.instrumentation.openai.v", "openllmetry"),
    ("opentelemetry.instrumentation.replicate", "openllmetry"),
    ("opentelemetry.instrumentation.sagemaker", "openllmetry"),
    ("opentelemetry.instrumentation.together", "openllmetry"),
    ("opentelemetry.instrumentation.watsonx", "openllmetry"),
    ("opentelemetry.instrumentation.writer", "openllmetry"),
    ("litellm", "litellm"),
    ("strands.", "strands"),
    ("gcp.vertex.agent", "google_adk"),
    ("langsmith", "langsmith"),
    ("langfuse", "langfuse"),
    ("lmnr", "laminar"),
    ("@mastra/", "mastra"),
    ("mlflow.", "mlflow"),
    ("pydantic-ai", "pydantic_ai"),
    ("logfire", "logfire"),
    ("openlit", "openlit"),
    ("@openlit/", "openlit"),
    ("gemini-cli", "gemini_cli"),
    ("com.anthropic.claude_code", "claude_code"),
    ("codex_", "codex"),
    ("langwatch", "langwatch"),
    ("langtrace", "langtrace"),
    ("opentelemetry.instrumentation.ag2", "ag2"),
    ("agentops", "agentops"),
    ("autogen", "autogen"),
    ("llamaindex.opentelemetry", "llama_index"),
    ("traceai_", "traceai"),
    ("openinference.", "openinference"),
    ("@arizeai/", "openinference"),
];

/// Libraries that have no keys of their own.
const OTHERS: &[(&str, &str)] = &[
    (
        "semantic_kernel",
        "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE=true, and a logs exporter",
    ),
    ("Microsoft.SemanticKernel", "Microsoft.SemanticKernel.Experimental.GenAI.EnableOTelDiagnosticsSensitive"),
    ("opencode", "in opencode.json: experimental.openTelemetry = true, and OTEL_EXPORTER_OTLP_ENDPOINT"),
    (
        "qwen-code",
        "in settings.json: telemetry.enabled, telemetry.logPrompts and telemetry.otlpEndpoint; a logs exporter, which has the content",
    ),
    ("com.anthropic.sdk", "the client's open_telemetry option with content_mode `content`"),
];

/// What to switch on in a library, told by its instrumentation scope and the convention that explains its spans (as in
/// `execution_spans`), to have prompts, answers, tool content and sessions sent.
pub fn switch_on(scope: &str, convention: &str) -> Option<&'static str> {
    let of_scope = |table: &'static [(&str, &'static str)]| {
        table.iter().find(|(prefix, _)| scope.starts_with(prefix)).map(|(_, told)| *told)
    };
    if let Some(advice) = of_scope(OTHERS) {
        return Some(advice);
    }
    let name = match of_scope(LIBRARIES).unwrap_or(convention) {
        "crewai" | "openllmetry_js" => "openllmetry",
        "google_genai" => "otel_genai",
        name => name,
    };
    CONVENTIONS.iter().find(|known| known.name == name).map(|known| known.switch_on)
}
