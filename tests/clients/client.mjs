// Sends numbered spans with the OpenTelemetry SDK's own exporters for JavaScript; arguments and output as client.py. Transports: grpc, proto, json.
import { createRequire } from "node:module";

// The packages lie where the test was told to look (NODE_PATH does not hold for imports).
const require = createRequire(`${process.env.CLIENT_MODULES}/package.json`);
const { diag, SpanKind } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
diag.disable();
const [transport, endpoint, clientText, batchesText] = process.argv.slice(2);
const [client, batches] = [BigInt(clientText), Number(batchesText)];
const packages = { grpc: "exporter-trace-otlp-grpc", proto: "exporter-trace-otlp-proto", json: "exporter-trace-otlp-http" };
const { OTLPTraceExporter } = require(`@opentelemetry/${packages[transport]}`);
const url = transport === "grpc" ? endpoint : `${endpoint}/v1/traces`;
const exporter = new OTLPTraceExporter({ url, timeoutMillis: 5000, compression: "gzip" });
const resource = resourceFromAttributes({ "service.name": `javascript-${transport}` });
const hex = (value, digits) => value.toString(16).padStart(digits, "0");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let givenUp = 0;
for (let batch = 0; batch < batches; batch++) {
  const spans = Array.from({ length: 10 }, (_, n) => {
    const now = Date.now();
    const context = {
      traceId: hex((client << 64n) | BigInt(batch + 1), 32),
      spanId: hex((client << 32n) | BigInt(batch * 10 + n + 1), 16),
      traceFlags: 1,
    };
    return {
      name: "client", kind: SpanKind.CLIENT, spanContext: () => context, resource, instrumentationScope: { name: "clients" },
      startTime: [Math.floor(now / 1000), 0], endTime: [Math.floor(now / 1000), 1000], duration: [0, 1000], ended: true,
      status: { code: 0 }, attributes: { text: "x".repeat(500), n }, links: [], events: [],
      droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0,
    };
  });
  const deadline = Date.now() + 120_000;
  for (;;) {
    const result = await new Promise((resolve) => exporter.export(spans, resolve));
    if (result.code === 0) break;
    givenUp++;
    if (Date.now() > deadline) throw new Error(`no acknowledgement within 120 s: ${result.error}`);
    await pause(50);
  }
  for (const span of spans) console.log(span.spanContext().spanId);
}
console.log(`given up ${givenUp}`);
process.exit(0);
