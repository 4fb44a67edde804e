//! Work grows with what is sent, and no faster: shapes of which a hostile or broken client may send any number.
//!
//! Each shape is derived small and eight times as large. Work is counted in allocations and in bytes allocated, which are the
//! same at every run: in proportion they grow eightfold, in the square sixty-fourfold; the bound lies between. What a loop
//! does without allocating is not counted: for that the times are printed, and asserted nowhere
//! (`cargo test -p gleaner-normalize --test linear -- --nocapture`).

use std::time::Instant;

use allocation_counter::AllocationInfo;
use gleaner_model::{Fragment, LogFragment, SpanEvent, SpanFragment, StoredFragment};
use serde_json::{Map, Value, json};

/// How much larger the large one is.
const FACTOR: usize = 8;
/// How much more may be allocated for it. Collections grow by doubling, and small ones have fixed costs.
const BOUND: f64 = 10.0;

type Shape = fn(usize) -> Vec<Fragment>;

/// Name, how many for the small one, what.
const SHAPES: &[(&str, usize, Shape)] = &[
    ("chain of spans", 400, |n| spans(n, |i| i.checked_sub(1), |i| call(&format!("r{i}")))),
    ("star of spans", 400, |n| spans(n, |i| (i > 0).then_some(0), |i| call(&format!("r{i}")))),
    ("one response id", 400, |n| spans(n, |i| (i > 0).then_some(0), |_| call("r"))),
    ("nested reports of one response id", 400, |n| spans(n, |i| i.checked_sub(1), |_| call("r"))),
    ("parents in a circle", 400, |n| spans(n, |i| Some((i + 1) % n), |i| call(&format!("r{i}")))),
    ("tools of one call id", 400, |n| spans(n, |i| (i > 0).then_some(0), |i| tool_or_call(i, Some("c"), "{}"))),
    ("tools without ids", 400, |n| spans(n, |i| (i > 0).then_some(0), |i| tool_or_call(i, None, "{}"))),
    ("tools of one call id, after all calls", 400, |n| {
        spans(n, |i| (i > 0).then_some(0), |i| tool_or_call(usize::from(i > n / 2), Some("c"), "{}"))
    }),
    ("one attempt, numbered anew", 400, |n| {
        spans(n, |_| None, |i| attributes(json!({"gleaner.attempt.id": "a", "gleaner.attempt.number": i + 1})))
    }),
    ("reasoning in many items", 1_000, |n| {
        let item = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]});
        one_span([("gen_ai.output.messages".to_owned(), json!(json!(vec![item; n]).to_string()))].into_iter())
    }),
    ("tools of one answer", 500, |n| {
        let calls: Vec<Value> =
            (0..n).map(|i| json!({"type": "tool_call", "name": "f", "arguments": {"i": i}})).collect();
        let answer = json!([{"role": "assistant", "parts": calls}]).to_string();
        spans(
            n,
            |i| (i > 0).then_some(0),
            |i| match i {
                0 => attributes(json!({"gen_ai.operation.name": "invoke_agent"})),
                1 => attributes(json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": answer})),
                _ => tool("f", None, &format!("{{\"i\":{}}}", n - i)),
            },
        )
    }),
    ("attempts with keys of their own", 400, |n| {
        spans(n, |i| (i > 0).then_some(0), |i| attributes(json!({"gleaner.rollout.id": i, "gleaner.session.id": "s"})))
    }),
    ("one attempt in many sessions", 400, |n| {
        spans(n, |_| None, |i| attributes(json!({"gleaner.attempt.id": "a", "gleaner.session.id": i})))
    }),
    ("one attempt in many places", 400, |n| {
        spans(n, |i| i.checked_sub(1), |i| attributes(json!({"gleaner.attempt.id": i % 2, "gleaner.session.id": "s"})))
    }),
    ("declared artifacts", 400, |n| {
        spans(n, |i| (i > 0).then_some(0), |i| attributes(json!({"gleaner.artifact.content": format!("text {i}")})))
    }),
    ("flattened messages", 1_000, |n| {
        one_span((0..n).map(|i| (format!("llm.input_messages.{i}.message.content"), json!("hello"))))
    }),
    ("flattened tool calls", 1_000, |n| {
        one_span((0..n).flat_map(|i| {
            let key = format!("llm.output_messages.0.message.tool_calls.{i}.tool_call.function");
            [(format!("{key}.name"), json!("f")), (format!("{key}.arguments"), json!(format!("{{\"i\":{i}}}")))]
        }))
    }),
    ("flattened completions", 1_000, |n| {
        one_span((0..n).flat_map(|i| {
            let key = format!("gen_ai.prompt.{i}");
            [(format!("{key}.role"), json!("user")), (format!("{key}.content"), json!("hello"))]
        }))
    }),
    ("flattened tools", 1_000, |n| {
        one_span((0..n).map(|i| (format!("llm.tools.{i}.tool.json_schema"), json!("{\"name\":\"f\"}"))))
    }),
    ("unknown attributes", 2_000, |n| one_span((0..n).map(|i| (format!("gen_ai.request.k{i}"), json!(i))))),
    ("messages of one list", 1_000, |n| {
        one_span([("gen_ai.input.messages".to_owned(), json!(json!(vec![message(); n]).to_string()))].into_iter())
    }),
    ("messages of one list, cut off", 1_000, |n| {
        let list = json!(vec![message(); n]).to_string();
        one_span([("gen_ai.input.messages".to_owned(), json!(list[..list.len() - 5]))].into_iter())
    }),
    ("native messages", 1_000, |n| {
        one_span([("gen_ai.input.messages".to_owned(), json!(vec![message(); n]))].into_iter())
    }),
    ("tool calls of one message", 500, |n| {
        let calls: Vec<Value> =
            (0..n).map(|i| json!({"function": {"name": "f", "arguments": format!("{{\"i\":{i}}}")}})).collect();
        let list = json!([{"role": "assistant", "tool_calls": calls}]).to_string();
        one_span(
            [("llm.output_messages".to_owned(), json!(list)), ("gen_ai.output.messages".to_owned(), json!(list))]
                .into_iter(),
        )
    }),
    ("tool calls with ids", 1_000, |n| {
        let calls: Vec<Value> =
            (0..n).map(|i| json!({"id": i.to_string(), "function": {"name": "f", "arguments": "{}"}})).collect();
        one_span(
            [(
                "gen_ai.output.messages".to_owned(),
                json!(json!([{"role": "assistant", "tool_calls": calls}]).to_string()),
            )]
            .into_iter(),
        )
    }),
    ("two reports of many tool calls", 500, |n| {
        let calls = |name: &str| -> Vec<Value> {
            (0..n).map(|i| json!({"type": "tool_call", "name": name, "arguments": {"i": i}})).collect()
        };
        let body = |name: &str| json!([{"role": "assistant", "parts": calls(name)}]).to_string();
        one_span(
            [
                ("gen_ai.output.messages".to_owned(), json!(body("f"))),
                ("output.value".to_owned(), json!(body("g"))),
                ("openinference.span.kind".to_owned(), json!("LLM")),
            ]
            .into_iter(),
        )
    }),
    ("nested lists", 20_000, |n| one_value("[".repeat(n))),
    ("nested lists, closed", 20_000, |n| one_value("[".repeat(n) + &"]".repeat(n))),
    ("nested objects", 5_000, |n| one_value("{\"content\":".repeat(n))),
    ("brackets in a list that is cut off", 5_000, |n| one_value(format!("[{}", "[],".repeat(n)))),
    ("strings in a list that is cut off", 2_000, |n| one_value(format!("[{}", "\"[1,\",".repeat(n)))),
    ("numbers in a list that is cut off", 3_000, |n| one_value(format!("[{}", "1,".repeat(n)))),
    ("a string that is cut off", 20_000, |n| one_value(format!("[\"{}", "a\\\"".repeat(n)))),
    ("quotes in printed values", 20_000, |n| one_value(format!("[{{'content': '{}", "\\'".repeat(n)))),
    ("printed values", 5_000, |n| one_value(format!("[{}", "Message(role='user', content=\"it's\"), ".repeat(n)))),
    ("nested printed values", 5_000, |n| one_value("Message(content=[".repeat(n))),
    ("streamed chunks", 2_000, |n| one_value("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".repeat(n))),
    ("lines of JSON", 2_000, |n| one_value("{\"role\":\"user\",\"content\":\"a\"}\n".repeat(n))),
    ("events of one span", 1_000, |n| {
        let event = |i: usize| SpanEvent {
            name: "gen_ai.user.message".to_owned(),
            time_unix_nano: (n - i) as u64,
            attributes: attributes(json!({"content": format!("hello {i}")})),
        };
        let mut span = span(0, None, call("r"));
        span.events = (0..n).map(event).collect();
        vec![Fragment::Span(Box::new(span))]
    }),
    ("reports of one span", 500, |n| {
        let report = |i: usize| {
            let mut report = span(0, None, attributes(json!({format!("key.{i}"): i})));
            report.end_time_unix_nano = i as u64 + 1;
            let attributes = attributes(json!({"content": i}));
            report.events = vec![SpanEvent { name: "event".to_owned(), time_unix_nano: i as u64, attributes }];
            Fragment::Span(Box::new(report))
        };
        (0..n).map(report).collect()
    }),
    ("log records of one span", 400, |n| {
        let spans = [Fragment::Span(Box::new(span(0, None, call("r"))))];
        spans.into_iter().chain((0..n).map(|i| record(i, Some(span_id(0)), "gen_ai.user.message"))).collect()
    }),
    ("log records of no span", 400, |n| (0..n).map(|i| record(i, None, "gen_ai.choice")).collect()),
    ("log records of a session", 400, |n| {
        const NAMES: [&str; 6] = [
            "claude_code.user_prompt",
            "claude_code.api_request",
            "claude_code.tool_result",
            "codex.user_prompt",
            "codex.tool_result",
            "gemini_cli.api_response",
        ];
        let record = |i: usize| {
            let Fragment::Log(mut log) = record(i, None, NAMES[i % NAMES.len()]) else {
                unreachable!("it is a record")
            };
            log.trace_id = None;
            Fragment::Log(log)
        };
        (0..n).map(record).collect()
    }),
    ("log records of one moment", 400, |n| {
        let record = |i| {
            let Fragment::Log(mut log) = record(i, Some(span_id(0)), "gen_ai.user.message") else { unreachable!() };
            log.time_unix_nano = 1;
            log.attributes.clear();
            Fragment::Log(log)
        };
        one_span([].into_iter()).into_iter().chain((0..n).map(record)).collect()
    }),
    ("results of parallel calls that one reading lacks", 400, |n| {
        let calls: Vec<Value> = (0..n)
            .map(|i| json!({"id": i.to_string(), "type": "function", "function": {"name": "f", "arguments": "{}"}}))
            .collect();
        let results = (0..n).map(|i| json!({"role": "tool", "tool_call_id": i.to_string(), "content": "x"}));
        let asks = json!({"role": "assistant", "tool_calls": calls});
        let whole: Vec<Value> = [asks.clone()].into_iter().chain(results).collect();
        one_span(
            [
                ("gen_ai.input.messages".to_owned(), json!(json!([asks]).to_string())),
                ("input.value".to_owned(), json!(json!({"messages": whole}).to_string())),
            ]
            .into_iter(),
        )
    }),
    ("tools that only prompts tell of, without ids", 200, |n| {
        spans(
            n,
            |_| None,
            |i| {
                let mut call = tool_or_call(0, None, &format!("{{\"i\":{i}}}"));
                let asked = json!({"type": "tool_call", "id": format!("c{i}"), "name": "f", "arguments": format!("{{\"i\":{}}}", i.max(1) - 1)});
                let told = json!({"type": "tool_call_response", "id": format!("c{i}"), "response": i});
                let prompt = json!([{"role": "assistant", "parts": [asked]}, {"role": "tool", "parts": [told]}]);
                call.insert("gen_ai.input.messages".to_owned(), prompt);
                call
            },
        )
    }),
    ("one response goes on from the next", 400, |n| {
        spans(
            n,
            |i| (i > 0).then_some(0),
            |i| {
                let mut call = call(&format!("r{i}"));
                call.insert("gen_ai.request.previous_response_id".to_owned(), json!(format!("r{}", i + 1)));
                call
            },
        )
    }),
];

