-- Spans and log records that no convention explains (invariant I8).
CREATE OR REPLACE VIEW unmapped_spans AS
SELECT trace_id, span_id, scope_name, name, reason, project, recorded_at
FROM unmapped_rows;
