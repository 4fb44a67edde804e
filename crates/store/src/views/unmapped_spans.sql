-- Spans and log records that no convention explains (invariant I8). A record outside any trace is listed once, however often
-- a client sent it, unless it belongs to a unit, whose derivation tells what became of it, carried feedback, or is a known
-- agent's note of what makes no span.
CREATE OR REPLACE VIEW unmapped_spans AS
SELECT sent_trace_id AS trace_id, span_id, scope_name, name, reason, project, recorded_at
FROM unmapped_rows
UNION ALL
SELECT
    NULL, NULL, any_value(body::JSON ->> '$.scope.name'), any_value(body::JSON ->> '$.event_name'),
    'log_outside_any_trace', project, min(recorded_at)
FROM (
    SELECT project, recorded_at, shared_text(body_pieces) AS body
    FROM span_facts
    WHERE trace_id IS NULL AND unit_key IS NULL AND feedback_items = 0 AND NOT is_note
)
GROUP BY project, md5_number(body);
