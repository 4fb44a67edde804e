# Queries that the guard allows and that are run in a process of their own. A line `#! reason` opens an entry; the lines after it, up to a
# blank line, are the query. Times and sizes were measured in process, on DuckDB 1.5.5, with an interrupt after 1 s and a limit of 300 MB.

#! Function("levenshtein")
# Did not end within 25 s.
SELECT levenshtein(repeat('x', 1000), repeat('y', 1000))

#! Function("damerau_levenshtein")
# 16.6 s, 6.9 GB.
SELECT damerau_levenshtein(input_text, output_text) FROM attempts

#! Function("jaccard")
SELECT jaccard(input_text, output_text) FROM attempts

#! Function("repeat")
# 12 s, 2 GB: a computed size.
SELECT length(repeat('x', (range + 9000000)::BIGINT)) FROM range(1)

#! Growth
# 3.8 s, 2.9 GB.
SELECT length(repeat(repeat('x', 10000), 10000))

#! Function("lpad")
# 10.8 s, 2 GB.
SELECT length(lpad('x', (10000 * 100000 + range)::INTEGER, 'y')) FROM range(1)

#! Function("format")
# 3.7 s, 2 GB.
SELECT length(format('{:>1000000000}', 'x'))

#! Function("printf")
# 2.8 s, 2 GB.
SELECT length(printf('%1000000000d', 1))

#! Growth
# 4.4 s, 2.5 GB.
WITH a AS (SELECT output_text AS s FROM attempts), b AS (SELECT s || s || s || s || s || s || s || s AS s FROM a),
c AS (SELECT s || s || s || s || s || s || s || s AS s FROM b), d AS (SELECT s || s || s || s || s AS s FROM c) SELECT length(s) FROM d

#! Recursion
WITH RECURSIVE r AS (SELECT 'x' AS s, 1 AS i UNION ALL SELECT s || s, i + 1 FROM r WHERE i < 40) SELECT max(length(s)) FROM r

#! Recursion
# Grows by a constant, without end.
WITH RECURSIVE r AS (SELECT 'x' AS s UNION ALL SELECT concat(s, 'x') FROM r) SELECT count(*) FROM r

#! Recursion
WITH RECURSIVE r AS (SELECT [1] AS l, 1 AS i UNION ALL SELECT list_concat(l, l), i + 1 FROM r WHERE i < 40) SELECT max(len(l)) FROM r

#! Function("list_reduce")
# 2.7 s, 3.6 GB.
SELECT length(list_reduce(list_transform(range(29), x -> 'xxxxxxxx'), (a, b) -> a || a))

#! Function("replace")
# 8.7 s, 3.9 GB.
SELECT length(replace(output_text, 'x', repeat('y', 2000))) FROM attempts

#! Function("regexp_extract_all")
# 10.4 s, 2.1 GB.
SELECT len(regexp_extract_all(repeat('a', 10000), 'a'))

#! Function("regexp_replace")
SELECT regexp_replace(output_text, '.', repeat('y', 2000), 'g') FROM attempts

#! Lambda
# 14.7 s.
SELECT list_sum(list_transform(range(2000), x -> list_sum(list_transform(range(2000), y -> x * y))))

#! Lambda
# A long list of long texts.
SELECT list_transform(range(2000), x -> output_text) FROM attempts

#! Function("range")
# 8.3 s, 1.9 GB.
SELECT length(array_to_string(range(10000000), ','))

#! Function("bitstring")
# 8.8 s.
SELECT length(bitstring('1', 1000000000))

#! Function("list_resize")
# 5.2 s.
SELECT len(list_resize([1], (500000000 + range)::BIGINT)) FROM range(1)

#! Function("list_zip")
# Did not end within 25 s.
SELECT len(list_zip(range(10000), range(10000), range(10000)))

#! Function("generate_series")
SELECT sum(len(generate_series(1, range))) FROM range(100000)

#! Growth
SELECT json_quote(json_quote(json_quote(json_quote(output_text)))) FROM attempts

#! Growth
SELECT hex(hex(hex(hex(hex(hex(output_text)))))) FROM attempts

#! Growth
SELECT s || s || s || s || s FROM (SELECT string_agg(output_text, '') AS s FROM attempts)

#! Function("translate")
SELECT translate(output_text, 'a', 'b') FROM attempts

#! Growth
# While it is planned: constants are folded then.
SELECT * FROM range(1) WHERE length(repeat(repeat('x', 9000), 9000)) = 1

#! Function("array_cross_product")
SELECT array_cross_product([1.0, 2.0, 3.0]::FLOAT[3], [1.0, 2.0, 3.0]::FLOAT[3])

