"""The plainest durable receiver: OTLP over gRPC into SQLite, one transaction a request with a full sync before the answer, attributes as JSON.
The baseline of the benchmark; usage: collector.py PORT FILE"""

import json
import signal
import sqlite3
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

port, path = sys.argv[1], sys.argv[2]
database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute(
    "CREATE TABLE spans (trace_id BLOB, span_id BLOB, parent_span_id BLOB, name TEXT, kind INTEGER, start_ns INTEGER, end_ns INTEGER,"
    " status INTEGER, resource TEXT, attributes TEXT)"
)
database.execute("CREATE INDEX spans_by_trace ON spans (trace_id)")
writing = threading.Lock()


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value(element) for element in any_value.array_value.values]
    if kind == "kvlist_value":
        return pairs(any_value.kvlist_value.values)
    if kind == "bytes_value":
        return any_value.bytes_value.hex()
    return getattr(any_value, kind)


def pairs(attributes):
    return {pair.key: value(pair.value) for pair in attributes}


def rows(request):
    for of_resource in request.resource_spans:
        resource = json.dumps(pairs(of_resource.resource.attributes))
        for scope in of_resource.scope_spans:
            for span in scope.spans:
                yield (
                    span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind, span.start_time_unix_nano,
                    span.end_time_unix_nano, span.status.code, resource, json.dumps(pairs(span.attributes)),
                )


def export(request, context):
    new = list(rows(request))
    with writing:
        database.execute("BEGIN")
        database.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new)
        database.execute("COMMIT")
    return service.ExportTraceServiceResponse()


handler = grpc.unary_unary_rpc_method_handler(
    export,
    request_deserializer=service.ExportTraceServiceRequest.FromString,
    response_serializer=service.ExportTraceServiceResponse.SerializeToString,
)
name = "opentelemetry.proto.collector.trace.v1.TraceService"
server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 64 << 20)])
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": handler}),))
server.add_insecure_port(f"127.0.0.1:{port}")
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(1))
server.wait_for_termination()
