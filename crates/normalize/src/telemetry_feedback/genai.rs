//! OpenTelemetry GenAI: `gen_ai.evaluation.*`, as log record or span event `gen_ai.evaluation.result` (semantic conventions
//! 1.38 on), or as attributes of a span (OpenAI Agents v2, OpenLIT, OpenSearch).
//!
//! A record or event is about the span that it was sent in, else about the response that it names. Attributes of a span are
//! about that span, unless it is there for the evaluation alone: then about what it names or links to. Older spellings below
//! `gen_ai.eval.` are read alike. `error.type` alone, an evaluation that failed, says nothing of the target and makes no item.

use gleaner_model::Target;

use super::{Carrier, Draft, Signal, first, first_str, first_text, linked, source};

const EVENT: &str = "gen_ai.evaluation.result";
const NAMES: &[&str] = &["gen_ai.evaluation.name", "gen_ai.eval.name", "gen_ai.eval.metric"];
const VALUES: &[&str] =
    &["gen_ai.evaluation.score.value", "gen_ai.evaluation.score", "gen_ai.eval.score.value", "gen_ai.eval.score"];
const LABELS: &[&str] = &[
    "gen_ai.evaluation.score.label",
    "gen_ai.evaluation.label",
    "gen_ai.evaluation.verdict",
    "gen_ai.evaluation.classification",
    "gen_ai.eval.score.label",
    "gen_ai.eval.label",
    "gen_ai.eval.verdict",
];
const EXPLANATIONS: &[&str] =
    &["gen_ai.evaluation.explanation", "gen_ai.evaluation.reason", "gen_ai.eval.explanation", "gen_ai.eval.reason"];
/// Who judged; not in the conventions, but sent.
const SOURCES: &[&str] =
    &["gen_ai.evaluation.source", "gen_ai.evaluation.evaluator.type", "gen_ai.evaluation.annotator_kind"];
const REVIEWERS: &[&str] =
    &["gen_ai.evaluation.evaluator.name", "gen_ai.evaluation.evaluator", "gen_ai.evaluation.reviewer", "reviewer"];

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    let attributes = carrier.attributes;
    let named = first_text(attributes, NAMES);
    let mut draft = Draft {
        label: first_text(attributes, LABELS),
        comment: first_text(attributes, EXPLANATIONS),
        ..Draft::default()
    };
    draft.rate(first(attributes, VALUES));
    if !draft.says_something() || (named.is_none() && draft.value.is_none() && draft.label.is_none()) {
        return Vec::new();
    }
    draft.criterion = named;
    let sent_source = first_str(attributes, SOURCES);
    draft.source = sent_source.and_then(source);
    draft.note("source", sent_source);
    draft.note("error", first_text(attributes, &["error.type"]));
    draft.reviewer = first_text(attributes, REVIEWERS);
    draft.target = target(carrier);
    vec![draft]
}

fn target(carrier: &Carrier<'_>) -> Option<Target> {
    let id = |key| first_str(carrier.attributes, &[key]).unwrap_or_default();
    let stated = linked(id("gen_ai.evaluation.trace_id"), id("gen_ai.evaluation.span_id"));
    match carrier.signal {
        _ if stated.is_some() => stated,
        Signal::Span if is_for_evaluation(carrier) => {
            let linked = carrier.single_link().or_else(|| carrier.response());
            linked.or_else(|| carrier.session().filter(|_| carrier.name == EVENT)).or_else(|| carrier.context())
        }
        _ => carrier.context_or_named(),
    }
}

/// Whether a span does nothing but evaluate: it tells of no call of a model, tool or agent.
fn is_for_evaluation(carrier: &Carrier<'_>) -> bool {
    let operation = first_str(carrier.attributes, &["gen_ai.operation.name"]);
    let does = operation.is_some_and(|operation| !operation.to_ascii_lowercase().contains("eval"));
    !does && first(carrier.attributes, &["gen_ai.request.model", "gen_ai.input.messages"]).is_none()
}
