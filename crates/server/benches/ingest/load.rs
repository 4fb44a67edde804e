//! The load: traces as agents send them, and clients that send them in a closed loop.
//!
//! A trace is an agent's run: model calls and tool calls in turn, each model call with the whole conversation before it. Requests are encoded once; for every
//! sending, trace ids and a word of each conversation are overwritten, so that nothing is a repetition of what was sent before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleaner_server::RawCodec;
use gleaner_wire::proto::Message as _;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::proto::common::v1::{AnyValue, KeyValue, any_value::Value};
use gleaner_wire::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::json;

const CONNECTIONS: usize = 4;
/// Requests that are sent in turn.
const POOL_REQUESTS: u64 = 24;
/// A trace id and a conversation's own word before they are overwritten: this, and a number.
const TRACE_MARK: &[u8; 8] = b"\xffTRACE\xff\xff";
const WORD_MARK: &str = "WORD####";

/// What the spans are like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// About 5.8 KB a span, 12 spans a trace, 100 spans a request.
    Agent,
    /// 100 to 200 KB a span, 20 a request.
    Large,
    /// Traces of 10,000 spans, 100 a request.
    Deep,
}

impl Profile {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "agent" => Self::Agent,
            "large" => Self::Large,
            "deep" => Self::Deep,
            other => panic!("unknown profile {other}, want agent, large or deep"),
        }
    }

    /// Spans a request, spans a trace within it, bytes of one message.
    fn shape(self) -> (u64, u64, usize) {
        match self {
            Self::Agent => (100, 12, 1_500),
            Self::Large => (20, 10, 32_000),
            Self::Deep => (100, 100, 300),
        }
    }
}

/// Encoded requests, and where to overwrite them.
pub(crate) struct Pool {
    requests: Vec<Template>,
    sent: AtomicU64,
    is_deep: bool,
}

struct Template {
    body: Vec<u8>,
    spans: usize,
    trace_ids: Vec<usize>,
    words: Vec<usize>,
}

impl Pool {
    pub(crate) fn new(profile: Profile) -> Self {
        let requests = (0..POOL_REQUESTS).map(|n| Template::new(profile, n)).collect();
        Self { requests, sent: AtomicU64::new(0), is_deep: matches!(profile, Profile::Deep) }
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.requests.iter().map(|request| request.body.len()).sum()
    }

    pub(crate) fn spans(&self) -> usize {
        self.requests.iter().map(|request| request.spans).sum()
    }

    pub(crate) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.requests.iter().map(|request| request.body.as_slice())
    }

    /// The next request, unlike all before it, and how many spans it has.
    fn next(&self) -> (Bytes, usize) {
        let n = self.sent.fetch_add(1, Ordering::Relaxed);
        let template = &self.requests[n as usize % self.requests.len()];
        let mut body = template.body.clone();
        // A hundred requests of a deep trace belong together.
        let trace = if self.is_deep { n / 100 } else { n };
        for at in &template.trace_ids {
            body[*at..*at + 8].copy_from_slice(&(trace + 1).to_be_bytes());
        }
        let word = format!("{:08x}", n & 0xffff_ffff);
        for at in &template.words {
            body[*at..*at + 8].copy_from_slice(word.as_bytes());
        }
        (body.into(), template.spans)
    }
}

impl Template {
    fn new(profile: Profile, request: u64) -> Self {
        let (spans, spans_per_trace, message_bytes) = profile.shape();
        let mut words = Words(request * 7_919 + 1);
        let mut all = Vec::new();
        let mut messages = Vec::new();
        for n in 0..spans {
            let in_trace = n % spans_per_trace;
            if in_trace == 0 {
                let question = format!("{WORD_MARK} {}", words.text(message_bytes));
                messages = vec![json!({"role": "user", "parts": [{"type": "text", "content": question}]})];
            }
            all.push(span(profile, request, n, spans_per_trace, &mut messages, &mut words, message_bytes));
        }
        let scope_spans = vec![ScopeSpans { spans: all, ..ScopeSpans::default() }];
        let body = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
        }
        .encode_to_vec();
        let found = |mark: &[u8]| -> Vec<usize> {
            body.windows(mark.len()).enumerate().filter(|(_, bytes)| *bytes == mark).map(|(at, _)| at).collect()
        };
        Self { trace_ids: found(TRACE_MARK), words: found(WORD_MARK.as_bytes()), spans: spans as usize, body }
    }
}

