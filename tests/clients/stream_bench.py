"""Streams long results from a running Gleaner with ADBC, and the same from DuckDB's own Python client over a snapshot of the same data.

    pip install adbc-driver-flightsql adbc-driver-manager pyarrow duckdb==1.5.5
    gleaner serve & gleaner snapshot --out snapshot
    nice -n 10 python tests/clients/stream_bench.py grpc://127.0.0.1:4319 snapshot [server's process id] [turns]

The queries are long streams, the widest relations, and the twenty of the schema's documentation. Prints, as the middle of turns that
alternate, time to the first row, total time and their ratios, and the server's resident memory in the first and the second half of the
streams. Asserts nothing. With `nice`, since the server's queries give way too: beside other work the
comparison is fair only so.
"""

import os
import pathlib
import statistics
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flight_sql
import duckdb

uri, snapshot = sys.argv[1], sys.argv[2]
pid = sys.argv[3] if len(sys.argv) > 3 else None
turns = int(sys.argv[4]) if len(sys.argv) > 4 else 5
worked = (pathlib.Path(__file__).parents[2] / "crates/store/SCHEMA.md").read_text().split("```sql\n")[1].split("```")[0]
os.chdir(snapshot)

QUERIES = {
    "10 million narrow rows": "SELECT range AS n, range % 7 AS k, 'row ' || range AS t FROM range(10000000)",
    "10 million numbers": "SELECT range AS n FROM range(10000000)",
    "10 million rows of spans": "SELECT s.span_id, s.kind, s.duration_ms, s.input_tokens, r.range FROM execution_spans s, range((SELECT 10000000 // greatest(count(*), 1) FROM execution_spans)) r",
    "240,000 rows of 8 KB": "SELECT range AS n, repeat('x', 8000) AS t FROM range(240000)",
    "spans, all columns": "SELECT * FROM execution_spans",
    "attempts, all columns": "SELECT * FROM attempts",
    "one group by": "SELECT kind, model, count(*), sum(input_tokens), avg(duration_ms) FROM execution_spans GROUP BY ALL",
    "pairs": "SELECT * FROM preference_pairs",
}
for number, query in enumerate((query for query in worked.split(";\n") if query.strip()), 1):
    QUERIES[f"worked query {number}"] = query


def resident_mib():
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) // 1024


def drain(reader, started):
    first, rows = None, 0
    for batch in reader:
        rows += batch.num_rows
        first = first or time.perf_counter() - started
    return first or time.perf_counter() - started, time.perf_counter() - started, rows


def over_flight(connection, sql):
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(sql)
        return drain(cursor.fetch_record_batch(), started)


def in_process(sql):
    connection = duckdb.connect("gleaner.duckdb", read_only=True, config={"threads": 2, "memory_limit": "1GB"})
    connection.execute("SELECT 1").fetchall()
    started = time.perf_counter()
    # As small as the server's, so that the first row is comparable.
    return drain(connection.execute(sql).to_arrow_reader(2048), started)


connection = flight_sql.connect(uri, autocommit=True)
for name, sql in QUERIES.items():
    theirs, own, halves = [], [], [[], []]
    before = resident_mib() if pid else 0
    for _ in range(turns):
        samples, done = [], threading.Event()

        def sample():
            while not done.wait(0.05):
                samples.append(resident_mib())

        if pid:
            threading.Thread(target=sample, daemon=True).start()
        theirs.append(over_flight(connection, sql))
        done.set()
        halves[0] += samples[: len(samples) // 2]
        halves[1] += samples[len(samples) // 2 :]
        own.append(in_process(sql))
    first, total = (statistics.median(turn[n] for turn in theirs) for n in (0, 1))
    own_first, own_total = (statistics.median(turn[n] for turn in own) for n in (0, 1))
    memory = "".join(
        f", {max(half, default=before)} MiB at most in the {which} half" for half, which in zip(halves, ("first", "second"))
    )
    print(
        f"{name}: {theirs[0][2]} rows ({own[0][2]} in process); first row {first * 1000:.1f} ms against {own_first * 1000:.1f} ms"
        f" ({first / own_first:.2f}), all {total:.3f} s against {own_total:.3f} s ({total / own_total:.2f})"
        + (f"; server's memory {before} MiB before{memory}" if pid else ""),
        flush=True,
    )
