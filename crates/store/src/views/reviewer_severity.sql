-- How severe a reviewer is: own overall scores in force against the mean of the other reviewers' scores of the same attempts.
-- `severity` is how many points lower the reviewer scores than they do; negative: milder.
CREATE OR REPLACE VIEW reviewer_severity AS
WITH whole AS (
    SELECT project, attempt_id, sum(score) AS total, count(*) AS n FROM overall_scores GROUP BY project, attempt_id
),
own AS (
    SELECT
        score.project, score.reviewer, score.source, score.attempt_id, sum(score.score) AS total, count(*) AS n,
        list(score.score) AS scores, max(score.recorded_at) AS recorded_at
    FROM overall_scores score
    GROUP BY score.project, score.reviewer, score.source, score.attempt_id
),
held AS (
    SELECT
        own.*, CASE WHEN whole.n > own.n THEN (whole.total - own.total) / (whole.n - own.n) - own.total / own.n END AS lower_by
    FROM own
    JOIN whole USING (project, attempt_id)
)
SELECT
    reviewer, source, sum(n)::BIGINT AS n, sum(total) / sum(n) AS mean_score,
    list_stddev_samp(flatten(list(scores))) AS score_stddev,
    min(list_min(scores)) AS lowest_score, max(list_max(scores)) AS highest_score,
    count(lower_by) AS shared_attempts, avg(lower_by) AS severity,
    t_quantile_975(count(lower_by) - 1) * stddev_samp(lower_by) / sqrt(count(lower_by)) AS severity_half_width_95,
    project, max(recorded_at) AS recorded_at
FROM held
GROUP BY project, reviewer, source;
