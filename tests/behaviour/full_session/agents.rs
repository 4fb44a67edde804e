//! What the agents send: one session of four lineages and three cycles, as spans of the GenAI convention.
//!
//! - Cycle 1 has one trace per attempt, with the keys as attributes of the root. B's first attempt fails, with an output.
//! - Cycle 2 is one trace of an orchestrator, which has no keys; they stand on the agent of each lineage. C's first attempt fails
//!   and is tried again beside it. D asks a sub-agent inside a tool.
//! - Cycle 3 has one trace per attempt, with the keys as text on every span, as baggage copies them. A runs twice, B goes on
//!   in a second trace, C has a new prompt and a tool, D fails.

use gleaner_wire::proto::trace::v1::{Span, Status};
use serde_json::{Value, json};

use crate::harness::span;

pub(super) const SESSION: &str = "s-rain";

/// What an agent is made of: (agent, system prompt, its tool).
type Made = (&'static str, &'static str, Option<&'static str>);
const PLAIN: Made = ("writer", "Be plain.", None);
const LOUD: Made = ("writer", "Be loud.", None);
const BOUND: Made = ("writer", "Be loud within bounds.", None);
const TOOLED: Made = ("writer", "Look words up.", Some("find_rhyme"));
const SAD: Made = ("poet", "Be sad.", None);
const CHECKER: Made = ("fact-checker", "Check facts.", None);

/// Span ids are one for all traces: starts follow them, so they tell the order of everything.
pub(super) fn cycles() -> [Vec<Span>; 3] {
    [cycle_1(), cycle_2(), cycle_3()]
}

fn cycle_1() -> Vec<Span> {
    let mut spans = Vec::new();
    let one = |trace, id, made: Made, keys: Vec<(&'static str, Value)>, answer, tokens| {
        [agent(trace, id, 0, made, &keys), call(trace, id + 1, id, made, Some(answer), tokens, &[])]
    };
    let mut keys = numbered("A", 1, 1);
    keys.extend([
        ("gleaner.agent.version", json!("1")),
        ("gleaner.user.id", json!("u-1")),
        ("gleaner.session.need", json!("Said by a span")),
        ("gleaner.session.context", json!("A card for a friend")),
    ]);
    spans.extend(one(0x11, 10, PLAIN, keys, "A one", (10, 1)));
    let version = |mut keys: Vec<(&'static str, Value)>, version: &str| {
        keys.push(("gleaner.agent.version", json!(version)));
        keys
    };
    let [root, call] = one(0x12, 20, LOUD, version(numbered("B", 1, 1), "b1"), "B draft", (20, 2));
    spans.extend([failed(root), call]);
    spans.extend(one(0x13, 30, LOUD, version(numbered("B", 1, 2), "b1"), "B one", (21, 3)));
    spans.extend(one(0x14, 40, PLAIN, version(numbered("C", 1, 1), "base"), "C one", (30, 4)));
    // No number and no version; an artifact of its own.
    let mut keys = numbered("D", 1, 1);
    keys.pop();
    keys.extend([
        ("gleaner.artifact.name", json!("d.txt")),
        ("gleaner.artifact.type", json!("text/plain")),
        ("gleaner.artifact.content", json!("D, the poem alone")),
    ]);
    spans.extend(one(0x15, 50, SAD, keys, "D one", (40, 5)));
    spans
}

fn cycle_2() -> Vec<Span> {
    const TRACE: u64 = 0x20;
    let mut keys_b = numbered("B", 2, 1);
    keys_b.push(("gleaner.agent.version", json!("b2")));
    let checks = [("gen_ai.operation.name", json!("execute_tool")), ("gen_ai.tool.name", json!("ask_checker"))];
    vec![
        span(TRACE, 100, 0, "cycle", &[]),
        agent(TRACE, 110, 100, PLAIN, &numbered("A", 2, 1)),
        call(TRACE, 111, 110, PLAIN, Some("A two"), (11, 1), &[]),
        agent(TRACE, 120, 100, BOUND, &keys_b),
        call(TRACE, 121, 120, BOUND, Some("B two"), (22, 2), &[]),
        failed(agent(TRACE, 130, 100, PLAIN, &numbered("C", 2, 1))),
        call(TRACE, 131, 130, PLAIN, None, (0, 0), &[]),
        agent(TRACE, 135, 100, PLAIN, &numbered("C", 2, 2)),
        call(TRACE, 136, 135, PLAIN, Some("C two"), (31, 3), &[]),
        agent(TRACE, 140, 100, SAD, &numbered("D", 2, 1)),
        call(TRACE, 141, 140, SAD, Some("Let me have that checked"), (40, 5), &[]),
        span(TRACE, 142, 140, "execute_tool ask_checker", &checks),
        agent(TRACE, 143, 142, CHECKER, &[]),
        call(TRACE, 144, 143, CHECKER, Some("It does rain"), (7, 2), &[]),
        call(TRACE, 145, 140, SAD, Some("D two"), (45, 6), &[]),
    ]
}

fn cycle_3() -> Vec<Span> {
    let mut spans = Vec::new();
    let one = |trace, id, made: Made, (lineage, number), answer: Option<&str>, tokens| {
        let keys = as_text(numbered(lineage, 3, number));
        [agent(trace, id, 0, made, &keys), call(trace, id + 1, id, made, answer, tokens, &keys)]
    };
    spans.extend(one(0x31, 200, PLAIN, ("A", 1), Some("A three, first"), (12, 1)));
    spans.extend(one(0x32, 210, PLAIN, ("A", 2), Some("A three"), (13, 1)));
    spans.extend(one(0x33, 220, BOUND, ("B", 1), Some("B three, so far"), (23, 2)));
    spans.extend(one(0x36, 230, BOUND, ("B", 1), Some("B three"), (24, 3)));
    let mut keys = as_text(numbered("C", 3, 1));
    keys.push(("gleaner.agent.version", json!("c2")));
    let mut looks_up = keys.clone();
    looks_up.extend([("gen_ai.operation.name", json!("execute_tool")), ("gen_ai.tool.name", json!("find_rhyme"))]);
    spans.extend([
        agent(0x34, 240, 0, TOOLED, &keys),
        call(0x34, 241, 240, TOOLED, Some("Rain, then?"), (32, 4), &keys),
        span(0x34, 242, 240, "execute_tool find_rhyme", &looks_up),
        call(0x34, 243, 240, TOOLED, Some("C three"), (33, 5), &keys),
    ]);
    let [root, call] = one(0x35, 250, SAD, ("D", 1), None, (0, 0));
    spans.extend([failed(root), call]);
    spans
}

fn numbered(lineage: &str, cycle: i64, number: i64) -> Vec<(&'static str, Value)> {
    vec![
        ("gleaner.session.id", json!(SESSION)),
        ("gleaner.lineage.label", json!(lineage)),
        ("gleaner.rollout.cycle", json!(cycle)),
        ("gleaner.attempt.number", json!(number)),
    ]
}

fn as_text(keys: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    let text = |value: Value| value.as_str().map_or_else(|| json!(value.to_string()), |text| json!(text));
    keys.into_iter().map(|(key, value)| (key, text(value))).collect()
}

fn agent(trace: u64, id: u64, parent: u64, made: Made, keys: &[(&str, Value)]) -> Span {
    let mut attributes = vec![("gen_ai.operation.name", json!("invoke_agent")), ("gen_ai.agent.name", json!(made.0))];
    attributes.extend(keys.iter().cloned());
    span(trace, id, parent, &format!("invoke_agent {}", made.0), &attributes)
}

/// A model call; without an answer it failed. Its response id is `resp-` and the id of the span.
fn call(
    trace: u64,
    id: u64,
    parent: u64,
    (_, prompt, tool): Made,
    answer: Option<&str>,
    (input, output): (i64, i64),
    keys: &[(&str, Value)],
) -> Span {
    let text = |text: &str| json!([{"type": "text", "content": text}]);
    let question = json!([{"role": "user", "parts": text("A poem about rain, please")}]);
    let mut attributes = vec![
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4o-mini")),
        // Of no weight beside the session's own key.
        ("gen_ai.conversation.id", json!("conversation-of-the-library")),
        ("gen_ai.system_instructions", json!(text(prompt).to_string())),
        ("gen_ai.input.messages", json!(question.to_string())),
    ];
    if let Some(name) = tool {
        let offered = json!([{"type": "function", "name": name, "parameters": {"type": "object"}}]);
        attributes.push(("gen_ai.tool.definitions", json!(offered.to_string())));
    }
    if let Some(answer) = answer {
        let message = json!([{"role": "assistant", "parts": text(answer), "finish_reason": "stop"}]);
        attributes.extend([
            ("gen_ai.output.messages", json!(message.to_string())),
            ("gen_ai.response.id", json!(format!("resp-{id}"))),
            ("gen_ai.usage.input_tokens", json!(input)),
            ("gen_ai.usage.output_tokens", json!(output)),
        ]);
    } else {
        attributes.push(("error.type", json!("overloaded")));
    }
    attributes.extend(keys.iter().cloned());
    let span = span(trace, id, parent, "chat gpt-4o-mini", &attributes);
    if answer.is_some() { span } else { failed(span) }
}

fn failed(mut span: Span) -> Span {
    const STATUS_CODE_ERROR: i32 = 2;
    span.status = Some(Status { code: STATUS_CODE_ERROR, message: "broke off".to_owned() });
    span
}
