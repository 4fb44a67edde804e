-- Feedback in force that does not reach what it speaks of (yet), with the reason; comparisons have a row per unbound side. Beside the
-- reasons of targets: `no_such_item` (a retraction, outcome or piece of evidence names an item that was never sent),
-- `no_such_lineage` and `no_such_definition` (an evolution).
CREATE OR REPLACE VIEW unbound_feedback AS
WITH unbound AS (
    SELECT
        item.project, item.item_id, target.entry, target.reason,
        to_json({
            'session': target.session_id, 'lineage_id': target.lineage_id, 'cycle': target.cycle,
            'trace_id': target.trace_id, 'span_id': target.span_id, 'response_id': target.response_id,
            'artifact_id': target.artifact_id
        }) AS target
    FROM live_feedback item
    JOIN bound_targets target USING (project, item_id)
    -- A directive to a whole session speaks of no attempt.
    WHERE target.reason IS NOT NULL AND target.reason <> 'whole_session'
        AND NOT (item.kind = 'directive' AND target.lineage_id IS NOT NULL)
    UNION ALL
    SELECT item.project, item.item_id, 0, 'no_such_item', to_json({'of': item.of_item})
    FROM feedback_facts item
    WHERE item.of_item IS NOT NULL AND NOT EXISTS (
        FROM feedback_facts other
        WHERE other.project = item.project AND item.of_item IN (other.item_id, other.idempotency_key)
    )
    UNION ALL
    SELECT project, insight_id, 0, 'no_such_item', to_json({'of': evidence})
    FROM (
        SELECT project, insight_id, unnest(coalesce(from_json(evidence, '["VARCHAR"]'), [])) AS evidence FROM learning_insights
    ) named
    WHERE evidence IS NOT NULL AND NOT EXISTS (
        FROM feedback_facts other
        WHERE other.project = named.project AND named.evidence IN (other.item_id, other.idempotency_key)
    )
    UNION ALL
    SELECT
        project, item_id, 0,
        CASE WHEN lineage_id IS NULL THEN 'no_such_lineage' ELSE 'no_such_definition' END,
        to_json({'session': session_id, 'from_definition_id': from_definition_id, 'to_definition_id': to_definition_id})
    FROM (
        SELECT
            project, item_id, any_value(session_id) AS session_id, any_value(lineage_id) AS lineage_id,
            any_value(definition_id) FILTER (side = 'from') AS from_definition_id,
            any_value(definition_id) FILTER (side = 'to') AS to_definition_id
        FROM resolved_evolutions
        GROUP BY project, item_id
    )
    WHERE lineage_id IS NULL OR from_definition_id IS NULL OR to_definition_id IS NULL
)
SELECT
    unbound.item_id, item.kind, unbound.entry, unbound.reason, unbound.target, item.idempotency_key, item.reviewer, item.source,
    item.created_at, unbound.project, item.recorded_at
FROM unbound
JOIN feedback_facts item USING (project, item_id);