/// Guarantees: no shape takes memory or allocations in the square of its size.
#[test]
fn work_grows_with_what_is_sent() {
    let wanted = std::env::var("SHAPE").unwrap_or_default();
    let mut slow = Vec::new();
    for (name, small, shape) in SHAPES.iter().filter(|(name, ..)| name.contains(&wanted)) {
        let ((few, short), (many, long)) = (work(&shape(*small)), work(&shape(small * FACTOR)));
        let ratio = |few: u64, many: u64| many as f64 / few as f64;
        let (count, bytes) = (ratio(few.count_total, many.count_total), ratio(few.bytes_total, many.bytes_total));
        println!(
            "{name:40} allocations x {count:4.1}, bytes x {bytes:4.1}, peak x {:4.1}, time x {:4.1}",
            ratio(few.bytes_max, many.bytes_max),
            long / short
        );
        if count.max(bytes) >= BOUND {
            slow.push(format!("{name}: {count:.1} times the allocations, {bytes:.1} times the bytes"));
        }
    }
    assert!(slow.is_empty(), "eight times as much took:\n{}", slow.join("\n"));
}

/// Prints what a batch costs that touches a session of so many records: the session is derived as a whole.
#[test]
#[ignore = "prints only"]
fn long_sessions() {
    let (.., shape) = SHAPES.iter().find(|(name, ..)| *name == "log records of a session").expect("it is a shape");
    for records in [1_000, 4_000, 10_000] {
        let (counted, seconds) = work(&shape(records));
        let megabytes = |bytes: u64| bytes / 1_000_000;
        println!(
            "{records:>6} records: {seconds:.2} s, {} allocations, {} MB in all, {} MB at the peak",
            counted.count_total,
            megabytes(counted.bytes_total),
            megabytes(counted.bytes_max)
        );
    }
}

