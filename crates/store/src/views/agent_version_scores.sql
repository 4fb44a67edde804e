-- How each version of an agent is scored: mean of the overall scores in force with its 95 % interval (Student's t), and which
-- version to prefer.
--
-- The posterior is a Beta distribution over the score brought to 0 to 1, (score - 1) / 9, from a uniform prior: every score adds
-- that much to alpha and the rest of one to beta. `posterior_mean` is back on the scale of 1 to 10, so a version with few scores
-- stands near 5.5. `preference_rank` orders the versions that have scores; `probability_preferred_is_better` is how likely the
-- version of rank 1 is truly better than this one (normal approximation of both posteriors).
CREATE OR REPLACE VIEW agent_version_scores AS
WITH used AS (
    SELECT project, agent_definition_id, count(*) AS attempts
    FROM attempt_index
    WHERE agent_definition_id IS NOT NULL
    GROUP BY project, agent_definition_id
),
scored AS (
    SELECT
        project, agent_definition_id, count(*) AS n, count(DISTINCT attempt_id) AS scored_attempts, avg(score) AS mean,
        stddev_samp(score) AS stddev, sum((score - 1) / 9) AS up, max(recorded_at) AS recorded_at
    FROM overall_scores
    GROUP BY project, agent_definition_id
),
posterior AS (
    SELECT
        definition.project, definition.agent_name, definition.agent_definition_id, definition.version_number,
        definition.version_labels, definition.model, used.attempts, coalesce(scored.scored_attempts, 0) AS scored_attempts,
        coalesce(scored.n, 0) AS n, scored.mean, scored.stddev,
        t_quantile_975(scored.n - 1) * scored.stddev / sqrt(scored.n) AS half_width,
        1 + coalesce(scored.up, 0) AS alpha, 1 + coalesce(scored.n - scored.up, 0) AS beta,
        coalesce(scored.recorded_at, definition.recorded_at) AS recorded_at
    FROM agent_definitions definition
    JOIN used USING (project, agent_definition_id)
    LEFT JOIN scored USING (project, agent_definition_id)
),
ranked AS (
    SELECT
        *, alpha / (alpha + beta) AS p, alpha * beta / (pow(alpha + beta, 2) * (alpha + beta + 1)) AS variance,
        CASE WHEN n > 0 THEN row_number() OVER (
            PARTITION BY project, agent_name ORDER BY n = 0, alpha / (alpha + beta) DESC, agent_definition_id
        ) END AS preference_rank
    FROM posterior
),
preferred AS (SELECT project, agent_name, p, variance FROM ranked WHERE preference_rank = 1)
SELECT
    ranked.agent_name, ranked.agent_definition_id, ranked.version_number, ranked.version_labels, ranked.model, ranked.attempts,
    ranked.scored_attempts, ranked.n, ranked.mean AS mean_score, ranked.stddev AS score_stddev,
    greatest(1, ranked.mean - ranked.half_width) AS mean_score_low_95,
    least(10, ranked.mean + ranked.half_width) AS mean_score_high_95,
    1 + 9 * ranked.p AS posterior_mean, 9 * sqrt(ranked.variance) AS posterior_stddev, ranked.preference_rank,
    CASE
        WHEN ranked.preference_rank > 1
        THEN normal_cdf((preferred.p - ranked.p) / sqrt(preferred.variance + ranked.variance))
    END AS probability_preferred_is_better,
    ranked.project, ranked.recorded_at
FROM ranked
LEFT JOIN preferred
    ON preferred.project = ranked.project AND preferred.agent_name IS NOT DISTINCT FROM ranked.agent_name;
