-- Internal: spans with their texts as lists of pieces, and with the histories that calls go on from. Two branches, so that spans without a
-- history, nearly all, are read without a join.
CREATE OR REPLACE VIEW spans_in_pieces AS
SELECT *, NULL::JSON AS history_messages, NULL::VARCHAR[] AS history_message_hashes, NULL::BOOLEAN AS history_complete
FROM span_rows
WHERE previous_response_id IS NULL
UNION ALL BY NAME
SELECT
    row.*, CASE WHEN row.input_messages_pieces IS NOT NULL THEN history.input_messages END AS history_messages,
    CASE WHEN row.input_messages_pieces IS NOT NULL THEN history.input_message_hashes END AS history_message_hashes,
    coalesce(history.is_complete AND row.input_messages_pieces IS NOT NULL, false) AS history_complete
FROM span_rows row
LEFT JOIN response_histories history USING (project, trace_id, span_id)
WHERE row.previous_response_id IS NOT NULL;