/// What deriving these allocates, and how long it takes in seconds.
fn work(fragments: &[Fragment]) -> (AllocationInfo, f64) {
    let stored: Vec<StoredFragment> = fragments
        .iter()
        .zip(1..)
        .map(|(fragment, position)| StoredFragment {
            project: "default".to_owned(),
            position,
            ordinal: 0,
            recorded_at_unix_nano: 1,
            fragment: fragment.clone(),
        })
        .collect();
    let start = Instant::now();
    let counted = allocation_counter::measure(|| drop(gleaner_normalize::derive_unit("default", &stored)));
    (counted, start.elapsed().as_secs_f64())
}

fn spans(
    n: usize,
    parent: impl Fn(usize) -> Option<usize>,
    attributes: impl Fn(usize) -> Map<String, Value>,
) -> Vec<Fragment> {
    (0..n).map(|i| Fragment::Span(Box::new(span(i, parent(i), attributes(i))))).collect()
}

fn span(i: usize, parent: Option<usize>, attributes: Map<String, Value>) -> SpanFragment {
    SpanFragment {
        trace_id: "0123456789abcdef0123456789abcdef".to_owned(),
        span_id: span_id(i),
        parent_span_id: parent.map(span_id),
        name: "step".to_owned(),
        start_time_unix_nano: 1_000 + i as u64,
        end_time_unix_nano: 1_000_000_000,
        attributes,
        ..SpanFragment::default()
    }
}

