-- One row per rollout. Its definition is that of its first attempt that has one.
CREATE OR REPLACE VIEW rollouts AS
SELECT
    rollout_id,
    arg_min(lineage_id, start_key) AS lineage_id,
    arg_min(session_id, start_key) AS session_id,
    arg_min(cycle, start_key) AS cycle,
    arg_min(agent_definition_id, start_key) AS agent_definition_id,
    min(started_at) AS started_at,
    project,
    max(recorded_at) AS recorded_at
FROM attempt_index
GROUP BY project, rollout_id;
