-- Internal. Every target of every feedback item, bound to an attempt by the facts known now, or
-- unbound with the reason: `not_seen`, `outside_attempts`, `no_such_attempt`, `no_such_artifact`, `no_ok_attempt`,
-- `ambiguous_trace`, `ambiguous_response`, `ambiguous_lineage`, `ambiguous_cycle`, `whole_session`.
--
-- The most specific name that is set decides; a less specific one is never tried in its place, so that a binding can be
-- told from the item alone.
CREATE OR REPLACE VIEW bound_targets AS
WITH target AS (
    SELECT
        feedback_targets.*, item.kind,
        CASE
            WHEN feedback_targets.artifact_id IS NOT NULL THEN 'artifact'
            WHEN feedback_targets.attempt_id IS NOT NULL THEN 'attempt'
            WHEN feedback_targets.response_id IS NOT NULL THEN 'response'
            WHEN feedback_targets.trace_id IS NOT NULL AND feedback_targets.span_id IS NOT NULL THEN 'span'
            WHEN feedback_targets.trace_id IS NOT NULL THEN 'trace'
            WHEN item.kind = 'directive' AND feedback_targets.lineage IS NULL THEN 'whole_session'
            ELSE 'lineage'
        END AS via
    FROM feedback_targets
    JOIN feedback_facts item USING (project, item_id)
),
by_attempt AS (
    SELECT
        target.project, target.item_id, target.entry, attempt.attempt_id,
        CASE WHEN attempt.attempt_id IS NULL THEN 'no_such_attempt' END AS reason
    FROM target
    LEFT JOIN attempt_index attempt ON attempt.project = target.project AND attempt.attempt_id = target.attempt_id
    WHERE target.via = 'attempt'
),
by_response AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(span.span_id) AS found, count(DISTINCT span.attempt_id) AS attempts, min(span.attempt_id) AS attempt_id
    FROM target
    LEFT JOIN span_rows span ON span.project = target.project AND span.response_id = target.response_id
    WHERE target.via = 'response'
    GROUP BY ALL
),
by_span AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(span.span_id) AS found, count(DISTINCT span.attempt_id) AS attempts, min(span.attempt_id) AS attempt_id
    FROM target
    LEFT JOIN span_rows span
        ON span.project = target.project AND span.trace_id = target.trace_id AND span.span_id = target.span_id
    WHERE target.via = 'span'
    GROUP BY ALL
),
by_trace AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(known.trace_id) AS found,
        -- What only surrounds attempts makes its trace not ambiguous.
        CASE WHEN bool_or(NOT part.surrounds) THEN count(DISTINCT part.attempt_id) FILTER (NOT part.surrounds)
            ELSE count(DISTINCT part.attempt_id) END AS attempts,
        coalesce(min(part.attempt_id) FILTER (NOT part.surrounds), min(part.attempt_id)) AS attempt_id
    FROM target
    LEFT JOIN known_traces known ON known.project = target.project AND known.trace_id = target.trace_id
    LEFT JOIN attempt_rows part ON part.project = target.project AND part.trace_id = target.trace_id
    WHERE target.via = 'trace'
    GROUP BY ALL
),
-- Every attempt that session, lineage and cycle leave possible. Nearly all targets name lineage and cycle, and no number.
by_lineage AS (
    SELECT
        target.project, target.item_id, target.entry, target.kind, NULL::BIGINT AS wanted,
        count(DISTINCT attempt.lineage_id) AS lineages, 1 AS cycles, NULL AS named,
        min(attempt.attempt_id) FILTER (attempt.is_last_ok) AS last_ok,
        min(attempt.attempt_id) FILTER (attempt.is_last) AS last_any
    FROM target
    JOIN attempt_index attempt
        ON attempt.project = target.project AND attempt.session_id = target.session_id
        AND attempt.lineage_label = target.lineage AND attempt.cycle = target.cycle
    WHERE target.via = 'lineage' AND target.attempt_number IS NULL AND (attempt.is_last OR attempt.is_last_ok)
    GROUP BY ALL
    UNION ALL
    SELECT
        target.project, target.item_id, target.entry, target.kind, target.attempt_number AS wanted,
        count(DISTINCT attempt.lineage_id) AS lineages,
        count(DISTINCT attempt.cycle) AS cycles,
        arg_max(attempt.attempt_id, row(attempt.attempt_number, attempt.start_key, attempt.attempt_id))
            FILTER (attempt.attempt_number = target.attempt_number) AS named,
        arg_max(attempt.attempt_id, row(attempt.attempt_number, attempt.start_key, attempt.attempt_id))
            FILTER (attempt.status = 'ok') AS last_ok,
        arg_max(attempt.attempt_id, row(attempt.attempt_number, attempt.start_key, attempt.attempt_id)) AS last_any
    FROM target
    JOIN attempt_index attempt ON attempt.project = target.project AND attempt.session_id = target.session_id
    WHERE target.via = 'lineage' AND attempt.attempt_number IS NOT NULL
        AND (target.attempt_number IS NOT NULL OR target.lineage IS NULL OR target.cycle IS NULL)
        AND (target.lineage IS NULL OR attempt.lineage_label = target.lineage)
        AND (target.cycle IS NULL OR attempt.cycle = target.cycle)
    GROUP BY ALL
),
lineage_outcome AS (
    SELECT
        target.project, target.item_id, target.entry,
        CASE
            WHEN found.item_id IS NULL THEN 'not_seen'
            WHEN found.lineages > 1 THEN 'ambiguous_lineage'
            WHEN found.cycles > 1 THEN 'ambiguous_cycle'
            WHEN found.wanted IS NOT NULL THEN CASE WHEN found.named IS NULL THEN 'no_such_attempt' END
            WHEN found.kind = 'comparison' AND found.last_ok IS NULL THEN 'no_ok_attempt'
        END AS reason,
        CASE WHEN found.wanted IS NOT NULL THEN found.named ELSE coalesce(found.last_ok, found.last_any) END AS attempt_id
    FROM target
    LEFT JOIN by_lineage found USING (project, item_id, entry)
    WHERE target.via = 'lineage'
),
outcome AS (
    SELECT project, item_id, entry, attempt_id, reason FROM by_attempt
    UNION ALL BY NAME
    SELECT
        project, item_id, entry, attempt_id,
        CASE
            WHEN found = 0 THEN 'not_seen'
            WHEN attempts = 0 THEN 'outside_attempts'
            WHEN attempts > 1 THEN 'ambiguous_response'
        END AS reason
    FROM by_response
    UNION ALL BY NAME
    SELECT
        project, item_id, entry, attempt_id,
        CASE WHEN found = 0 THEN 'not_seen' WHEN attempts = 0 THEN 'outside_attempts' END AS reason
    FROM by_span
    UNION ALL BY NAME
    SELECT
        project, item_id, entry, attempt_id,
        CASE
            WHEN attempts > 1 THEN 'ambiguous_trace'
            WHEN attempts = 1 THEN NULL
            WHEN found = 0 THEN 'not_seen'
            ELSE 'outside_attempts'
        END AS reason
    FROM by_trace
    UNION ALL BY NAME
    SELECT project, item_id, entry, attempt_id, reason FROM lineage_outcome
    UNION ALL BY NAME
    SELECT project, item_id, entry, NULL AS attempt_id, 'whole_session' AS reason FROM target WHERE via = 'whole_session'
),
direct AS (
    SELECT
        project, item_id, entry, target.via,
        CASE WHEN outcome.reason IS NULL THEN outcome.attempt_id END AS attempt_id,
        outcome.reason
    FROM target
    JOIN outcome USING (project, item_id, entry)
),
declared AS (
    SELECT project, artifact_id, attempt_id FROM artifact_rows
    UNION ALL
    SELECT direct.project, direct.item_id, direct.attempt_id
    FROM direct
    JOIN feedback_facts item USING (project, item_id)
    WHERE item.kind = 'artifact'
    UNION ALL
    SELECT project, md5('final_answer:' || attempt_id), attempt_id FROM attempt_index
),
-- An artifact that was declared on an artifact is of the attempt that the first of them is of.
artifact AS (
    SELECT project, artifact_id, attempt_id FROM declared
    UNION ALL
    SELECT root.project, root.artifact_id, declared.attempt_id
    FROM artifact_roots root
    JOIN declared ON declared.project = root.project AND declared.artifact_id = root.root_artifact_id
),
by_artifact AS (
    SELECT
        target.project, target.item_id, target.entry, 'artifact' AS via, min(artifact.attempt_id) AS attempt_id,
        CASE
            WHEN count(artifact.artifact_id) = 0 THEN 'no_such_artifact'
            WHEN min(artifact.attempt_id) IS NULL THEN 'not_seen'
        END AS reason
    FROM feedback_targets target
    LEFT JOIN artifact ON artifact.project = target.project AND artifact.artifact_id = target.artifact_id
    WHERE target.artifact_id IS NOT NULL
    GROUP BY ALL
),
resolved AS (
    SELECT project, item_id, entry, via, attempt_id, reason FROM direct
    UNION ALL
    SELECT project, item_id, entry, via, attempt_id, reason FROM by_artifact
),
lineage AS (
    SELECT project, session_id, lineage_label, min(lineage_id) AS lineage_id
    FROM attempt_index
    GROUP BY ALL
    HAVING count(DISTINCT lineage_id) = 1
)
SELECT
    target.project, target.item_id, target.entry, target.rank, target.locked, target.shown_position,
    resolved.via, resolved.attempt_id, resolved.reason,
    coalesce(attempt.session_id, target.session_id) AS session_id,
    -- A lineage can be known where its attempt is not: a directive to it, a lock of a cycle that failed.
    coalesce(attempt.lineage_id, lineage.lineage_id) AS lineage_id,
    coalesce(attempt.cycle, target.cycle) AS cycle,
    attempt.status AS attempt_status,
    attempt.trace_id AS attempt_trace_id,
    target.artifact_id, target.trace_id, target.span_id, target.response_id
FROM feedback_targets target
JOIN resolved USING (project, item_id, entry)
LEFT JOIN attempt_index attempt ON attempt.project = target.project AND attempt.attempt_id = resolved.attempt_id
LEFT JOIN lineage
    ON lineage.project = target.project
    AND lineage.session_id = target.session_id
    AND lineage.lineage_label = target.lineage;
