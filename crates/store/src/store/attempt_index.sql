-- What only its session can tell of an attempt. Numbers and cycles are as sent, else counted by start.
--
-- An attempt that only surrounds others (it called a model around them) is no try of its rollout: it has no number, counts for
-- none, and never stands for its lineage. A rollout of nothing else has no cycle but the one that was sent.
WITH whole AS (
    SELECT
        project, attempt_id,
        arg_min(rollout_id, part_key) AS rollout_id,
        arg_min(lineage_id, part_key) AS lineage_id,
        arg_min(session_id, part_key) AS session_id,
        arg_min(session_key, part_key) AS session_key,
        arg_min(lineage_label, part_key) AS lineage_label,
        -- Of two parts the one whose definition started earlier decides.
        arg_min(agent_definition_id, definition_key) AS agent_definition_id,
        arg_min(trace_id, part_key) AS trace_id,
        count(*) AS parts,
        CASE WHEN bool_or(status = 'error') THEN 'error' WHEN bool_or(status = 'ok') THEN 'ok' ELSE 'open' END AS status,
        min(part_key) AS start_key,
        min(started_at) AS started_at,
        max(recorded_at) AS recorded_at,
        arg_min(cycle, part_key) AS sent_cycle,
        arg_min(attempt_number, part_key) AS sent_number,
        bool_and(surrounds) AS surrounds
    FROM attempt_rows
    WHERE $which
    GROUP BY project, attempt_id
),
rollout AS (
    SELECT
        project, rollout_id,
        arg_min(lineage_id, start_key) AS lineage_id,
        -- An explicit cycle on any attempt of a rollout is the rollout's.
        arg_min(sent_cycle, row(start_key, attempt_id)) AS sent_cycle,
        bool_and(surrounds) AS surrounds,
        min(start_key) AS start_key
    FROM whole
    GROUP BY project, rollout_id
),
numbered AS (
    SELECT
        whole.*,
        CASE WHEN NOT whole.surrounds THEN coalesce(
            whole.sent_number,
            row_number() OVER (
                PARTITION BY whole.project, whole.rollout_id, whole.surrounds ORDER BY whole.start_key, whole.attempt_id
            )
        ) END AS attempt_number,
        cycles.cycle
    FROM whole
    JOIN (
        SELECT
            project, rollout_id,
            coalesce(sent_cycle, CASE WHEN NOT surrounds THEN
                row_number() OVER (PARTITION BY project, lineage_id, surrounds ORDER BY start_key, rollout_id)
            END) AS cycle
        FROM rollout
    ) cycles USING (project, rollout_id)
),
standing AS (
    SELECT
        project, lineage_id, lineage_label, cycle,
        arg_max(attempt_id, row(attempt_number, start_key, attempt_id)) AS last_id,
        arg_max(attempt_id, row(attempt_number, start_key, attempt_id)) FILTER (status = 'ok') AS last_ok_id
    FROM numbered
    WHERE attempt_number IS NOT NULL
    GROUP BY project, lineage_id, lineage_label, cycle
)
SELECT
    numbered.project, numbered.attempt_id, numbered.rollout_id, numbered.lineage_id, numbered.session_id, numbered.session_key,
    numbered.lineage_label, numbered.agent_definition_id, md5('final_answer:' || numbered.attempt_id) AS final_answer_id,
    numbered.trace_id, numbered.parts, numbered.status,
    numbered.start_key, numbered.started_at, numbered.recorded_at, numbered.cycle, numbered.attempt_number,
    coalesce(numbered.attempt_id = standing.last_id, false) AS is_last,
    coalesce(numbered.attempt_id = standing.last_ok_id, false) AS is_last_ok
FROM numbered
LEFT JOIN standing ON standing.project = numbered.project AND standing.lineage_id = numbered.lineage_id
    AND standing.lineage_label = numbered.lineage_label AND standing.cycle = numbered.cycle
ORDER BY numbered.project, numbered.session_id, numbered.start_key, numbered.attempt_id
