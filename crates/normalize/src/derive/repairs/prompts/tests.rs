use gleaner_model::SpanKind;
use serde_json::json;

use crate::derive::fixtures::{TestSpan, agent, derive, llm, row, tool};

/// A wrapper around two calls with a tool run between them; only the wrapper has the prompt.
fn run() -> Vec<TestSpan> {
    let wrapper =
        llm("w").at(0, 100).question("Oslo?").mapped(|mapped| mapped.system_prompt = Some("Be brief.".into()));
    let asks = llm("a").under("w").at(1, 10).asks(&[(Some("c1"), "weather", json!({"city": "Oslo"}))]);
    let ran = tool("t", "weather").under("w").at(11, 12).mapped(|mapped| {
        mapped.tool_call_id = Some("c1".into());
        mapped.tool_result = Some(json!("7"));
    });
    let answers = llm("b").under("w").at(13, 20).answer("7°C.");
    vec![wrapper, asks, ran, answers]
}

#[test]
fn each_call_was_given_what_the_one_before_was_and_its_answer() {
    let trace = derive(run());
    let row = |id: &str| row(&trace, id);
    let question = json!({"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]});
    assert_eq!(json!(row("a").input_messages), json!([question]));
    assert_eq!(row("b").system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(row("b").source_keys["input_messages"], "span:w");
    assert_eq!(
        json!(row("b").input_messages),
        json!([
            question,
            {"role": "assistant", "parts": [
                {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}]},
            {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "c1", "name": "weather", "response": "7"}]},
        ])
    );
}

#[test]
fn a_call_s_own_prompt_stays_and_is_what_the_next_goes_on_from() {
    let mut spans = run();
    spans[1] = spans[1].clone().question("Oslo, in words?");
    let rows = derive(spans).spans;
    let inputs: Vec<_> = rows.iter().filter(|row| row.span_id != "w").map(|row| json!(row.input_messages)).collect();
    assert_eq!(inputs[0][0]["parts"][0]["content"], "Oslo, in words?");
    assert_eq!(inputs[2][0]["parts"][0]["content"], "Oslo, in words?");
}

#[test]
fn a_span_that_was_never_a_model_call_gives_no_prompt() {
    let mut spans = run();
    spans[0] = spans[0].clone().mapped(|mapped| mapped.kind = Some(SpanKind::Agent));
    let rows = derive(spans).spans;
    assert!(rows.iter().filter(|row| row.span_id != "w").all(|row| row.input_messages.is_none()));
}

/// Guarantees: a prompt that repeats the one before goes on with the answer and the results, once all tools ran; with other
/// instrumentations a call may be made twice.
#[test]
fn a_prompt_that_repeats_the_one_before_goes_on() {
    let input = |scope: &str, asked: usize| {
        let calls =
            [(Some("c1"), "weather", json!({"city": "Oslo"})), (Some("c2"), "weather", json!({"city": "Rome"}))];
        let from = |mut call: TestSpan| {
            call.0.span.scope.name = scope.into();
            call
        };
        let ran = tool("t", "weather").at(11, 12).mapped(|mapped| {
            mapped.tool_call_id = Some("c1".into());
            mapped.tool_result = Some(json!("7"));
        });
        let trace = derive([
            from(llm("a").at(1, 10).question("Oslo?").asks(&calls[..asked])),
            ran,
            from(llm("b").at(13, 20).question("Oslo?").answer("7°C.")),
        ]);
        row(&trace, "b").input_messages.as_ref().map(Vec::len)
    };
    assert_eq!(input("openlit.instrumentation.openai", 1), Some(3));
    assert_eq!(input("openlit.instrumentation.openai", 2), Some(1));
    assert_eq!(input("openinference.instrumentation.openai", 1), Some(1));
}

/// Two calls that show the same prompt, and the run of the tool between them.
fn repeated(of_first: &str, of_second: &str) -> serde_json::Value {
    let asks =
        llm("a").under(of_first).at(1, 10).question("Oslo?").asks(&[(Some("c1"), "weather", json!({"city": "Oslo"}))]);
    let ran = tool("t", "weather").under(of_first).at(11, 12).mapped(|mapped| {
        mapped.tool_call_id = Some("c1".into());
        mapped.tool_result = Some(json!("7"));
    });
    let answers = llm("b").under(of_second).at(13, 20).question("Oslo?").answer("7°C.");
    let trace = derive([agent("x").at(0, 100), agent("y").at(0, 100), asks, ran, answers]);
    json!(row(&trace, "b").input_messages)
}

#[test]
fn a_repeated_prompt_of_one_agent_left_out_what_happened() {
    assert_eq!(repeated("x", "x").as_array().map(Vec::len), Some(3));
    assert_eq!(repeated("x", "x")[2]["parts"][0]["response"], "7");
    assert_eq!(repeated("x", "y").as_array().map(Vec::len), Some(1));
}
