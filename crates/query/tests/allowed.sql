# Ordinary queries, which must pass the guard and run on an empty store. A blank line ends each.

SELECT 1

select count(*) from attempts;

SELECT * FROM attempts ORDER BY started_at DESC LIMIT 10 OFFSET 5

FROM sessions

TABLE lineages

VALUES (1, 'a'), (2, 'b')

SELECT * FROM main.execution_spans

SHOW TABLES

DESCRIBE attempts

SHOW attempts

SUMMARIZE evaluations

DESCRIBE SELECT kind, count(*) FROM execution_spans GROUP BY ALL

-- A note before
SELECT status, count(*) AS n, avg(latency_ms) AS mean /* and one inside */
FROM attempts
GROUP BY status
HAVING count(*) > 0 -- and one after

SELECT s.session_id, l.label, a.status
FROM sessions s
JOIN lineages l USING (session_id)
LEFT JOIN attempts a ON a.lineage_id = l.lineage_id
WHERE s.need ILIKE '%refund%' AND a.status IN ('ok', 'error') AND a.started_at BETWEEN TIMESTAMP '2026-01-01' AND now()::TIMESTAMP

WITH scored AS (SELECT attempt_id, avg(score) AS mean FROM evaluations WHERE in_force GROUP BY attempt_id),
best AS (SELECT * FROM scored WHERE mean >= 8)
SELECT a.output_text, b.mean FROM attempts a JOIN best b USING (attempt_id)

WITH attempts AS (SELECT * FROM attempts WHERE status = 'ok') SELECT count(*) FROM attempts

WITH outer_one AS (SELECT 1 AS x) SELECT (WITH inner_one AS (FROM outer_one) SELECT x FROM inner_one)

WITH RECURSIVE tree AS (
  SELECT span_id, parent_span_id, 0 AS depth FROM execution_spans WHERE parent_span_id IS NULL
  UNION ALL
  SELECT s.span_id, s.parent_span_id, depth + 1 FROM execution_spans s JOIN tree t ON s.parent_span_id = t.span_id
)
SELECT depth, count(*) FROM tree GROUP BY depth

SELECT attempt_id, row_number() OVER (PARTITION BY lineage_id ORDER BY started_at) AS n,
  lag(latency_ms) OVER w AS before, sum(input_tokens) OVER w
FROM attempts WINDOW w AS (PARTITION BY lineage_id ORDER BY started_at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)

SELECT * FROM attempts QUALIFY rank() OVER (PARTITION BY session_id ORDER BY cost_usd DESC NULLS LAST) = 1

SELECT attributes->>'gen_ai.system', attributes->'usage'->'input', json_extract_string(attributes, '$.a.b') FROM execution_spans

SELECT json_extract_string(part, '$.content') FROM execution_spans, json_each(output_messages) AS e(key, part)

SELECT m.value->>'role' AS role, count(*) FROM execution_spans s, json_each(s.input_messages) m GROUP BY role

SELECT json_array_length(input_messages), json_keys(attributes), json_type(parameters) FROM execution_spans

SELECT json_object('id', attempt_id, 'text', output_text), to_json(status) FROM attempts

SELECT json_group_array(label) FROM lineages

SELECT unnest([1, 2, 3]) AS n

SELECT n, n % 2 = 0 AS even FROM range(10) t(n)

SELECT g FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-05', INTERVAL 1 DAY) AS t(g)

SELECT list_transform([1, 2], x -> x + 1), list_filter([1, 2], lambda x: x > 1), [x * 2 FOR x IN [1, 2, 3] IF x > 1]

SELECT list(DISTINCT status), array_agg(name ORDER BY name), string_agg(kind, ',') FROM execution_spans

SELECT list_sort(list_distinct(['b', 'a'])), len([1]), [1, 2, 3][1:2], list_contains([1], 1), list_aggregate([1, 2], 'sum')

SELECT s.a, struct_extract(s, 'b'), MAP {'k': 'v'}['k'], map_keys(MAP {'k': 1}) FROM (SELECT {'a': 1, 'b': [1]} AS s)

SELECT upper(status), length(output_text), output_text.lower(), substring(output_text FROM 1 FOR 20), trim(BOTH ' ' FROM status),
  position('a' IN status), replace(status, 'o', '0'), concat_ws(',', status, error), status || '!', left(status, 1),
  regexp_matches(output_text, '^a'), regexp_replace(output_text, 'a', 'b', 'g'), regexp_extract(output_text, '(\d+)', 1),
  split_part(status, ',', 1), strip_accents(status), format('{} {}', 1, 'x'), printf('%d', 1), levenshtein(status, 'ok')
