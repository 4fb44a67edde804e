"""Sends numbered spans with the OpenTelemetry SDK's own exporter (argv: grpc|http, endpoint, client number, batches), as fast as they are
acknowledged. A batch whose export fails, the exporter's own retries included, is sent again: what a queue in front of it would do.
Prints the id of each span that was acknowledged, and at the end how often the exporter had given up."""

import logging
import sys
import time

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

logging.disable(logging.CRITICAL)
transport, endpoint, client, batches = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if transport == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, timeout=5)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=5, compression=Compression.Gzip)

resource = Resource({"service.name": f"python-{transport}"})
given_up = 0
for batch in range(batches):
    spans = []
    for n in range(10):
        span_id = (client << 32) | (batch * 10 + n + 1)
        context = SpanContext((client << 64) | batch + 1, span_id, is_remote=False, trace_flags=TraceFlags(1))
        now = time.time_ns()
        spans.append(
            ReadableSpan(
                name="client", context=context, kind=SpanKind.CLIENT, resource=resource,
                attributes={"text": "x" * 500, "n": n}, start_time=now, end_time=now + 1000,
            )
        )
    deadline = time.time() + 120
    while exporter.export(spans) is not SpanExportResult.SUCCESS:
        given_up += 1
        if time.time() > deadline:
            sys.exit("no acknowledgement within 120 s")
        time.sleep(0.05)
    for span in spans:
        print(f"{span.context.span_id:016x}", flush=True)
print(f"given up {given_up}", flush=True)
