SELECT
    target.project, target.item_id, target.entry, target.kind, target.rank, target.locked, target.shown_position,
    target.via, resolved.attempt_id, resolved.reason,
    coalesce(attempt.session_id, target.session_id) AS session_id,
    -- A lineage can be known where its attempt is not: a directive to it, a lock of a cycle that failed.
    coalesce(attempt.lineage_id, lineage.lineage_id) AS lineage_id,
    coalesce(attempt.cycle, target.cycle) AS cycle,
    attempt.status AS attempt_status,
    attempt.trace_id AS attempt_trace_id,
    target.artifact_id, target.trace_id, target.span_id, target.response_id
FROM target
JOIN resolved USING (project, item_id, entry)
LEFT JOIN (
    SELECT project, attempt_id, session_id, lineage_id, cycle, status, trace_id FROM attempt_index
    WHERE (project, attempt_id) IN (SELECT project, attempt_id FROM resolved WHERE attempt_id IS NOT NULL)
) attempt ON attempt.project = target.project AND attempt.attempt_id = resolved.attempt_id
LEFT JOIN (
    SELECT project, session_id, lineage_label, min(lineage_id) AS lineage_id
    FROM attempt_index
    WHERE (project, session_id) IN (SELECT project, session_id FROM target WHERE session_id IS NOT NULL)
    GROUP BY ALL
    HAVING count(DISTINCT lineage_id) = 1
) lineage
    ON lineage.project = target.project
    AND lineage.session_id = target.session_id
    AND lineage.lineage_label = target.lineage
ORDER BY target.project, target.item_id, target.entry
