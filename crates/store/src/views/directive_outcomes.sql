-- What scores followed a directive: means of the overall scores in force of the lineage (or of the whole session) in the cycle that
-- the directive was said of, and in the next one (`once`) or all later ones (`sticky`). A directive that names no cycle was
-- said of the latest one that had begun by then. It tells what followed, not what the directive caused.
CREATE OR REPLACE VIEW directive_outcomes AS
WITH begun AS (
    SELECT project, session_id, lineage_id, cycle, min(started_at) AS started_at
    FROM attempt_index
    GROUP BY project, session_id, lineage_id, cycle
),
said AS (
    SELECT
        directive.project, directive.directive_id, any_value(directive.session_id) AS session_id,
        any_value(directive.lineage_id) AS lineage_id, any_value(directive.text) AS text, any_value(directive.kind) AS kind,
        any_value(directive.reviewer) AS reviewer, any_value(directive.source) AS source,
        any_value(directive.created_at) AS created_at, any_value(directive.recorded_at) AS recorded_at,
        coalesce(any_value(directive.cycle), max(begun.cycle)) AS cycle
    FROM directives directive
    LEFT JOIN begun
        ON begun.project = directive.project
        AND begun.session_id = directive.session_id
        AND (directive.lineage_id IS NULL OR begun.lineage_id = directive.lineage_id)
        AND begun.started_at <= directive.created_at
    GROUP BY directive.project, directive.directive_id
),
score AS (
    SELECT
        said.project, said.directive_id, score.score, score.cycle > said.cycle AS is_after
    FROM said
    JOIN overall_scores score
        ON score.project = said.project
        AND score.session_id = said.session_id
        AND (said.lineage_id IS NULL OR score.lineage_id = said.lineage_id)
        AND score.cycle >= said.cycle
        AND (said.kind = 'sticky' OR score.cycle <= said.cycle + 1)
),
measured AS (
    SELECT
        project, directive_id,
        count(*) FILTER (NOT is_after) AS n_before, avg(score) FILTER (NOT is_after) AS score_before,
        var_samp(score) FILTER (NOT is_after) AS variance_before,
        count(*) FILTER (is_after) AS n_after, avg(score) FILTER (is_after) AS score_after,
        var_samp(score) FILTER (is_after) AS variance_after
    FROM score
    GROUP BY project, directive_id
)
SELECT
    said.directive_id, said.session_id, said.lineage_id, said.cycle, said.text, said.kind, said.reviewer, said.source,
    coalesce(n_before, 0) AS n_before, score_before, coalesce(n_after, 0) AS n_after, score_after,
    score_after - score_before AS score_delta,
    t_quantile_975(welch_df(variance_before, n_before, variance_after, n_after))
        * sqrt(variance_before / n_before + variance_after / n_after) AS score_delta_half_width_95,
    score_after > score_before AS followed_by_higher_scores,
    said.created_at, said.project, said.recorded_at
FROM said
LEFT JOIN measured USING (project, directive_id);
