#!/usr/bin/env python3
"""How fast exports are, beside a plain COPY of the same rows by DuckDB, and how much memory they take.

    pip install duckdb==1.5.5
    python tests/exports/measure.py make DIR --spans 100000 [--profile short|agent]     makes the data, by `gleaner import`
    python tests/exports/measure.py rate DIR [--kinds trajectory] [--turns 5]            export and COPY in alternating turns
    python tests/exports/measure.py memory DIR… [--kinds trajectory]                     largest resident size of each export

GLEANER names the program (default: target/release/gleaner). The data is made from a fixed seed and repeats nothing between traces:

    short   two spans an attempt: an agent and its one call of a model. Fixed costs of an attempt count most.
    agent   twelve spans an attempt: six calls with the whole conversation before each, five calls of tools.

Four attempts (lineages A to D) make a session; every attempt has a score, so that `sft` and `preference` have rows as well.

What an export is compared with, since each is fair to something else:

    copy of rows    COPY of the very rows of the export, a table in memory already: nothing is read, nothing put together
    read of views   with --views: the messages of each attempt out of the public relations by `gleaner sql` (whole commands, as the export is)
    copy by macro   with --macro, once: COPY of those by DuckDB alone from the store at rest: texts are put together in SQL

Prints medians and ratios of one run. Asserts nothing.
"""

import argparse
import glob
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

GLEANER = os.environ.get("GLEANER", "target/release/gleaner")
SPANS_PER_TRACE = {"short": 2, "agent": 12}
SPANS_PER_REQUEST = 480
FILE_REQUESTS = 40

SYLLABLES = "ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu ra re ri ro ru sa se si so su ta te".split()
TOOL = {
    "type": "function",
    "name": "search",
    "description": "Searches the shop's documents for a phrase and returns the passages that fit best.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["query"]},
}


