use gleaner_model::{Message, Part};
use serde_json::json;

use super::with_hidden_calls;
use crate::derive::fixtures::derive;
use crate::derive::fixtures::{TestSpan, chain, llm, tool};

fn call(city: &str) -> Option<Vec<Message>> {
    let part = Part::ToolCall { id: Some(city.into()), name: "f".into(), arguments: json!({"city": city}) };
    Some(vec![Message { role: "assistant".into(), parts: vec![part], name: None, finish_reason: None }])
}

fn hiding(id: &str) -> TestSpan {
    llm(id).mapped(|mapped| mapped.finish_reason = Some("tool_call".into()))
}

fn step(id: &str, city: &str) -> TestSpan {
    chain(id).mapped(|mapped| mapped.output_messages = call(city))
}

fn outputs(spans: &[TestSpan]) -> Vec<Option<Vec<Message>>> {
    let pairs: Vec<_> = spans.iter().map(|TestSpan(merged, mapped)| (merged.clone(), mapped.clone())).collect();
    with_hidden_calls(&pairs).iter().map(|(_, mapped)| mapped.output_messages.clone()).collect()
}

#[test]
fn the_nearest_enclosing_sibling_tells() {
    let spans = [
        hiding("c1").under("w").at(20, 30),
        step("wide", "Oslo").under("w").at(0, 90),
        step("near", "Paris").under("w").at(10, 31),
        step("later", "Rome").under("w").at(40, 50),
    ];
    let cities: Vec<_> = outputs(&spans)[0].iter().flatten().flat_map(|message| message.parts.clone()).collect();
    assert_eq!(cities, call("Paris").unwrap()[0].parts);
}

#[test]
fn the_parent_tells_of_its_last_call_only() {
    let spans = [hiding("c1").under("p").at(1, 5), hiding("c2").under("p").at(6, 9), step("p", "Paris").at(0, 10)];
    let told: Vec<bool> = outputs(&spans).iter().map(Option::is_some).collect();
    assert_eq!(told, [false, true, true]);
}

#[test]
fn an_answer_that_the_call_shows_stays() {
    let shown = Some(vec![Message::text("assistant", "Wait.")]);
    let told = shown.clone();
    let spans =
        [hiding("c1").under("p").at(1, 5).mapped(|mapped| mapped.output_messages = told), step("p", "Paris").at(0, 9)];
    assert_eq!(outputs(&spans)[0], shown);
}

#[test]
fn a_tool_named_by_its_class_is_known_by_its_arguments() {
    let trace = derive(vec![
        hiding("c1").under("p").at(1, 5),
        step("p", "Paris").at(0, 9),
        tool("t1", "StructuredTool")
            .under("p")
            .at(6, 7)
            .mapped(|mapped| mapped.tool_arguments = Some(json!({"city": "Paris"}))),
    ]);
    let tool = trace.spans.iter().find(|span| span.span_id == "t1").unwrap();
    assert_eq!((tool.tool_name.as_deref(), tool.tool_call_id.as_deref()), (Some("f"), Some("Paris")));
}

fn said(id: &str, text: &str) -> TestSpan {
    let told = Some(vec![Message::text("assistant", text)]);
    llm(id).mapped(|mapped| mapped.output_messages = told)
}

/// Guarantees: a call that shows the text only has the calls of the step that returned the same text, and no other's.
#[test]
fn calls_beside_a_text_come_from_the_step_that_returned_the_text() {
    let mut whole = call("Paris").unwrap();
    whole[0].parts.insert(0, Part::Text { content: "Wait.".into() });
    whole[0].finish_reason = Some("tool_call".into());
    let returned = || chain("p").at(0, 9).mapped(|mapped| mapped.output_messages = Some(whole.clone()));
    assert_eq!(outputs(&[said("c1", "Wait.").under("p").at(1, 5), returned()])[0].as_ref(), Some(&whole));
    let other = outputs(&[said("c1", "Done.").under("p").at(1, 5), returned()]);
    assert_eq!(other[0].as_ref().unwrap()[0].parts.len(), 1);
}

