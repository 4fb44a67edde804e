-- What was changed in an agent, and how it turned out. Scores are derived: means of the overall scores in
-- force of that lineage's attempts with the one and the other definition. Stated outcomes stand beside them.
--
-- `hypothesis_validated` is the latest stated outcome that says so, else what the scores show (`derived_hypothesis_validated`): true
-- or false where the 95 % interval of the difference (Welch's) lies above or below zero, NULL where it does not tell.
-- What changed is told by the two definitions: sentences of the prompt (`prompt_diff`, lines with `- ` and `+ `), names of tools,
-- parameters, model, flow.
CREATE OR REPLACE VIEW evolution_records AS
WITH evolution AS (
    FROM live_feedback WHERE kind = 'evolution'
),
-- Both definitions, and the scores with each.
pair AS (
    SELECT
        resolved.project, resolved.item_id, any_value(resolved.lineage_id) AS lineage_id,
        any_value(resolved.definition_id) FILTER (resolved.side = 'from') AS from_definition_id,
        any_value(resolved.definition_id) FILTER (resolved.side = 'to') AS to_definition_id,
        avg(score.score) FILTER (resolved.side = 'from') AS score_before,
        avg(score.score) FILTER (resolved.side = 'to') AS score_after,
        count(score.score) FILTER (resolved.side = 'from') AS n_before,
        count(score.score) FILTER (resolved.side = 'to') AS n_after,
        var_samp(score.score) FILTER (resolved.side = 'from') AS variance_before,
        var_samp(score.score) FILTER (resolved.side = 'to') AS variance_after
    FROM resolved_evolutions resolved
    LEFT JOIN overall_scores score
        ON score.project = resolved.project AND score.lineage_id = resolved.lineage_id
        AND score.agent_definition_id = resolved.definition_id
    GROUP BY resolved.project, resolved.item_id
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
),
definition AS (
    SELECT
        project, agent_definition_id, model, flow, coalesce(parameters, '{}'::JSON) AS parameters,
        list_filter(
            string_split(
                regexp_replace(coalesce(prompt_template, system_prompt, ''), '([.!?]) +', '\1' || chr(10), 'g'), chr(10)
            ),
            lambda line: trim(line) <> ''
        ) AS prompt_lines,
        coalesce(from_json(tools, '["JSON"]'), []) AS tools,
        list_transform(coalesce(from_json(tools, '["JSON"]'), []), lambda tool: tool ->> '$.name') AS tool_names
    FROM agent_definitions
),
change AS (
    SELECT
        pair.project, pair.item_id,
        list_transform(
            list_filter(old.prompt_lines, lambda line: NOT list_contains(new.prompt_lines, line)), lambda line: '- ' || line
        ) || list_transform(
            list_filter(new.prompt_lines, lambda line: NOT list_contains(old.prompt_lines, line)), lambda line: '+ ' || line
        ) AS prompt_diff,
        list_filter(new.tool_names, lambda name: NOT list_contains(old.tool_names, name)) AS tools_added,
        list_filter(old.tool_names, lambda name: NOT list_contains(new.tool_names, name)) AS tools_removed,
        list_filter(
            new.tool_names,
            lambda name: list_contains(old.tool_names, name)
                AND list_filter(new.tools, lambda tool: (tool ->> '$.name') = name)
                    <> list_filter(old.tools, lambda tool: (tool ->> '$.name') = name)
        ) AS tools_changed,
        list_transform(
            list_filter(
                list_sort(list_distinct(json_keys(old.parameters) || json_keys(new.parameters))),
                lambda name: (old.parameters -> name) IS DISTINCT FROM (new.parameters -> name)
            ),
            lambda name: {'name': name, 'before': old.parameters -> name, 'after': new.parameters -> name}
        ) AS parameters_changed,
        CASE WHEN old.model IS DISTINCT FROM new.model THEN {'before': old.model, 'after': new.model} END AS model_changed,
        CASE WHEN old.flow IS DISTINCT FROM new.flow THEN {'before': old.flow, 'after': new.flow} END AS flow_changed
    FROM pair
    JOIN definition old ON old.project = pair.project AND old.agent_definition_id = pair.from_definition_id
    JOIN definition new ON new.project = pair.project AND new.agent_definition_id = pair.to_definition_id
),
measured AS (
    SELECT
        *, score_after - score_before AS score_delta,
        -- Needs two scores on each side.
        t_quantile_975(welch_df(variance_before, n_before, variance_after, n_after))
            * sqrt(variance_before / n_before + variance_after / n_after) AS half_width
    FROM pair
),
judged AS (
    SELECT
        *,
        CASE
            WHEN score_delta - half_width > 0 THEN true
            WHEN score_delta + half_width < 0 THEN false
        END AS derived_hypothesis_validated
    FROM measured
)
SELECT
    evolution.item_id AS evolution_id, judged.lineage_id, judged.from_definition_id, judged.to_definition_id,
    evolution.body ->> '$.changes' AS changes, evolution.body ->> '$.hypothesis' AS hypothesis,
    judged.score_before, judged.score_after, judged.score_delta,
    coalesce(outcome.hypothesis_validated::BOOLEAN, judged.derived_hypothesis_validated) AS hypothesis_validated,
    evolution.created_at, evolution.project, evolution.recorded_at,
    judged.n_before, judged.n_after, judged.half_width AS score_delta_half_width_95,
    judged.derived_hypothesis_validated, outcome.hypothesis_validated::BOOLEAN AS stated_hypothesis_validated,
    outcome.score_before::DOUBLE AS stated_score_before, outcome.score_after::DOUBLE AS stated_score_after,
    outcome.comment AS outcome_comment, evolution.session_id, evolution.reviewer, evolution.source,
    nullif(array_to_string(change.prompt_diff, chr(10)), '') AS prompt_diff,
    to_json(change.tools_added) AS tools_added, to_json(change.tools_removed) AS tools_removed,
    to_json(change.tools_changed) AS tools_changed, to_json(change.parameters_changed) AS parameters_changed,
    to_json(change.model_changed) AS model_changed, to_json(change.flow_changed) AS flow_changed
FROM evolution
JOIN judged USING (project, item_id)
LEFT JOIN change USING (project, item_id)
LEFT JOIN outcome USING (project, item_id);
