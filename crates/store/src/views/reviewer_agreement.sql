-- How far two reviewers agree, one row per pair of reviewers who judged something in common: overall scores in force of the same
-- attempts, and preferences between the same two attempts (whatever rule made them; a reviewer who says both directions counts as neither).
CREATE OR REPLACE VIEW reviewer_agreement AS
WITH scored AS (
    SELECT project, reviewer, attempt_id, avg(score) AS score, max(recorded_at) AS recorded_at
    FROM overall_scores
    GROUP BY project, reviewer, attempt_id
),
on_scores AS (
    SELECT
        a.project, a.reviewer AS reviewer_a, b.reviewer AS reviewer_b, count(*) AS shared_attempts,
        avg(a.score - b.score) AS mean_score_difference, avg(abs(a.score - b.score)) AS mean_absolute_difference,
        -- Not defined where one of them always says the same.
        CASE WHEN stddev_pop(a.score) > 0 AND stddev_pop(b.score) > 0 THEN corr(a.score, b.score) END AS score_correlation,
        max(greatest(a.recorded_at, b.recorded_at)) AS recorded_at
    FROM scored a
    JOIN scored b ON b.project = a.project AND b.attempt_id = a.attempt_id AND a.reviewer < b.reviewer
    GROUP BY a.project, a.reviewer, b.reviewer
),
preference AS (
    SELECT
        project, coalesce(reviewer, '(' || source || ')') AS reviewer,
        least(chosen_attempt_id, rejected_attempt_id) AS first_id, greatest(chosen_attempt_id, rejected_attempt_id) AS second_id,
        bool_and(chosen_attempt_id < rejected_attempt_id) AS prefers_first,
        bool_or(chosen_attempt_id < rejected_attempt_id) AS ever_first,
        max(recorded_at) AS recorded_at
    FROM preference_pairs
    WHERE chosen_attempt_id IS NOT NULL AND criterion IS NULL
    GROUP BY ALL
    HAVING prefers_first = ever_first
),
on_preferences AS (
    SELECT
        a.project, a.reviewer AS reviewer_a, b.reviewer AS reviewer_b, count(*) AS shared_preferences,
        count(*) FILTER (a.prefers_first = b.prefers_first) AS same_preferences,
        max(greatest(a.recorded_at, b.recorded_at)) AS recorded_at
    FROM preference a
    JOIN preference b
        ON b.project = a.project AND b.first_id = a.first_id AND b.second_id = a.second_id AND a.reviewer < b.reviewer
    GROUP BY a.project, a.reviewer, b.reviewer
)
SELECT
    reviewer_a, reviewer_b, coalesce(shared_attempts, 0) AS shared_attempts, mean_score_difference, mean_absolute_difference,
    score_correlation, coalesce(shared_preferences, 0) AS shared_preferences, coalesce(same_preferences, 0) AS same_preferences,
    same_preferences / shared_preferences AS preference_agreement,
    project, greatest(on_scores.recorded_at, on_preferences.recorded_at) AS recorded_at
FROM on_scores
FULL JOIN on_preferences USING (project, reviewer_a, reviewer_b);
