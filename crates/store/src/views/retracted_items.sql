-- Internal. Items taken back by id or idempotency key. A retraction itself cannot be retracted. The loader keeps them
-- (`store/retractions.rs`).
CREATE OR REPLACE VIEW retracted_items AS FROM retracted_rows;
