-- The targets of some items, those that name an artifact apart, bound by the facts known now.
--
-- The most specific name that is set decides; a less specific one is never tried in its place, so that a binding can be
-- told from the item alone. Large tables are cut down by what targets name before they are joined.
WITH target AS MATERIALIZED (
    SELECT
        *,
        CASE
            WHEN attempt_id IS NOT NULL THEN 'attempt'
            WHEN response_id IS NOT NULL THEN 'response'
            WHEN trace_id IS NOT NULL AND span_id IS NOT NULL THEN 'span'
            WHEN trace_id IS NOT NULL THEN 'trace'
            WHEN kind = 'directive' AND lineage IS NULL THEN 'whole_session'
            ELSE 'lineage'
        END AS via
    FROM feedback_targets
    WHERE artifact_id IS NULL AND (project, item_id) IN $items
),
by_attempt AS (
    SELECT
        target.project, target.item_id, target.entry, attempt.attempt_id,
        CASE WHEN attempt.attempt_id IS NULL THEN 'no_such_attempt' END AS reason
    FROM target
    LEFT JOIN (
        SELECT project, attempt_id FROM attempt_index
        WHERE (project, attempt_id) IN (SELECT project, attempt_id FROM target WHERE via = 'attempt')
    ) attempt ON attempt.project = target.project AND attempt.attempt_id = target.attempt_id
    WHERE target.via = 'attempt'
),
by_response AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(span.span_id) AS found, count(DISTINCT span.attempt_id) AS attempts, min(span.attempt_id) AS attempt_id
    FROM target
    LEFT JOIN (
        SELECT project, response_id, span_id, attempt_id FROM span_rows
        WHERE (project, response_id) IN (SELECT project, response_id FROM target WHERE via = 'response')
    ) span ON span.project = target.project AND span.response_id = target.response_id
    WHERE target.via = 'response'
    GROUP BY ALL
),
by_span AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(span.span_id) AS found, count(DISTINCT span.attempt_id) AS attempts, min(span.attempt_id) AS attempt_id
    FROM target
    LEFT JOIN (
        SELECT project, trace_id, span_id, attempt_id FROM span_rows
        WHERE (project, trace_id, span_id) IN (SELECT project, trace_id, span_id FROM target WHERE via = 'span')
    ) span ON span.project = target.project AND span.trace_id = target.trace_id AND span.span_id = target.span_id
    WHERE target.via = 'span'
    GROUP BY ALL
),
by_trace AS (
    SELECT
        target.project, target.item_id, target.entry,
        count(known.trace_id) AS found,
        -- What only surrounds attempts makes its trace not ambiguous. A trace without an attempt may tell of another's calls.
        CASE WHEN count(part.attempt_id) = 0 THEN count(DISTINCT told.attempt_id)
            WHEN bool_or(NOT part.surrounds) THEN count(DISTINCT part.attempt_id) FILTER (NOT part.surrounds)
            ELSE count(DISTINCT part.attempt_id) END AS attempts,
        coalesce(min(part.attempt_id) FILTER (NOT part.surrounds), min(part.attempt_id), min(told.attempt_id)) AS attempt_id
    FROM target
    LEFT JOIN (
        SELECT project, trace_id FROM known_traces
        WHERE (project, trace_id) IN (SELECT project, trace_id FROM target WHERE via = 'trace')
    ) known ON known.project = target.project AND known.trace_id = target.trace_id
    LEFT JOIN (
        SELECT project, trace_id, attempt_id, surrounds FROM attempt_rows
        WHERE (project, trace_id) IN (SELECT project, trace_id FROM target WHERE via = 'trace')
    ) part ON part.project = target.project AND part.trace_id = target.trace_id
    LEFT JOIN (
        SELECT DISTINCT project, trace_id, attempt_id FROM span_rows
        WHERE duplicate_of IS NOT NULL AND attempt_id IS NOT NULL
            AND (project, trace_id) IN (SELECT project, trace_id FROM target WHERE via = 'trace')
    ) told ON told.project = target.project AND told.trace_id = target.trace_id
    WHERE target.via = 'trace'
    GROUP BY ALL
),
-- Attempts of the sessions that are spoken of.
attempt AS MATERIALIZED (
    SELECT * FROM attempt_index
    WHERE (project, session_id) IN (SELECT project, session_id FROM target WHERE session_id IS NOT NULL)
),
-- Every attempt that session, lineage and cycle leave possible. Nearly all targets name lineage and cycle, and no number.
by_lineage AS (
    SELECT
        target.project, target.item_id, target.entry, target.kind, NULL::BIGINT AS wanted,
        count(DISTINCT attempt.lineage_id) AS lineages, 1 AS cycles, NULL AS named,
        min(attempt.attempt_id) FILTER (attempt.is_last_ok) AS last_ok,
        min(attempt.attempt_id) FILTER (attempt.is_last) AS last_any
    FROM target
    JOIN attempt
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
    JOIN attempt ON attempt.project = target.project AND attempt.session_id = target.session_id
    WHERE target.via = 'lineage' AND attempt.attempt_number IS NOT NULL
        AND (target.attempt_number IS NOT NULL OR target.lineage IS NULL OR target.cycle IS NULL)
        AND (target.lineage IS NULL OR attempt.lineage_label = target.lineage)
        AND (target.cycle IS NULL OR attempt.cycle = target.cycle)
    GROUP BY ALL
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
    SELECT
        target.project, target.item_id, target.entry,
        CASE WHEN found.wanted IS NOT NULL THEN found.named ELSE coalesce(found.last_ok, found.last_any) END AS attempt_id,
        CASE
            WHEN found.item_id IS NULL THEN 'not_seen'
            WHEN found.lineages > 1 THEN 'ambiguous_lineage'
            WHEN found.cycles > 1 THEN 'ambiguous_cycle'
            WHEN found.wanted IS NOT NULL THEN CASE WHEN found.named IS NULL THEN 'no_such_attempt' END
            WHEN found.kind = 'comparison' AND found.last_ok IS NULL THEN 'no_ok_attempt'
        END AS reason
    FROM target
    LEFT JOIN by_lineage found USING (project, item_id, entry)
    WHERE target.via = 'lineage'
    UNION ALL BY NAME
    SELECT project, item_id, entry, NULL AS attempt_id, 'whole_session' AS reason FROM target WHERE via = 'whole_session'
),
resolved AS (
    SELECT project, item_id, entry, CASE WHEN reason IS NULL THEN attempt_id END AS attempt_id, reason FROM outcome
)
