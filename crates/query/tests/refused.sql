# Statements that the guard must refuse. A line `#! words` opens an entry: the words must stand in the error.
# The lines after it, up to a blank line, are the statement; lines that begin with `# ` say why it is here.

#! INSERT is not allowed
INSERT INTO attempts VALUES (1)

#! UPDATE is not allowed
UPDATE attempts SET status = 'ok'

#! DELETE is not allowed
DELETE FROM attempts

#! DROP is not allowed
DROP TABLE attempts

#! CREATE is not allowed
# A temporary view could shadow a public relation.
CREATE TEMP VIEW attempts AS SELECT 1

#! CREATE is not allowed
CREATE MACRO f(x) AS x

#! COPY is not allowed
# Overwrites the live database, even in a read-only transaction with external access off.
COPY (SELECT 'x') TO 'gleaner.duckdb' (FORMAT csv, USE_TMP_FILE false)

#! COPY is not allowed
COPY attempts FROM '/etc/passwd'

#! EXPORT is not allowed
EXPORT DATABASE '/tmp/x'

#! IMPORT is not allowed
IMPORT DATABASE '/tmp/x'

#! ATTACH is not allowed
ATTACH ':memory:' AS other

#! DETACH is not allowed
DETACH gleaner

#! USE is not allowed
USE other

#! INSTALL is not allowed
INSTALL httpfs

#! LOAD is not allowed
LOAD httpfs

#! SET is not allowed
SET memory_limit = '100GB'

#! SET is not allowed
SET VARIABLE x = 1

#! RESET is not allowed
RESET memory_limit

#! PRAGMA is not allowed
PRAGMA database_list

#! CHECKPOINT is not allowed
# Stalls the writer.
CHECKPOINT

#! FORCE is not allowed
FORCE CHECKPOINT

#! VACUUM is not allowed
VACUUM

#! ANALYZE is not allowed
ANALYZE

#! CALL is not allowed
CALL enable_logging('QueryLog')

#! BEGIN is not allowed
BEGIN TRANSACTION

#! COMMIT is not allowed
COMMIT

#! PREPARE is not allowed
PREPARE p AS SELECT 1

#! EXECUTE is not allowed
EXECUTE p

#! EXPLAIN with ANALYZE or options is not allowed
# EXPLAIN ANALYZE runs what it explains.
EXPLAIN ANALYZE INSERT INTO attempts VALUES (1)

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN ANALYZE SELECT 1

#! INSERT is not allowed
EXPLAIN INSERT INTO attempts VALUES (1)

#! EXPLAIN is not allowed
EXPLAIN EXPLAIN SELECT 1

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN (FORMAT json) SELECT 1

#! EXPLAIN of this query is not allowed
# Planning computes constants, however large.
EXPLAIN SELECT repeat(repeat('x', 9999), 9999)

#! exactly one statement is allowed, got 2
EXPLAIN SELECT 1; SELECT 2

#! table function "read_text" is not allowed
EXPLAIN SELECT * FROM read_text('/etc/passwd')

#! CREATE is not allowed
CREATE SECRET s (TYPE s3)

#! PIVOT is not allowed
# Without an IN list it makes a type first.
PIVOT attempts ON status USING count(*)

#! A CTE needs a SELECT
WITH gone AS (DELETE FROM attempts RETURNING *) SELECT * FROM gone

#! exactly one statement is allowed, got 2
# Preparing this runs the first one.
SELECT 1; SELECT 2

#! COMMIT is not allowed
# Leaves the read-only transaction.
COMMIT; INSERT INTO attempts VALUES (1)

#! DROP is not allowed
SELECT 1; DROP TABLE attempts

#! exactly one statement is allowed, got 0
;

#! no relation "/etc/passwd"
SELECT * FROM '/etc/passwd'

#! no relation "data.csv"
FROM 'data.csv'

#! no relation "https://example.org/x.parquet"
SELECT * FROM 'https://example.org/x.parquet'

#! no relation "gleaner.duckdb"
SELECT * FROM "gleaner.duckdb"

#! table function "read_csv" is not allowed
SELECT * FROM read_csv('/etc/passwd')

#! table function "read_blob" is not allowed
# Gives the raw database, which external access off does not prevent.
SELECT * FROM read_blob('gleaner.duckdb')

#! table function "read_text" is not allowed
SELECT 1 WHERE (SELECT count(*) FROM read_text('/etc/passwd')) > 0

#! table function "read_text" is not allowed
SELECT * FROM sessions ORDER BY (SELECT content FROM READ_TEXT('/etc/passwd'))

#! table function "read_json" is not allowed
SELECT * FROM attempts, LATERAL (SELECT * FROM read_json('/tmp/x.json'))

#! table function "read_text" is not allowed
WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT 1

