-- What a point of score costs, by agent version: over the attempts that have both a cost and overall scores in force, the whole cost by the
-- sum of their mean scores. Attempts whose cost is not known are counted, and left out.
CREATE OR REPLACE VIEW cost_per_point AS
WITH scored AS (
    SELECT project, attempt_id, avg(score) AS score FROM overall_scores GROUP BY project, attempt_id
),
measured AS (
    SELECT
        attempt.project, attempt.agent_definition_id,
        count(*) AS attempts, count(attempt.cost_usd) AS priced_attempts, sum(attempt.cost_usd) AS cost_usd,
        avg(attempt.cost_usd) AS mean_cost_usd, avg(attempt.latency_ms) AS mean_latency_ms,
        count(*) FILTER (scored.score IS NOT NULL AND attempt.cost_usd IS NOT NULL) AS n,
        avg(scored.score) FILTER (attempt.cost_usd IS NOT NULL) AS mean_score,
        sum(attempt.cost_usd) FILTER (scored.score IS NOT NULL)
            / sum(scored.score) FILTER (attempt.cost_usd IS NOT NULL) AS cost_usd_per_point,
        max(attempt.recorded_at) AS recorded_at
    FROM attempts attempt
    LEFT JOIN scored USING (project, attempt_id)
    WHERE attempt.agent_definition_id IS NOT NULL
    GROUP BY attempt.project, attempt.agent_definition_id
)
SELECT
    definition.agent_name, agent_definition_id, definition.version_number, definition.model, measured.attempts,
    measured.priced_attempts, measured.cost_usd, measured.mean_cost_usd, measured.mean_latency_ms, measured.n,
    measured.mean_score, measured.cost_usd_per_point, project, measured.recorded_at
FROM measured
JOIN agent_definitions definition USING (project, agent_definition_id);
