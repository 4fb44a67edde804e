-- Internal: attempts with their texts as lists of pieces, which the views and exports put together. Nearly all attempts lie in one
-- trace and are taken as they are, in a branch of their own; the parts of the others are put together. `part_key` orders parts by start, then
-- trace. What only the session can tell (number, cycle) is in `attempt_index`, and so is how many parts there are.
-- Nothing here is materialized: whoever asks for a few columns must not pay for texts.
--
-- Where the first call goes on from an earlier response, `input_messages` are the whole history and its own, and
-- `history_complete` tells whether all of it is known (NULL for every other attempt). `prompt_hash` is then made here: it
-- compares such attempts with each other, never with one that was sent its history whole.
CREATE OR REPLACE VIEW attempts_in_pieces AS
-- Of attempts in several traces, and of those that go on from a response.
WITH part AS NOT MATERIALIZED (
    SELECT
        row.* REPLACE (
            CASE
                WHEN row.input_messages_pieces IS NOT NULL
                THEN coalesce(md5(array_to_string(history.input_message_hashes, ' ')), row.prompt_hash)
                ELSE row.prompt_hash
            END AS prompt_hash
        ),
        CASE WHEN row.input_messages_pieces IS NOT NULL THEN history.input_messages END AS history_messages,
        CASE WHEN row.continued_span_id IS NOT NULL
        THEN coalesce(history.is_complete AND row.input_messages_pieces IS NOT NULL, false) END AS history_complete
    FROM attempt_rows row
    SEMI JOIN (
        SELECT project, attempt_id FROM attempt_index WHERE parts > 1
        UNION ALL
        SELECT project, attempt_id FROM attempt_rows WHERE continued_span_id IS NOT NULL
    ) apart USING (project, attempt_id)
    LEFT JOIN response_histories history
        ON history.project = row.project AND history.trace_id = row.trace_id AND history.span_id = row.continued_span_id
)
SELECT
    index.attempt_id, index.rollout_id, index.lineage_id, index.session_id, index.agent_definition_id, index.trace_id,
    [row.trace_id] AS trace_ids, index.attempt_number, index.status, error,
    input_messages_pieces, NULL::JSON AS history_messages, input_text, output_text,
    test_input, index.started_at, ended_at,
    CASE
        WHEN end_time_unix_nano >= start_time_unix_nano AND start_time_unix_nano > 0
        THEN (end_time_unix_nano - start_time_unix_nano)::DOUBLE / 1e6
    END AS latency_ms,
    llm_calls, llm_calls_failed, tool_calls, tool_calls_failed,
    input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd,
    index.project, row.recorded_at,
    index.cycle, index.lineage_label, agent_name, prompt_hash, output_hash, root_span_id,
    CASE WHEN conversation_span_id IS NOT NULL THEN row.trace_id END AS conversation_trace_id,
    conversation_span_id, index.start_key, NULL::BOOLEAN AS history_complete
FROM attempt_rows row
-- By the time of recording too, so that a condition on it spares most row groups of either table.
JOIN attempt_index index ON index.project = row.project AND index.attempt_id = row.attempt_id
    AND index.recorded_at = row.recorded_at
WHERE row.continued_span_id IS NULL AND index.parts = 1
UNION ALL
SELECT
    index.attempt_id, index.rollout_id, index.lineage_id, index.session_id, index.agent_definition_id, index.trace_id,
    trace_ids, index.attempt_number, index.status, error,
    input_messages_pieces, history_messages, input_text, output_text,
    test_input, index.started_at, ended_at,
    CASE
        WHEN end_time_unix_nano >= start_time_unix_nano
        THEN (end_time_unix_nano - start_time_unix_nano)::DOUBLE / 1e6
    END AS latency_ms,
    llm_calls, llm_calls_failed, tool_calls, tool_calls_failed,
    input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd,
    index.project, whole.recorded_at,
    index.cycle, index.lineage_label, agent_name, prompt_hash, output_hash, root_span_id, conversation_trace_id,
    conversation_span_id, index.start_key, history_complete
FROM (
    SELECT
        project,
        attempt_id,
        max(recorded_at) AS recorded_at,
        -- Of two parts the one whose definition started earlier decides.
        arg_min_null(agent_name, definition_key) AS agent_name,
        list(trace_id ORDER BY part_key) AS trace_ids,
        arg_min(error, part_key) AS error,
        arg_min(input_messages_pieces, part_key) AS input_messages_pieces,
        arg_min_null(history_messages, part_key) FILTER (input_messages_pieces IS NOT NULL) AS history_messages,
        arg_min(prompt_hash, part_key) AS prompt_hash,
        -- Of the part that has the input.
        CASE
            WHEN bool_or(input_messages_pieces IS NOT NULL)
            THEN arg_min_null(history_complete, part_key) FILTER (input_messages_pieces IS NOT NULL)
            ELSE bool_and(history_complete)
        END AS history_complete,
        arg_min(input_text, part_key) AS input_text,
        arg_max(output_text, part_key) AS output_text,
        arg_max(output_hash, part_key) AS output_hash,
        arg_min(test_input, part_key) AS test_input,
        max(ended_at) AS ended_at,
        min(nullif(start_time_unix_nano, 0)) AS start_time_unix_nano,
        max(nullif(end_time_unix_nano, 0)) AS end_time_unix_nano,
        sum(llm_calls)::BIGINT AS llm_calls,
        sum(llm_calls_failed)::BIGINT AS llm_calls_failed,
        sum(tool_calls)::BIGINT AS tool_calls,
        sum(tool_calls_failed)::BIGINT AS tool_calls_failed,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens,
        sum(cached_tokens)::BIGINT AS cached_tokens,
        sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
        sum(cost_usd) AS cost_usd,
        arg_min(root_span_id, part_key) AS root_span_id,
        -- Both of one part: the last that has an LLM call of the root agent.
        arg_max(trace_id, part_key) FILTER (conversation_span_id IS NOT NULL) AS conversation_trace_id,
        arg_max(conversation_span_id, part_key) AS conversation_span_id
    FROM part
    GROUP BY project, attempt_id
) whole
JOIN attempt_index index ON index.project = whole.project AND index.attempt_id = whole.attempt_id
    AND index.recorded_at = whole.recorded_at;
