//! Prompts of which LiveKit records only what changed (`RecordingOptions.input_delta`).
//!
//! A span with `lk.input.base_span_id` goes on from the record of that span, which is an earlier one of the same name: that
//! record without its last `lk.input.dropped_from_base` entries, and then its own. The record is `gen_ai.input.messages` on
//! `llm_request`, and the items of the chat context on `llm_node`. Instructions that did not change are left out.
//! Source: livekit/agents `telemetry/input_delta.py`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::map;
use crate::mapped::{Mapped, MergedSpan};
use crate::value::{first_str, integer, structured};

/// Most entries that are copied within a trace: every prompt holds the whole conversation before it.
const MAX_ENTRIES: usize = 50_000;

const BASE: &str = "lk.input.base_span_id";
const INSTRUCTIONS: &str = "gen_ai.system_instructions";

/// What a span records of its input.
const RECORDS: &[&str] = &["gen_ai.input.messages", "lk.pii.chat_ctx", "lk.chat_ctx"];

/// Gives the spans of a trace their whole prompts.
pub(crate) fn complete_deltas(spans: &mut [(MergedSpan, Mapped)]) {
    let is_delta = |(merged, _): &(MergedSpan, Mapped)| merged.span.attributes.contains_key(BASE);
    if !spans.iter().any(is_delta) {
        return;
    }
    let place_of: HashMap<String, usize> =
        spans.iter().enumerate().map(|(place, (merged, _))| (merged.span.span_id.clone(), place)).collect();
    let mut order: Vec<usize> = (0..spans.len()).filter(|place| is_delta(&spans[*place])).collect();
    // A base began before what goes on from it.
    order.sort_by_key(|place| {
        let span = &spans[*place].0.span;
        (span.start_time_unix_nano, span.span_id.clone())
    });
    let mut whole: HashMap<usize, Whole> = HashMap::new();
    let mut copied = 0;
    for place in order {
        let attributes = &spans[place].0.span.attributes;
        let base_id = first_str(attributes, &[BASE]).unwrap_or_default().to_owned();
        let Some(base_place) = place_of.get(&base_id).copied().filter(|base| *base != place) else { continue };
        let base = whole.get(&base_place).cloned().or_else(|| Whole::of(&spans[base_place].0));
        let (Some(base), Some(mut own)) = (base, Whole::of(&spans[place].0)) else { continue };
        let dropped = attributes.get("lk.input.dropped_from_base").and_then(integer).unwrap_or(0);
        let kept = base.entries.len().saturating_sub(usize::try_from(dropped).unwrap_or(usize::MAX));
        copied += kept;
        if copied > MAX_ENTRIES || base.key != own.key {
            continue;
        }
        own.entries.splice(0..0, base.entries.into_iter().take(kept));
        own.instructions = own.instructions.take().or(base.instructions);
        read_again(&mut spans[place], &own, &base_id);
        whole.insert(place, own);
    }
}

/// A record without gaps.
#[derive(Clone)]
struct Whole {
    key: &'static str,
    entries: Vec<Value>,
    instructions: Option<Value>,
}

impl Whole {
    /// What the span itself records.
    fn of(merged: &MergedSpan) -> Option<Self> {
        let attributes = &merged.span.attributes;
        let key = RECORDS.iter().find(|key| attributes.contains_key(**key))?;
        let record = structured(&attributes[*key]);
        let entries = record.get("items").unwrap_or(&record).as_array()?.clone();
        Some(Self { key, entries, instructions: attributes.get(INSTRUCTIONS).cloned() })
    }
}

/// Reads the span as if it had recorded everything.
fn read_again((merged, mapped): &mut (MergedSpan, Mapped), whole: &Whole, base_id: &str) {
    let mut full = merged.clone();
    let attributes = &mut full.span.attributes;
    attributes.insert(whole.key.to_owned(), json!(whole.entries));
    if let Some(instructions) = &whole.instructions {
        attributes.insert(INSTRUCTIONS.to_owned(), instructions.clone());
    }
    let read = map(&full);
    let origin = Value::String(format!("span:{base_id}"));
    if read.input_messages != mapped.input_messages {
        mapped.input_messages = read.input_messages;
        mapped.source_keys.insert("input_messages".to_owned(), origin.clone());
    }
    if read.system_prompt != mapped.system_prompt {
        mapped.system_prompt = read.system_prompt;
        mapped.source_keys.insert("system_prompt".to_owned(), origin);
    }
}

#[cfg(test)]
mod tests;
