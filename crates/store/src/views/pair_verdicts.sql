-- What reviewers together say of two attempts: one row per pair of attempts that anyone preferred one of, by the rule that exports follow.
-- Each distinct reviewer has one vote a direction, whatever rules made it (one without a name is one per source); the majority
-- decides, and where as many say the other `preferred_attempt_id` is NULL. Both sides of every contradiction stay in `preference_pairs`.
-- `margin` is of the first rule there is among the winning votes: ranking (difference of rank), pairwise (1), score (difference of score),
-- lock (1); the mean over votes.
CREATE OR REPLACE VIEW pair_verdicts AS
WITH vote AS (
    SELECT
        project, session_id, cycle, rule, recorded_at, coalesce(reviewer, '(' || source || ')') AS reviewer,
        least(chosen_attempt_id, rejected_attempt_id) AS a, greatest(chosen_attempt_id, rejected_attempt_id) AS b,
        chosen_attempt_id < rejected_attempt_id AS is_for_a,
        CASE WHEN rule IN ('pairwise', 'lock') THEN 1 ELSE margin END AS margin,
        list_position(['ranking', 'pairwise', 'score', 'lock'], rule) AS precedence
    FROM preference_pairs
    WHERE chosen_attempt_id IS NOT NULL
),
counted AS (
    SELECT
        project, a, b, min(session_id) AS session_id, min(cycle) AS cycle,
        count(DISTINCT reviewer) FILTER (is_for_a) AS votes_a, count(DISTINCT reviewer) FILTER (NOT is_for_a) AS votes_b,
        list_sort(list(DISTINCT rule)) AS rules, max(recorded_at) AS recorded_at
    FROM vote
    GROUP BY project, a, b
),
winning AS (
    SELECT vote.project, vote.a, vote.b, vote.precedence, avg(vote.margin) AS margin
    FROM vote
    JOIN counted USING (project, a, b)
    WHERE votes_a <> votes_b AND is_for_a = (votes_a > votes_b)
    GROUP BY vote.project, vote.a, vote.b, vote.precedence
),
decided AS (SELECT project, a, b, arg_min(margin, precedence) AS margin FROM winning GROUP BY project, a, b)
SELECT
    counted.session_id, counted.cycle, a AS attempt_a_id, b AS attempt_b_id, counted.votes_a, counted.votes_b,
    CASE WHEN votes_a > votes_b THEN a WHEN votes_b > votes_a THEN b END AS preferred_attempt_id,
    to_json(counted.rules) AS rules, decided.margin, project, counted.recorded_at
FROM counted
LEFT JOIN decided USING (project, a, b);
