-- Every evaluation. `in_force`: not retracted, and no later score of the same reviewer, attempt and
-- criterion. Only a score supersedes, and only what rates is superseded: a comment or a correction stays true. A retracted
-- score supersedes nothing. Reviewers without a name are one per source. The loader keeps them (`store/evaluations.rs`).
CREATE OR REPLACE VIEW evaluations AS FROM evaluation_rows;
