-- One row per rollout. Its definition is that of its first attempt that has one.
CREATE OR REPLACE VIEW rollouts AS
SELECT
    rollout_id,
    arg_min(lineage_id, row(start_key, attempt_id)) AS lineage_id,
    arg_min(session_id, row(start_key, attempt_id)) AS session_id,
    arg_min(cycle, row(start_key, attempt_id)) AS cycle,
    arg_min(agent_definition_id, row(start_key, attempt_id)) AS agent_definition_id,
    min(started_at) AS started_at,
    project,
    max(recorded_at) AS recorded_at
FROM attempt_index
GROUP BY project, rollout_id;
