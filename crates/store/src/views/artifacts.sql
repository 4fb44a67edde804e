-- What attempts made: declared by spans (`origin` = `span`), declared by feedback (`feedback`), and where nothing is
-- declared the final answer (`final_answer`).
CREATE OR REPLACE VIEW artifacts AS
WITH declared AS (
    SELECT artifact_id, attempt_id, name, type, content, content_hash, 'span' AS origin, created_at, project, recorded_at
    FROM artifact_rows
    UNION ALL
    SELECT
        item.item_id, target.attempt_id, item.body ->> '$.name', item.body ->> '$.type', item.body ->> '$.content',
        item.text_hash, 'feedback', item.created_at, item.project, item.recorded_at
    FROM live_feedback item
    LEFT JOIN bound_targets target USING (project, item_id)
    WHERE item.kind = 'artifact'
)
SELECT artifact_id, attempt_id, name, type, content, content_hash, origin, created_at, project, recorded_at FROM declared
UNION ALL
SELECT
    md5('final_answer:' || attempt.attempt_id), attempt.attempt_id, NULL, NULL, attempt.output_text, attempt.output_hash,
    'final_answer', attempt.ended_at, attempt.project, attempt.recorded_at
FROM attempts attempt
ANTI JOIN declared ON declared.project = attempt.project AND declared.attempt_id = attempt.attempt_id
WHERE attempt.output_text IS NOT NULL;