fn span_id(i: usize) -> String {
    format!("{:016x}", i + 1)
}

fn record(i: usize, span_id: Option<String>, event_name: &str) -> Fragment {
    Fragment::Log(Box::new(LogFragment {
        trace_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        span_id,
        event_name: event_name.to_owned(),
        time_unix_nano: i as u64,
        body: json!({"content": format!("hello {i}")}),
        attributes: attributes(json!({
            "event.name": event_name, "session.id": "s", "conversation.id": "s", "prompt.id": (i / 10).to_string(),
            "prompt": "hello", "model": "m", "input_tokens": i, "output_tokens": i, "tool_name": "f", "call_id": "c",
            "request_id": i.to_string(), "event.sequence": i,
        })),
        ..LogFragment::default()
    }))
}

fn one_span(attributes: impl Iterator<Item = (String, Value)>) -> Vec<Fragment> {
    let mut all = call("r");
    all.extend(attributes);
    vec![Fragment::Span(Box::new(span(0, None, all)))]
}

/// The same text wherever a convention may look for one.
fn one_value(text: String) -> Vec<Fragment> {
    let keys = [
        "ai.prompt.messages",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.tool.definitions",
        "genkit:input",
        "haystack.component.output",
        "input.value",
        "output.value",
        "langfuse.observation.input",
        "langfuse.observation.output",
        "llm.input_messages",
        "lmnr.span.input",
        "mlflow.spanInputs",
        "mlflow.spanOutputs",
        "pydantic_ai.all_messages",
        "request_data",
        "response_data",
        "traceloop.entity.input",
    ];
    one_span(keys.iter().map(|key| ((*key).to_owned(), json!(text))))
}

fn call(response_id: &str) -> Map<String, Value> {
    attributes(json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.id": response_id,
        "openinference.span.kind": "LLM",
    }))
}

fn tool(name: &str, id: Option<&str>, arguments: &str) -> Map<String, Value> {
    attributes(json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.id": id,
        "gen_ai.tool.call.arguments": arguments,
    }))
}

/// Calls and the tools that they ask for, in turn.
fn tool_or_call(i: usize, id: Option<&str>, arguments: &str) -> Map<String, Value> {
    if i % 2 == 1 {
        return tool("f", id, arguments);
    }
    let mut call = call(&format!("r{i}"));
    let part = json!({"type": "tool_call", "id": id, "name": "f", "arguments": arguments});
    let answer = json!({"type": "tool_call_response", "id": id, "response": i});
    call.insert("gen_ai.output.messages".to_owned(), json!([{"role": "assistant", "parts": [part]}]));
    call.insert("gen_ai.input.messages".to_owned(), json!([{"role": "tool", "parts": [answer]}]));
    call
}

fn message() -> Value {
    json!({"role": "user", "parts": [{"type": "text", "content": "hello"}]})
}

fn attributes(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
