"""Runs the twenty queries of the schema's documentation over a running Gleaner with ADBC, while spans are sent to it, and checks that each
answers and that none misses what was acknowledged before it began.

    pip install adbc-driver-flightsql adbc-driver-manager pyarrow
    gleaner serve &
    python tests/clients/worked_queries.py grpc://127.0.0.1:4319 127.0.0.1:4318 [turns]

It adds spans of a trace of its own for each request that it sends.
"""

import http.client
import json
import pathlib
import statistics
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flight_sql
from checks import check, passed

uri, otlp = sys.argv[1], sys.argv[2]
turns = int(sys.argv[3]) if len(sys.argv) > 3 else 3
chapter = (pathlib.Path(__file__).parents[2] / "crates/store/SCHEMA.md").read_text().split("```sql\n")[1].split("```")[0]
worked = [query for query in chapter.split(";\n") if query.strip()]
mark = f"load-{time.time_ns()}"
acknowledged, stop = 0, threading.Event()


def send():
    """Sends requests of ten spans, one after the other, until it is told to stop."""
    global acknowledged
    connection = http.client.HTTPConnection(otlp, timeout=60)
    first = time.time_ns()
    while not stop.is_set():
        now = time.time_ns()
        spans = [
            {"traceId": f"{first + acknowledged:032x}", "spanId": f"{n + 1:016x}", "name": mark, "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1000)}
            for n in range(10)
        ]
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        connection.request("POST", "/v1/traces", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        acknowledged += 1
        time.sleep(0.005)


sender = threading.Thread(target=send, daemon=True)
sender.start()
times = {}
with flight_sql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
    for _ in range(turns):
        for number, query in enumerate(worked, 1):
            before = acknowledged
            started = time.perf_counter()
            cursor.execute(query)
            rows = cursor.fetch_arrow_table().num_rows
            times.setdefault(number, []).append((time.perf_counter() - started, rows))
            cursor.execute("SELECT count(*) FROM execution_spans WHERE name = ?", (mark,))
            seen = cursor.fetchone()[0]
            assert seen >= before * 10, f"{seen} spans, {before * 10} were acknowledged before"
stop.set()
sender.join()
check(len(times) == 20, f"{len(times)} queries answered, {acknowledged * 10} spans sent meanwhile")
check(True, f"{turns * len(times)} reads were fresh")
for number, taken in times.items():
    print(f"query {number}: {taken[-1][1]} rows, {statistics.median(seconds for seconds, _ in taken) * 1000:.0f} ms")
passed()
