-- One row per span. `input_text`, `agent_name`, `source_keys`, the message hashes, `previous_response_id` and
-- `history_complete` go beyond the contract. Of a call that goes on from an earlier response, `input_messages` are the
-- history and its own; `history_complete` tells whether all of that is known, and is NULL for every other span.
--
-- Texts are put together last, where only those are that are asked for.
CREATE OR REPLACE VIEW execution_spans AS
SELECT
    trace_id, span_id, parent_span_id, attempt_id, kind, name, status, error, convention, provider, model, response_model,
    response_id, operation, shared_text(system_prompt_pieces) AS system_prompt,
    coalesce(history_messages, shared_json(input_messages_pieces)) AS input_messages,
    shared_json(output_messages_pieces) AS output_messages,
    CASE WHEN output_is_result THEN shared_result(tool_result_pieces) ELSE output_text END AS output_text,
    shared_text(reasoning_text_pieces) AS reasoning_text,
    shared_json(tool_definitions_pieces) AS tool_definitions,
    tool_name, tool_call_id, tool_arguments, shared_json(tool_result_pieces) AS tool_result, finish_reason, parameters, input_tokens, output_tokens,
    cached_tokens, reasoning_tokens, cost_usd, started_at, ended_at, start_time_unix_nano, end_time_unix_nano, duration_ms,
    shared_json(attributes_pieces) AS attributes, shared_json(events_pieces) AS events, links,
    shared_json(resource_pieces) AS resource, scope_name, scope_version, origin, duplicate_of, project, recorded_at,
    shared_text(input_text_pieces) AS input_text, agent_name, shared_json(source_keys_pieces) AS source_keys,
    coalesce(history_message_hashes, shared_texts(input_message_hashes_pieces)) AS input_message_hashes,
    shared_texts(output_message_hashes_pieces) AS output_message_hashes, previous_response_id, history_complete
FROM spans_in_pieces;
