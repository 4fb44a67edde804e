-- One row per span. `input_text`, `agent_name`, `source_keys`, the message hashes, `previous_response_id` and
-- `history_complete` go beyond the contract. Of a call that goes on from an earlier response, `input_messages` are the
-- history and its own; `history_complete` tells whether all of that is known, and is NULL for every other span.
--
-- Two branches, so that spans without a history, nearly all, are read without a join.
CREATE OR REPLACE VIEW execution_spans AS
WITH span AS (
    SELECT *, NULL::BOOLEAN AS history_complete FROM span_rows WHERE previous_response_id IS NULL
    UNION ALL BY NAME
    SELECT
        row.* REPLACE (
            CASE WHEN row.input_messages IS NOT NULL THEN coalesce(history.input_messages, row.input_messages) END
                AS input_messages,
            CASE WHEN row.input_messages IS NOT NULL THEN coalesce(history.input_message_hashes, row.input_message_hashes)
            END AS input_message_hashes
        ),
        coalesce(history.is_complete AND row.input_messages IS NOT NULL, false) AS history_complete
    FROM span_rows row
    LEFT JOIN response_histories history USING (project, trace_id, span_id)
    WHERE row.previous_response_id IS NOT NULL
)
SELECT
    trace_id, span_id, parent_span_id, attempt_id, kind, name, status, error, convention, provider, model, response_model,
    response_id, operation, system_prompt, input_messages, output_messages, output_text, reasoning_text, tool_definitions,
    tool_name, tool_call_id, tool_arguments, tool_result, finish_reason, parameters, input_tokens, output_tokens,
    cached_tokens, reasoning_tokens, cost_usd, started_at, ended_at, start_time_unix_nano, end_time_unix_nano, duration_ms,
    attributes, events, links, resource, scope_name, scope_version, origin, duplicate_of, project, recorded_at,
    input_text, agent_name, source_keys, input_message_hashes, output_message_hashes, previous_response_id,
    history_complete
FROM span;
