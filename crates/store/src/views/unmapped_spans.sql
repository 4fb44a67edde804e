-- Spans and log records that no convention explains (invariant I8). A record outside any trace is listed once, however often
-- a client sent it, unless it belongs to a unit, whose derivation tells what became of it, or carried feedback.
CREATE OR REPLACE VIEW unmapped_spans AS
WITH loose AS (
    SELECT
        project,
        any_value(body::JSON ->> '$.scope.name') AS scope_name,
        any_value(body::JSON ->> '$.event_name') AS name,
        min(recorded_at) AS recorded_at,
        arg_min(position, row(position, ordinal)) AS position,
        arg_min(ordinal, row(position, ordinal)) AS ordinal
    FROM span_facts
    WHERE trace_id IS NULL AND unit_key IS NULL
    GROUP BY project, md5_number(body)
)
SELECT sent_trace_id AS trace_id, span_id, scope_name, name, reason, project, recorded_at
FROM unmapped_rows
UNION ALL
SELECT NULL, NULL, scope_name, name, 'log_outside_any_trace', project, recorded_at
FROM loose
ANTI JOIN (SELECT position, ordinal >> 20 AS ordinal FROM feedback_facts) AS carried USING (position, ordinal);
