-- One row per attempt with all that was captured of it: what was asked, what ran, what came out, what it cost, how it was judged.
CREATE OR REPLACE VIEW attempt_overview AS
WITH document AS (
    SELECT project, attempt_id, list(DISTINCT content_hash ORDER BY content_hash) AS context_document_hashes
    FROM context_documents
    GROUP BY project, attempt_id
),
artifact AS (
    SELECT project, attempt_id, count(*) AS artifacts, arg_max(content, row(created_at, artifact_id)) AS artifact_content
    FROM artifacts
    WHERE attempt_id IS NOT NULL
    GROUP BY project, attempt_id
),
score AS (
    SELECT project, attempt_id, avg(score) AS mean_score, count(*) AS n FROM overall_scores GROUP BY project, attempt_id
)
SELECT
    attempt.attempt_id, attempt.session_id, attempt.lineage_label, attempt.cycle, attempt.attempt_number, attempt.status,
    session.user_id, session.need, session.constraints, session.context,
    to_json(coalesce(document.context_document_hashes, [])) AS context_document_hashes, attempt.test_input, attempt.input_text,
    definition.agent_name, definition.version_number, definition.version_labels, definition.system_prompt, definition.tools,
    definition.flow, definition.model, definition.parameters,
    attempt.output_text, artifact.artifact_content, coalesce(artifact.artifacts, 0) AS artifacts,
    attempt.started_at, attempt.latency_ms, attempt.llm_calls, attempt.tool_calls, attempt.input_tokens, attempt.output_tokens,
    attempt.cost_usd, score.mean_score, coalesce(score.n, 0) AS scores, attempt.error, attempt.agent_definition_id,
    attempt.trace_id, attempt.project, attempt.recorded_at
FROM attempts attempt
LEFT JOIN sessions session USING (project, session_id)
LEFT JOIN agent_definitions definition USING (project, agent_definition_id)
LEFT JOIN document USING (project, attempt_id)
LEFT JOIN artifact USING (project, attempt_id)
LEFT JOIN score USING (project, attempt_id);
