-- Every log record as it came, whether it belongs to a span, waits for one, or stands outside any trace (I6). A record that
-- a client sent twice is one: nothing tells its copies apart.
CREATE OR REPLACE VIEW log_records AS
WITH fact AS (
    SELECT project, trace_id, body::JSON AS record, min(recorded_at) AS recorded_at
    FROM (SELECT project, trace_id, recorded_at, shared_text(body_pieces) AS body FROM span_facts WHERE signal = 'log')
    GROUP BY project, trace_id, body
)
SELECT
    trace_id,
    record ->> '$.span_id' AS span_id,
    record ->> '$.event_name' AS event_name,
    (record ->> '$.time_unix_nano')::UBIGINT AS time_unix_nano,
    (record ->> '$.observed_time_unix_nano')::UBIGINT AS observed_time_unix_nano,
    (record ->> '$.severity_number')::INTEGER AS severity_number,
    record ->> '$.severity_text' AS severity_text,
    record -> '$.body' AS body,
    record -> '$.attributes' AS attributes,
    record -> '$.resource' AS resource,
    record ->> '$.scope.name' AS scope_name,
    record ->> '$.scope.version' AS scope_version,
    project, recorded_at
FROM fact;
