-- Internal. Feedback that has not been retracted; retractions apart.
CREATE OR REPLACE VIEW live_feedback AS
SELECT feedback_facts.*
FROM feedback_facts
ANTI JOIN retracted_items USING (project, item_id)
WHERE kind <> 'retraction';
