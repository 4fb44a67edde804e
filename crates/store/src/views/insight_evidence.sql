-- Insights with the feedback that they rest on, one row per piece of evidence; one row without evidence where none was named.
-- `found` is false for evidence that has not been sent (yet).
CREATE OR REPLACE VIEW insight_evidence AS
WITH named AS (
    SELECT
        insight_id, scope, text, confidence, reviewer, source, created_at, project, recorded_at,
        unnest(CASE WHEN len(keys) = 0 THEN [NULL] ELSE keys END) AS evidence
    FROM (SELECT *, coalesce(from_json(evidence, '["VARCHAR"]'), []) AS keys FROM learning_insights)
)
SELECT
    named.insight_id, named.scope, named.text, named.confidence, named.evidence,
    CASE WHEN named.evidence IS NOT NULL THEN item.item_id IS NOT NULL END AS found,
    item.item_id AS evidence_item_id, item.kind AS evidence_kind, target.session_id, target.lineage_id, target.attempt_id,
    item.score, item.comment, item.reviewer AS evidence_reviewer, retracted.item_id IS NOT NULL AS evidence_retracted,
    named.reviewer, named.source, named.created_at, named.project, named.recorded_at
FROM named
LEFT JOIN feedback_facts item
    ON item.project = named.project AND named.evidence IN (item.item_id, item.idempotency_key)
LEFT JOIN bound_targets target ON target.project = item.project AND target.item_id = item.item_id AND target.entry = 0
LEFT JOIN retracted_items retracted ON retracted.project = item.project AND retracted.item_id = item.item_id;
