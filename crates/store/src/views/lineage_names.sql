-- Internal. Lineages with where they stand, as their first attempt says.
CREATE OR REPLACE VIEW lineage_names AS
SELECT
    project, lineage_id,
    arg_min(session_id, row(start_key, attempt_id)) AS session_id,
    arg_min(lineage_label, row(start_key, attempt_id)) AS label,
    max(recorded_at) AS recorded_at
FROM attempt_index
GROUP BY project, lineage_id;