#! table function "read_text" is not allowed
SELECT 1 UNION ALL (SELECT length(content) FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT list_transform([1], x -> (SELECT count(*) FROM read_text('/etc/passwd')))

#! table function "read_text" is not allowed
SELECT * FROM unnest((SELECT [content] FROM read_text('/etc/passwd')))

#! table function "read_text" is not allowed
SELECT * FROM attempts LIMIT (SELECT count(*) FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT sum(1) FILTER (WHERE (SELECT true FROM read_text('/etc/passwd'))) FROM attempts

#! table function "read_text" is not allowed
SELECT sum(1) OVER (ORDER BY (SELECT content FROM read_text('/etc/passwd'))) FROM attempts

#! table function "read_text" is not allowed
DESCRIBE SELECT * FROM read_text('/etc/passwd')

#! table function "read_text" is not allowed
SELECT * REPLACE ((SELECT content FROM read_text('/etc/passwd')) AS status) FROM attempts

#! table function "read_text" is not allowed
SELECT * FROM (PIVOT (FROM read_text('/etc/passwd')) ON filename IN ('a') USING count(*))

#! table function "read_text" is not allowed
VALUES ((SELECT content FROM read_text('/etc/passwd')))

#! table function "glob" is not allowed
SELECT * FROM glob('/etc/*')

#! table function "parquet_metadata" is not allowed
SELECT * FROM parquet_metadata('/tmp/x.parquet')

#! table function "sniff_csv" is not allowed
# Read files with external access off (CVE-2024-41672).
SELECT * FROM sniff_csv('/etc/passwd')

#! table function "query" is not allowed
# Hides names from the guard.
SELECT * FROM query('SELECT * FROM duckdb_settings()')

#! table function "query_table" is not allowed
SELECT * FROM query_table('duckdb_settings')

#! table function "json_execute_serialized_sql" is not allowed
SELECT * FROM json_execute_serialized_sql('{}')

#! table function "histogram_values" is not allowed
# A table macro that takes a relation's name as text.
SELECT * FROM histogram_values('attempts', 'status')

#! table function "duckdb_settings" is not allowed
SELECT * FROM duckdb_settings()

#! table function "duckdb_secrets" is not allowed
SELECT * FROM duckdb_secrets()

#! table function "duckdb_databases" is not allowed
# Shows the path of the file.
SELECT path FROM duckdb_databases()

#! table function "duckdb_logs" is not allowed
SELECT * FROM duckdb_logs()

#! table function "pragma_database_size" is not allowed
SELECT * FROM pragma_database_size()

#! table function "pragma_table_info" is not allowed
SELECT * FROM pragma_table_info('attempts')

#! table function "force_checkpoint" is not allowed
SELECT * FROM force_checkpoint()

#! table function "truncate_duckdb_logs" is not allowed
SELECT * FROM truncate_duckdb_logs()

#! table function "repeat_row" is not allowed
SELECT * FROM repeat_row(1, num_rows = 10000000000)

#! table function "test_all_types" is not allowed
SELECT * FROM test_all_types()

#! function "write_log" is not allowed
SELECT write_log('x')

#! function "nextval" is not allowed
SELECT nextval('s')

#! function "currval" is not allowed
SELECT currval('s')

#! function "getenv" is not allowed
SELECT getenv('HOME')

#! function "getvariable" is not allowed
SELECT getvariable('x')

#! function "current_setting" is not allowed
SELECT current_setting('temp_directory')

#! function "current_setting" is not allowed
SELECT main.Current_Setting('temp_directory')

#! function "current_setting" is not allowed
# As a method: the schema is really a column.
SELECT status.current_setting() FROM attempts

#! function "current_query" is not allowed
SELECT current_query()

#! function "setseed" is not allowed
SELECT setseed(0.5)

#! function "sleep_ms" is not allowed
SELECT sleep_ms(100000)

#! function "pg_sleep" is not allowed
SELECT pg_sleep(100)

#! function "txid_current" is not allowed
SELECT txid_current()

#! function "pg_get_viewdef" is not allowed
SELECT pg_get_viewdef(1)

#! function "json_serialize_sql" is not allowed
SELECT json_serialize_sql('SELECT 1')

#! function "read_text" is not allowed
SELECT read_text('/etc/passwd')

#! no relation "duckdb_tables"
# Views of the catalog need no schema.
SELECT * FROM duckdb_tables

#! no relation "sqlite_master"
SELECT sql FROM sqlite_master

#! no relation "pg_settings"
SELECT * FROM pg_settings

#! relation "information_schema.tables" is not allowed
SELECT * FROM information_schema.tables

#! relation "pg_catalog.pg_class" is not allowed
SELECT * FROM pg_catalog.pg_class

#! relation "other.main.attempts" is not allowed
SELECT * FROM other.main.attempts

#! relation "store.temp.attempts" is not allowed
SELECT * FROM store.temp.attempts

#! relation "store.attempts" is not allowed
SELECT * FROM store.attempts

#! no relation "span_facts"
SELECT * FROM store.main.span_facts

#! relation "system.main.duckdb_settings" is not allowed
SELECT * FROM system.main.duckdb_settings

#! relation "temp.attempts" is not allowed
SELECT * FROM temp.attempts

#! no relation "span_facts"
# A table of the store that is not public.
SELECT * FROM span_facts

#! no relation "span_facts"
SELECT * FROM main.span_facts

#! no relation "attempt", did you mean "attempts"
SELECT * FROM attempt

#! function "lenght" is not allowed, did you mean "length"
SELECT lenght('x')

#! SHOW of the catalog is not allowed
SHOW ALL TABLES

#! SHOW of the catalog is not allowed
SHOW DATABASES

#! SHOW of the catalog is not allowed
DESCRIBE

#! SHOW of the catalog is not allowed
SELECT * FROM (SHOW TABLES)

#! SHOW of the catalog is not allowed
SHOW TABLES FROM main

#! no relation "/etc/passwd"
SUMMARIZE '/etc/passwd'

#! name "/x.csv" is not allowed for a common table expression
# Inside its own definition the name is not the expression but the file.
WITH "/x.csv" AS (SELECT * FROM "/x.csv") SELECT * FROM "/x.csv"

#! name "duckdb_tables" is not allowed for a common table expression
WITH RECURSIVE duckdb_tables AS (SELECT * FROM duckdb_tables UNION ALL SELECT 1 FROM duckdb_tables) SELECT 1

#! no relation "span_facts"
WITH span_facts AS (SELECT * FROM span_facts) SELECT * FROM span_facts

#! no relation "span_facts"
# The first part of a recursive expression does not know its name either.
WITH RECURSIVE span_facts AS (SELECT * FROM span_facts UNION ALL SELECT * FROM span_facts) SELECT * FROM span_facts

#! no relation "span_facts"
# Defined in a subquery, used outside of it.
SELECT * FROM (WITH span_facts AS (SELECT 1) SELECT * FROM span_facts), span_facts

#! no relation "span_facts"
# Used before it is defined.
WITH a AS (SELECT * FROM span_facts), span_facts AS (SELECT 1) SELECT * FROM a

#! no relation "span_facts"
# With the schema it is the table, not the expression.
WITH span_facts AS (SELECT 1) SELECT * FROM main.span_facts

#! relation "recurring.r" is not allowed
WITH RECURSIVE r(i) USING KEY (i) AS (SELECT 1 UNION SELECT i + 1 FROM recurring.r) SELECT * FROM r

#! relation "a.trace_ids" is not allowed
SELECT * FROM attempts a, a.trace_ids

#! function "repeat" is called with 2000000000
# Measured: 20 s and 4 GB under an interrupt after 1 s and a limit of 300 MB.
SELECT length(repeat('x', 2000000000))

#! function "range" is called with 200000000
SELECT list_sum(range(200000000))

#! function "lpad" is called with
SELECT lpad('x', 99999999999999999999, 'y')

#! syntax "DEFAULT" is not allowed
SELECT DEFAULT

#! Mixing named and positional parameters
SELECT ?, $name

#! syntax error at or near "SELCT" (line 1, column 1)
SELCT 1

#! syntax error at or near "attempts" (line 2, column 12)
SELECT 'ü',
  'ü' FORM attempts

#! SELECT INTO not supported
SELECT 1 AS x INTO t

# Doors of newer syntax, and of places where a name can hide.

#! table function "read_parquet" is not allowed
SELECT * FROM attempts POSITIONAL JOIN read_parquet('/tmp/x.parquet')

#! table function "read_text" is not allowed
SELECT * FROM attempts ASOF JOIN read_text('/etc/passwd') r ON attempts.started_at >= r.last_modified

#! table function "read_text" is not allowed
SELECT * FROM attempts WHERE status = ANY (SELECT content FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT [x.content FOR x IN (SELECT list(r) FROM read_text('/etc/passwd') r)]

#! table function "read_text" is not allowed
FROM attempts SELECT * WHERE EXISTS (FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT * FROM attempts QUALIFY row_number() OVER (ORDER BY (SELECT content FROM read_text('/etc/passwd'))) = 1

#! table function "read_text" is not allowed
SELECT count(*) FROM attempts GROUP BY GROUPING SETS (((SELECT content FROM read_text('/etc/passwd'))), ())

#! table function "read_text" is not allowed
SELECT * FROM attempts ORDER BY status LIMIT 1 OFFSET (SELECT length(content) FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT COLUMNS(c -> c = (SELECT content FROM read_text('/etc/passwd'))) FROM attempts

#! table function "read_text" is not allowed
SELECT * FROM (VALUES ((SELECT content FROM read_text('/etc/passwd')))) t(x)

#! table function "read_text" is not allowed
SUMMARIZE SELECT * FROM read_text('/etc/passwd')

#! table function "read_text" is not allowed
SELECT * FROM (DESCRIBE SELECT * FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT CASE WHEN true THEN (SELECT content FROM read_text('/etc/passwd')) END

#! table function "read_text" is not allowed
SELECT CAST((SELECT content FROM read_text('/etc/passwd')) AS VARCHAR)

#! table function "read_text" is not allowed
SELECT sum(cost_usd ORDER BY (SELECT content FROM read_text('/etc/passwd'))) FROM attempts

#! table function "read_text" is not allowed
SELECT sum(1) OVER (ROWS BETWEEN (SELECT length(content) FROM read_text('/etc/passwd')) PRECEDING AND CURRENT ROW) FROM attempts

#! table function "read_text" is not allowed
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, read_text('/etc/passwd') WHERE n < 3) SELECT * FROM r

#! table function "read_text" is not allowed
WITH a AS NOT MATERIALIZED (WITH b AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM b) SELECT * FROM a

#! table function "read_text" is not allowed
SELECT * FROM attempts TABLESAMPLE 10 PERCENT, LATERAL (SELECT * FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
(((SELECT * FROM read_text('/etc/passwd'))))

#! table function "read_text" is not allowed
SELECT 1 INTERSECT (SELECT 1 EXCEPT (SELECT length(content) FROM read_text('/etc/passwd')))

#! table function "read_text" is not allowed
SELECT {'a': (SELECT content FROM read_text('/etc/passwd'))}

#! table function "read_text" is not allowed
SELECT MAP {'a': (SELECT content FROM read_text('/etc/passwd'))}

#! table function "read_text" is not allowed
SELECT ((SELECT content FROM read_text('/etc/passwd')))[1:3]

#! table function "read_text" is not allowed
SELECT * FROM "read_text"('/etc/passwd')

#! table function "read_text" is not allowed
SELECT * FROM main.read_text('/etc/passwd')

#! table function "read_text" is not allowed
SELECT * FROM system.main.read_text('/etc/passwd')

#! table function "read_text" is not allowed
/* SELECT 1 -- */ SELECT * FROM read_text('/etc/passwd') -- ; SELECT 1

#! table function "read_text_auto" is not allowed
SELECT * FROM read_text_auto('/etc/passwd')

#! table function "read_ndjson_objects" is not allowed
SELECT * FROM read_ndjson_objects('/tmp/x')

#! table function "parquet_kv_metadata" is not allowed
SELECT * FROM parquet_kv_metadata('/tmp/x')

#! table function "sqlite_scan" is not allowed
SELECT * FROM sqlite_scan('/tmp/x', 't')

#! table function "postgres_query" is not allowed
SELECT * FROM postgres_query('db', 'SELECT 1')

#! table function "seq_scan" is not allowed
SELECT * FROM seq_scan('attempts')

#! table function "arrow_scan" is not allowed
# Reads memory at an address.
SELECT * FROM arrow_scan(1, 2, 3)

#! table function "pandas_scan" is not allowed
SELECT * FROM pandas_scan(1)

#! table function "duckdb_memory" is not allowed
SELECT * FROM duckdb_memory()

#! table function "duckdb_temporary_files" is not allowed
SELECT * FROM duckdb_temporary_files()

#! table function "duckdb_prepared_statements" is not allowed
# Other people's queries.
SELECT * FROM duckdb_prepared_statements()

#! table function "enable_logging" is not allowed
SELECT * FROM enable_logging()

#! table function "enable_profiling" is not allowed
SELECT * FROM enable_profiling()

#! table function "checkpoint" is not allowed
SELECT * FROM checkpoint()

#! table function "pragma_storage_info" is not allowed
SELECT * FROM pragma_storage_info('attempts')

#! table function "pragma_user_agent" is not allowed
SELECT * FROM pragma_user_agent()

#! no relation "store.duckdb"
SELECT * FROM 'store.duckdb'

#! no relation "sql-work/../store.duckdb.wal"
SELECT * FROM "sql-work/../store.duckdb.wal"

#! no relation "attempts.parquet"
# The copy of a query that runs apart.
SELECT * FROM 'attempts.parquet'

#! no relation "/dev/stdin"
SELECT * FROM '/dev/stdin'

#! no relation "journal_position"
SELECT * FROM journal_position

#! no relation "schema_info"
SELECT * FROM schema_info

#! function "add_parquet_key" is not allowed
SELECT add_parquet_key('a', 'b')

#! function "pg_typeof" is not allowed
SELECT pg_typeof(1)

#! function "has_table_privilege" is not allowed
SELECT has_table_privilege('attempts', 'select')

#! function "inet_server_addr" is not allowed
SELECT inet_server_addr()

#! function "error" is not allowed
SELECT error('x')

#! MERGE is not allowed
MERGE INTO attempts USING attempts a ON true WHEN MATCHED THEN DELETE

#! TRUNCATE is not allowed
TRUNCATE attempts

#! ALTER is not allowed
ALTER VIEW attempts RENAME TO gone

#! COMMENT is not allowed
COMMENT ON VIEW attempts IS 'x'

#! DEALLOCATE is not allowed
DEALLOCATE p

#! ABORT is not allowed
ABORT

#! ROLLBACK is not allowed
ROLLBACK

#! START is not allowed
START TRANSACTION

#! UPDATE is not allowed
UPDATE EXTENSIONS

#! is not allowed: queries only read
# Behind a comment.
/* SELECT 1 */ DROP VIEW attempts

#! syntax error
# An inline assignment of psql.
\\copy attempts to '/tmp/x'

# Written by thinking as an attacker would: every reader of files, every view and function of the catalog, every place of a query in
# which a call can hide.

#! A CTE needs a SELECT
WITH x AS (INSERT INTO attempts VALUES (1) RETURNING *) SELECT * FROM x

#! A CTE needs a SELECT
WITH x AS MATERIALIZED (UPDATE attempts SET status='x' RETURNING *) SELECT 1

#! A CTE needs a SELECT
WITH x AS (COPY (SELECT 1) TO '/tmp/x.csv') SELECT * FROM x

#! syntax error
FROM (DELETE FROM attempts RETURNING 1)

#! table function "query" is not allowed
FROM query('SELECT 1')

#! table function "query_table" is not allowed
FROM query_table(['attempts','span_facts'])

#! table function "query_table" is not allowed
FROM query_table('/etc/passwd')

#! table function "query" is not allowed
SELECT (FROM query('FROM duckdb_settings()'))

#! table function "read_csv_auto" is not allowed
FROM read_csv_auto('/etc/passwd')

#! table function "read_parquet" is not allowed
FROM read_parquet('/etc/passwd')

#! table function "parquet_scan" is not allowed
FROM parquet_scan('/etc/passwd')

#! table function "read_ndjson" is not allowed
FROM read_ndjson('/etc/passwd')

#! table function "read_json_objects" is not allowed
FROM read_json_objects('/etc/passwd')

#! table function "read_ndjson_objects" is not allowed
FROM read_ndjson_objects('/etc/passwd')

#! table function "read_json_auto" is not allowed
FROM read_json_auto('/etc/passwd')

#! table function "read_duckdb" is not allowed
FROM read_duckdb('store.duckdb')

#! table function "parquet_schema" is not allowed
FROM parquet_schema('x')

#! table function "parquet_kv_metadata" is not allowed
FROM parquet_kv_metadata('x')

#! table function "parquet_file_metadata" is not allowed
FROM parquet_file_metadata('x')

#! table function "parquet_bloom_probe" is not allowed
FROM parquet_bloom_probe('x','a',1)

#! table function "parquet_full_metadata" is not allowed
FROM parquet_full_metadata('x')

#! table function "read_xlsx" is not allowed
FROM read_xlsx('x')

#! table function "st_read" is not allowed
FROM st_read('x')

#! table function "sqlite_scan" is not allowed
FROM sqlite_scan('a','b')

#! table function "postgres_scan" is not allowed
FROM postgres_scan('a','b','c')

#! table function "delta_scan" is not allowed
FROM delta_scan('x')

#! table function "iceberg_scan" is not allowed
FROM iceberg_scan('x')

#! table function "arrow_scan" is not allowed
FROM arrow_scan(1,2,3)

#! table function "arrow_scan_dumb" is not allowed
FROM arrow_scan_dumb(1,2,3)

#! table function "pandas_scan" is not allowed
FROM pandas_scan(1)

#! table function "python_map_function" is not allowed
FROM python_map_function()

#! table function "seq_scan" is not allowed
FROM seq_scan('attempts')

#! table function "index_scan" is not allowed
FROM index_scan('attempts')

#! table function "storage_info" is not allowed
FROM storage_info('attempts')

#! table function "pragma_storage_info" is not allowed
FROM pragma_storage_info('attempts')

#! table function "pragma_show" is not allowed
FROM pragma_show('attempts')

#! table function "pragma_metadata_info" is not allowed
FROM pragma_metadata_info()

#! table function "pragma_user_agent" is not allowed
FROM pragma_user_agent()

#! table function "pragma_version" is not allowed
FROM pragma_version()

#! table function "pragma_platform" is not allowed
FROM pragma_platform()

#! table function "pragma_collations" is not allowed
FROM pragma_collations()

#! table function "pragma_last_profiling_output" is not allowed
FROM pragma_last_profiling_output()

#! table function "pragma_detailed_profiling_output" is not allowed
FROM pragma_detailed_profiling_output()

#! table function "duckdb_functions" is not allowed
FROM duckdb_functions()

#! table function "duckdb_columns" is not allowed
FROM duckdb_columns()

#! table function "duckdb_constraints" is not allowed
FROM duckdb_constraints()

#! table function "duckdb_dependencies" is not allowed
FROM duckdb_dependencies()

#! table function "duckdb_extensions" is not allowed
FROM duckdb_extensions()

#! table function "duckdb_external_file_cache" is not allowed
FROM duckdb_external_file_cache()

#! table function "duckdb_indexes" is not allowed
FROM duckdb_indexes()

#! table function "duckdb_keywords" is not allowed
FROM duckdb_keywords()

#! table function "duckdb_log_contexts" is not allowed
FROM duckdb_log_contexts()

#! table function "duckdb_memory" is not allowed
FROM duckdb_memory()

#! table function "duckdb_optimizers" is not allowed
FROM duckdb_optimizers()

#! table function "duckdb_prepared_statements" is not allowed
FROM duckdb_prepared_statements()

#! table function "duckdb_schemas" is not allowed
FROM duckdb_schemas()

#! table function "duckdb_secret_types" is not allowed
FROM duckdb_secret_types()

#! table function "duckdb_secrets" is not allowed
FROM duckdb_secrets(redact=false)

#! table function "duckdb_sequences" is not allowed
FROM duckdb_sequences()

#! table function "duckdb_temporary_files" is not allowed
FROM duckdb_temporary_files()

#! table function "duckdb_types" is not allowed
FROM duckdb_types()

#! table function "duckdb_variables" is not allowed
FROM duckdb_variables()

#! table function "duckdb_views" is not allowed
FROM duckdb_views()

#! table function "which_secret" is not allowed
FROM which_secret('s3://x','s3')

#! table function "enable_logging" is not allowed
FROM enable_logging('x')

#! table function "disable_logging" is not allowed
FROM disable_logging()

#! table function "enable_profiling" is not allowed
FROM enable_profiling()

#! table function "set_log_level" is not allowed
FROM set_log_level('x')

#! table function "checkpoint" is not allowed
FROM checkpoint()

#! table function "checkpoint" is not allowed
FROM checkpoint('store')

#! table function "force_checkpoint" is not allowed
FROM force_checkpoint('store')

#! table function "summary" is not allowed
FROM summary((FROM attempts))

#! table function "read_text" is not allowed
FROM unnest((FROM read_text('/etc/passwd')))

#! table function "read_text" is not allowed
FROM range((SELECT length(content) FROM read_text('/etc/passwd')))

#! table function "repeat" is not allowed
FROM repeat('x', 10000000000)

#! table function "test_vector_types" is not allowed
FROM test_vector_types(NULL::INT)

#! table function "icu_calendar_names" is not allowed
FROM icu_calendar_names()

#! table function "pg_timezone_names" is not allowed
FROM pg_timezone_names()

#! table function "sql_auto_complete" is not allowed
FROM sql_auto_complete('SELECT')

#! table function "json_execute_serialized_sql" is not allowed
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))

#! function "json_deserialize_sql" is not allowed
SELECT json_deserialize_sql(json_serialize_sql('SELECT 1'))

#! function "json_serialize_plan" is not allowed
SELECT json_serialize_plan('SELECT * FROM span_facts')

#! PRAGMA is not allowed
PRAGMA json_execute_serialized_sql('x')

#! function "parse_duckdb_log_message" is not allowed
SELECT parse_duckdb_log_message('x','y')

#! function "add_parquet_key" is not allowed
SELECT add_parquet_key('a','b')

#! PRAGMA is not allowed
PRAGMA add_parquet_key('a','b')

#! function "get_block_size" is not allowed
SELECT get_block_size('store')

#! function "current_schemas" is not allowed
SELECT current_schemas(true)

#! function "in_search_path" is not allowed
SELECT in_search_path('a','b')

#! function "stats" is not allowed
SELECT stats(status) FROM attempts

#! function "has_table_privilege" is not allowed
SELECT has_table_privilege('x','y')

#! function "pg_get_expr" is not allowed
SELECT pg_get_expr('1','2')

#! function "obj_description" is not allowed
SELECT obj_description(1,'x')

#! function "shobj_description" is not allowed
SELECT shobj_description(1,'x')

#! function "pg_conf_load_time" is not allowed
SELECT pg_conf_load_time()

#! function "format_pg_type" is not allowed
SELECT format_pg_type('x','y')

#! function "raise" is not allowed
SELECT raise('x')

#! function "error" is not allowed
SELECT try(error('boom'))

#! function "finalize" is not allowed
SELECT finalize(1)

#! function "invoke" is not allowed
SELECT invoke(x -> x, 1)

#! table function "read_text" is not allowed
SELECT apply([1], x -> (FROM read_text('/etc/passwd')))

#! table function "glob" is not allowed
SELECT list_filter([1], lambda x: (SELECT true FROM glob('/*')))

#! function "current_setting" is not allowed
SELECT "current_setting"('temp_directory')

#! function "current_setting" is not allowed
SELECT "CURRENT_SETTING"('temp_directory')

#! function "current_setting" is not allowed
SELECT system.main.current_setting('temp_directory')

#! function "getenv" is not allowed
SELECT main."getenv"('HOME')

#! function "current_setting" is not allowed
SELECT ('temp_directory').current_setting()

#! syntax error
SELECT 'temp_directory'.current_setting()

#! function "current_setting" is not allowed
SELECT (status).current_setting() FROM attempts

#! function "current_setting" is not allowed
SELECT /*+ x */ current_setting/**/('temp_directory')

#! DROP is not allowed
SELECT $$x$$; DROP TABLE attempts

#! DELETE is not allowed
SELECT $a$ ; $a$; DELETE FROM attempts

#! DROP is not allowed
SELECT 1 /* ; */ ; /* */ DROP VIEW attempts

#! COMMIT is not allowed
SELECT 1 /* /* nested */ ; COMMIT; */ ; COMMIT

#! DROP is not allowed
SELECT 'a\'; DROP TABLE attempts; --'

#! COMMIT is not allowed
;COMMIT

#! COMMIT is not allowed
SELECT 1;;COMMIT

#! exactly one statement is allowed, got 2
(SELECT 1);(SELECT 2)

#! BEGIN is not allowed
BEGIN; SELECT 1; COMMIT

#! START is not allowed
START TRANSACTION READ WRITE

#! END is not allowed
END

#! syntax error
SAVEPOINT x

#! syntax error
GRANT ALL ON attempts TO x

#! COMMENT is not allowed
COMMENT ON TABLE attempts IS 'x'

#! ALTER is not allowed
ALTER TABLE attempts ADD COLUMN x INT

#! ALTER is not allowed
ALTER DATABASE store SET ALIAS TO x

#! MERGE is not allowed
MERGE INTO attempts USING sessions ON true WHEN MATCHED THEN DELETE

#! syntax error
REINDEX

#! syntax error
LOCK TABLE attempts

#! syntax error
DISCARD ALL

#! syntax error
LISTEN x

#! CREATE is not allowed
CREATE OR REPLACE TABLE x AS SELECT 1

#! CREATE is not allowed
CREATE TYPE t AS ENUM (SELECT 'x')

#! CREATE is not allowed
CREATE SEQUENCE s

#! CREATE is not allowed
CREATE SCHEMA s

#! CREATE is not allowed
CREATE INDEX i ON attempts(status)

#! CREATE is not allowed
CREATE OR REPLACE FUNCTION f() AS TABLE FROM read_text('/etc/passwd')

#! CREATE is not allowed
CREATE PERSISTENT SECRET s (TYPE s3)

#! FORCE is not allowed
FORCE INSTALL httpfs FROM 'http://127.0.0.1/'

#! INSTALL is not allowed
INSTALL httpfs FROM community

#! LOAD is not allowed
LOAD '/tmp/x.duckdb_extension'

#! ATTACH is not allowed
ATTACH '/etc/passwd' AS p (TYPE sqlite)

#! ATTACH is not allowed
ATTACH IF NOT EXISTS 'http://127.0.0.1:1/x'

#! ATTACH is not allowed
ATTACH 'ducklake:x'

#! USE is not allowed
USE memory

#! SET is not allowed
SET GLOBAL enable_external_access=true

#! SET is not allowed
SET SESSION search_path='temp'

#! SET is not allowed
SET schema='information_schema'

#! PRAGMA is not allowed
PRAGMA enable_profiling

#! PRAGMA is not allowed
PRAGMA threads=100

#! PRAGMA is not allowed
PRAGMA memory_limit='100GB'

#! PRAGMA is not allowed
PRAGMA show_tables

#! PRAGMA is not allowed
PRAGMA version

#! SHOW of the catalog is not allowed
SHOW ALL

#! no relation "search_path"
SHOW search_path

#! SHOW of the catalog is not allowed
SHOW VARIABLES

#! SHOW of the catalog is not allowed
SHOW SCHEMAS

#! no relation "span_facts"
DESCRIBE span_facts

#! no relation "span_facts"
DESCRIBE (SELECT * FROM span_facts)

#! table function "read_text" is not allowed
DESCRIBE FROM read_text('/etc/passwd')

#! no relation "span_facts"
SUMMARIZE span_facts

#! table function "read_csv" is not allowed
SUMMARIZE FROM read_csv('/etc/passwd')

#! no relation "span_facts"
FROM (DESCRIBE span_facts)

#! table function "read_text" is not allowed
FROM (SUMMARIZE FROM read_text('/etc/passwd'))

#! SHOW of the catalog is not allowed
FROM (SHOW ALL TABLES)

#! SHOW of the catalog is not allowed
FROM (SHOW DATABASES)

#! no relation "span_facts"
FROM (PIVOT span_facts ON trace_id IN ('a') USING count(*))

#! no relation "span_facts"
FROM (UNPIVOT span_facts ON trace_id)

#! table function "read_text" is not allowed
FROM (UNPIVOT (FROM read_text('/etc/passwd')) ON content)

#! no relation "span_facts"
UNPIVOT span_facts ON trace_id INTO NAME a VALUE b

#! PIVOT is not allowed
PIVOT (FROM read_text('/etc/passwd')) ON filename USING count(*)

#! syntax error
FROM attempts PIVOT (count(*) FOR status IN (SELECT content FROM read_text('/etc/passwd')))

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN ANALYZE COPY attempts TO '/tmp/x'

#! COPY is not allowed
EXPLAIN COPY attempts TO '/tmp/x'

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN (ANALYZE) SELECT 1

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '/tmp/x'

#! EXPLAIN is not allowed
EXPLAIN/**/ANALYZE SELECT 1

#! syntax error
EXPLAIN

#! exactly one statement is allowed, got 0
EXPLAIN -- x

#! no relation "span_facts"
EXPLAIN SELECT * FROM span_facts

#! CREATE is not allowed
EXPLAIN CREATE TABLE x AS SELECT 1

#! PRAGMA is not allowed
EXPLAIN PRAGMA version

#! EXECUTE is not allowed
EXECUTE p(1)

#! CALL is not allowed
CALL duckdb_settings()

#! CALL is not allowed
CALL pragma_version()

#! CALL is not allowed
CALL checkpoint()

#! CALL is not allowed
CALL range(10)

#! function "current_setting" is not allowed
VALUES (current_setting('temp_directory'))

#! no relation "span_facts"
TABLE span_facts

#! function "current_setting" is not allowed
FROM attempts SELECT current_setting('temp_directory')

#! no relation "span_facts"
SELECT * FROM span_facts TABLESAMPLE 10%

#! no relation "span_facts"
SELECT COLUMNS('.*') FROM span_facts

#! function "getenv" is not allowed
SELECT COLUMNS(c -> c LIKE getenv('x')) FROM attempts

#! table function "read_text" is not allowed
SELECT COLUMNS(c -> (SELECT true FROM read_text('/etc/passwd'))) FROM attempts

#! no relation "span_facts"
SELECT * LIKE 'x%' FROM span_facts

#! function "getenv" is not allowed
SELECT * EXCLUDE (status) REPLACE (getenv('HOME') AS output_text) FROM attempts

#! no relation "span_facts"
SELECT * FROM attempts a SEMI JOIN span_facts USING (trace_id)

#! table function "read_text" is not allowed
SELECT * FROM attempts ASOF JOIN read_text('/x') r ON true

#! no relation "span_facts"
SELECT * FROM attempts POSITIONAL JOIN span_facts

#! function "getenv" is not allowed
SELECT * FROM attempts, (VALUES (getenv('x'))) t

#! function "getenv" is not allowed
SELECT 1 ORDER BY getenv('x')

#! function "getenv" is not allowed
SELECT 1 LIMIT (SELECT getenv('x'))

#! table function "glob" is not allowed
SELECT 1 OFFSET (SELECT count(*) FROM glob('/*'))

#! function "getenv" is not allowed
SELECT 1 GROUP BY ALL HAVING getenv('x') IS NULL

#! function "getenv" is not allowed
SELECT count(*) OVER w FROM attempts WINDOW w AS (ORDER BY getenv('x'))

#! function "getenv" is not allowed
SELECT count(*) OVER (ROWS BETWEEN getenv('x') PRECEDING AND CURRENT ROW) FROM attempts

#! function "getenv" is not allowed
SELECT 1 QUALIFY getenv('x') IS NULL

#! function "getenv" is not allowed
SELECT string_agg(status, getenv('x') ORDER BY getenv('y')) FROM attempts

#! function "getenv" is not allowed
SELECT DISTINCT ON (getenv('x')) 1

#! function "getenv" is not allowed
SELECT CASE WHEN getenv('x') THEN 1 END

#! function "getenv" is not allowed
SELECT 1 IN (SELECT getenv('x'))

#! function "getenv" is not allowed
SELECT 1 BETWEEN 0 AND getenv('x')

#! function "getenv" is not allowed
SELECT [getenv('x')]

#! function "getenv" is not allowed
SELECT {'a': getenv('x')}

#! function "getenv" is not allowed
SELECT MAP {'a': getenv('x')}

#! function "getenv" is not allowed
SELECT struct_pack(a := getenv('x'))

#! function "getenv" is not allowed
SELECT row(getenv('x'))

#! function "getenv" is not allowed
SELECT (getenv('x'))::INT

#! function "getenv" is not allowed
SELECT TRY_CAST(getenv('x') AS INT)

#! syntax error
SELECT 'a'::ENUM(SELECT 'x')

#! function "getenv" is not allowed
SELECT [getenv(x) for x in ['HOME']]

#! table function "glob" is not allowed
SELECT [x for x in [1] if (SELECT true FROM glob('/*'))]

#! table function "read_text" is not allowed
SELECT EXISTS (FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT ARRAY(SELECT content FROM read_text('/etc/passwd'))

#! table function "read_text" is not allowed
SELECT 1 UNION FROM read_text('/etc/passwd')

#! no relation "span_facts"
SELECT 1 EXCEPT TABLE span_facts

#! table function "read_text" is not allowed
WITH RECURSIVE r AS (SELECT 1 UNION ALL FROM read_text('/etc/passwd')) FROM r

#! no relation "span_facts"
WITH a AS (WITH b AS (FROM span_facts) FROM b) FROM a

#! no relation "span_facts"
WITH "attempts" AS (FROM span_facts) FROM attempts

#! no relation "span_facts"
WITH attempts AS (SELECT 1), x AS (FROM main.span_facts) FROM x

#! name "pragma_version" is not allowed
WITH "pragma_version" AS (SELECT 1) FROM pragma_version

#! name "store.duckdb" is not allowed
WITH "store.duckdb" AS (SELECT 1) FROM "store.duckdb"

#! no relation "store.duckdb.wal"
FROM 'store.duckdb.wal'

#! no relation "journal_position"
FROM "journal_position"

#! no relation "x.parquet"
FROM 'x.parquet' t

#! syntax error
FROM ['a.csv','b.csv']

#! no relation "s3://bucket/x.parquet"
FROM 's3://bucket/x.parquet'

#! no relation "file:///etc/passwd"
FROM 'file:///etc/passwd'

#! no relation "/proc/self/environ"
FROM '/proc/self/environ'

#! no relation "/proc/self/environ"
FROM "/proc/self/environ"

#! no relation "/dev/stdin"
FROM '/dev/stdin'

#! no relation "\\\\.\\pipe\\x"
FROM '\\.\pipe\x'

#! syntax error
FROM 'attempts' 'x'

#! no relation "attempts\"; DROP"
SELECT * FROM "attempts""; DROP"

#! no relation "span_facts"
SELECT "attempts".* FROM "span_facts" AS "attempts"

#! relation "main.main.attempts" is not allowed
SELECT * FROM main.main.attempts

#! no relation "duckdb_settings"
SELECT * FROM store."main"."duckdb_settings"

#! relation "information_schema.columns" is not allowed
SELECT * FROM information_schema.columns

#! relation "pg_catalog.pg_tables" is not allowed
SELECT * FROM pg_catalog.pg_tables

#! no relation "pg_tables"
SELECT * FROM pg_tables

#! no relation "sqlite_schema"
SELECT * FROM sqlite_schema

#! no relation "duckdb_settings"
SELECT * FROM duckdb_settings

#! DROP is not allowed
SELECT ?; DROP TABLE attempts

#! syntax error
SELECT $1, ${x}

#! DROP is not allowed
SELECT 1; DROP TABLE attempts

#! syntax error
 COMMIT

#! syntax error
SEL​ECT 1

#! syntax error
SELECT 1; DROP TABLE attempts

#! syntax error
FROM “/etc/passwd”

#! syntax error
SELECT 1;DROP TABLE attempts

#! syntax error
SELECT 1; DROP TABLE attempts

#! EXPLAIN is not allowed
/**/EXPLAIN/**/ ANALYZE SELECT 1

#! EXPLAIN is not allowed
﻿EXPLAIN ANALYZE SELECT 1

#! EXPLAIN is not allowed
 EXPLAIN ANALYZE SELECT 1

#! syntax error
((EXPLAIN ANALYZE SELECT 1))

#! table function "read_text" is not allowed
FROM read_text('/etc/passwd') SELECT content

#! table function "glob" is not allowed
FROM (FROM (FROM (FROM glob('/*'))))

#! table function "read_text" is not allowed
SELECT * FROM attempts WHERE output_text IN (FROM read_text('/etc/passwd') SELECT content)

#! table function "read_blob" is not allowed
SELECT * FROM attempts WHERE EXISTS (FROM read_blob('store.duckdb'))

#! no relation "span_facts"
SELECT (TABLE span_facts)

#! no relation "journal_position"
SELECT * FROM (TABLE journal_position)

#! table function "read_text" is not allowed
SELECT * FROM (VALUES ((FROM read_text('/etc/passwd') SELECT content))) v

#! table function "read_csv" is not allowed
SELECT * FROM attempts a JOIN LATERAL (FROM read_csv('/etc/passwd')) b ON true

#! table function "read_parquet" is not allowed
SELECT * FROM attempts NATURAL JOIN read_parquet('/tmp/x.parquet')

#! table function "read_text" is not allowed
SELECT * FROM attempts POSITIONAL JOIN read_text('/etc/passwd')

#! table function "read_text" is not allowed
SELECT * FROM attempts SEMI JOIN read_text('/etc/passwd') t ON true

#! no relation "/etc/passwd"
SELECT * FROM attempts CROSS JOIN "/etc/passwd"

#! no relation "/etc/passwd"
SELECT * FROM attempts, '/etc/passwd' AS p

#! no relation "../journal/00000000.log"
SELECT * FROM attempts, "../journal/00000000.log" j

#! no relation "/etc/passwd"
SELECT * FROM E'/etc/passwd'

#! no relation "/etc/passwd"
SELECT * FROM $$/etc/passwd$$

#! no relation "/etc/passwd"
SELECT * FROM $x$/etc/passwd$x$

#! no relation "/etc/passwd"
SELECT * FROM "/etc/passwd" "attempts"

#! no relation "/etc/passwd"
WITH attempts AS (FROM "/etc/passwd") FROM attempts

#! no relation "/etc/hosts"
WITH attempts AS (SELECT 1 AS n UNION ALL FROM '/etc/hosts') FROM attempts

#! no relation "/etc/hosts"
WITH RECURSIVE attempts AS (FROM '/etc/hosts' UNION ALL FROM attempts) FROM attempts

#! table function "read_text" is not allowed
WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r, read_text('/etc/passwd')) FROM r

#! relation "recurring.t" is not allowed
WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a + 1, b FROM recurring.t) FROM t

#! no relation "b"
WITH a AS (FROM b), b AS (FROM span_facts) FROM a

#! no relation "a"
WITH a AS (FROM a) FROM a

#! no relation "span_rows"
SELECT (WITH x AS (FROM span_rows) SELECT count(*) FROM x)

#! no relation "y"
WITH x AS (SELECT 1) SELECT (WITH y AS (SELECT 1) SELECT 1), (FROM y)

#! no relation "x"
(WITH x AS (SELECT 1) FROM x) UNION ALL FROM x

#! no relation "x"
FROM x, (WITH x AS (SELECT 1) FROM x)

#! no relation "attempt_rows"
FROM attempt_rows

#! no relation "attempt_index"
FROM attempt_index

#! no relation "span_rows"
FROM span_rows

#! no relation "texts"
FROM texts

#! no relation "TEXTS"
FROM "TEXTS"

#! no relation "texts"
SELECT text FROM store.main.texts WHERE id = 1

#! no relation "attempt_rows"
FROM store.main.attempt_rows

#! no relation "response_histories"
FROM response_histories

#! no relation "live_feedback"
FROM live_feedback

#! no relation "feedback_facts"
FROM feedback_facts

#! no relation "trace_links"
FROM trace_links

#! function "gleaner_shared_text" is not allowed
SELECT gleaner_shared_text([1, 2, 3])

#! function "gleaner_shared_text" is not allowed
SELECT gleaner_shared_text(range(1, 1000000)::UBIGINT[])

#! function "gleaner_shared_text" is not allowed
SELECT Gleaner_Shared_Text([1]::UBIGINT[])

#! function "gleaner_shared_text" is not allowed
SELECT "gleaner_shared_text"([1]::UBIGINT[])

#! function "gleaner_shared_json" is not allowed
SELECT gleaner_shared_json([1, 2, 3])

#! function "shared_json" is not allowed
SELECT shared_json([1])

#! function "shared_text" is not allowed
SELECT shared_text([1])

#! function "shared_text" is not allowed
SELECT temp.main.shared_text([1])

#! function "shared_text" is not allowed
SELECT store.main.shared_text([1])

#! function "shared_text" is not allowed
SELECT [1].shared_text()

#! function "shared_text" is not allowed
SELECT list_transform([[1]], x -> shared_text(x))

#! function "gleaner_shared_text" is not allowed
SELECT list_reduce([[1]], lambda a, b: gleaner_shared_text(a))

#! function "t_quantile_975" is not allowed
SELECT t_quantile_975(3)

#! function "welch_df" is not allowed
SELECT welch_df(1, 2, 3, 4)

#! function "getenv" is not allowed
SELECT COLUMNS(lambda c: getenv(c) IS NULL) FROM attempts

#! function "getenv" is not allowed
SELECT COLUMNS(* EXCLUDE (status))::VARCHAR || getenv('HOME') FROM attempts

#! no relation "span_facts"
SELECT * RENAME (status AS s) FROM span_facts

#! table function "duckdb_settings" is not allowed
SELECT * ILIKE '%' FROM duckdb_settings()

#! function "getenv" is not allowed
SELECT #1, getenv('HOME') FROM attempts

#! function "getenv" is not allowed
FROM attempts SELECT attempts.getenv()

#! function "getenv" is not allowed
SELECT ('HOME').getenv().upper()

#! function "query" is not allowed
SELECT query('SELECT 1')

#! function "query_table" is not allowed
SELECT query_table('attempts')

#! table function "query" is not allowed
FROM query('FROM span_facts')

#! table function "query" is not allowed
FROM QUERY($$FROM read_text('/etc/passwd')$$)

#! table function "query_table" is not allowed
FROM query_table('span_facts')

#! table function "query_table" is not allowed
FROM query_table(['span_facts', 'texts'], true)

#! table function "query_table" is not allowed
FROM "query_table"('texts')

#! table function "query" is not allowed
FROM main.query('SELECT 1')

#! table function "query_table" is not allowed
FROM store.main.query_table('texts')

#! table function "sniff_csv" is not allowed
FROM sniff_csv('/etc/passwd')

#! table function "sniff_csv" is not allowed
FROM sniff_csv('store.duckdb', sample_size = 1)

#! table function "read_csv" is not allowed
FROM read_csv(['/etc/passwd', '/etc/hosts'])

#! table function "read_csv" is not allowed
FROM read_csv('/etc/passwd', columns = {'a': 'VARCHAR'}, delim = '')

#! table function "read_text" is not allowed
FROM read_text(['/etc/passwd'])

#! table function "read_text" is not allowed
FROM read_text(current_setting('home_directory') || '/.ssh/id_rsa')

#! table function "read_blob" is not allowed
FROM read_blob('store.duckdb.wal')

#! table function "read_json_objects_auto" is not allowed
FROM read_json_objects_auto('/etc/passwd')

#! table function "read_ndjson_auto" is not allowed
FROM read_ndjson_auto('/etc/passwd')

#! table function "parquet_scan" is not allowed
FROM parquet_scan('/tmp/x')

#! table function "parquet_schema" is not allowed
FROM parquet_schema('/tmp/x')

#! table function "parquet_file_metadata" is not allowed
FROM parquet_file_metadata('/tmp/x')

#! table function "parquet_bloom_probe" is not allowed
FROM parquet_bloom_probe('x', 'a', 1)

#! table function "arrow_scan" is not allowed
FROM arrow_scan(1, 2, 3)

#! table function "arrow_scan_dumb" is not allowed
FROM arrow_scan_dumb(1, 2, 3)

#! table function "python_map_function" is not allowed
FROM python_map_function(1)

#! table function "read_xlsx" is not allowed
FROM read_xlsx('/tmp/x')

#! table function "read_avro" is not allowed
FROM read_avro('/tmp/x')

#! table function "st_read" is not allowed
FROM st_read('/tmp/x')

#! table function "delta_scan" is not allowed
FROM delta_scan('/tmp/x')

#! table function "postgres_scan" is not allowed
FROM postgres_scan('host=127.0.0.1', 'public', 'x')

#! table function "mysql_query" is not allowed
FROM mysql_query('db', 'SELECT 1')

#! table function "sqlite_query" is not allowed
FROM sqlite_query('db', 'SELECT 1')

#! table function "http_get" is not allowed
FROM http_get('http://127.0.0.1')

#! table function "load_aws_credentials" is not allowed
FROM load_aws_credentials()

#! table function "which_secret" is not allowed
FROM which_secret('s3://x', 's3')

#! table function "duckdb_secrets" is not allowed
FROM duckdb_secrets(redact = false)

#! no relation "duckdb_databases"
FROM duckdb_databases

#! table function "duckdb_logs_parsed" is not allowed
FROM duckdb_logs_parsed('QueryLog')

#! table function "duckdb_connection_count" is not allowed
FROM duckdb_connection_count()

#! table function "duckdb_approx_database_count" is not allowed
FROM duckdb_approx_database_count()

#! table function "duckdb_which_secret" is not allowed
FROM duckdb_which_secret('x', 's3')

#! table function "duckdb_table_sample" is not allowed
FROM duckdb_table_sample('attempts')

#! table function "enable_logging" is not allowed
FROM enable_logging()

#! table function "set_config" is not allowed
FROM set_config('a', 'b')

#! table function "pragma_storage_info" is not allowed
FROM pragma_storage_info('span_facts')

#! table function "pragma_rowid" is not allowed
FROM pragma_rowid('x')

#! table function "storage_info" is not allowed
FROM storage_info('texts')

#! table function "table_info" is not allowed
FROM table_info('texts')

#! table function "show_databases" is not allowed
FROM show_databases()

#! table function "database_list" is not allowed
FROM database_list()

#! table function "test_vector_types" is not allowed
FROM test_vector_types(1)

#! table function "repeat_row" is not allowed
FROM repeat_row(1, 2, num_rows = 1000000000000)

#! table function "read_text" is not allowed
FROM unnest((SELECT list(content) FROM read_text('/etc/passwd')))

#! table function "read_text" is not allowed
FROM json_each((SELECT content FROM read_text('/etc/passwd')))

#! table function "glob" is not allowed
FROM generate_series(1, (SELECT count(*) FROM glob('/*')))

#! table function "glob" is not allowed
SELECT unnest((FROM glob('/*') SELECT list(file)))

#! function "getenv" is not allowed
SELECT max(a) OVER (PARTITION BY getenv('x') ORDER BY (FROM glob('/*'))) FROM (SELECT 1 AS a)

#! function "getenv" is not allowed
SELECT sum(n) FILTER (getenv('HOME') IS NULL) FROM range(3) t(n)

#! function "getenv" is not allowed
SELECT list(n ORDER BY getenv('HOME')) FROM range(3) t(n)

#! function "getenv" is not allowed
SELECT n FROM range(3) t(n) GROUP BY GROUPING SETS ((getenv('HOME')), (n))

#! function "getenv" is not allowed
SELECT n FROM range(3) t(n) LIMIT (SELECT length(getenv('HOME')))

#! function "getenv" is not allowed
SELECT n FROM range(3) t(n) OFFSET length(getenv('HOME'))

#! function "getenv" is not allowed
SELECT DISTINCT ON (getenv('HOME')) n FROM range(3) t(n)

#! function "getenv" is not allowed
SELECT n FROM range(3) t(n) USING SAMPLE 10% (bernoulli, 1) ORDER BY getenv('x')

#! function "getenv" is not allowed
SELECT n BETWEEN 1 AND getenv('x') FROM range(3) t(n)

#! function "getenv" is not allowed
SELECT n IN (1, getenv('x')) FROM range(3) t(n)

#! function "getenv" is not allowed
SELECT MAP {getenv('x'): 1}

#! function "getenv" is not allowed
SELECT [getenv('x') FOR y IN [1]]

#! function "getenv" is not allowed
SELECT (getenv('x'), 1)

#! function "getenv" is not allowed
SELECT 'a' COLLATE NOCASE || getenv('x')

#! function "getenv" is not allowed
SELECT CAST(getenv('x') AS INT[])

#! function "current_setting" is not allowed
SELECT EXTRACT(year FROM current_setting('TimeZone')::DATE)

#! function "getenv" is not allowed
SELECT x[getenv('x')] FROM (SELECT [1] AS x)

#! function "getenv" is not allowed
SELECT x[1:getenv('x')] FROM (SELECT [1] AS x)

#! function "getenv" is not allowed
SELECT INTERVAL (getenv('x')) DAY

#! function "getenv" is not allowed
SELECT getenv(?)

#! function "current_setting" is not allowed
SELECT current_setting($name)

#! table function "read_text" is not allowed
SELECT * FROM read_text(?)

#! function "get_env" is not allowed
SELECT get_env('HOME')

#! function "ｇetenv" is not allowed
SELECT ｇetenv('HOME')

#! function "getenv" is not allowed
SELECT GETENV ('HOME')

#! function "getenv" is not allowed
SELECT getenv/**/('HOME')

#! function "getenv" is not allowed
SELECT/**/getenv('HOME')FROM/**/attempts

#! function "getenv" is not allowed
SELECT getenv--
('HOME')

#! function "nextval" is not allowed
SELECT nextval('seq'), 1

#! function "lastval" is not allowed
SELECT lastval()

#! function "setval" is not allowed
SELECT setval('seq', 1)

#! function "pg_read_file" is not allowed
SELECT pg_read_file('/etc/passwd')

#! function "pg_ls_dir" is not allowed
SELECT pg_ls_dir('/')

#! function "lo_import" is not allowed
SELECT lo_import('/etc/passwd')

#! function "system" is not allowed
SELECT system('id')

#! function "shell" is not allowed
SELECT shell('id')

#! function "load_extension" is not allowed
SELECT load_extension('x')

#! function "dbms_output" is not allowed
SELECT dbms_output()

#! function "xp_cmdshell" is not allowed
SELECT xp_cmdshell('id')

#! function "pg_terminate_backend" is not allowed
SELECT pg_terminate_backend(1)

#! function "current_query_id" is not allowed
SELECT current_query_id()

#! function "current_transaction_id" is not allowed
SELECT current_transaction_id()

#! function "current_connection_id" is not allowed
SELECT current_connection_id()

#! function "in_search_path" is not allowed
SELECT in_search_path('store', 'main')

#! function "write_log" is not allowed
SELECT write_log('x', level := 'ERROR')

#! function "enable_logging" is not allowed
SELECT enable_logging('x')

#! function "error" is not allowed
SELECT error('stop')

#! function "sleep" is not allowed
SELECT sleep(100)

#! function "sleep_ms" is not allowed
SELECT sleep_ms(100)

#! function "setseed" is not allowed
SELECT setseed(0.1)

#! function "stats" is not allowed
SELECT stats(1)

#! function "hash_join" is not allowed
SELECT hash_join(1)

#! function "json_serialize_plan" is not allowed
SELECT json_serialize_plan('SELECT 1')

#! function "json_execute_serialized_sql" is not allowed
SELECT json_execute_serialized_sql(json_serialize_sql('SELECT 1'))

#! function "create_sort_key" is not allowed
SELECT create_sort_key(1, 'ASC')

#! function "__internal_compress_string_utinyint" is not allowed
SELECT __internal_compress_string_utinyint('a')

#! function "constant_or_null" is not allowed
SELECT constant_or_null(1, NULL)

#! function "remap_struct" is not allowed
SELECT remap_struct({'a': 1}, NULL::STRUCT(b INT), {'b': 'a'}, NULL)

#! function "replace_type" is not allowed
SELECT replace_type(1, NULL::INT, NULL::VARCHAR)

#! function "can_cast_implicitly" is not allowed
SELECT can_cast_implicitly(1, 'a')

#! function "cast_to_type" is not allowed
SELECT cast_to_type('1', NULL::INT)

#! function "get_type" is not allowed
SELECT get_type(1)

#! function "make_type" is not allowed
SELECT make_type('INTEGER')

#! function "icu_sort_key" is not allowed
SELECT icu_sort_key('a', 'de')

#! function "st_point" is not allowed
SELECT st_point(1, 2)

#! relation "INFORMATION_SCHEMA.TABLES" is not allowed
SELECT * FROM INFORMATION_SCHEMA.TABLES

#! relation "store.information_schema.tables" is not allowed
SELECT * FROM store.information_schema.tables

#! relation "pg_catalog.pg_database" is not allowed
SELECT * FROM pg_catalog.pg_database

#! relation "pg_catalog.pg_settings" is not allowed
SELECT * FROM pg_catalog.pg_settings

#! no relation "pg_class"
SELECT * FROM pg_class

#! no relation "sqlite_temp_master"
SELECT * FROM sqlite_temp_master

#! relation "temp.sqlite_master" is not allowed
SELECT * FROM temp.sqlite_master

#! relation "system.information_schema.tables" is not allowed
SELECT * FROM system.information_schema.tables

#! relation "system.pg_catalog.pg_type" is not allowed
SELECT * FROM system.pg_catalog.pg_type

#! relation "store.temp.attempts" is not allowed
SELECT * FROM "store"."temp"."attempts"

#! no relation "span_facts"
SELECT * FROM store."Main".span_facts

#! relation "..main.attempts" is not allowed
SELECT * FROM ".".main.attempts

#! no relation "/etc/passwd"
SELECT * FROM "main"."/etc/passwd"

#! no relation "span_facts"
SELECT * FROM attempts AT (VERSION => 1), span_facts

#! no relation "span_facts"
SELECT * FROM span_facts AT (TIMESTAMP => now())

#! no relation "texts"
SELECT * FROM attempts TABLESAMPLE 10%, texts TABLESAMPLE 10%

#! no relation "texts"
SELECT * FROM texts USING SAMPLE 1

#! no relation "texts"
DESCRIBE texts

#! no relation "texts"
SUMMARIZE texts

#! no relation "/etc/passwd"
DESCRIBE '/etc/passwd'

#! no relation "texts"
SHOW texts

#! no relation "x.parquet"
SHOW 'x.parquet'

#! SHOW of the catalog is not allowed
SHOW TABLES FROM system

#! no relation "texts"
FROM (DESCRIBE texts)

#! table function "read_text" is not allowed
FROM (SUMMARIZE (FROM read_text('/etc/passwd')))

#! function "getenv" is not allowed
SELECT * FROM (DESCRIBE SELECT getenv('x'))

#! PIVOT is not allowed
PIVOT texts ON id USING count(*)

#! function "getenv" is not allowed
FROM (PIVOT attempts ON status IN ('ok') USING first(getenv('x')))

#! FROM is not allowed
FROM (PIVOT attempts ON status IN (SELECT content FROM read_text('/etc/passwd')) USING count(*))

#! no relation "texts"
UNPIVOT texts ON id INTO NAME n VALUE v

#! no relation "texts"
FROM attempts UNPIVOT (v FOR n IN (getenv))  , texts

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN ANALYZE FROM attempts

#! EXPLAIN with ANALYZE or options is not allowed
EXPLAIN (ANALYZE, FORMAT json) SELECT 1

#! no relation "texts"
EXPLAIN FROM texts

#! function "getenv" is not allowed
EXPLAIN SELECT getenv('HOME')

#! table function "read_text" is not allowed
EXPLAIN (FROM read_text('/etc/passwd'))

#! no relation "texts"
EXPLAIN WITH x AS (FROM texts) FROM x

#! ATTACH is not allowed
EXPLAIN ATTACH 'x'

#! PRAGMA is not allowed
EXPLAIN PRAGMA database_list

#! EXECUTE is not allowed
EXPLAIN EXECUTE p

#! PREPARE is not allowed
PREPARE p AS DELETE FROM texts

#! EXECUTE is not allowed
EXECUTE p('x')

#! INSERT is not allowed
INSERT OR REPLACE INTO attempts VALUES (1)

#! INSERT is not allowed
INSERT INTO attempts BY NAME SELECT 1 AS attempt_id

#! UPDATE is not allowed
UPDATE attempts SET status = 'ok' RETURNING *

#! DELETE is not allowed
DELETE FROM attempts USING sessions RETURNING *

#! TRUNCATE is not allowed
TRUNCATE TABLE attempts

#! CREATE is not allowed
CREATE TABLE attempts AS FROM attempts

#! CREATE is not allowed
CREATE TEMP TABLE attempts AS SELECT 1

#! CREATE is not allowed
CREATE OR REPLACE TEMP VIEW attempts AS SELECT 1

#! CREATE is not allowed
CREATE TEMP MACRO shared_text(ids) AS 'x'

#! CREATE is not allowed
CREATE OR REPLACE TEMP FUNCTION lower(x) AS 'x'

#! CREATE is not allowed
CREATE TEMP MACRO attempts() AS TABLE SELECT 1

#! CREATE is not allowed
CREATE TYPE mood AS ENUM ('a')

#! CREATE is not allowed
CREATE INDEX i ON attempts (status)

#! CREATE is not allowed
CREATE TEMPORARY SECRET s (TYPE http, BEARER_TOKEN 'x')

#! DROP is not allowed
DROP MACRO shared_text

#! DROP is not allowed
DROP VIEW attempts CASCADE

#! DROP is not allowed
DROP SECRET s

#! ALTER is not allowed
ALTER TABLE attempts RENAME TO x

#! ALTER is not allowed
ALTER VIEW attempts RENAME TO x

#! COMMENT is not allowed
COMMENT ON COLUMN attempts.status IS 'x'

#! COPY is not allowed
COPY attempts TO '/tmp/x.csv'

#! COPY is not allowed
COPY (FROM attempts) TO '/tmp/x.parquet' (FORMAT parquet)

#! COPY is not allowed
COPY FROM DATABASE store TO x

#! COPY is not allowed
COPY texts FROM 'store.duckdb.wal'

#! EXPORT is not allowed
EXPORT DATABASE '/tmp/x' (FORMAT parquet)

#! ATTACH is not allowed
ATTACH '/work/x.duckdb' AS x (READ_ONLY)

#! ATTACH is not allowed
ATTACH IF NOT EXISTS 'store.duckdb' AS other

#! ATTACH is not allowed
ATTACH 'http://127.0.0.1/x.duckdb'

#! DETACH is not allowed
DETACH DATABASE IF EXISTS store

#! USE is not allowed
USE store.main

#! SET is not allowed
SET threads TO 64

#! SET is not allowed
SET streaming_buffer_size = '1TB'

#! SET is not allowed
SET GLOBAL memory_limit = '1TB'

#! SET is not allowed
SET enable_external_access = true

#! SET is not allowed
SET lock_configuration = false

#! SET is not allowed
SET TimeZone = 'UTC'

#! SET is not allowed
SET SCHEMA 'temp'

#! SET is not allowed
SET VARIABLE a = (FROM read_text('/etc/passwd') SELECT content)

#! RESET is not allowed
RESET VARIABLE a

#! PRAGMA is not allowed
PRAGMA memory_limit = '1TB'

#! PRAGMA is not allowed
PRAGMA import_database('/tmp/x')

#! PRAGMA is not allowed
PRAGMA storage_info('texts')

#! PRAGMA is not allowed
PRAGMA force_checkpoint

#! CALL is not allowed
CALL force_checkpoint()

#! CALL is not allowed
CALL enable_logging(storage = 'file', storage_path = '/tmp/x')

#! CALL is not allowed
CALL read_text('/etc/passwd')

#! CHECKPOINT is not allowed
CHECKPOINT store

#! FORCE is not allowed
FORCE CHECKPOINT store

#! VACUUM is not allowed
VACUUM ANALYZE attempts

#! ANALYZE is not allowed
ANALYZE attempts

#! INSTALL is not allowed
INSTALL '/tmp/x.duckdb_extension'

#! FORCE is not allowed
FORCE INSTALL httpfs

#! LOAD is not allowed
LOAD './x.duckdb_extension'

#! BEGIN is not allowed
BEGIN READ ONLY

#! BEGIN is not allowed
BEGIN TRANSACTION READ WRITE

#! COMMIT is not allowed
SELECT 1; COMMIT; BEGIN; DROP TABLE texts; SELECT 1

#! exactly one statement is allowed, got 2
SELECT 1;SELECT 2;

#! exactly one statement is allowed, got 2
;SELECT 1; ;SELECT 2

#! DROP is not allowed
SELECT 1 -- ; 
; DROP VIEW attempts

#! DROP is not allowed
SELECT $$;$$; DROP VIEW attempts

#! COPY is not allowed
SELECT $a$;$a$;COPY attempts TO '/tmp/x'

#! SET is not allowed
SELECT ';' ; SET threads = 1

#! SET is not allowed
SELECT ";" FROM (SELECT 1 AS ";") ; SET threads = 1

#! PRAGMA is not allowed
SELECT 1 /* ; */ ; PRAGMA version

#! DROP is not allowed
﻿DROP TABLE attempts

#! DROP is not allowed
/* SELECT */ DROP TABLE attempts

#! DROP is not allowed
-- SELECT 1
DROP TABLE attempts

#! no relation "texts"
VALUES (1), ((FROM texts SELECT text LIMIT 1))

#! no relation "read_text"
TABLE read_text

#! no relation "/etc/passwd"
TABLE "/etc/passwd"

#! table function "lower" is not allowed
FROM lower('x')

#! table function "attempts" is not allowed
FROM attempts('x')

#! table function "getenv" is not allowed
FROM unnest([1]), getenv('x')

#! function "getenv" is not allowed
SELECT * FROM json_tree(getenv('x'))

#! function "repeat" is called with 1000000000000
SELECT repeat('x', 1000000000000)

#! function "lpad" is called with 99999999999
SELECT lpad('x', 99999999999, 'y')

#! function "range" is called with 99999999999
SELECT range(99999999999)

#! function "list_resize" is called with 99999999999
SELECT list_resize([1], 99999999999)

#! function "repeat" is called with 20000000
SELECT * FROM attempts WHERE repeat('x', 20000000) = output_text

#! function "bar" is called with 100000000
SELECT bar(1, 0, 1, 100000000)

#! INSERT is not allowed
WITH x AS (SELECT 1) INSERT INTO attempts FROM x

#! DELETE is not allowed
WITH x AS (SELECT 1) DELETE FROM attempts
