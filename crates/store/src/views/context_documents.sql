-- Documents that attempts had to work with: their session's context (`origin` = `session`), what they were given by
-- `gleaner.attempt.context` (`attempt`), and what their searches found (`retriever`). The text stands once in `contents`.
CREATE OR REPLACE VIEW context_documents AS
WITH of_session AS (
    -- Every span may repeat the context.
    SELECT DISTINCT ON (document.project, document.session_id, document.ordinal)
        document.project, document.session_id, document.ordinal, document.name, document.score, document.content_hash,
        document.recorded_at
    FROM document_rows document
    JOIN sessions session
        ON session.project = document.project
        AND session.session_id = document.session_id
        AND session.context_hash = document.context_hash
    WHERE document.attempt_id IS NULL
    ORDER BY document.project, document.session_id, document.ordinal, document.recorded_at
),
session_of AS (SELECT DISTINCT project, session_id, attempt_id FROM attempt_rows)
SELECT
    session_of.attempt_id, session_id, 'session' AS origin, of_session.ordinal, of_session.name, of_session.score,
    of_session.content_hash, NULL AS trace_id, NULL AS span_id, project, of_session.recorded_at
FROM of_session
JOIN session_of USING (project, session_id)
UNION ALL
SELECT attempt_id, session_id, origin, ordinal, name, score, content_hash, trace_id, span_id, project, recorded_at
FROM document_rows
WHERE attempt_id IS NOT NULL;
