-- Internal. Every item as it was sent, with what became of it: nothing is ever hidden for good.
CREATE OR REPLACE VIEW feedback_items AS
SELECT
    item.item_id, item.kind, item.idempotency_key, item.reviewer, item.source, item.created_at, item.body,
    retracted.item_id IS NOT NULL AS retracted, item.position, item.ordinal, item.project, item.recorded_at
FROM feedback_facts item
LEFT JOIN retracted_items retracted USING (project, item_id);
