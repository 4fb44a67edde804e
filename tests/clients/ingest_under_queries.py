"""Measures how long a running Gleaner takes to acknowledge spans, alone and while hostile queries run. Prints; asserts nothing.

    gleaner serve &
    python tests/clients/ingest_under_queries.py 127.0.0.1:4318 127.0.0.1:4319 [seconds of a turn] [turns]

Each kind of query has its turns between turns without any, so that what else the machine does falls on both; of the turns' p99 the middle one
counts, so that a disk that stalls once does not. Those who ask are processes of
their own, two of them, which give way to everything else as clients on other machines would.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time

HOSTILE = {
    "a join without end": "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7",
    "a sort of all numbers": "SELECT * FROM range(100000000) ORDER BY hash(range) LIMIT 1 OFFSET 90000000",
    "a group of all numbers": "SELECT range % 30000000, count(*) FROM range(100000000) GROUP BY ALL ORDER BY 2 LIMIT 1",
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


def ask(api, sql):
    """Asks without end."""
    os.nice(19)
    while True:
        try:
            connection = http.client.HTTPConnection(api, timeout=60)
            connection.request("POST", "/v1/sql", json.dumps({"query": sql, "format": "csv"}), {"content-type": "application/json"})
            response = connection.getresponse()
            while response.read(1 << 20):
                pass
            connection.close()
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)


count = int(time.time()) << 20


def turn(otlp, seconds):
    global count
    connection = http.client.HTTPConnection(otlp, timeout=60)
    took, until = [], time.time() + seconds
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
    connection.close()
    return took


def p99(took):
    return sorted(took)[int(len(took) * 0.99)]


def main(otlp, api, seconds=4.0, turns=5):
    def told(name, parts):
        took = sorted(sum(parts, []))
        middle = statistics.median(p99(part) for part in parts)
        print(
            f"{name:32s} {len(took):5d} acknowledgements, p50 {took[len(took) // 2]:6.1f} ms,"
            f" p99 {p99(took):6.1f} ms, of the middle turn {middle:6.1f} ms, most {took[-1]:6.1f} ms",
            flush=True,
        )
        return middle

    turn(otlp, 2)
    for name, sql in HOSTILE.items():
        alone, beside = [], []
        for _ in range(int(turns)):
            alone.append(turn(otlp, float(seconds)))
            askers = [subprocess.Popen([sys.executable, __file__, "ask", api, sql]) for _ in range(2)]
            time.sleep(1)
            beside.append(turn(otlp, float(seconds)))
            for asker in askers:
                asker.kill()
                asker.wait()
            time.sleep(1)
        before = told("without", alone)
        print(f"{'':32s} p99 of the middle turn {told(name, beside) / before:.2f} times", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        ask(*sys.argv[2:])
    main(*sys.argv[1:])
