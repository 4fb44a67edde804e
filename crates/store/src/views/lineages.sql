-- One row per lineage. `locked` tells of the latest cycle of the session that has a lock.
CREATE OR REPLACE VIEW lineages AS
WITH lock AS (
    SELECT item.project, target.lineage_id, target.locked,
        coalesce(item.session_id, target.session_id) AS session_id,
        coalesce(item.cycle, target.cycle) AS cycle
    FROM live_feedback item
    JOIN bound_targets target USING (project, item_id)
    WHERE item.form = 'lock'
),
latest AS (
    SELECT project, session_id, max(cycle) AS cycle FROM lock GROUP BY project, session_id
),
kept AS (
    SELECT DISTINCT lock.project, lock.lineage_id
    FROM lock
    JOIN latest ON latest.project = lock.project AND latest.session_id = lock.session_id
        AND latest.cycle IS NOT DISTINCT FROM lock.cycle
    WHERE lock.locked AND lock.lineage_id IS NOT NULL
)
SELECT
    lineage.lineage_id, lineage.session_id, lineage.label, kept.lineage_id IS NOT NULL AS locked,
    lineage.project, lineage.recorded_at
FROM lineage_names lineage
LEFT JOIN kept USING (project, lineage_id);
