"""Speaks to a running Gleaner with ADBC's Flight SQL driver, as a notebook would, and checks what comes back.

    pip install adbc-driver-flightsql adbc-driver-manager pyarrow pandas polars
    gleaner serve &
    python tests/clients/flight_sql.py [grpc://127.0.0.1:4319]

Guarantees: execute, pandas and Polars frames, parameters as values, catalogs, tables, columns with their remarks, table schema, server
info, cancelling, refusals with their reason. It changes nothing in the store and needs no data in it.
"""

import datetime
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import polars
from checks import check, passed, refused

uri = sys.argv[1] if len(sys.argv) > 1 else "grpc://127.0.0.1:4319"
connection = flight_sql.connect(uri, autocommit=True)


def refused_query(sql, reason):
    def call():
        with connection.cursor() as cursor:
            cursor.execute(sql)
            cursor.fetchall()

    refused(sql[:60], call, reason)


with connection.cursor() as cursor:
    cursor.execute("SELECT 42 AS n, 'ü' AS t, NULL AS nothing, TIMESTAMP '2026-01-02 03:04:05' AS at, [1, 2] AS list")
    check(cursor.description[0][0] == "n", "columns are described")
    check(cursor.fetchone() == (42, "ü", None, datetime.datetime(2026, 1, 2, 3, 4, 5), [1, 2]), "values keep their types")

    cursor.execute("SELECT range AS n, 'x' || range AS t FROM range(100000)")
    frame = cursor.fetch_df()
    check(len(frame) == 100_000 and frame["n"].sum() == 4_999_950_000, "a pandas frame of 100,000 rows")

    cursor.execute("SELECT kind, count(*) AS n FROM execution_spans GROUP BY kind ORDER BY kind")
    frame = polars.from_arrow(cursor.fetch_arrow_table())
    check(frame.columns == ["kind", "n"], f"a Polars frame: {frame.shape}")
    frame = polars.read_database("SELECT 1 AS one", connection)
    check(frame.to_dicts() == [{"one": 1}], "Polars reads over the connection")

    hostile = "x'; DROP TABLE attempts; --"
    cursor.execute("SELECT ? AS a, ? + 1 AS b, ? AS c, ? AS d", (hostile, 41, None, datetime.date(2026, 1, 2)))
    check(cursor.fetchone() == (hostile, 42, None, datetime.date(2026, 1, 2)), "parameters are values")
    cursor.execute("SELECT ? * 2 AS b", (4.5,))
    check(cursor.fetchone() == (9.0,), "a prepared statement takes other values")
    cursor.adbc_prepare("SELECT ? AS a")
    check(True, "prepare without values")

    cursor.execute("SELECT a, b, a FROM (SELECT 1 AS a, 2 AS b)")
    check([c[0] for c in cursor.description] == ["a", "b", "a_1"], "equal names are told apart")
    cursor.execute("SHOW TABLES")
    relations = [row[0] for row in cursor.fetchall()]
    check("attempts" in relations and len(relations) > 20, f"{len(relations)} relations")

schema = connection.adbc_get_table_schema("attempts")
check("latency_ms" in schema.names, "table schema")
metadata = schema.field("latency_ms").metadata or {}
check(metadata.get(b"ARROW:FLIGHT:SQL:TYPE_NAME") == b"DOUBLE", f"column metadata: {metadata.get(b'ARROW:FLIGHT:SQL:REMARKS')}")
objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
tables = objects[0]["catalog_db_schemas"][0]["db_schema_tables"]
check(objects[0]["catalog_name"] == "store" and len(tables) == len(relations), "get_objects lists every relation")
columns = next(t for t in tables if t["table_name"] == "evaluations")["table_columns"]
check([c["column_name"] for c in columns][:2] == ["evaluation_id", "session_id"], "… with its columns")
few = connection.adbc_get_objects(depth="tables", table_name_filter="eval%").read_all().to_pylist()
check([t["table_name"] for t in few[0]["catalog_db_schemas"][0]["db_schema_tables"]] == ["evaluations"], "… and filters")
info = connection.adbc_get_info()
check(info["vendor_name"] == "Gleaner", f"info: {info}")
check(connection.adbc_get_table_types() == ["VIEW"], "table types")

refused_query("DROP TABLE attempts", "DROP is not allowed")
refused_query("SELECT * FROM read_csv('/etc/passwd')", "read_csv")
refused_query("SELECT 1; SELECT 2", "exactly one statement")
refused_query("SELECT nothing FROM attempts", "nothing")
refused_query("SELECT * FROM span_facts", "no relation")
with connection.cursor() as cursor:
    try:
        cursor.execute("SELECT CASE WHEN range < 90000 THEN 1 ELSE CAST('x' || range AS INTEGER) END AS n FROM range(100000)")
        cursor.fetchall()
        raise AssertionError("a late error was lost")
    except adbc_driver_manager.Error as error:
        check("Could not convert" in str(error), "an error in the midst of the rows is told")
try:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO attempts VALUES (?)", [(1,), (2,)])
    raise AssertionError("executemany wrote")
except adbc_driver_manager.Error as error:
    check("INSERT is not allowed" in str(error), "executemany is refused")

cursor = connection.cursor()
started = time.monotonic()
threading.Timer(0.5, cursor.adbc_cancel).start()
try:
    cursor.execute("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7")
    cursor.fetchall()
    raise AssertionError("not cancelled")
except adbc_driver_manager.Error as error:
    took = time.monotonic() - started
    check(took < 10, f"cancelled after {took:.1f} s: {str(error)[:80]}")
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
    check(cursor.fetchone() == (1,), "the next query is answered")
connection.close()
passed()
