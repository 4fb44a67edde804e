-- Internal. Items taken back by id or idempotency key. A retraction itself cannot be retracted.
CREATE OR REPLACE VIEW retracted_items AS
SELECT item.project, item.item_id
FROM feedback_facts item
JOIN feedback_facts retraction ON retraction.project = item.project AND retraction.of_item = item.item_id
WHERE retraction.kind = 'retraction' AND item.kind <> 'retraction'
UNION
SELECT item.project, item.item_id
FROM feedback_facts item
JOIN feedback_facts retraction ON retraction.project = item.project AND retraction.of_item = item.idempotency_key
WHERE retraction.kind = 'retraction' AND item.kind <> 'retraction';