#[test]
fn a_step_tells_why_its_call_ended() {
    let answer = chain("p").at(0, 9).mapped(|mapped| {
        let mut message = Message::text("assistant", "Done.");
        message.finish_reason = Some("stop".into());
        mapped.output_messages = Some(vec![message]);
    });
    let trace = derive(vec![said("c1", "Done.").under("p").at(1, 5), answer]);
    let row = trace.spans.iter().find(|span| span.span_id == "c1").unwrap();
    assert_eq!(row.finish_reason.as_deref(), Some("stop"));
    assert_eq!(row.output_text.as_deref(), Some("Done."));
}

/// Guarantees: calls told in spans below the model's are its answer, after the text that it shows, and no runs.
#[test]
fn calls_in_spans_below_are_the_answer() {
    let asked = |id: &str, city: &str| step(id, city).under("c1").mapped(|mapped| mapped.repeats_parent = true);
    let text = said("c1", "Wait.").at(1, 9).mapped(|mapped| mapped.finish_reason = Some("tool_call".into()));
    let spans = vec![asked("b", "Oslo").at(4, 5), text, asked("a", "Paris").at(2, 3)];
    let told = outputs(&spans)[1].clone().unwrap();
    let mut parts = vec![Part::Text { content: "Wait.".into() }];
    parts.extend(["Paris", "Oslo"].map(|city| call(city).unwrap()[0].parts[0].clone()));
    assert_eq!((told.len(), &told[0].parts), (1, &parts));
    let alone = outputs(&[hiding("c1").at(1, 9), asked("a", "Paris").at(2, 3)]);
    assert_eq!(alone[0].as_ref().unwrap()[0].parts, call("Paris").unwrap()[0].parts);
    assert!(derive(spans).spans.iter().all(|span| span.kind != gleaner_model::SpanKind::Tool));
}

#[test]
fn what_streams_after_its_span_is_told_by_the_step() {
    let text = || Some(vec![Message::text("assistant", "Hello.")]);
    for (convention, is_told) in [("llama_index", true), ("openllmetry", false)] {
        let spans = [
            llm("c").under("p").at(2, 3).mapped(|mapped| mapped.convention = Some(convention)),
            chain("p").at(1, 9).mapped(|mapped| {
                mapped.output_messages = text();
                mapped.convention = Some(convention);
            }),
        ];
        assert_eq!(outputs(&spans)[0].is_some(), is_told, "{convention}");
    }
}

/// Guarantees: reasoning comes from a step that returned the same text, and nothing else of it.
#[test]
fn reasoning_that_the_step_alone_shows_is_the_call_s() {
    let thought = Part::reasoning("Hm.");
    let told = |text: &str, finish: Option<&str>| {
        let step = chain("p").at(1, 9).mapped(|mapped| {
            let mut message = Message::text("assistant", "Done.");
            message.parts.insert(0, thought.clone());
            message.finish_reason = Some("length".into());
            mapped.output_messages = Some(vec![message]);
        });
        let call =
            said("c", text).under("p").at(2, 3).mapped(|mapped| mapped.finish_reason = finish.map(str::to_owned));
        outputs(&[call, step])[0].clone().unwrap()[0].clone()
    };
    let told_without_reason = told("Done.", None);
    assert_eq!(told_without_reason.parts, [thought.clone(), Part::Text { content: "Done.".into() }]);
    assert_eq!(told_without_reason.finish_reason.as_deref(), Some("length"), "which the call does not say");
    let told = |text: &str| told(text, Some("stop"));
    assert_eq!(told("Done.").parts, [thought.clone(), Part::Text { content: "Done.".into() }]);
    assert_eq!(told("Done.").finish_reason.as_deref(), Some("stop"));
    assert_eq!(told("Other.").parts, [Part::Text { content: "Other.".into() }]);
}
