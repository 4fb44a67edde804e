-- Messages, system prompts, tool lists, artifacts and corrections, each once per project. Only what some trace or item
-- still refers to is listed: bodies are facts, and a trace that is derived anew may no longer use one.
CREATE OR REPLACE VIEW contents AS
WITH reference AS (
    SELECT project, content_hash, min(kind) AS kind, min(recorded_at) AS first_seen_at, max(recorded_at) AS recorded_at
    FROM content_refs
    GROUP BY project, content_hash
)
SELECT
    content_hash, reference.kind, shared_json(body.body_pieces) AS body, body.bytes, reference.first_seen_at, project, reference.recorded_at
FROM reference
JOIN content_bodies body USING (project, content_hash);
