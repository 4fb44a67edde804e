-- Every evaluation. `in_force`: not retracted, and no later score of the same reviewer, attempt and
-- criterion. Only a score supersedes, and only what rates is superseded: a comment or a correction stays true. A retracted
-- score supersedes nothing. Reviewers without a name are one per source.
CREATE OR REPLACE VIEW evaluations AS
WITH $ordered_evaluations
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
JOIN feedback_facts item USING (project, item_id);
