-- One row per session that has attempts or was told of by feedback. Conflicting facts: feedback over spans over resource,
-- then the later in the journal.
CREATE OR REPLACE VIEW sessions AS
WITH told AS (
    SELECT project, session_id, field, value, context_hash, rank, position, 0 AS ordinal, recorded_at FROM session_rows
    UNION ALL
    SELECT item.project, item.session_id, field.name, item.body ->> field.name,
        CASE WHEN field.name = 'context' THEN item.text_hash END, 3, item.position, item.ordinal, item.recorded_at
    FROM live_feedback item
    CROSS JOIN (VALUES ('need'), ('constraints'), ('context'), ('metadata')) AS field (name)
    WHERE item.kind = 'session'
),
fact AS (
    SELECT
        project, session_id,
        arg_max(value, row(rank, position, ordinal, value)) FILTER (field = 'user_id') AS user_id,
        arg_max(value, row(rank, position, ordinal, value)) FILTER (field = 'need') AS need,
        arg_max(value, row(rank, position, ordinal, value)) FILTER (field = 'constraints') AS constraints,
        arg_max(value, row(rank, position, ordinal, value)) FILTER (field = 'context') AS context,
        arg_max(context_hash, row(rank, position, ordinal, value)) FILTER (field = 'context') AS context_hash,
        arg_max(value, row(rank, position, ordinal, value)) FILTER (field = 'metadata') AS metadata
    FROM told
    GROUP BY project, session_id
),
seen AS (
    SELECT
        project, session_id, min(started_at) AS started_at, max(coalesce(ended_at, started_at)) AS last_seen_at,
        max(recorded_at) AS recorded_at
    FROM attempt_rows
    GROUP BY project, session_id
    UNION ALL
    SELECT project, session_id, NULL, NULL, recorded_at FROM live_feedback WHERE kind = 'session'
),
session AS (
    SELECT
        project, session_id, min(started_at) AS started_at, max(last_seen_at) AS last_seen_at,
        max(recorded_at) AS recorded_at
    FROM seen
    GROUP BY project, session_id
)
SELECT
    session_id, fact.user_id, fact.need, fact.constraints, fact.context, session.started_at, session.last_seen_at,
    project, session.recorded_at, fact.metadata::JSON AS metadata, fact.context_hash
FROM session
LEFT JOIN fact USING (project, session_id);
