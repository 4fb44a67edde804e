//! Small hand-made traces for tests: `llm("c1").under("a").at(10, 20).mapped(…)`. Ids are short words, times plain numbers.

use gleaner_model::{AttemptPart, DerivedTrace, Message, Part, Span, SpanEvent, SpanKind};
use serde_json::{Value, json};

use crate::derive::derive_trace;
use crate::mapped::{Mapped, MergedSpan};

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// One span of a test trace.
#[derive(Debug, Clone)]
pub(crate) struct TestSpan(pub(crate) MergedSpan, pub(crate) Mapped);

pub(crate) fn span(id: &str, kind: SpanKind) -> TestSpan {
    let mut merged = MergedSpan::default();
    merged.span.trace_id = TRACE.into();
    merged.span.span_id = id.into();
    merged.span.name = format!("span {id}");
    let mapped = Mapped { convention: Some("test"), kind: Some(kind), ..Mapped::default() };
    TestSpan(merged, mapped)
}

pub(crate) fn llm(id: &str) -> TestSpan {
    span(id, SpanKind::Llm).mapped(|mapped| mapped.model = Some("m".into()))
}

pub(crate) fn agent(id: &str) -> TestSpan {
    span(id, SpanKind::Agent)
}

pub(crate) fn chain(id: &str) -> TestSpan {
    span(id, SpanKind::Chain)
}

pub(crate) fn tool(id: &str, name: &str) -> TestSpan {
    span(id, SpanKind::Tool).mapped(|mapped| mapped.tool_name = Some(name.into()))
}

impl TestSpan {
    pub(crate) fn under(mut self, parent: &str) -> Self {
        self.0.span.parent_span_id = Some(parent.into());
        self
    }

    pub(crate) fn at(mut self, start: u64, end: u64) -> Self {
        self.0.span.start_time_unix_nano = start;
        self.0.span.end_time_unix_nano = end;
        self
    }

    pub(crate) fn attr(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.span.attributes.insert(key.into(), value.into());
        self
    }

    /// Lineage, cycle and attempt number at once.
    pub(crate) fn keys(self, lineage: &str, cycle: i64, number: i64) -> Self {
        self.attr("gleaner.lineage.label", lineage)
            .attr("gleaner.rollout.cycle", cycle)
            .attr("gleaner.attempt.number", number)
    }

    pub(crate) fn resource(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.span.resource.insert(key.into(), value.into());
        self
    }

    pub(crate) fn mapped(mut self, change: impl FnOnce(&mut Mapped)) -> Self {
        change(&mut self.1);
        self
    }

    pub(crate) fn named(self, agent: &str) -> Self {
        self.mapped(|mapped| mapped.agent_name = Some(agent.into()))
    }

    pub(crate) fn question(self, text: &str) -> Self {
        self.mapped(|mapped| mapped.input_messages = Some(vec![Message::text("user", text)]))
    }

    pub(crate) fn answer(self, text: &str) -> Self {
        self.mapped(|mapped| mapped.output_messages = Some(vec![Message::text("assistant", text)]))
    }

    /// The model asks for tools: (id, name, arguments).
    pub(crate) fn asks(self, calls: &[(Option<&str>, &str, Value)]) -> Self {
        let parts = calls.iter().map(|(id, name, arguments)| Part::ToolCall {
            id: id.map(str::to_owned),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        });
        let message = Message { role: "assistant".into(), parts: parts.collect(), name: None, finish_reason: None };
        self.mapped(|mapped| mapped.output_messages = Some(vec![message]))
    }

    /// The model is told results: (id, response).
    pub(crate) fn told(self, results: &[(&str, &str)]) -> Self {
        let messages = results.iter().map(|(id, response)| Message {
            role: "tool".into(),
            parts: vec![Part::ToolCallResponse { id: Some((*id).to_owned()), name: None, response: json!(response) }],
            name: None,
            finish_reason: None,
        });
        let messages = messages.collect();
        self.mapped(|mapped| mapped.input_messages = Some(messages))
    }

    pub(crate) fn tokens(self, input: i64, output: i64) -> Self {
        self.mapped(|mapped| {
            mapped.input_tokens = Some(input);
            mapped.output_tokens = Some(output);
        })
    }

    pub(crate) fn status(mut self, code: i32, message: &str) -> Self {
        self.0.span.status_code = code;
        self.0.span.status_message = message.into();
        self
    }

    pub(crate) fn event(mut self, name: &str, time: u64, attributes: Value) -> Self {
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        self.0.span.events.push(SpanEvent { name: name.into(), time_unix_nano: time, attributes });
        self
    }

    pub(crate) fn position(mut self, position: u64) -> Self {
        self.0.position = position;
        self
    }
}

pub(crate) fn derive(spans: impl IntoIterator<Item = TestSpan>) -> DerivedTrace {
    let spans: Vec<(MergedSpan, Mapped)> = spans.into_iter().map(|TestSpan(merged, mapped)| (merged, mapped)).collect();
    derive_trace("p", TRACE, 1, &spans, &[])
}

/// A derived span by id.
pub(crate) fn row<'t>(trace: &'t DerivedTrace, id: &str) -> &'t Span {
    trace.spans.iter().find(|span| span.span_id == id).expect("the span is there")
}

/// The attempt of a span.
pub(crate) fn attempt<'t>(trace: &'t DerivedTrace, id: &str) -> Option<&'t AttemptPart> {
    let attempt_id = row(trace, id).attempt_id.as_deref()?;
    Some(trace.attempts.iter().find(|attempt| attempt.attempt_id == attempt_id).expect("the attempt is there"))
}
