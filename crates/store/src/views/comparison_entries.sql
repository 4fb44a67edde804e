-- The sides of comparisons that have not been retracted. `attempt_id` is NULL while unbound, with the reason beside.
CREATE OR REPLACE VIEW comparison_entries AS
SELECT
    target.item_id AS comparison_id, target.lineage_id, target.attempt_id, target.artifact_id, target.rank, target.locked,
    target.shown_position, target.project, item.recorded_at,
    target.entry, target.attempt_status, target.reason AS unbound_reason
FROM live_feedback item
JOIN bound_targets target USING (project, item_id)
WHERE item.kind = 'comparison';
