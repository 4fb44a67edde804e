-- One row per span. `input_text`, `agent_name`, `source_keys` and the message hashes go beyond the contract.
CREATE OR REPLACE VIEW execution_spans AS
SELECT
    trace_id, span_id, parent_span_id, attempt_id, kind, name, status, error, convention, provider, model, response_model,
    response_id, operation, system_prompt, input_messages, output_messages, output_text, reasoning_text, tool_definitions,
    tool_name, tool_call_id, tool_arguments, tool_result, finish_reason, parameters, input_tokens, output_tokens,
    cached_tokens, reasoning_tokens, cost_usd, started_at, ended_at, start_time_unix_nano, end_time_unix_nano, duration_ms,
    attributes, events, links, resource, scope_name, scope_version, origin, duplicate_of, project, recorded_at,
    input_text, agent_name, source_keys, input_message_hashes, output_message_hashes
FROM span_rows;
