-- The evaluations that `$which`, a condition on `item`, tells, each with whether a later one has taken its place: of those that speak of one
-- attempt, all or none.
WITH evaluation AS NOT MATERIALIZED (
    SELECT
        item.project, item.item_id, item.position, item.ordinal, item.criterion, item.reviewer, item.source,
        target.attempt_id, target.lineage_id, target.artifact_id, target.reason, target.via,
        target.session_id AS target_session_id,
        coalesce(target.trace_id, target.attempt_trace_id) AS trace_id,
        target.span_id,
        retracted.item_id IS NOT NULL AS retracted,
        item.score IS NOT NULL AS scores,
        item.score IS NOT NULL OR item.value IS NOT NULL OR item.label IS NOT NULL AS rates
    FROM feedback_facts item
    JOIN target_bindings target USING (project, item_id)
    LEFT JOIN retracted_items retracted USING (project, item_id)
    WHERE item.kind = 'evaluation' AND $which
),
-- Without the items' texts, which no window should carry.
ordered AS (
    SELECT
        evaluation.*,
        attempt_id IS NOT NULL AND rates AND count(*) FILTER (scores AND NOT retracted) OVER (
            PARTITION BY project, attempt_id, criterion, reviewer, CASE WHEN reviewer IS NULL THEN source END
            ORDER BY position, ordinal
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) > 0 AS superseded
    FROM evaluation
)
SELECT
    item_id AS evaluation_id, ordered.target_session_id AS session_id, ordered.lineage_id, ordered.attempt_id,
    ordered.artifact_id, ordered.trace_id, ordered.span_id,
    item.criterion, item.score, item.value, item.label, item.comment, item.correction, item.reviewer, item.source,
    ordered.attempt_id IS NOT NULL AS linked,
    NOT ordered.retracted AND NOT ordered.superseded AS in_force,
    item.created_at, project, item.recorded_at,
    item.body -> '$.metadata' AS metadata,
    ordered.retracted, ordered.superseded, ordered.reason AS unbound_reason, ordered.via AS bound_via,
    item.text_hash AS correction_hash, item.position, item.ordinal
FROM ordered
JOIN feedback_facts item USING (project, item_id)
ORDER BY item.position, item.ordinal
