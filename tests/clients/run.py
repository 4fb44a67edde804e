#!/usr/bin/env python3
"""The OpenTelemetry SDKs' exporters for Python and JavaScript, over gRPC and HTTP, against a server that is killed and started again.

    python3 -m venv V && V/bin/pip install opentelemetry-sdk opentelemetry-exporter-otlp
    npm --prefix M install @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace-base \\
        @opentelemetry/exporter-trace-otlp-grpc @opentelemetry/exporter-trace-otlp-proto @opentelemetry/exporter-trace-otlp-http
    V/bin/python tests/clients/run.py --gleaner target/release/gleaner --node-modules M [--kills 8] [--batches 150]

Guarantees: every span whose export was acknowledged is there once, and none is there twice. Prints what each client did."""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


class Server:
    """The binary on ports that stay the same over restarts."""

    def __init__(self, binary, data):
        self.grpc, self.http, self.api = free_port(), free_port(), free_port()
        self.command = [binary, "serve", "--data", data]
        for flag, port in (("--otlp-grpc", self.grpc), ("--otlp-http", self.http), ("--api", self.api)):
            self.command += [flag, f"127.0.0.1:{port}"]

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        deadline = time.time() + 60
        while time.time() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.api}/readyz", timeout=5)
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        sys.exit("the server ended, or is not ready after 60 s")

    def kill(self):
        self.process.kill()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gleaner", required=True)
    parser.add_argument("--node-modules", required=True, help="where npm installed the packages")
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--batches", type=int, default=150, help="of ten spans, for each client")
    args = parser.parse_args()
    random.seed(1)

    with tempfile.TemporaryDirectory() as data:
        server = Server(args.gleaner, data)
        server.start()
        env = {**os.environ, "CLIENT_MODULES": str(Path(args.node_modules).resolve())}
        programs = {
            "python grpc": [sys.executable, HERE / "client.py", "grpc"],
            "python http/protobuf gzip": [sys.executable, HERE / "client.py", "http"],
            "javascript grpc": ["node", HERE / "client.mjs", "grpc"],
            "javascript http/protobuf": ["node", HERE / "client.mjs", "proto"],
            "javascript http/json": ["node", HERE / "client.mjs", "json"],
        }
        clients = {}
        for number, (name, program) in enumerate(programs.items(), 1):
            port = server.grpc if name.endswith("grpc") else server.http
            command = [*program, f"http://127.0.0.1:{port}", str(number), str(args.batches)]
            clients[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        for _ in range(args.kills):
            time.sleep(random.uniform(0.5, 2.5))
            server.kill()
            time.sleep(random.uniform(0.0, 1.0))
            server.start()
        acknowledged, failed = {}, False
        for name, client in clients.items():
            *ids, last = client.communicate()[0].split("\n")[:-1]
            acknowledged[name] = ids
            print(f"{name:28} {len(ids):6} spans acknowledged, the exporter had {last}")
            failed |= client.returncode != 0

        api = f"http://127.0.0.1:{server.api}/v1/sql"
        rows = post(api, {"query": "SELECT span_id, count(*) AS n FROM execution_spans GROUP BY span_id"})
        stored = {row["span_id"]: row["n"] for row in rows}
        server.kill()
        sent = [span for ids in acknowledged.values() for span in ids]
        lost = [span for span in sent if span not in stored]
        twice = [span for span, n in stored.items() if n > 1]
        print(f"{len(sent)} acknowledged, {len(stored)} stored, {len(lost)} lost, {len(twice)} twice, {args.kills} kills")
        if failed or lost or twice or not sent:
            sys.exit("FAILED")


if __name__ == "__main__":
    main()
