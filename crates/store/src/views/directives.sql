-- What users asked to change. No lineage: for the whole session.
CREATE OR REPLACE VIEW directives AS
SELECT
    item.item_id AS directive_id, target.session_id, target.lineage_id, target.attempt_id,
    item.body ->> '$.text' AS text, item.body ->> '$.directive_kind' AS kind,
    item.reviewer, item.source, item.created_at, item.project, item.recorded_at, target.cycle
FROM live_feedback item
LEFT JOIN bound_targets target USING (project, item_id)
WHERE item.kind = 'directive';
