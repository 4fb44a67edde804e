-- The targets of some items that name an artifact, bound by the facts known now. Items that declare artifacts on something else
-- must be bound before.
WITH target AS MATERIALIZED (
    SELECT *, 'artifact' AS via
    FROM feedback_targets
    WHERE artifact_id IS NOT NULL AND (project, item_id) IN $items
),
-- Also the artifacts that named ones were declared on, to the end of the chain.
wanted AS MATERIALIZED (
    SELECT project, artifact_id, artifact_id AS named_id FROM target
    UNION
    SELECT project, root_artifact_id, artifact_id
    FROM artifact_roots
    WHERE (project, artifact_id) IN (SELECT project, artifact_id FROM target)
),
declared AS (
    SELECT project, artifact_id, attempt_id
    FROM artifact_rows
    WHERE (project, artifact_id) IN (SELECT project, artifact_id FROM wanted)
    UNION ALL
    SELECT project, item_id, attempt_id
    FROM target_bindings
    WHERE kind = 'artifact' AND via <> 'artifact' AND (project, item_id) IN (SELECT project, artifact_id FROM wanted)
    UNION ALL
    SELECT project, final_answer_id, attempt_id
    FROM attempt_index
    WHERE (project, final_answer_id) IN (SELECT project, artifact_id FROM wanted)
),
found AS (
    SELECT wanted.project, wanted.named_id, count(*) AS artifacts, min(declared.attempt_id) AS attempt_id
    FROM wanted
    JOIN declared USING (project, artifact_id)
    GROUP BY ALL
),
resolved AS (
    SELECT
        target.project, target.item_id, target.entry, found.attempt_id,
        CASE WHEN found.artifacts IS NULL THEN 'no_such_artifact' WHEN found.attempt_id IS NULL THEN 'not_seen' END AS reason
    FROM target
    LEFT JOIN found ON found.project = target.project AND found.named_id = target.artifact_id
)
