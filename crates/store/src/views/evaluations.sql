-- Every evaluation. `in_force`: not retracted, and no later score of the same reviewer, attempt and
-- criterion. Only a score supersedes, and only what rates is superseded: a comment or a correction stays true. A retracted
-- score supersedes nothing. Reviewers without a name are one per source.
CREATE OR REPLACE VIEW evaluations AS
WITH evaluation AS (
    SELECT
        item.*, target.attempt_id, target.lineage_id, target.artifact_id, target.reason, target.via,
        target.session_id AS target_session_id,
        coalesce(target.trace_id, target.attempt_trace_id) AS trace_id,
        target.span_id,
        retracted.item_id IS NOT NULL AS retracted,
        item.score IS NOT NULL OR item.value IS NOT NULL OR item.label IS NOT NULL AS rates
    FROM feedback_facts item
    JOIN bound_targets target USING (project, item_id)
    LEFT JOIN retracted_items retracted USING (project, item_id)
    WHERE item.kind = 'evaluation'
),
ordered AS (
    SELECT
        evaluation.*,
        attempt_id IS NOT NULL AND rates AND count(*) FILTER (score IS NOT NULL AND NOT retracted) OVER (
            PARTITION BY project, attempt_id, criterion, reviewer, CASE WHEN reviewer IS NULL THEN source END
            ORDER BY position, ordinal
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) > 0 AS superseded
    FROM evaluation
)
SELECT
    item_id AS evaluation_id, target_session_id AS session_id, lineage_id, attempt_id, artifact_id, trace_id, span_id,
    criterion, score, value, label, comment, correction, reviewer, source,
    attempt_id IS NOT NULL AS linked,
    NOT retracted AND NOT superseded AS in_force,
    created_at, project, recorded_at,
    body -> '$.metadata' AS metadata,
    retracted, superseded, reason AS unbound_reason, via AS bound_via, text_hash AS correction_hash, position, ordinal
FROM ordered;
