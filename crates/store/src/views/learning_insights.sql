-- Patterns that work, as stated. `evidence` lists item ids or idempotency keys.
CREATE OR REPLACE VIEW learning_insights AS
SELECT
    item_id AS insight_id, body ->> '$.scope' AS scope, body ->> '$.text' AS text, body -> '$.evidence' AS evidence,
    (body ->> '$.confidence')::DOUBLE AS confidence, created_at, project, recorded_at, reviewer, source
FROM live_feedback
WHERE kind = 'insight';
