//! What the richest report of a call does not say, from the other reports of it.

use gleaner_model::{Span, SpanKind, reasoning_text};

use crate::conventions::add_missing_details;
use crate::derive::calls::{Calls, is_version_of};
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// What the richest report of a call does not say, a poorer one may: usage, where the richest is told of by a framework that
/// records content only, for instance. Field by field, from the earliest duplicate that has it.
pub(super) fn fill_from_duplicates(tree: &Tree<'_>, rows: &mut [Span], calls: &Calls) {
    for (place, richest) in calls.duplicate_of.iter().enumerate() {
        let Some(richest) = *richest else { continue };
        let other = rows[place].clone();
        let row = &mut rows[richest];
        let mut filled: Vec<&'static str> = Vec::new();
        // A record of how the call ended began when the call did.
        if tree.nodes[richest].mapped.is_late_record {
            row.start_time_unix_nano = row.start_time_unix_nano.min(other.start_time_unix_nano);
            filled.push("start_time_unix_nano");
        }
        // Instrumentations add up what a stream reports in pieces; who reads the provider's own sum is believed.
        let knows_sum = |place: usize| tree.nodes[place].mapped.knows_usage;
        if knows_sum(place) && !knows_sum(richest) && other.input_tokens.is_some() && other.output_tokens.is_some() {
            (row.input_tokens, row.output_tokens) = (None, None);
        }
        fn fill<T>(filled: &mut Vec<&'static str>, name: &'static str, to: &mut Option<T>, from: Option<T>) {
            if to.is_none() && from.is_some() {
                filled.push(name);
                *to = from;
            }
        }
        // Some conventions write the answering model where the requested one belongs: two reports tell.
        let answering = row.response_model.as_ref().or(other.response_model.as_ref());
        if row.model.as_ref() == answering && other.model.is_some() && other.model.as_ref() != answering {
            row.model = None;
        }
        if let (Some(named), Some(asked), None, None) =
            (&row.model, &other.model, &row.response_model, &other.response_model)
            && is_version_of(named, asked)
        {
            row.response_model = row.model.take();
        }
        fill(&mut filled, "provider", &mut row.provider, other.provider);
        fill(&mut filled, "model", &mut row.model, other.model);
        fill(&mut filled, "response_model", &mut row.response_model, other.response_model);
        fill(&mut filled, "response_id", &mut row.response_id, other.response_id);
        fill(&mut filled, "previous_response_id", &mut row.previous_response_id, other.previous_response_id);
        fill(&mut filled, "system_prompt", &mut row.system_prompt, other.system_prompt);
        fill(&mut filled, "tool_definitions", &mut row.tool_definitions, other.tool_definitions);
        fill(&mut filled, "tool_call_id", &mut row.tool_call_id, other.tool_call_id);
        fill(&mut filled, "tool_arguments", &mut row.tool_arguments, other.tool_arguments);
        fill(&mut filled, "tool_result", &mut row.tool_result, other.tool_result);
        fill(&mut filled, "finish_reason", &mut row.finish_reason, other.finish_reason);
        fill(&mut filled, "parameters", &mut row.parameters, other.parameters);
        fill(&mut filled, "input_tokens", &mut row.input_tokens, other.input_tokens);
        fill(&mut filled, "output_tokens", &mut row.output_tokens, other.output_tokens);
        fill(&mut filled, "cached_tokens", &mut row.cached_tokens, other.cached_tokens);
        fill(&mut filled, "reasoning_tokens", &mut row.reasoning_tokens, other.reasoning_tokens);
        fill(&mut filled, "cost_usd", &mut row.cost_usd, other.cost_usd);
        if let Some([answer]) = row.output_messages.as_deref_mut() {
            answer.finish_reason.clone_from(&row.finish_reason);
        }
        // Where nothing was answered, a report that tells of a failure is believed.
        if row.output_messages.is_none() && row.error.is_none() && other.error.is_some() {
            row.status.clone_from(&other.status);
            fill(&mut filled, "error", &mut row.error, other.error);
        }
        // Instrumentations of clients leave out items of a prompt that they do not know; the framework's tells on.
        if let (Some(input), Some(more)) = (&row.input_messages, &other.input_messages)
            && row.kind == SpanKind::Llm
            && more.len() > input.len()
            && more.starts_with(input)
        {
            row.input_messages = other.input_messages.clone();
            filled.push("input_messages");
        }
        if let (Some(output), Some(more)) = (&mut row.output_messages, &other.output_messages)
            && row.kind == SpanKind::Llm
        {
            let before = output.clone();
            add_missing_details(output, more);
            if *output != before {
                row.reasoning_text = reasoning_text(output);
                filled.push("output_messages");
            }
        }
        note_source(row, filled, &other.span_id);
    }
}
