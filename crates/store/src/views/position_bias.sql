-- Whether what is shown first wins more often: of the comparisons that say in which order the reviewer saw the outputs, how often the
-- one at each position came out best (ties share the win), against what chance would give.
CREATE OR REPLACE VIEW position_bias AS
WITH entry AS (
    SELECT
        item.project, item.item_id, item.form AS kind, target.rank, target.shown_position, item.recorded_at,
        count(*) OVER whole AS entries,
        min(target.rank) OVER whole AS best,
        count(target.shown_position) OVER whole AS shown
    FROM live_feedback item
    JOIN bound_targets target USING (project, item_id)
    WHERE item.kind = 'comparison' AND item.form <> 'lock'
    WINDOW whole AS (PARTITION BY item.project, item.item_id)
),
won AS (
    SELECT
        *, CASE WHEN rank = best THEN 1.0 / count(*) FILTER (rank = best) OVER (PARTITION BY project, item_id) ELSE 0 END AS win
    FROM entry
    WHERE shown = entries
)
SELECT
    kind, shown_position, count(*) AS comparisons, sum(win) AS wins, avg(win) AS win_share, avg(1.0 / entries) AS expected_share,
    project, max(recorded_at) AS recorded_at
FROM won
GROUP BY project, kind, shown_position;
