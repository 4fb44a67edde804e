//! What one span leaves out and another tells: every step that mends a span from its neighbours, in the order in which they
//! build on each other. Each names its source; none overwrites what a span says itself.
//!
//! First answers, before it is decided which spans are calls and which are reports of one call, since answers decide that:
//! 1. [`hidden_calls`]: from the steps around and below a call.
//! 2. [`told_later`]: from the prompts of later calls, which by then are whole answers' own.
//!
//! Then the rows, once calls are counted:
//! 3. [`duplicates`]: from other reports of the same call. Everything below looks at one report only.
//! 4. [`continued`]: the response that a call goes on from, by the results that it was given; it may give calls their ids.
//! 5. [`tools`]: tool spans and the calls that asked for them, by these ids.
//! 6. [`prompts`]: from the prompt of a wrapper or of the call before, the answers, and the results of the tools joined with them.
//! 7. [`histories`]: gaps in a prompt, from the answers of earlier calls.
//! 8. [`errors`]: takes back what was copied onto spans that did not fail.
//! 9. [`steps`] and [`instructions`]: why a call ended, from the step around it; system prompts, from the agent's span.
//! 10. [`agents_answer`]: last, since it only presumes: an answer that nothing above has told.

use std::borrow::Cow;

use gleaner_model::Span;

use crate::attribution::Attribution;
use crate::derive::calls::Calls;
use crate::derive::tools;
use crate::derive::tree::Tree;
use crate::mapped::{Mapped, MergedSpan};

mod agents_answer;
mod continued;
mod duplicates;
mod errors;
mod hidden_calls;
mod histories;
mod instructions;
mod prompts;
mod steps;
mod told_later;

/// The spans with whole answers.
pub(crate) fn whole_answers(spans: &[(MergedSpan, Mapped)]) -> Cow<'_, [(MergedSpan, Mapped)]> {
    told_later::with_answers_told_later(hidden_calls::with_hidden_calls(spans))
}

/// Fills and joins the rows of a trace.
pub(super) fn whole_rows(tree: &Tree<'_>, calls: &Calls, attribution: &Attribution, rows: &mut [Span]) {
    duplicates::fill_from_duplicates(tree, rows, calls);
    let call_ids = continued::link_continued_calls(tree, calls, rows);
    tools::join_tool_calls(tree, calls, attribution, rows);
    call_ids.apply(rows);
    prompts::rebuild_prompts(tree, calls, rows);
    prompts::complete_repeated_prompts(tree, calls, rows);
    histories::fill_empty_answers(calls, rows);
    errors::clear_copied_errors(rows);
    steps::fill_from_steps(tree, calls, rows);
    instructions::fill_from_agents(tree, calls, rows);
    agents_answer::fill_from_agents(tree, calls, rows);
}
