//! The truth about the session, by hand. Each line is a row of the query beside it, columns joined by ` | `, NULL as `-`;
//! items stand under their names, attempts as lineage, cycle, point, number. The comments say from which rule a figure
//! follows; none was taken from a run.

/// A public relation as this test reads it: its name, the query, the rows.
pub(super) type Relation = (&'static str, &'static str, &'static [&'static str]);

/// Put before every query: names of attempts and definitions.
pub(super) const NAMES: &str = "WITH named AS ( \
    SELECT a.attempt_id, l.label || r.cycle || '.' || a.attempt_number AS attempt FROM attempts a \
    JOIN rollouts r ON r.rollout_id = a.rollout_id JOIN lineages l ON l.lineage_id = a.lineage_id \
    WHERE a.project = 'default'), \
    defined AS (SELECT agent_definition_id, agent_name || '#' || version_number AS definition FROM agent_definitions \
    WHERE project = 'default') ";

pub(super) const RELATIONS: &[Relation] = &[
    (
        "sessions",
        "SELECT session_id, user_id, need, constraints, context, (metadata ->> 'ticket')::DOUBLE AS ticket FROM sessions \
         WHERE project = 'default'",
        // What was said by feedback wins over spans, the later of two items over the earlier; what nobody else said is the spans'.
        &["s-rain | u-1 | A poem about rain | 12 lines | A card for a friend | 7"],
    ),
    (
        "lineages",
        "SELECT session_id, label, locked FROM lineages WHERE project = 'default'",
        // The latest cycle with a lock is the third: B and C by `lock-3`; `lock-3-A` was taken back.
        &["s-rain | A | false", "s-rain | B | true", "s-rain | C | true", "s-rain | D | false"],
    ),
    (
        "agent_definitions",
        "SELECT agent_name, version_number, version_labels::VARCHAR AS labels, \
         regexp_extract(system_prompt::VARCHAR, '(plain|loud within bounds|loud|words|sad)') AS prompt, model, \
         tools::VARCHAR LIKE '%find_rhyme%' AS tooled FROM agent_definitions WHERE project = 'default'",
        // By content: A and C share the plain one, so it has the labels of both. Numbered by first start: A1, B1, B2, C3. The
        // sub-agent defines no attempt.
        &[
            "writer | 1 | [\"1\",\"base\"] | plain | gpt-4o-mini | -",
            "writer | 2 | [\"b1\"] | loud | gpt-4o-mini | -",
            "writer | 3 | [\"b2\"] | loud within bounds | gpt-4o-mini | -",
            "writer | 4 | [\"c2\"] | words | gpt-4o-mini | true",
            "poet | 1 | [] | sad | gpt-4o-mini | -",
        ],
    ),
    (
        "sub_agents",
        "SELECT n.attempt, s.agent_name, s.model, s.system_prompt::VARCHAR LIKE '%Check facts.%' AS told FROM sub_agents s \
         JOIN named n ON n.attempt_id = s.attempt_id WHERE s.project = 'default'",
        // A definition of its own, in the attempt that it works for.
        &["D2.1 | fact-checker | gpt-4o-mini | true"],
    ),
    (
        "rollouts",
        "SELECT l.label || r.cycle AS rollout, d.definition FROM rollouts r JOIN lineages l ON l.lineage_id = r.lineage_id \
         JOIN defined d ON d.agent_definition_id = r.agent_definition_id WHERE r.project = 'default'",
        &[
            "A1 | writer#1",
            "A2 | writer#1",
            "A3 | writer#1",
            "B1 | writer#2",
            "B2 | writer#3",
            "B3 | writer#3",
            "C1 | writer#1",
            "C2 | writer#1",
            "C3 | writer#4",
            "D1 | poet#1",
            "D2 | poet#1",
            "D3 | poet#1",
        ],
    ),
    (
        "attempts",
        "SELECT n.attempt, a.status, d.definition, a.llm_calls, a.llm_calls_failed, a.tool_calls, \
         coalesce(a.input_tokens, 0) AS i, coalesce(a.output_tokens, 0) AS o, a.output_text, ltrim(a.trace_id, '0') AS trace, \
         json_array_length(a.trace_ids) AS traces, a.input_text, a.error IS NOT NULL AS told \
         FROM attempts a JOIN named n ON n.attempt_id = a.attempt_id \
         JOIN defined d ON d.agent_definition_id = a.agent_definition_id",
        &[
            "A1.1 | ok | writer#1 | 1 | 0 | 0 | 10 | 1 | A one | 11 | 1 | A poem about rain, please | false",
            // Failed by its root, though its call answered.
            "B1.1 | error | writer#2 | 1 | 0 | 0 | 20 | 2 | B draft | 12 | 1 | A poem about rain, please | true",
            "B1.2 | ok | writer#2 | 1 | 0 | 0 | 21 | 3 | B one | 13 | 1 | A poem about rain, please | false",
            "C1.1 | ok | writer#1 | 1 | 0 | 0 | 30 | 4 | C one | 14 | 1 | A poem about rain, please | false",
            // Sent without a number: the only one of its rollout.
            "D1.1 | ok | poet#1 | 1 | 0 | 0 | 40 | 5 | D one | 15 | 1 | A poem about rain, please | false",
            "A2.1 | ok | writer#1 | 1 | 0 | 0 | 11 | 1 | A two | 20 | 1 | A poem about rain, please | false",
            "B2.1 | ok | writer#3 | 1 | 0 | 0 | 22 | 2 | B two | 20 | 1 | A poem about rain, please | false",
            // A failed call is a call.
            "C2.1 | error | writer#1 | 1 | 1 | 0 | 0 | 0 | - | 20 | 1 | A poem about rain, please | true",
            "C2.2 | ok | writer#1 | 1 | 0 | 0 | 31 | 3 | C two | 20 | 1 | A poem about rain, please | false",
            // The sub-agent's call counts here: 40 + 7 + 45 and 5 + 2 + 6. Its answer is not the attempt's.
            "D2.1 | ok | poet#1 | 3 | 0 | 1 | 92 | 13 | D two | 20 | 1 | A poem about rain, please | false",
            "A3.1 | ok | writer#1 | 1 | 0 | 0 | 12 | 1 | A three, first | 31 | 1 | A poem about rain, please | false",
            "A3.2 | ok | writer#1 | 1 | 0 | 0 | 13 | 1 | A three | 32 | 1 | A poem about rain, please | false",
            // Two traces with the same keys are one attempt: 23 + 24 and 2 + 3.
            "B3.1 | ok | writer#3 | 2 | 0 | 0 | 47 | 5 | B three | 33 | 2 | A poem about rain, please | false",
            "C3.1 | ok | writer#4 | 2 | 0 | 1 | 65 | 9 | C three | 34 | 1 | A poem about rain, please | false",
            "D3.1 | error | poet#1 | 1 | 1 | 0 | 0 | 0 | - | 35 | 1 | A poem about rain, please | true",
        ],
    ),
    (
        "spans outside all attempts",
        "SELECT name FROM execution_spans WHERE project = 'default' AND attempt_id IS NULL",
        &["cycle"],
    ),
    (
        "counts",
        "SELECT (SELECT count(*) FROM execution_spans WHERE project = 'default') AS spans, \
         (SELECT count(*) FROM attempts WHERE project = 'default') AS attempts, \
         (SELECT count(*) FROM rollouts WHERE project = 'default') AS rollouts, \
         (SELECT count(*) FROM evaluations WHERE project = 'default') AS evaluations, \
         (SELECT count(*) FROM evaluations WHERE project = 'default' AND in_force) AS in_force, \
         (SELECT count(*) FROM evaluations WHERE project = 'default' AND NOT linked) AS unbound, \
         (SELECT count(*) FROM preference_pairs WHERE project = 'default') AS pairs, \
         (SELECT count(*) FROM preference_pairs WHERE project = 'default' AND contested) AS contested",
        // Spans 10 + 15 + 14. Of 40 evaluations two were scored again and three were taken back. Pairs: lock 3 + 2 + 2, ranking
        // 5 + 3 + 1, pairwise 2, score 4 + 5 + 3, correction 1.
        &["39 | 15 | 12 | 40 | 35 | 4 | 31 | 14"],
    ),
    (
        "artifacts",
        "SELECT n.attempt, a.origin, a.name, a.type, a.content FROM artifacts a \
         LEFT JOIN named n ON n.attempt_id = a.attempt_id WHERE a.project = 'default'",
        // Where none is declared the final answer is the artifact; without an answer there is none.
        &[
            "A1.1 | final_answer | - | - | A one",
            "B1.1 | final_answer | - | - | B draft",
            "B1.2 | final_answer | - | - | B one",
            "C1.1 | final_answer | - | - | C one",
            "D1.1 | span | d.txt | text/plain | D, the poem alone",
            "A2.1 | feedback | rain.md | text/markdown | # Rain",
            "B2.1 | final_answer | - | - | B two",
            "C2.2 | final_answer | - | - | C two",
            "D2.1 | final_answer | - | - | D two",
            "A3.1 | final_answer | - | - | A three, first",
            "A3.2 | final_answer | - | - | A three",
            "B3.1 | final_answer | - | - | B three",
            "C3.1 | final_answer | - | - | C three",
        ],
    ),
    (
        "evaluations",
        "SELECT e.evaluation_id AS name, n.attempt, s.name AS span, e.criterion, e.score, e.value, e.label, e.reviewer, e.source, \
         e.linked, e.in_force, e.comment, e.correction, epoch(e.created_at)::BIGINT AS at FROM evaluations e \
         LEFT JOIN named n ON n.attempt_id = e.attempt_id \
         LEFT JOIN execution_spans s ON s.project = e.project AND s.trace_id = e.trace_id AND s.span_id = e.span_id \
         WHERE e.project = 'default'",
        &[
            "A1-mara | A1.1 | - | - | 8 | - | - | mara | human | true | true | - | - | 1700000000",
            // A cycle means its last `ok` attempt.
            "B1-mara | B1.2 | - | - | 6 | - | - | mara | human | true | true | - | - | 1700000000",
            "C1-mara | C1.1 | - | - | 6 | - | - | mara | human | true | true | - | - | 1700000000",
            // Followed by `D1-mara`.
            "D1-mara-first | D1.1 | - | - | 3 | - | - | mara | human | true | false | - | - | 1700000000",
            "A1-jonas | A1.1 | - | - | 4 | - | - | jonas | human | true | true | - | - | 1700000000",
            "B1.1-jonas | B1.1 | - | - | 2 | - | - | jonas | human | true | true | - | - | 1700000000",
            "D1-jonas | D1.1 | - | - | 9 | - | - | jonas | human | true | true | - | - | 1700000000",
            "C1-judge | C1.1 | - | - | 7.5 | - | - | judge | model | true | true | - | - | 1700000000",
            "D1-mara | D1.1 | - | - | 5 | - | - | mara | human | true | true | - | - | 1700000000",
            // Followed by `tone` under the same criterion; the overall score beside it stays.
            "tone-first | A1.1 | - | tone | 2 | - | - | mara | human | true | false | - | - | 1700000000",
            "tone | A1.1 | - | tone | 7 | - | - | mara | human | true | true | - | - | 1700000000",
            // A span's rating counts for its attempt and keeps the span.
            "rhymes-A | A1.1 | chat gpt-4o-mini | rhymes | - | true | - | check | code | true | true | - | - | 1700000000",
            "rhymes-D | D1.1 | chat gpt-4o-mini | rhymes | - | false | - | check | code | true | true | - | - | 1700000000",
            "lines | B1.2 | - | lines | - | 12 | - | check | code | true | true | - | - | 1700000000",
            "style | C1.1 | - | style | - | - | haiku | judge | model | true | true | - | - | 1700000000",
            "layout-span | D1.1 | - | layout | 4 | - | - | mara | human | true | true | - | - | 1700000000",
            "layout-declared | A2.1 | - | layout | 8 | - | - | mara | human | true | true | - | - | 1700000000",
            "layout-answer | C1.1 | - | layout | 6 | - | - | judge | model | true | true | - | - | 1700000000",
            "comment | D1.1 | - | - | - | - | - | mara | human | true | true | Too long | - | 1700000000",
            "correction | B1.2 | - | - | - | - | - | mara | human | true | true | Like this | It rained, and that was all. | 1700000000",
            "A2-mara | A2.1 | - | - | 6 | - | - | mara | human | true | true | - | - | 1700000000",
            "B2-mara | B2.1 | - | - | 9 | - | - | mara | human | true | true | - | - | 1700000000",
            // `late`, which comes after it, was taken back: that supersedes nothing.
            "C2-mara | C2.2 | - | - | 7 | - | - | mara | human | true | true | - | - | 1700000000",
            // Taken back before it came.
            "late | C2.2 | - | - | 1 | - | - | mara | human | true | false | - | - | 1700000000",
            "D2-mara | D2.1 | - | - | 4 | - | - | mara | human | true | true | - | - | 1700000000",
            "A2-jonas | A2.1 | - | - | 7 | - | - | jonas | human | true | true | - | - | 1700000000",
            // Two agents' spans of one name in a trace: the span that was meant is B's call.
            "B2-jonas | B2.1 | chat gpt-4o-mini | - | 8 | - | - | jonas | human | true | true | - | - | 1700000000",
            // A trace with several attempts is ambiguous; the orchestrator is in none.
            "whole-trace | - | - | - | 5 | - | - | jonas | human | false | true | - | - | 1700000000",
            "orchestrator | - | cycle | - | 5 | - | - | jonas | human | false | true | - | - | 1700000000",
            // The sub-agent's call is of D's attempt.
            "checked | D2.1 | chat gpt-4o-mini | facts | 9 | - | - | jonas | human | true | true | - | - | 1700000000",
            "A3-mara | A3.2 | - | - | 6 | - | - | mara | human | true | true | - | - | 1700000000",
            "A3.1-mara | A3.1 | - | - | 3 | - | - | mara | human | true | true | - | - | 1700000000",
            // The slip that followed was taken back.
            "B3-mara | B3.1 | - | - | 10 | - | - | mara | human | true | true | - | - | 1700000000",
            "B3-mara-slip | B3.1 | - | - | 4 | - | - | mara | human | true | false | - | - | 1700000000",
            "C3-mara | C3.1 | - | - | 8 | - | - | mara | human | true | true | - | - | 1700000000",
            // None is `ok`: the last attempt.
            "D3-mara | D3.1 | - | - | 2 | - | - | mara | human | true | true | - | - | 1700000000",
            // Taken back; that its retraction was taken back, too, has no effect.
            "B3-jonas-typo | B3.1 | - | - | 1 | - | - | jonas | human | true | false | - | - | 1700000000",
            // Said again after the retraction.
            "B3-jonas | B3.1 | - | - | 9 | - | - | jonas | human | true | true | - | - | 1700000000",
            "never-trace | - | - | - | 7 | - | - | mara | human | false | true | - | - | 1700000000",
            "never-response | - | - | - | 7 | - | - | mara | human | false | true | - | - | 1700000000",
        ],
    ),
    (
        "unbound evaluations",
        "SELECT evaluation_id AS name, unbound_reason FROM evaluations WHERE project = 'default' AND NOT linked",
        &[
            "whole-trace | ambiguous_trace",
            "orchestrator | outside_attempts",
            "never-trace | not_seen",
            "never-response | not_seen",
        ],
    ),
    (
        "artifacts that were rated",
        "SELECT e.evaluation_id AS name, a.name AS artifact, a.content FROM evaluations e \
         JOIN artifacts a ON a.artifact_id = e.artifact_id WHERE e.project = 'default'",
        &["layout-span | d.txt | D, the poem alone", "layout-declared | rain.md | # Rain", "layout-answer | - | C one"],
    ),
    (
        "means of overall scores in force",
        "SELECT n.attempt, avg(e.score) AS mean, count(*) AS n FROM evaluations e JOIN named n ON n.attempt_id = e.attempt_id \
         WHERE e.in_force AND e.criterion IS NULL AND e.score IS NOT NULL GROUP BY n.attempt",
        &[
            "A1.1 | 6 | 2",    // 8, 4
            "B1.1 | 2 | 1",    // 2
            "B1.2 | 6 | 1",    // 6
            "C1.1 | 6.75 | 2", // 6, 7.5
            "D1.1 | 7 | 2",    // 5 (no longer 3), 9
            "A2.1 | 6.5 | 2",  // 6, 7
            "B2.1 | 8.5 | 2",  // 9, 8
            "C2.2 | 7 | 1",    // 7
            "D2.1 | 4 | 1",    // 4; 9 is under a criterion
            "A3.1 | 3 | 1",    // 3
            "A3.2 | 6 | 1",    // 6
            "B3.1 | 9.5 | 2",  // 10, 9
            "C3.1 | 8 | 1",    // 8
            "D3.1 | 2 | 1",    // 2
        ],
    ),
    (
        "comparisons",
        "SELECT comparison_id AS name, session_id, cycle, kind, criterion, reviewer, source FROM comparisons \
         WHERE project = 'default'",
        // `lock-2-C` and `lock-3-A` were taken back.
        &[
            "rank-1-mara | s-rain | 1 | ranking | - | mara | human",
            "rank-1-jonas | s-rain | 1 | ranking | - | jonas | human",
            "lock-1 | s-rain | 1 | lock | - | mara | human",
            "lock-2-B | s-rain | 2 | lock | - | mara | human",
            "prefer-2 | s-rain | 2 | pairwise | - | jonas | human",
            "tie-2 | s-rain | 2 | pairwise | - | judge | model",
            "rank-3 | s-rain | 3 | ranking | - | mara | human",
            "lock-3 | s-rain | 3 | lock | - | jonas | human",
            "prefer-3 | s-rain | 3 | pairwise | - | mara | human",
            "prefer-failed | s-rain | 3 | pairwise | - | jonas | human",
        ],
    ),
    (
        "comparison_entries",
        "SELECT c.comparison_id AS name, l.label, n.attempt, CASE WHEN c.kind <> 'lock' THEN e.rank END AS rank, e.locked, \
         e.shown_position FROM comparison_entries e JOIN comparisons c ON c.comparison_id = e.comparison_id \
         LEFT JOIN lineages l ON l.lineage_id = e.lineage_id LEFT JOIN named n ON n.attempt_id = e.attempt_id \
         WHERE e.project = 'default'",
        &[
            // A and D are tied, C comes after both with the next rank; positions are those of `shown_order`.
            "rank-1-mara | B | B1.2 | 1 | false | 4",
            "rank-1-mara | A | A1.1 | 2 | false | 3",
            "rank-1-mara | D | D1.1 | 2 | false | 2",
            "rank-1-mara | C | C1.1 | 3 | false | 1",
            "rank-1-jonas | D | D1.1 | 1 | false | 3",
            "rank-1-jonas | C | C1.1 | 2 | false | 2",
            "rank-1-jonas | A | A1.1 | 3 | false | 1",
            "lock-1 | A | A1.1 | - | true | -",
            "lock-2-B | B | B2.1 | - | true | -",
            "lock-2-B | A | A2.1 | - | false | -",
            "lock-2-B | D | D2.1 | - | false | -",
            "prefer-2 | A | A2.1 | 1 | false | -",
            "prefer-2 | B | B2.1 | 2 | false | -",
            "tie-2 | A | A2.1 | 1 | false | -",
            "tie-2 | C | C2.2 | 1 | false | -",
            "rank-3 | B | B3.1 | 1 | false | -",
            // No attempt of D's third cycle stands for it.
            "rank-3 | D | - | 2 | false | -",
            "rank-3 | A | A3.2 | 3 | false | -",
            "lock-3 | B | B3.1 | - | true | -",
            "lock-3 | C | C3.1 | - | true | -",
            "prefer-3 | A | A3.2 | 1 | false | -",
            "prefer-3 | A | A3.1 | 2 | false | -",
            "prefer-failed | B | B3.1 | 1 | false | -",
            "prefer-failed | D | - | 2 | false | -",
        ],
    ),
    (
        "preference_pairs",
        "SELECT p.cycle, c.attempt AS chosen, r.attempt AS rejected, p.rule, p.margin, p.reviewer, p.source, p.contested, \
         p.evidence::VARCHAR AS evidence, p.session_id FROM preference_pairs p \
         JOIN named r ON r.attempt_id = p.rejected_attempt_id LEFT JOIN named c ON c.attempt_id = p.chosen_attempt_id \
         WHERE p.project = 'default'",
        &[
            // mara's ranking: B over A, D (one rank) and C (two), A and D over C; the tie of A and D gives none. B over A is
            // contested by her lock, A over C by jonas.
            "1 | B1.2 | A1.1 | ranking | 1 | mara | human | true | [\"rank-1-mara\"] | s-rain",
            "1 | B1.2 | D1.1 | ranking | 1 | mara | human | false | [\"rank-1-mara\"] | s-rain",
            "1 | B1.2 | C1.1 | ranking | 2 | mara | human | false | [\"rank-1-mara\"] | s-rain",
            "1 | A1.1 | C1.1 | ranking | 1 | mara | human | true | [\"rank-1-mara\"] | s-rain",
            "1 | D1.1 | C1.1 | ranking | 1 | mara | human | false | [\"rank-1-mara\"] | s-rain",
            // jonas's: D, C, A.
            "1 | D1.1 | C1.1 | ranking | 1 | jonas | human | false | [\"rank-1-jonas\"] | s-rain",
            "1 | D1.1 | A1.1 | ranking | 2 | jonas | human | true | [\"rank-1-jonas\"] | s-rain",
            "1 | C1.1 | A1.1 | ranking | 1 | jonas | human | true | [\"rank-1-jonas\"] | s-rain",
            // A is locked over every other lineage with an `ok` attempt; each is contested by a ranking.
            "1 | A1.1 | B1.2 | lock | - | mara | human | true | [\"lock-1\"] | s-rain",
            "1 | A1.1 | C1.1 | lock | - | mara | human | true | [\"lock-1\"] | s-rain",
            "1 | A1.1 | D1.1 | lock | - | mara | human | true | [\"lock-1\"] | s-rain",
            // mara's scores in force: A 8, B 6, C 6, D 5. Gaps of two and more, all from A.
            "1 | A1.1 | B1.2 | score | 2 | mara | human | true | [\"A1-mara\",\"B1-mara\"] | s-rain",
            "1 | A1.1 | C1.1 | score | 2 | mara | human | true | [\"A1-mara\",\"C1-mara\"] | s-rain",
            "1 | A1.1 | D1.1 | score | 3 | mara | human | true | [\"A1-mara\",\"D1-mara\"] | s-rain",
            // jonas's: A 4, D 9; his 2 for B is for an attempt that does not stand for the cycle.
            "1 | D1.1 | A1.1 | score | 5 | jonas | human | true | [\"D1-jonas\",\"A1-jonas\"] | s-rain",
            "1 | - | B1.2 | correction | - | mara | human | false | [\"correction\"] | s-rain",
            // B is locked over A and D, as named; jonas prefers A to B. The lock of C was taken back, the tie gives none.
            "2 | B2.1 | A2.1 | lock | - | mara | human | true | [\"lock-2-B\"] | s-rain",
            "2 | B2.1 | D2.1 | lock | - | mara | human | false | [\"lock-2-B\"] | s-rain",
            "2 | A2.1 | B2.1 | pairwise | - | jonas | human | true | [\"prefer-2\"] | s-rain",
            // mara's: A 6, B 9, C 7, D 4; of C and A the gap is one. jonas's: A 7, B 8.
            "2 | B2.1 | A2.1 | score | 3 | mara | human | true | [\"B2-mara\",\"A2-mara\"] | s-rain",
            "2 | B2.1 | C2.2 | score | 2 | mara | human | false | [\"B2-mara\",\"C2-mara\"] | s-rain",
            "2 | B2.1 | D2.1 | score | 5 | mara | human | false | [\"B2-mara\",\"D2-mara\"] | s-rain",
            "2 | C2.2 | D2.1 | score | 3 | mara | human | false | [\"C2-mara\",\"D2-mara\"] | s-rain",
            "2 | A2.1 | D2.1 | score | 2 | mara | human | false | [\"A2-mara\",\"D2-mara\"] | s-rain",
            // B and C are locked over what else has an `ok` attempt, which D has not.
            "3 | B3.1 | A3.2 | lock | - | jonas | human | false | [\"lock-3\"] | s-rain",
            "3 | C3.1 | A3.2 | lock | - | jonas | human | false | [\"lock-3\"] | s-rain",
            // Ranked B, D, A: the difference stays two where D gives no pair.
            "3 | B3.1 | A3.2 | ranking | 2 | mara | human | false | [\"rank-3\"] | s-rain",
            // Two attempts of one lineage. `prefer-failed` gives none.
            "3 | A3.2 | A3.1 | pairwise | - | mara | human | false | [\"prefer-3\"] | s-rain",
            // mara's: A 6, B 10, C 8; D failed, and A's 3 is for its first attempt.
            "3 | B3.1 | A3.2 | score | 4 | mara | human | false | [\"B3-mara\",\"A3-mara\"] | s-rain",
            "3 | B3.1 | C3.1 | score | 2 | mara | human | false | [\"B3-mara\",\"C3-mara\"] | s-rain",
            "3 | C3.1 | A3.2 | score | 2 | mara | human | false | [\"C3-mara\",\"A3-mara\"] | s-rain",
        ],
    ),
    (
        "directives",
        "SELECT d.directive_id AS name, d.session_id, l.label, n.attempt, d.kind, d.text, d.reviewer, d.source FROM directives d \
         LEFT JOIN lineages l ON l.lineage_id = d.lineage_id LEFT JOIN named n ON n.attempt_id = d.attempt_id \
         WHERE d.project = 'default'",
        &[
            "once | s-rain | A | A1.1 | once | Shorter, please | mara | human",
            "sticky-all | s-rain | - | - | sticky | No clichés | jonas | human",
            // The lineage, whichever of its cycles.
            "sticky-B | s-rain | B | - | sticky | Less | judge | model",
        ],
    ),
    (
        "evolution_records",
        "SELECT e.evolution_id AS name, l.label, f.definition AS before, t.definition AS after, e.score_before, e.n_before, \
         round(e.score_after, 6) AS score_after, e.n_after, round(e.score_delta, 6) AS delta, e.hypothesis_validated, \
         e.stated_score_before, e.stated_score_after, e.changes, e.hypothesis FROM (SELECT * REPLACE (round(score_before, 6) \
         AS score_before) FROM evolution_records WHERE project = 'default') e \
         LEFT JOIN lineages l ON l.lineage_id = e.lineage_id \
         LEFT JOIN defined f ON f.agent_definition_id = e.from_definition_id \
         LEFT JOIN defined t ON t.agent_definition_id = e.to_definition_id",
        &[
            // Before: the failed attempt's 2 and 6. After, over both cycles: 9, 8, 10, 9. What was stated stands beside.
            "evolution-B | B | writer#2 | writer#3 | 4 | 2 | 9 | 4 | 5 | true | - | 9.5 | prompt | better",
            // C's own attempts with the shared definition: 6, 7.5, 7, which is 20.5 of 3. The later outcome counts.
            "evolution-C | C | writer#1 | writer#4 | 6.833333 | 3 | 8 | 1 | 1.166667 | false | - | - | prompt | better",
            // A's: 8, 4, 6, 7, 3, 6, which is 34 of 6. A never had the other definition.
            "evolution-A | A | writer#1 | writer#4 | 5.666667 | 6 | - | 0 | - | - | - | - | prompt | better",
        ],
    ),
    (
        "learning_insights",
        "SELECT insight_id AS name, scope, text, evidence::VARCHAR AS evidence, confidence FROM learning_insights \
         WHERE project = 'default'",
        &["insight | poems | Bounds help the loud | [\"evolution-B\",\"B2-mara\"] | 0.5"],
    ),
    (
        "another project",
        "SELECT (SELECT count(*) FROM attempts WHERE project = 'other') AS attempts, \
         (SELECT count(*) FROM evaluations WHERE project = 'other' AND linked) AS linked, \
         (SELECT count(*) FROM evaluations WHERE project = 'other' AND in_force) AS in_force",
        // The same keys, sessions and labels mean other things there; the second score was taken back there.
        &["1 | 2 | 1"],
    ),
];