#! Growth
# The name of an expression means the innermost one.
WITH s AS (SELECT output_text AS t FROM attempts) SELECT t FROM (WITH s AS (SELECT concat(t, t, t, t, t, t, t, t, t, t, t, t, t, t, t, t, t) AS t FROM s) SELECT concat(t, t, t, t, t, t, t, t, t, t, t, t, t, t, t, t, t) AS t FROM s)

#! Function("json_extract")
# Parts of parts: quadratic.
SELECT json_extract(output_messages, '$..*') FROM execution_spans

#! Function("->>")
# A path from data.
SELECT attributes ->> name FROM execution_spans

#! Function("~~")
# A pattern from data.
SELECT count(*) FROM execution_spans a, execution_spans b WHERE a.output_text LIKE b.output_text

#! Function("regexp_matches")
SELECT regexp_matches(output_text, input_text) FROM attempts

#! Rows("median")
# Holds all its values, in memory that is not counted.
SELECT median(range) FROM range(100000000000)

#! Rows("mode")
SELECT mode(a.output_text || b.output_text) FROM attempts a, attempts b

#! Function("histogram")
SELECT histogram(range) FROM range(100000000000)

#! Planning
SELECT count(*) FROM attempts GROUP BY CUBE (attempt_id, session_id, lineage_id, status, trace_id, rollout_id)

#! Lambda
SELECT list_transform(range(2000), x -> 'a text that is written out, and longer than what an element of a list should become')

#! Growth
SELECT [[[[[output_text]::VARCHAR]::VARCHAR]::VARCHAR]::VARCHAR]::VARCHAR FROM attempts

#! Function("~~")
# Did not end within 20 s, on 3,000 letters.
SELECT count(*) FROM attempts WHERE output_text LIKE '%a%a%a%a%a_%b'

#! Function("~~*")
SELECT count(*) FROM attempts WHERE output_text ILIKE '%a%a%a%a%b'

#! Function("~~~")
SELECT count(*) FROM attempts WHERE output_text GLOB '*a*a*a*b'

#! Function("like_escape")
SELECT count(*) FROM attempts WHERE output_text LIKE '%a!_%a%b' ESCAPE '!'

#! Growth
# A gathered text beside each row: 14 GB for one vector.
SELECT max(length(a.l || b.range)) FROM (SELECT string_agg(range, '') AS l FROM range(1000000)) a, range(100000) b

#! Growth
# Likewise, without any function: 4.6 GB.
SELECT a.l, b.range FROM (SELECT string_agg(range, '') AS l FROM range(1000000)) a, range(100000) b

#! Growth
SELECT unnest(range(2000)), l || 'x' FROM (SELECT string_agg(range, '') AS l FROM range(1000000))

#! Growth
SELECT (SELECT max(length(l || r.range)) FROM range(100000) r) FROM (SELECT string_agg(range, '') AS l FROM range(1000000))

#! Growth
SELECT attempt_id, (SELECT list(range) FROM range(1000000)) FROM attempts

#! Growth
SELECT count(*) FROM (SELECT json_group_array(range) AS j FROM range(1000000)) a, json_each(a.j)

#! Growth
# Did not end within 25 s.
SELECT max(len(list_distinct(a.l))) FROM (SELECT list(range) AS l FROM range(1000000)) a, range(100000) b

#! Function("list")
# Each row has a list as long as the table.
SELECT sum(len(l)) FROM (SELECT list(range) OVER (ORDER BY range ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS l FROM range(1000000))

#! Function("string_agg")
SELECT sum(length(l)) FROM (SELECT string_agg(range, '') OVER () AS l FROM range(1000000))

#! Function("regexp_full_match")
# Did not end within 25 s.
SELECT count(*) FROM attempts WHERE regexp_full_match(output_text, '(a?){1000}b')

#! Function("regexp_matches")
SELECT count(*) FROM attempts WHERE regexp_matches(output_text, '(((a{0,9}x){0,9}){0,9}){0,9}y')

#! Function("json_merge_patch")
# 16 s: each key is looked for among all keys.
SELECT json_merge_patch(json_object('a', output_text), json_object('b', input_text)) FROM attempts

#! Function("map")
# 12 s.
SELECT cardinality(map(list_transform(range(1000), x -> x + 1), range(1000))) FROM attempts

#! Growth
SELECT strftime(started_at, strftime(started_at, output_text)) FROM attempts

#! Growth
# Seventy times as long.
SELECT replace(output_text, 'e', '0123456789012345678901234567890123456789012345678901234567890123456789') FROM attempts
