-- Internal. The definitions before and after every evolution (`side`: `from`, `to`), as far as they are known.
CREATE OR REPLACE VIEW resolved_evolutions AS
WITH evolution AS (
    SELECT item.*, lineage.lineage_id
    FROM live_feedback item
    LEFT JOIN lineage_names lineage
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
    FROM attempt_index
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
)
SELECT
    named.project, named.item_id, named.session_id, named.side, named.lineage_id,
    coalesce(named.definition_id, by_label.definition_id, by_cycle.definition_id) AS definition_id
FROM named
LEFT JOIN by_label USING (project, item_id, side)
LEFT JOIN by_cycle USING (project, item_id, side);