/// The first of a trace is the agent, then model and tool calls in turn.
fn span(
    profile: Profile,
    request: u64,
    n: u64,
    spans_per_trace: u64,
    messages: &mut Vec<serde_json::Value>,
    words: &mut Words,
    message_bytes: usize,
) -> Span {
    let (trace, in_trace) = (n / spans_per_trace, n % spans_per_trace);
    let text = |key: &str, value: String| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value)) }),
        ..KeyValue::default()
    };
    let (name, attributes) = if in_trace == 0 {
        let agent = vec![
            text("gen_ai.operation.name", "invoke_agent".into()),
            text("gen_ai.agent.name", "researcher".into()),
            text("gen_ai.conversation.id", format!("{WORD_MARK}-{trace}")),
        ];
        ("invoke_agent researcher", agent)
    } else if in_trace % 2 == 1 {
        let input = json!(messages).to_string();
        let answer =
            json!({"role": "assistant", "parts": [{"type": "text", "content": words.text(message_bytes / 2)}]});
        let call = vec![
            text("gen_ai.operation.name", "chat".into()),
            text("gen_ai.request.model", "gpt-4o-mini".into()),
            text("gen_ai.input.messages", input),
            text("gen_ai.output.messages", json!([answer]).to_string()),
        ];
        messages.push(answer);
        ("chat gpt-4o-mini", call)
    } else {
        let result = words.text(message_bytes);
        let part = json!({"type": "tool_call_response", "id": format!("call-{n}"), "response": result});
        messages.push(json!({"role": "tool", "parts": [part]}));
        let call = vec![
            text("gen_ai.operation.name", "execute_tool".into()),
            text("gen_ai.tool.name", "search".into()),
            text("gen_ai.tool.call.result", result),
        ];
        ("execute_tool search", call)
    };
    let mut trace_id = TRACE_MARK.to_vec();
    // Requests of one deep trace have the same trace id and other spans.
    let deep = matches!(profile, Profile::Deep);
    trace_id.extend(if deep { 0 } else { trace }.to_be_bytes());
    let number = if deep { request * 1_000 + n } else { in_trace } + 1;
    Span {
        trace_id,
        span_id: number.to_be_bytes().to_vec(),
        parent_span_id: if in_trace == 0 { Vec::new() } else { (number - in_trace).to_be_bytes().to_vec() },
        name: name.to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + n * 1_000_000,
        end_time_unix_nano: 1_700_000_000_000_500_000 + n * 1_000_000,
        attributes,
        ..Span::default()
    }
}

/// Text that compresses about as prose does.
struct Words(u64);

impl Words {
    fn text(&mut self, bytes: usize) -> String {
        const SYLLABLES: [&str; 32] = [
            "the ", "of ", "an", "der", "ing ", "re", "tion ", "con", "al ", "to ", "st", "er ", "in", "com", "is ",
            "pro", "ly ", "ment ", "a ", "un", "able ", "for ", "es ", "tri", "ph", "qu", "ity ", "os", "and ", "vel",
            "mo", "ta",
        ];
        let mut text = String::with_capacity(bytes + 8);
        while text.len() < bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(SYLLABLES[(self.0 >> 59) as usize]);
        }
        text
    }
}

/// What was acknowledged, and how fast.
pub(crate) struct Outcome {
    pub(crate) spans: usize,
    pub(crate) bytes: usize,
    pub(crate) elapsed: Duration,
    /// Sorted.
    times: Vec<Duration>,
}

impl Outcome {
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// Sends for so long, on four connections. A request that is pushed back is sent again.
pub(crate) fn drive(endpoint: &str, pool: &Pool, time: Duration) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let deadline = Instant::now() + time;
    let began = Instant::now();
    let results = runtime.block_on(async {
        let connections = (0..CONNECTIONS).map(|_| connection(endpoint.to_owned(), pool, deadline));
        let mut results = Vec::new();
        // Polled together, on one task: the pool is borrowed.
        let mut running: Vec<_> = connections.map(Box::pin).collect();
        std::future::poll_fn(|cx| {
            running.retain_mut(|connection| match connection.as_mut().poll(cx) {
                std::task::Poll::Ready(result) => {
                    results.push(result);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        results
    });
    let elapsed = began.elapsed();
    let mut outcome = Outcome { spans: 0, bytes: 0, elapsed, times: Vec::new() };
    for (spans, bytes, times) in results {
        outcome.spans += spans;
        outcome.bytes += bytes;
        outcome.times.extend(times);
    }
    outcome.times.sort_unstable();
    outcome
}

async fn connection(endpoint: String, pool: &Pool, deadline: Instant) -> (usize, usize, Vec<Duration>) {
    let channel = tonic::transport::Channel::from_shared(endpoint).expect("an address");
    let mut grpc = tonic::client::Grpc::new(channel.connect().await.expect("connects"));
    let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let (mut spans, mut bytes, mut times) = (0, 0, Vec::new());
    while Instant::now() < deadline {
        let (body, count) = pool.next();
        let began = Instant::now();
        loop {
            grpc.ready().await.expect("ready");
            match grpc.unary(tonic::Request::new(body.clone()), path.clone(), RawCodec).await {
                Ok(_) => break,
                Err(status) if status.code() == tonic::Code::Unavailable => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(status) => panic!("{status}"),
            }
        }
        times.push(began.elapsed());
        spans += count;
        bytes += body.len();
    }
    (spans, bytes, times)
}
