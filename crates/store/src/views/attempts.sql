-- One row per attempt; see `attempts_in_pieces`. Nothing here is materialized: whoever asks for a few columns must not pay for texts.
CREATE OR REPLACE VIEW attempts AS
SELECT
    attempt_id, rollout_id, lineage_id, session_id, agent_definition_id, trace_id,
    to_json(trace_ids) AS trace_ids, attempt_number, status, error,
    coalesce(history_messages, shared_json(input_messages_pieces)) AS input_messages, input_text, output_text,
    test_input, started_at, ended_at, latency_ms, llm_calls, llm_calls_failed, tool_calls, tool_calls_failed,
    input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd, project, recorded_at,
    cycle, lineage_label, agent_name, prompt_hash, output_hash, root_span_id, conversation_trace_id,
    conversation_span_id, start_key, history_complete
FROM attempts_in_pieces;
