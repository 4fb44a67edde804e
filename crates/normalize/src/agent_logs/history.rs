//! What a model call of a coding agent was given, put together from what the session's spans tell: the user's prompts, the
//! answers, the tool calls and their results, in order. And what it answered beside text: the tool calls that ran after it.
//!
//! Only where a call does not tell itself. System prompts and what the agent slips into the conversation are in no record,
//! so such an input is the conversation, not the bytes that the model saw: its source is `session`, or `turn` where the
//! session is longer than [`MAX_MESSAGES`]. A compaction begins the conversation anew. Sub-agents have conversations of
//! their own, which begin with the task that they were given.

use std::collections::{BTreeMap, HashMap};

use gleaner_model::{Message, Part, SpanKind};
use serde_json::Value;

use crate::agent_logs::{detailed, place, session_of};
use crate::conventions::copilot;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::KnownCalls;
use crate::value::text;

/// Longest conversation that is given to a call, in messages: each call keeps its own list.
pub(crate) const MAX_MESSAGES: usize = 200;

type Spans = BTreeMap<String, Vec<(MergedSpan, Mapped)>>;

/// Fills input messages and tool calls of the agents' model calls.
pub(crate) fn complete(traces: &mut Spans) {
    detailed::complete(traces);
    for events in conversations(traces).into_values() {
        follow(traces, events);
    }
}

/// Trace id and place in it.
type Spot = (String, usize);

/// Something that happened in a conversation.
struct Event {
    start: u64,
    spot: Spot,
    kind: EventKind,
}

#[derive(PartialEq)]
enum EventKind {
    Prompt,
    Call,
    Tool,
    Compaction,
}

/// (Session, sub-agent's trace and span) to what happened in it, in order.
fn conversations(traces: &Spans) -> BTreeMap<(String, Option<Spot>), Vec<Event>> {
    let mut conversations: BTreeMap<(String, Option<Spot>), Vec<Event>> = BTreeMap::new();
    for (trace_id, spans) in traces {
        let agents: Vec<Option<String>> = spans.iter().map(|(span, mapped)| session(span, mapped)).collect();
        if agents.iter().all(Option::is_none) {
            continue;
        }
        let above = Above::new(spans);
        for (place, (span, mapped)) in spans.iter().enumerate() {
            let Some(session) = agents[place].clone() else { continue };
            let kind = match mapped.kind {
                Some(SpanKind::Agent) => EventKind::Prompt,
                Some(SpanKind::Llm) => EventKind::Call,
                Some(SpanKind::Tool) => EventKind::Tool,
                _ if span.span.name.contains("compaction") => EventKind::Compaction,
                _ => continue,
            };
            // A sub-agent's prompt opens its own conversation; a tool belongs to the one that it runs in.
            let thread = match kind {
                EventKind::Prompt => above.thread_at(place),
                _ => above.thread_above(place),
            };
            let thread = thread.map(|place| (trace_id.clone(), place));
            let event = Event { start: span.span.start_time_unix_nano, spot: (trace_id.clone(), place), kind };
            conversations.entry((session, thread)).or_default().push(event);
        }
    }
    for events in conversations.values_mut() {
        events.sort_by(|a, b| {
            let order = |event: &Event| (event.start, event.kind != EventKind::Prompt, event.kind == EventKind::Tool);
            order(a).cmp(&order(b)).then_with(|| a.spot.cmp(&b.spot))
        });
    }
    conversations
}

/// The session of a coding agent's span.
fn session(span: &MergedSpan, mapped: &Mapped) -> Option<String> {
    let own = session_of(&span.span).is_some() || span.logs.iter().any(|log| place(log).is_some());
    own.then(|| mapped.session_key.as_ref().map(|(_, id)| id.clone()))?
}

/// The sub-agent that a span runs in: the nearest agent or tool span above, unless that is the turn's own agent.
struct Above {
    parents: Vec<Option<usize>>,
    opens_thread: Vec<bool>,
}

