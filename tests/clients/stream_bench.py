"""Streams a long result from a running Gleaner with ADBC, and the same from DuckDB's own Python client over a snapshot of the same data.

    pip install adbc-driver-flightsql adbc-driver-manager pyarrow duckdb==1.5.5
    gleaner serve & gleaner snapshot --out snapshot
    python tests/clients/stream_bench.py grpc://127.0.0.1:4319 snapshot [server's process id]

Prints time to the first row, total time and their ratios of one run, and the server's resident memory while it streams. Asserts nothing.
"""

import os
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flight_sql
import duckdb

uri, snapshot, pid = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
os.chdir(snapshot)

QUERIES = {
    "10 million narrow rows": "SELECT range AS n, range % 7 AS k, 'row ' || range AS t FROM range(10000000)",
    "spans, all columns": "SELECT * FROM execution_spans",
    "spans x 2000, texts": "SELECT s.name, s.output_text, s.attributes, r.range FROM execution_spans s, range(2000) r",
    "one group by": "SELECT kind, model, count(*), sum(input_tokens), avg(duration_ms) FROM execution_spans GROUP BY ALL",
    "pairs": "SELECT * FROM preference_pairs",
}


def resident_mib():
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) // 1024


def drain(reader, started):
    first, rows = None, 0
    for batch in reader:
        rows += batch.num_rows
        first = first or time.perf_counter() - started
    return first, time.perf_counter() - started, rows


def over_flight(sql):
    with flight_sql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()
        started = time.perf_counter()
        cursor.execute(sql)
        return drain(cursor.fetch_record_batch(), started)


def in_process(sql):
    connection = duckdb.connect("gleaner.duckdb", read_only=True, config={"threads": 2, "memory_limit": "1GB"})
    connection.execute("SELECT 1").fetchall()
    started = time.perf_counter()
    # As small as the server's, so that the first row is comparable.
    return drain(connection.execute(sql).to_arrow_reader(2048), started)


for name, sql in QUERIES.items():
    samples, done = [], threading.Event()

    def sample():
        while not done.wait(0.1):
            samples.append(resident_mib())

    before = resident_mib() if pid else 0
    if pid:
        threading.Thread(target=sample, daemon=True).start()
    first, total, rows = over_flight(sql)
    done.set()
    own_first, own_total, own_rows = in_process(sql)
    memory = f"  server's memory {before} MiB before, at most {max(samples, default=before)} MiB" if pid else ""
    print(
        f"{name}: {rows} rows ({own_rows} in process); first row {first * 1000:.0f} ms against {own_first * 1000:.0f} ms"
        f" ({first / own_first:.2f}), all {total:.2f} s against {own_total:.2f} s ({total / own_total:.2f}){memory}",
        flush=True,
    )
