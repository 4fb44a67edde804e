-- Internal. The attempt that stands for a lineage in a cycle: the last `ok` one by number.
CREATE OR REPLACE VIEW comparison_attempts AS
SELECT
    project, session_id, lineage_id, cycle,
    arg_max(attempt_id, row(attempt_number, start_key, attempt_id)) AS attempt_id
FROM attempts
WHERE status = 'ok'
GROUP BY project, session_id, lineage_id, cycle;