impl Above {
    fn new(spans: &[(MergedSpan, Mapped)]) -> Self {
        let places: HashMap<&str, usize> =
            spans.iter().enumerate().map(|(place, (span, _))| (span.span.span_id.as_str(), place)).collect();
        let parents: Vec<Option<usize>> = spans
            .iter()
            .map(|(span, _)| span.span.parent_span_id.as_deref().and_then(|parent| places.get(parent).copied()))
            .collect();
        let mut above = Self { parents, opens_thread: vec![false; spans.len()] };
        let is = |place: usize, kind: SpanKind| spans[place].1.kind == Some(kind);
        for place in 0..spans.len() {
            above.opens_thread[place] = is(place, SpanKind::Tool)
                || is(place, SpanKind::Agent) && above.climb(place).any(|up| is(up, SpanKind::Agent));
        }
        above
    }

    fn climb(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        // Parent chains come from strangers: they may be cyclic.
        std::iter::successors(self.parents[place], |up| self.parents[*up]).take(MAX_DEPTH)
    }

    fn thread_above(&self, place: usize) -> Option<usize> {
        self.climb(place).find(|up| self.opens_thread[*up])
    }

    fn thread_at(&self, place: usize) -> Option<usize> {
        if self.opens_thread[place] { Some(place) } else { self.thread_above(place) }
    }
}

/// Deepest nesting of agents' spans that is followed.
const MAX_DEPTH: usize = 64;

fn follow(traces: &mut Spans, events: Vec<Event>) {
    let mut conversation: Vec<Message> = Vec::new();
    let mut turn_start = 0;
    if let Some(first) = events.first().filter(|event| event.kind != EventKind::Prompt) {
        conversation.extend(task_of(traces, &first.spot));
    }
    for (index, event) in events.iter().enumerate() {
        match event.kind {
            EventKind::Prompt => {
                turn_start = conversation.len();
                let (_, mapped) = &traces[&event.spot.0][event.spot.1];
                let prompt = mapped.input_text.clone().map(|text| message("user", Part::Text { content: text }));
                conversation.extend(prompt.or_else(|| task_of(traces, &event.spot)));
            }
            EventKind::Compaction => {
                conversation.clear();
                turn_start = 0;
            }
            EventKind::Tool => {}
            EventKind::Call => {
                let tools: Vec<Spot> = events[index + 1..]
                    .iter()
                    .take_while(|next| next.kind == EventKind::Tool)
                    .map(|next| next.spot.clone())
                    .collect();
                call(traces, &event.spot, &tools, &mut conversation, turn_start);
            }
        }
    }
}

