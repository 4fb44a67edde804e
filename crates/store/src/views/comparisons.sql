-- Rankings, locks and pairwise choices that have not been retracted. Session and cycle as stated, else those of the entries.
CREATE OR REPLACE VIEW comparisons AS
SELECT
    item.item_id AS comparison_id,
    coalesce(any_value(item.session_id), arg_min(target.session_id, target.entry)) AS session_id,
    coalesce(any_value(item.cycle), arg_min(target.cycle, target.entry)) AS cycle,
    any_value(item.form) AS kind,
    any_value(item.criterion) AS criterion,
    any_value(item.reviewer) AS reviewer,
    any_value(item.source) AS source,
    any_value(item.comment) AS comment,
    any_value(item.created_at) AS created_at,
    item.project,
    any_value(item.recorded_at) AS recorded_at,
    any_value(item.over_all_others) AS over_all_others
FROM live_feedback item
LEFT JOIN bound_targets target USING (project, item_id)
WHERE item.kind = 'comparison'
GROUP BY item.project, item.item_id;
