-- Internal. Overall scores in force, each with where its attempt stands. Reviewers without a name are one per source.
CREATE OR REPLACE VIEW overall_scores AS
SELECT
    evaluation.project, evaluation.evaluation_id, evaluation.attempt_id, evaluation.score,
    coalesce(evaluation.reviewer, '(' || evaluation.source || ')') AS reviewer, evaluation.source,
    evaluation.created_at, evaluation.recorded_at,
    attempt.session_id, attempt.lineage_id, attempt.cycle, attempt.agent_definition_id
FROM evaluations evaluation
JOIN attempt_index attempt USING (project, attempt_id)
WHERE evaluation.in_force AND evaluation.score IS NOT NULL AND evaluation.criterion IS NULL;
