-- The pairs of some sessions, from the items that speak of them and the attempts of all sessions that these items speak of.
--
-- Ordered pairs by rule. Both sides are attempts with status `ok`; a correction's chosen side
-- is a text. All pairs are listed: one reviewer may say by score what another denies by ranking (`contested`).
-- `margin` is the difference of rank or score; locks, pairwise choices and corrections have none.
WITH attempt AS MATERIALIZED (
    SELECT project, attempt_id, session_id, lineage_id, cycle, prompt_hash, output_hash
    FROM attempts
    WHERE status = 'ok' AND (project, session_id) IN $all_sessions
),
-- What stands for a lineage in a cycle: its last `ok` attempt by number.
comparison_attempt AS (
    SELECT
        project, session_id, lineage_id, cycle,
        arg_max(attempt_id, row(attempt_number, start_key, attempt_id)) AS attempt_id
    FROM attempt_index
    WHERE is_last_ok AND (project, session_id) IN $all_sessions
    GROUP BY project, session_id, lineage_id, cycle
),
entry AS (
    SELECT
        item.project, item.item_id, item.form, item.criterion, item.reviewer, item.source, item.created_at, item.recorded_at,
        item.over_all_others, target.attempt_id, target.rank, target.locked,
        coalesce(item.session_id, target.session_id) AS session_id,
        coalesce(item.cycle, target.cycle) AS cycle,
        target.lineage_id
    FROM live_feedback item
    JOIN target_bindings target USING (project, item_id)
    WHERE item.kind = 'comparison' AND (project, item_id) IN $items
),
ranked AS (
    SELECT
        better.*, worse.attempt_id AS other_id,
        CASE WHEN better.form = 'ranking' THEN (worse.rank - better.rank)::DOUBLE END AS margin
    FROM entry better
    JOIN entry worse USING (project, item_id)
    WHERE better.form IN ('ranking', 'pairwise') AND better.rank < worse.rank
),
locked AS (
    SELECT chosen.*, other.attempt_id AS other_id, NULL::DOUBLE AS margin
    FROM entry chosen
    JOIN entry other USING (project, item_id)
    WHERE chosen.form = 'lock' AND chosen.locked AND NOT other.locked
    UNION ALL
    SELECT chosen.*, other.attempt_id, NULL::DOUBLE
    FROM entry chosen
    JOIN comparison_attempt other
        ON other.project = chosen.project AND other.session_id = chosen.session_id AND other.cycle = chosen.cycle
    WHERE chosen.form = 'lock' AND chosen.locked AND chosen.over_all_others
        AND NOT EXISTS (
            FROM entry kept
            WHERE kept.project = chosen.project AND kept.item_id = chosen.item_id
                AND kept.locked AND kept.lineage_id = other.lineage_id
        )
),
in_force AS MATERIALIZED (
    SELECT
        project, evaluation_id, attempt_id, criterion, score, correction IS NOT NULL AS corrects, correction_hash, reviewer, source,
        created_at, recorded_at
    FROM evaluation_rows
    WHERE in_force AND (project, evaluation_id) IN $items
),
overall AS (
    SELECT
        in_force.*, attempt.session_id AS attempt_session_id, attempt.cycle AS attempt_cycle,
        attempt.lineage_id AS attempt_lineage_id
    FROM in_force
    JOIN attempt USING (project, attempt_id)
    SEMI JOIN comparison_attempt USING (project, attempt_id)
    WHERE in_force.score IS NOT NULL AND in_force.criterion IS NULL
),
scored AS (
    SELECT
        better.project, better.attempt_id AS chosen_id, worse.attempt_id AS other_id,
        better.score - worse.score AS margin, better.reviewer, better.source,
        [better.evaluation_id, worse.evaluation_id] AS evidence,
        greatest(better.created_at, worse.created_at) AS created_at,
        greatest(better.recorded_at, worse.recorded_at) AS recorded_at
    FROM overall better
    JOIN overall worse
        ON worse.project = better.project
        AND worse.attempt_session_id = better.attempt_session_id
        AND worse.attempt_cycle = better.attempt_cycle
        AND worse.attempt_lineage_id <> better.attempt_lineage_id
        AND coalesce(worse.reviewer, '') = coalesce(better.reviewer, '')
    WHERE better.score - worse.score >= (SELECT min_score_gap FROM read_settings)
        AND (better.reviewer IS NULL) = (worse.reviewer IS NULL)
        AND (better.reviewer IS NOT NULL OR better.source = worse.source)
),
pair AS (
    SELECT
        project, form AS rule, attempt_id AS chosen_id, NULL AS chosen_hash, other_id, margin, reviewer, source,
        [item_id] AS evidence, criterion, created_at, recorded_at
    FROM (FROM ranked UNION ALL BY NAME FROM locked)
    WHERE attempt_id IS NOT NULL
    UNION ALL BY NAME
    SELECT
        project, 'score' AS rule, chosen_id, NULL AS chosen_hash, other_id, margin, reviewer, source,
        evidence, NULL AS criterion, created_at, recorded_at
    FROM scored
    UNION ALL BY NAME
    SELECT
        project, 'correction' AS rule, NULL AS chosen_id, correction_hash AS chosen_hash, attempt_id AS other_id,
        NULL::DOUBLE AS margin, reviewer, source,
        [evaluation_id] AS evidence, criterion, created_at, recorded_at
    FROM in_force
    WHERE corrects
),
-- Unbound and failed sides fall out here.
bound AS (
    SELECT
        pair.*, rejected.session_id AS rejected_session_id, rejected.cycle AS rejected_cycle,
        rejected.prompt_hash AS rejected_prompt_hash, rejected.output_hash AS rejected_hash,
        chosen.session_id AS chosen_session_id, chosen.cycle AS chosen_cycle,
        chosen.prompt_hash AS chosen_prompt_hash, chosen.output_hash AS output_hash
    FROM pair
    JOIN attempt rejected ON rejected.project = pair.project AND rejected.attempt_id = pair.other_id
    LEFT JOIN attempt chosen ON chosen.project = pair.project AND chosen.attempt_id = pair.chosen_id
    WHERE (pair.rule = 'correction' OR chosen.attempt_id IS NOT NULL) AND pair.chosen_id IS DISTINCT FROM pair.other_id
),
direction AS (SELECT DISTINCT project, chosen_id, other_id FROM bound)
SELECT
    md5(to_json([bound.project, bound.rule, bound.chosen_id, bound.chosen_hash, bound.other_id] || bound.evidence)::VARCHAR)
        AS pair_id,
    coalesce(bound.chosen_session_id, bound.rejected_session_id) AS session_id,
    coalesce(bound.chosen_cycle, bound.rejected_cycle) AS cycle,
    coalesce(bound.chosen_prompt_hash, bound.rejected_prompt_hash) AS prompt_hash,
    bound.chosen_id AS chosen_attempt_id,
    coalesce(bound.chosen_hash, bound.output_hash) AS chosen_content_hash,
    bound.other_id AS rejected_attempt_id,
    bound.rule, bound.margin, bound.reviewer, bound.source,
    opposite.chosen_id IS NOT NULL AS contested,
    to_json(bound.evidence) AS evidence,
    bound.project, bound.recorded_at,
    bound.criterion, bound.rejected_prompt_hash, bound.rejected_hash AS rejected_content_hash, bound.created_at
FROM bound
LEFT JOIN direction opposite
    ON opposite.project = bound.project
    AND opposite.chosen_id = bound.other_id
    AND opposite.other_id = bound.chosen_id
WHERE (bound.project, coalesce(bound.chosen_session_id, bound.rejected_session_id)) IN $sessions
ORDER BY bound.project, session_id, pair_id
