-- Internal. What calls were given that go on from an earlier response (OpenAI's Responses API): such a call's telemetry
-- holds its new messages alone; all that came before is found along the chain of response ids, in whatever traces of the
-- project. One row per call with its whole input, the oldest message first. `is_complete`: no link is missing and every
-- earlier call recorded its messages. A call whose chain runs in a circle has no row.
--
-- Not for reading: the loader writes its rows down in `response_histories`, which the public relations join.
CREATE OR REPLACE VIEW response_history AS
WITH RECURSIVE
asked AS (
    SELECT DISTINCT project, previous_response_id AS response_id FROM span_rows WHERE previous_response_id IS NOT NULL
),
-- Of several calls that report one response id the first counts.
answering AS (
    SELECT DISTINCT ON (project, response_id) project, response_id, trace_id, span_id
    FROM span_rows
    SEMI JOIN asked USING (project, response_id)
    WHERE kind = 'llm' AND duplicate_of IS NULL
    ORDER BY project, response_id, start_time_unix_nano, trace_id, span_id
),
node AS (
    SELECT project, trace_id, span_id, previous_response_id, input_messages_pieces, output_messages_pieces,
        input_message_hashes_pieces, output_message_hashes_pieces
    FROM span_rows
    WHERE previous_response_id IS NOT NULL
    UNION ALL
    SELECT project, trace_id, span_id, previous_response_id, input_messages_pieces, output_messages_pieces,
        input_message_hashes_pieces, output_message_hashes_pieces
    FROM span_rows
    SEMI JOIN answering USING (project, trace_id, span_id)
    WHERE previous_response_id IS NULL
),
call AS (
    SELECT
        node.project, node.trace_id, node.span_id, node.previous_response_id,
        answering.trace_id AS previous_trace_id, answering.span_id AS previous_span_id,
        coalesce(from_json(shared_text(node.input_messages_pieces), '["JSON"]'), []) AS input,
        -- The finish reason tells of a call, not of a message.
        list_transform(
            coalesce(from_json(shared_text(node.output_messages_pieces), '["JSON"]'), []),
            lambda message: json_merge_patch(message, '{"finish_reason": null}')
        ) AS output,
        coalesce(shared_texts(node.input_message_hashes_pieces), []) AS input_hashes,
        coalesce(shared_texts(node.output_message_hashes_pieces), []) AS output_hashes,
        node.input_messages_pieces IS NOT NULL AND node.output_messages_pieces IS NOT NULL AS is_captured
    FROM node
    LEFT JOIN answering
        ON answering.project = node.project AND answering.response_id = node.previous_response_id
),
chain AS (
    SELECT
        project, trace_id, span_id, previous_response_id, input, input_hashes, output, output_hashes, is_captured,
        previous_response_id IS NULL AS is_complete
    FROM call
    WHERE previous_span_id IS NULL
    UNION ALL
    SELECT
        project, trace_id, span_id, previous_response_id,
        -- Some instrumentations put the history into the request themselves.
        CASE WHEN starts_with_history THEN input ELSE history || input END,
        CASE WHEN starts_with_history THEN input_hashes ELSE history_hashes || input_hashes END,
        output, output_hashes, is_captured, is_complete
    FROM (
        SELECT
            call.* EXCLUDE (previous_trace_id, previous_span_id),
            chain.input || chain.output AS history,
            chain.input_hashes || chain.output_hashes AS history_hashes,
            call.input_hashes[:len(history_hashes)] = history_hashes AS starts_with_history,
            chain.is_complete AND chain.is_captured AS is_complete
        FROM chain
        JOIN call
            ON call.project = chain.project
            AND call.previous_trace_id = chain.trace_id
            AND call.previous_span_id = chain.span_id
    )
)
SELECT
    project, trace_id, span_id, to_json(input) AS input_messages, input_hashes AS input_message_hashes, is_complete
FROM chain
WHERE previous_response_id IS NOT NULL;
