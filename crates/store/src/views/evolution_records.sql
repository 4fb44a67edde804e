-- What was changed in an agent, and how it turned out. Scores are derived: means of the overall scores in
-- force of that lineage's attempts with the one and the other definition. Stated outcomes stand beside them.
CREATE OR REPLACE VIEW evolution_records AS
WITH evolution AS (
    SELECT item.*, lineage.lineage_id
    FROM live_feedback item
    LEFT JOIN lineages lineage
        ON lineage.project = item.project
        AND lineage.session_id = item.session_id
        AND lineage.label = (item.body ->> '$.lineage')
    WHERE item.kind = 'evolution'
),
named AS (
    SELECT
        evolution.project, evolution.item_id, evolution.session_id, evolution.lineage_id, side.name AS side,
        evolution.body ->> ('$.' || side.name || '.agent_definition_id') AS definition_id,
        evolution.body ->> ('$.' || side.name || '.agent') AS agent,
        evolution.body ->> ('$.' || side.name || '.version') AS version,
        (evolution.body ->> ('$.' || side.name || '.cycle'))::BIGINT AS cycle
    FROM evolution
    CROSS JOIN (VALUES ('from'), ('to')) AS side (name)
),
used AS (
    SELECT project, lineage_id, cycle, agent_definition_id, min(start_key) AS start_key
    FROM attempts
    WHERE agent_definition_id IS NOT NULL
    GROUP BY ALL
),
-- A label may name several definitions: first those that the lineage used, in the named cycle, then the lowest version.
by_label AS (
    SELECT
        named.project, named.item_id, named.side,
        arg_min(
            definition.agent_definition_id,
            row(
                used.agent_definition_id IS NULL, used.cycle IS DISTINCT FROM named.cycle, definition.version_number,
                definition.agent_definition_id
            )
        ) AS definition_id
    FROM named
    JOIN agent_definitions definition ON definition.project = named.project AND definition.agent_name = named.agent
    LEFT JOIN used
        ON used.project = named.project AND used.lineage_id = named.lineage_id
        AND used.agent_definition_id = definition.agent_definition_id
    WHERE list_contains(definition.version_labels::VARCHAR[], named.version)
    GROUP BY ALL
),
by_cycle AS (
    SELECT named.project, named.item_id, named.side, arg_min(used.agent_definition_id, used.start_key) AS definition_id
    FROM named
    JOIN used ON used.project = named.project AND used.lineage_id = named.lineage_id AND used.cycle = named.cycle
    GROUP BY ALL
),
resolved AS (
    SELECT
        named.project, named.item_id, named.side, named.lineage_id,
        coalesce(named.definition_id, by_label.definition_id, by_cycle.definition_id) AS definition_id
    FROM named
    LEFT JOIN by_label USING (project, item_id, side)
    LEFT JOIN by_cycle USING (project, item_id, side)
),
score AS (
    SELECT attempt.project, attempt.lineage_id, attempt.agent_definition_id, evaluation.score
    FROM evaluations evaluation
    JOIN attempts attempt USING (project, attempt_id)
    WHERE evaluation.in_force AND evaluation.score IS NOT NULL AND evaluation.criterion IS NULL
),
side AS (
    SELECT
        resolved.project, resolved.item_id, resolved.side, resolved.definition_id,
        avg(score.score) AS mean, count(score.score) AS n, var_samp(score.score) AS variance
    FROM resolved
    LEFT JOIN score
        ON score.project = resolved.project AND score.lineage_id = resolved.lineage_id
        AND score.agent_definition_id = resolved.definition_id
    GROUP BY ALL
),
outcome AS (
    SELECT
        evolution.project, evolution.item_id,
        arg_max(stated.body ->> '$.hypothesis_validated', row(stated.position, stated.ordinal)) AS hypothesis_validated,
        arg_max(stated.body ->> '$.score_before', row(stated.position, stated.ordinal)) AS score_before,
        arg_max(stated.body ->> '$.score_after', row(stated.position, stated.ordinal)) AS score_after,
        arg_max(stated.comment, row(stated.position, stated.ordinal)) AS comment
    FROM evolution
    JOIN live_feedback stated ON stated.project = evolution.project
        AND stated.of_item IN (evolution.item_id, evolution.idempotency_key)
    WHERE stated.kind = 'evolution_outcome'
    GROUP BY ALL
)
SELECT
    evolution.item_id AS evolution_id, evolution.lineage_id,
    before.definition_id AS from_definition_id, after.definition_id AS to_definition_id,
    evolution.body ->> '$.changes' AS changes, evolution.body ->> '$.hypothesis' AS hypothesis,
    before.mean AS score_before, after.mean AS score_after, after.mean - before.mean AS score_delta,
    outcome.hypothesis_validated::BOOLEAN AS hypothesis_validated,
    evolution.created_at, evolution.project, evolution.recorded_at,
    before.n AS n_before, after.n AS n_after,
    -- Half width of the 95 % interval of the difference (normal approximation); needs two scores on each side.
    1.96 * sqrt(before.variance / before.n + after.variance / after.n) AS score_delta_half_width_95,
    outcome.score_before::DOUBLE AS stated_score_before, outcome.score_after::DOUBLE AS stated_score_after,
    outcome.comment AS outcome_comment, evolution.session_id, evolution.reviewer, evolution.source
FROM evolution
JOIN side before ON before.project = evolution.project AND before.item_id = evolution.item_id AND before.side = 'from'
JOIN side after ON after.project = evolution.project AND after.item_id = evolution.item_id AND after.side = 'to'
LEFT JOIN outcome ON outcome.project = evolution.project AND outcome.item_id = evolution.item_id;
