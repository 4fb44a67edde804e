WITH span AS (
    SELECT
        execution_spans.*,
        kind = 'llm' AND duplicate_of IS NULL AS is_call,
        kind = 'llm' AND duplicate_of IS NULL AND execution_spans.status <> 'error' AS is_answered_call,
        kind = 'tool' AND duplicate_of IS NULL AS is_tool,
        attempts.session_id,
        sessions.user_id
    FROM execution_spans
    LEFT JOIN attempts USING (project, attempt_id)
    LEFT JOIN sessions ON sessions.project = execution_spans.project AND sessions.session_id = attempts.session_id
)
SELECT
    coalesce(scope_name, '') AS scope,
    convention,
    origin,
    count(*) AS spans,
    count(*) FILTER (is_call) AS calls,
    count(*) FILTER (is_answered_call) AS answered_calls,
    count(*) FILTER (is_tool) AS tools,
    count(*) FILTER (attempt_id IS NOT NULL) AS in_attempts,
    count(*) FILTER (is_call AND (model IS NOT NULL OR response_model IS NOT NULL)) AS model,
    count(*) FILTER (is_call AND input_messages IS NOT NULL) AS input,
    count(*) FILTER (is_answered_call AND output_messages IS NOT NULL) AS output,
    count(*) FILTER (is_answered_call AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL) AS tokens,
    count(*) FILTER (is_answered_call AND finish_reason IS NOT NULL) AS finish_reason,
    count(*) FILTER (is_tool AND tool_arguments IS NOT NULL) AS tool_arguments,
    count(*) FILTER (is_tool AND tool_result IS NOT NULL) AS tool_results,
    count(*) FILTER (attempt_id IS NOT NULL AND NOT starts_with(session_id, 'trace:')) AS session,
    count(*) FILTER (attempt_id IS NOT NULL AND user_id IS NOT NULL) AS user
FROM span
WHERE convention IS NOT NULL
GROUP BY ALL
ORDER BY spans DESC, scope, convention, origin