FROM attempts

SELECT date_trunc('hour', started_at) AS hour, extract(dow FROM started_at), strftime(started_at, '%Y-%m'), epoch_ms(started_at),
  date_diff('second', started_at, ended_at), started_at + INTERVAL 1 HOUR, now()::TIMESTAMP, age(ended_at, started_at)
FROM attempts

SELECT round(avg(score), 2), stddev(score), median(score), quantile_cont(score, 0.9), mode(score), min(score), max_by(attempt_id, score),
  approx_count_distinct(reviewer), count(*) FILTER (WHERE in_force), corr(score, value::DOUBLE), histogram(score)
FROM evaluations

SELECT abs(-1), ceil(1.5), floor(1.5), sqrt(4), ln(2), 2 ** 3, 7 // 2, 7 % 3, greatest(1, 2), @(-1), 4!, 1 << 2, 5 & 4

SELECT CASE WHEN status = 'ok' THEN 1 ELSE 0 END, coalesce(error, ''), nullif(status, ''), ifnull(error, '-'), if(true, 1, 2),
  TRY_CAST(output_text AS INTEGER), CAST(latency_ms AS VARCHAR), cost_usd::DECIMAL(10, 4)
FROM attempts

SELECT * EXCLUDE (attributes) REPLACE (upper(name) AS name) FROM execution_spans

SELECT COLUMNS('.*_id') FROM attempts

SELECT DISTINCT ON (session_id) session_id, attempt_id FROM attempts ORDER BY session_id, started_at

SELECT status, kind, count(*) FROM execution_spans GROUP BY GROUPING SETS ((status), (kind), ())

SELECT kind, grouping(kind) FROM execution_spans GROUP BY ROLLUP (kind)

SELECT session_id FROM sessions UNION SELECT session_id FROM lineages EXCEPT SELECT session_id FROM rollouts ORDER BY 1

SELECT * FROM attempts a WHERE EXISTS (SELECT 1 FROM evaluations e WHERE e.attempt_id = a.attempt_id AND e.score >= 8)

SELECT * FROM attempts WHERE attempt_id NOT IN (SELECT attempt_id FROM evaluations WHERE attempt_id IS NOT NULL)

SELECT a.attempt_id, e.mean FROM attempts a, LATERAL (SELECT avg(score) AS mean FROM evaluations e WHERE e.attempt_id = a.attempt_id) e

SELECT a.attempt_id, s.name FROM attempts a ASOF JOIN execution_spans s ON a.started_at >= s.started_at

SELECT * FROM (PIVOT execution_spans ON status IN ('ok', 'error') USING count(*) GROUP BY kind)

UNPIVOT (SELECT input_tokens, output_tokens FROM attempts) ON input_tokens, output_tokens INTO NAME what VALUE tokens

SELECT * FROM attempts USING SAMPLE 10 ROWS

SELECT p.rule, c.output_text AS chosen, r.output_text AS rejected
FROM preference_pairs p
JOIN attempts c ON c.attempt_id = p.chosen_attempt_id
JOIN attempts r ON r.attempt_id = p.rejected_attempt_id
WHERE NOT p.contested

SELECT e.rank, l.label FROM comparisons c JOIN comparison_entries e USING (comparison_id) LEFT JOIN lineages l ON l.lineage_id = e.lineage_id

SELECT hash('x'), md5('x'), sha256('x'), base64('x'::BLOB), typeof(1), version()

SELECT 'a' LIKE 'b%' ESCAPE '!', 'a' SIMILAR TO 'b', 'a' GLOB 'a*', 'a' ~ 'b', 1 IS DISTINCT FROM 2, 'b' COLLATE NOCASE

SELECT repeat('-', 20), lpad('7', 3, '0'), bar(3, 0, 10, 20)

SELECT * FROM attempts a WHERE EXISTS (SELECT 1 FROM execution_spans s WHERE s.attempt_id = a.attempt_id AND s.kind = 'tool')

SELECT name, (SELECT count(*) FROM log_records l WHERE l.span_id = s.span_id) AS records FROM execution_spans s

EXPLAIN SELECT status, count(*) FROM attempts GROUP BY status

explain
  FROM attempts -- a note
