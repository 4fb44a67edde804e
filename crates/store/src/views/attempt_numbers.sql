-- Internal. Attempt number within the rollout and cycle within the lineage: as sent, else counted by start.
-- Apart from `attempts`, so that windows never carry texts.
CREATE OR REPLACE VIEW attempt_numbers AS
WITH whole AS (
    SELECT
        project,
        attempt_id,
        arg_min(rollout_id, part_key) AS rollout_id,
        arg_min(lineage_id, part_key) AS lineage_id,
        arg_min(cycle, part_key) AS cycle,
        arg_min(attempt_number, part_key) AS attempt_number,
        min(part_key) AS start_key
    FROM attempt_rows
    GROUP BY project, attempt_id
),
rollout AS (
    SELECT
        project, rollout_id,
        arg_min(lineage_id, start_key) AS lineage_id,
        -- An explicit cycle on any attempt of a rollout is the rollout's.
        arg_min(cycle, start_key) AS cycle,
        min(start_key) AS start_key
    FROM whole
    GROUP BY project, rollout_id
),
numbered AS (
    SELECT
        project, rollout_id,
        coalesce(cycle, row_number() OVER (PARTITION BY project, lineage_id ORDER BY start_key, rollout_id)) AS cycle
    FROM rollout
)
SELECT
    whole.project, whole.attempt_id,
    coalesce(
        whole.attempt_number,
        row_number() OVER (PARTITION BY whole.project, whole.rollout_id ORDER BY whole.start_key, whole.attempt_id)
    ) AS attempt_number,
    numbered.cycle
FROM whole
JOIN numbered USING (project, rollout_id);