/// What a call was given and answered; the conversation goes on with its answer and the results of its tools.
fn call(traces: &mut Spans, spot: &Spot, tools: &[Spot], conversation: &mut Vec<Message>, turn_start: usize) {
    let ran: Vec<(Part, Option<Part>)> =
        tools.iter().filter_map(|tool| tool_parts(&traces[&tool.0][tool.1].1)).collect();
    let Some((span, mapped)) = traces.get_mut(&spot.0).and_then(|spans| spans.get_mut(spot.1)) else { return };
    let tells_all = match &mapped.input_messages {
        Some(news) if copilot::tells_news(&span.span) => {
            continue_with(conversation, news);
            false
        }
        Some(input) => {
            conversation.clone_from(input);
            true
        }
        None => {
            detailed::absorb(conversation, &span.span.attributes);
            false
        }
    };
    if !tells_all {
        let whole = conversation.len() <= MAX_MESSAGES;
        let given = if whole { &conversation[..] } else { &conversation[turn_start.min(conversation.len())..] };
        if !given.is_empty() && given.len() <= MAX_MESSAGES {
            mapped.input_messages = Some(given.to_vec());
            let origin = if whole { "session" } else { "turn" };
            mapped.source_keys.insert("input_messages".to_owned(), Value::String(origin.to_owned()));
        }
    }
    if mapped.error.is_some() && mapped.output_messages.is_none() {
        return;
    }
    let output = mapped.output_messages.get_or_insert_default();
    if output.is_empty() {
        output.push(Message { role: "assistant".to_owned(), parts: Vec::new(), name: None, finish_reason: None });
    }
    let tells_calls =
        output.iter().flat_map(|message| &message.parts).any(|part| matches!(part, Part::ToolCall { .. }));
    if let ([answer], false) = (output.as_mut_slice(), tells_calls) {
        let mut known = KnownCalls::among(&answer.parts);
        for (call, _) in &ran {
            if !known.has(call) {
                known.add(call);
                answer.parts.push(call.clone());
            }
        }
        if !ran.is_empty() {
            // Where a record says no more than that the answer is complete, the tools that ran say why it ended.
            let origin = mapped.source_keys.get("finish_reason").and_then(Value::as_str);
            let says_why = origin.is_some_and(|key| !key.ends_with("/event.kind"));
            let of_session = || Value::String("session".to_owned());
            if !says_why {
                mapped.finish_reason = Some("tool_call".to_owned());
                mapped.source_keys.insert("finish_reason".to_owned(), of_session());
            }
            mapped.source_keys.entry("output_messages").or_insert_with(of_session);
            answer.finish_reason.clone_from(&mapped.finish_reason);
        }
    }
    if output.iter().all(|message| message.parts.is_empty()) {
        mapped.output_messages = None;
    }
    let bare = |message: &Message| Message { finish_reason: None, ..message.clone() };
    conversation.extend(mapped.output_messages.iter().flatten().map(bare));
    conversation.extend(ran.into_iter().filter_map(|(_, result)| Some(message("tool", result?))));
}

/// New messages; results of tools take the place of what the tools' spans say.
fn continue_with(conversation: &mut Vec<Message>, news: &[Message]) {
    // A call that is tried again tells the same.
    if conversation.ends_with(news) {
        return;
    }
    // An early call of a conversation that began before the first span tells all of it.
    if news.len() > conversation.len() && news.starts_with(conversation) {
        conversation.clear();
    }
    if news.first().is_some_and(|message| message.role == "tool") {
        let spans_say = conversation.iter().rev().take_while(|message| message.role == "tool").count();
        conversation.truncate(conversation.len() - spans_say);
    }
    conversation.extend_from_slice(news);
}

/// A tool run as the model's call, and as what the model is told of it.
fn tool_parts(mapped: &Mapped) -> Option<(Part, Option<Part>)> {
    let name = mapped.tool_name.clone()?;
    let id = mapped.tool_call_id.clone();
    let arguments = mapped.tool_arguments.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let response = mapped.tool_result.as_ref().and_then(text);
    let answered = response.map(|response| Part::ToolCallResponse {
        id: id.clone(),
        name: Some(name.clone()),
        response: Value::String(response),
    });
    Some((Part::ToolCall { id, name, arguments }, answered))
}

/// The task that a sub-agent was given, by the tool call that started it.
fn task_of(traces: &Spans, spot: &Spot) -> Option<Message> {
    let spans = &traces[&spot.0];
    let (span, _) = &spans[spot.1];
    let parent = spans.iter().find(|(up, _)| Some(&up.span.span_id) == span.span.parent_span_id.as_ref());
    let prompt_of = |mapped: &Mapped| mapped.tool_arguments.as_ref()?.get("prompt")?.as_str().map(str::to_owned);
    let above = parent.and_then(|(_, mapped)| prompt_of(mapped));
    let started = || {
        let before = |other: &MergedSpan| other.span.start_time_unix_nano <= span.span.end_time_unix_nano;
        spans.iter().filter(|(other, _)| before(other)).filter_map(|(_, mapped)| prompt_of(mapped)).next_back()
    };
    let is_sub_agent = span.span.parent_span_id.is_some();
    let task = above.or_else(|| is_sub_agent.then(started).flatten())?;
    Some(message("user", Part::Text { content: task }))
}

fn message(role: &str, part: Part) -> Message {
    Message { role: role.to_owned(), parts: vec![part], name: None, finish_reason: None }
}
