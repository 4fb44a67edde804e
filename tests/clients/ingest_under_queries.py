"""Measures how long a running Gleaner takes to acknowledge spans, alone and while hostile queries run. Prints; asserts nothing.

    gleaner serve &
    python tests/clients/ingest_under_queries.py 127.0.0.1:4318 127.0.0.1:4319
"""

import http.client
import json
import sys
import threading
import time

otlp, api = sys.argv[1], sys.argv[2]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 6.0

HOSTILE = {
    "nothing": None,
    "a join without end": "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7",
    "a sort of all numbers": "SELECT * FROM range(100000000) ORDER BY hash(range) LIMIT 1 OFFSET 90000000",
    "levenshtein (runs apart)": "SELECT levenshtein(repeat('x', 100000), repeat('y', 100000))",
    "texts that double (run apart)": "SELECT length(list_reduce(list_transform(range(60), x -> 'xxxxxxxx'), (a, b) -> a || a))",
    "a long answer": "SELECT range, 'x' || range FROM range(100000000)",
}


def request(n):
    now = time.time_ns()
    spans = [
        {
            "traceId": f"{n:032x}",
            "spanId": f"{i + 1:016x}",
            "name": "chat",
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 1000),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": f"{n} {i} " * 50}]}])}},
            ],
        }
        for i in range(10)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


def ask(sql, stop):
    while not stop.is_set():
        try:
            connection = http.client.HTTPConnection(api, timeout=60)
            connection.request("POST", "/v1/sql", json.dumps({"query": sql, "format": "csv"}), {"content-type": "application/json"})
            response = connection.getresponse()
            while response.read(1 << 20) and not stop.is_set():
                pass
            connection.close()
        except (OSError, http.client.HTTPException):
            pass


count = int(time.time()) << 20
for name, sql in HOSTILE.items():
    stop = threading.Event()
    askers = [threading.Thread(target=ask, args=(sql, stop), daemon=True) for _ in range(2)] if sql else []
    for asker in askers:
        asker.start()
    if askers:
        time.sleep(1)
    connection = http.client.HTTPConnection(otlp, timeout=60)
    took, until = [], time.time() + SECONDS
    while time.time() < until:
        count += 1
        body = request(count)
        started = time.perf_counter()
        connection.request("POST", "/v1/traces", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        took.append((time.perf_counter() - started) * 1000)
        time.sleep(0.01)
    stop.set()
    took.sort()
    print(f"{name:30s} {len(took):5d} acknowledgements, p50 {took[len(took) // 2]:6.1f} ms, p99 {took[int(len(took) * 0.99)]:6.1f} ms, most {took[-1]:6.1f} ms", flush=True)
    time.sleep(3)
