"""A small agent that uses a tool, run in four variants (lineages A to D), traced with the ordinary OpenTelemetry SDK.

Nothing here is special to Gleaner but the `gleaner.*` attributes on the span of each attempt, which say what belongs
together. The model calls are traced by a public instrumentation library.
"""

import json
import os
import time

from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import fake_model

NEED = "Announce release 2.4 to our customers."
LINEAGES = {
    "A": "You write announcements as a bullet list.",
    "B": "You write announcements as one plain paragraph.",
    "C": "You write announcements that open with a headline.",
    "D": "You write announcements that open with a joke.",
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "search_notes",
            "description": "Searches the release notes.",
            "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
        },
    }
]
MAX_TURNS = 5


def set_up_tracing():
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    provider = TracerProvider(resource=Resource.create({"service.name": "announcer"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return provider


def connect_to_model():
    """The server of OPENAI_BASE_URL and OPENAI_API_KEY if either is set, else the stand-in."""
    key, url = os.environ.get("OPENAI_API_KEY"), os.environ.get("OPENAI_BASE_URL")
    if not (key or url):
        return OpenAI(base_url=fake_model.start(), api_key="none")
    return OpenAI(base_url=url, api_key=key or "none")


def search_notes(query):
    tracer = trace.get_tracer("announcer")
    attributes = {
        "openinference.span.kind": "TOOL",
        "tool.name": "search_notes",
        "input.value": json.dumps({"query": query}),
        "input.mime_type": "application/json",
    }
    with tracer.start_as_current_span("search_notes", attributes=attributes) as span:
        notes = "2.4: exports 3x faster; dark mode follows the system; 2.2 reaches its end on 1 March"
        span.set_attribute("output.value", notes)
        return notes


def run_attempt(client, session, lineage, cycle, attempt):
    """One attempt: the model, the tool, the model again. All its spans lie under one that carries the keys."""
    tracer = trace.get_tracer("announcer")
    attributes = {
        "openinference.span.kind": "AGENT",
        "gleaner.session.id": session,
        "gleaner.session.need": NEED,
        "gleaner.lineage.label": lineage,
        "gleaner.rollout.cycle": cycle,
        "gleaner.attempt.number": attempt,
        "gleaner.agent.name": f"announcer-{lineage}",
        "gleaner.agent.version": "v1",
        "input.value": NEED,
    }
    messages = [{"role": "system", "content": LINEAGES[lineage]}, {"role": "user", "content": NEED}]
    with tracer.start_as_current_span(f"announcer {lineage}", attributes=attributes) as span:
        for _ in range(MAX_TURNS):
            model = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
            reply = client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message
            messages.append(reply.model_dump(exclude_none=True))
            if not reply.tool_calls:
                span.set_attribute("output.value", reply.content)
                return reply.content
            for call in reply.tool_calls:
                result = search_notes(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        raise RuntimeError(f"no answer after {MAX_TURNS} turns")


def main():
    provider = set_up_tracing()
    client = connect_to_model()
    session = time.strftime("announce-%Y%m%d-%H%M%S")
    for lineage in LINEAGES:
        print(f"--- {lineage}\n{run_attempt(client, session, lineage, cycle=1, attempt=1)}\n")
    # Sends what is still waiting.
    provider.shutdown()
    print(f"Now judge them:  python feedback.py {session}")


if __name__ == "__main__":
    main()