class Words:
    """Texts that compress about as prose does."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.known = ["".join(self.random.choices(SYLLABLES, k=self.random.randint(1, 4))) for _ in range(20000)]

    def text(self, words):
        return " ".join(self.random.choices(self.known, k=words))


def attributes(values):
    return [{"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}} for key, value in values.items()]


def span(trace, number, parent, name, values):
    start = 1_790_000_000_000_000_000 + trace * 60_000_000_000 + number * 1_000_000_000
    made = {
        "traceId": f"{trace + 1:032x}",
        "spanId": f"{trace * 16 + number + 1:016x}",
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 900_000_000),
        "attributes": attributes(values),
        "status": {},
    }
    if parent is not None:
        made["parentSpanId"] = f"{trace * 16 + parent + 1:016x}"
    return made


def text(role, content):
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def attempt(words, trace, profile):
    session, lineage = trace // 4, "ABCD"[trace % 4]
    shared = random.Random(session)
    question = text("user", f"Question {session}: " + " ".join(shared.choices(words.known, k=60)))
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": f"researcher-{lineage}",
        "gleaner.session.id": f"s-{session}",
        "gleaner.lineage.label": lineage,
        "gleaner.rollout.cycle": "1",
    }
    system = [{"type": "text", "content": f"You are researcher {lineage}. Answer from the documents alone, and say where each fact stands."}]
    spans = [span(trace, 0, None, "invoke_agent researcher", agent)]
    messages = [question]
    for number in range(1, SPANS_PER_TRACE[profile]):
        if number % 2 == 0:
            result = words.text(110)
            call = f"call_{trace}_{number}"
            messages.append({"role": "tool", "parts": [{"type": "tool_call_response", "id": call, "response": result}]})
            values = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": call, "gen_ai.tool.call.result": result}
            spans.append(span(trace, number, 0, "execute_tool search", values))
            continue
        is_last = number + 1 >= SPANS_PER_TRACE[profile]
        if is_last:
            parts = [{"type": "text", "content": words.text(120)}]
        else:
            arguments = {"query": words.text(6), "limit": 5}
            parts = [{"type": "text", "content": words.text(30)}, {"type": "tool_call", "id": f"call_{trace}_{number + 1}", "name": "search", "arguments": arguments}]
        answer = {"role": "assistant", "parts": parts, "finish_reason": "stop" if is_last else "tool_calls"}
        values = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.system_instructions": system,
            "gen_ai.tool.definitions": [TOOL],
            "gen_ai.input.messages": messages,
            "gen_ai.output.messages": [answer],
        }
        spans.append(span(trace, number, 0, "chat gpt-4o-mini", values))
        messages.append({key: value for key, value in answer.items() if key != "finish_reason"})
    return spans


def make(args):
    words = Words(7)
    traces = args.spans // SPANS_PER_TRACE[args.profile]
    with tempfile.TemporaryDirectory(dir=args.parent) as folder:
        number, pending, lines, files = 0, [], [], []

        def end_file():
            if not lines:
                return
            path = os.path.join(folder, f"{len(files):06d}.jsonl")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            files.append(path)
            lines.clear()
            # One call a handful of files: `import` reads all of its files before it begins.
            subprocess.run([GLEANER, "import", "--data", args.dir, path], check=True, stdout=subprocess.DEVNULL)
            os.remove(path)

        for trace in range(traces):
            pending += attempt(words, trace, args.profile)
            number += 1
            if len(pending) >= SPANS_PER_REQUEST or trace + 1 == traces:
                scope = {"scope": {"name": "measure"}, "spans": pending}
                lines.append(json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]}))
                pending = []
                if len(lines) >= FILE_REQUESTS:
                    end_file()
        end_file()
        score(args.dir, traces, folder)
    print(f"{traces} attempts of {SPANS_PER_TRACE[args.profile]} spans in {args.dir}")


def score(data, traces, folder):
    """Gives every attempt an overall score, from a reviewer of its own session's."""
    chance = random.Random(11)
    path = os.path.join(folder, "scores.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for trace in range(traces):
            evaluation = {"target": {"trace_id": f"{trace + 1:032x}"}, "score": 1 + chance.randrange(19) / 2}
            item = {"idempotency_key": f"score-{trace}", "reviewer": f"reviewer-{trace // 4 % 20}", "source": "SOURCE_HUMAN", "evaluation": evaluation}
            file.write(json.dumps(item) + "\n")
    addresses = [free_address() for _ in range(3)]
    named = [word for pair in zip(("--otlp-grpc", "--otlp-http", "--api"), addresses) for word in pair]
    server = subprocess.Popen([GLEANER, "serve", "--data", data, *named], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_ready(addresses[2]):
            if server.poll() is not None:
                sys.exit("gleaner serve failed")
            time.sleep(0.1)
        subprocess.run([GLEANER, "feedback", "--api", addresses[2], "--json", path], check=True, stdout=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()


def is_ready(address):
    try:
        return urllib.request.urlopen(f"http://{address}/readyz").status == 200
    except OSError:
        return False


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def timed(command, out=os.devnull):
    with open(out, "wb") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return took, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def export(data, kinds, out, more=()):
    shutil.rmtree(out, ignore_errors=True)
    return timed([GLEANER, "export", *kinds, "--data", data, "--out", out, *more])


# What a trainer would need of an attempt, no more.
MESSAGES = (
    "SELECT a.attempt_id, a.session_id, a.status, c.system_prompt, c.input_messages, c.output_messages, c.tool_definitions "
    "FROM attempts a LEFT JOIN execution_spans c ON c.project = a.project AND c.attempt_id = a.attempt_id "
    "AND c.trace_id = a.conversation_trace_id AND c.span_id = a.conversation_span_id"
)


def rate(args):
    import duckdb

    folder = tempfile.mkdtemp(dir=args.parent)
    out = os.path.join(folder, "export")
    times = {"export": [], "copy of rows": [], "read of views": [], "copy by macro": []}
    export(args.dirs[0], args.kinds, out)
    memory = duckdb.connect(config={"threads": 2})
    files = [path for kind in args.kinds for path in glob.glob(os.path.join(out, f"{kind}.jsonl"))]
    size = sum(os.path.getsize(path) for path in files)
    for number, path in enumerate(files):
        memory.execute(f"CREATE TABLE rows_{number} AS SELECT * FROM read_json(?, format='newline_delimited', maximum_object_size=67108864)", [path])
    count = sum(memory.execute(f"SELECT count(*) FROM rows_{n}").fetchone()[0] for n in range(len(files)))
    print(f"{args.dirs[0]}: {count} rows, {size / 1e6:.0f} MB")
    for turn in range(args.turns):
        took, _, cpu = export(args.dirs[0], args.kinds, out, args.more)
        times["export"].append((took, cpu))
        started = time.perf_counter(), time.process_time()
        for number in range(len(files)):
            memory.execute(f"COPY rows_{number} TO '{folder}/rows.json' (FORMAT json)")
        times["copy of rows"].append((time.perf_counter() - started[0], time.process_time() - started[1]))
        if args.views:
            took, _, cpu = timed([GLEANER, "sql", "--data", args.dirs[0], "--format", "jsonl", MESSAGES], os.path.join(folder, "views.jsonl"))
            times["read of views"].append((took, cpu))
        if args.macro and turn == 0:
            store = duckdb.connect(os.path.join(args.dirs[0], "store.duckdb"), read_only=True, config={"threads": 2, "memory_limit": "1GB"})
            started = time.perf_counter(), time.process_time()
            store.execute(f"COPY ({MESSAGES}) TO '{folder}/macro.json' (FORMAT json)")
            times["copy by macro"].append((time.perf_counter() - started[0], time.process_time() - started[1]))
            store.close()
    memory.close()
    middle = lambda taken: [statistics.median(part) for part in zip(*taken)]  # noqa: E731
    own = middle(times["export"])
    for name, taken in times.items():
        if taken:
            wall, cpu = middle(taken)
            print(f"  {name:14} {wall:6.2f} s, {cpu:6.2f} s of processors; export takes {own[0] / wall:.2f} times the time, {own[1] / cpu:.2f} times the processors")
    shutil.rmtree(folder)


def memory(args):
    folder = tempfile.mkdtemp(dir=args.parent)
    first = None
    for data in args.dirs:
        took, resident, cpu = min((export(data, args.kinds, os.path.join(folder, "export"), args.more) for _ in range(args.turns)), key=lambda run: run[1])
        first = first or resident
        print(f"{data}: {' '.join(args.kinds)} {took:.1f} s, {cpu:.1f} s of processors, {resident:.0f} MB resident, {resident / first:.2f} times the first")
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parent", help="where temporary files go")
    commands = parser.add_subparsers(required=True)
    of_make = commands.add_parser("make")
    of_make.add_argument("dir")
    of_make.add_argument("--spans", type=int, default=100_000)
    of_make.add_argument("--profile", choices=SPANS_PER_TRACE, default="agent")
    of_make.set_defaults(run=make)
    for name, run in (("rate", rate), ("memory", memory)):
        of = commands.add_parser(name)
        of.add_argument("dirs", nargs="+")
        of.add_argument("--kinds", type=lambda kinds: kinds.split(","), default=["trajectory"])
        of.add_argument("--turns", type=int, default=5 if name == "rate" else 1)
        of.add_argument("--views", action="store_true")
        of.add_argument("--macro", action="store_true")
        of.add_argument("--more", type=str.split, default=[])
        of.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
