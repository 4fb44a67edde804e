//! Validation of feedback: one wire item in, one [`FeedbackItem`] or the reason for its refusal out.
//!
//! Pure: whether the item was sent before, and what its targets are, is decided elsewhere (a target may come later than what
//! is said of it). Invariants of an accepted item:
//! - Text that was not sent is absent, never empty; ids are lower-case; every number is finite and within its bounds.
//! - `item_id` and `content_hash` depend on the project, the idempotency key and the content alone, never on time.
//!
//! A refusal names the field as `feedback.proto` does (`score`, `ranking`, `target.trace_id`), and the limit.

use std::fmt;

use gleaner_model::{
    Artifact, ContentHash, Directive, DirectiveKind, Evaluation, Evolution, EvolutionOutcome, FeedbackBody,
    FeedbackItem, Insight, Retraction, SessionFacts, Source, Target, derive_id,
};
use gleaner_wire::feedback as wire;
use serde_json::{Value, json};

use crate::feedback::fields::Fields;

mod comparison;
mod fields;
mod metadata;
mod target;

/// Why an item is refused. Sending it again as it is will not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The field at fault, as named in `feedback.proto`.
    pub field: String,
    /// The field, the limit, and what was sent where that is short.
    pub message: String,
}

impl Rejection {
    fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let field = field.into();
        Self { message: format!("{field}: {message}"), field }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Rejection {}

/// Limits of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackLimits {
    /// Free text (comment, correction, content, need …), each. UTF-8 bytes.
    pub max_text_bytes: usize,
    /// Targets of a comparison, and pieces of evidence.
    pub max_entries: usize,
    /// Keys, ids, names, criteria and labels, each. UTF-8 bytes.
    pub max_key_bytes: usize,
}

impl FeedbackLimits {
    /// 1 MiB.
    pub const DEFAULT_MAX_TEXT_BYTES: usize = 1 << 20;
    /// 1000.
    pub const DEFAULT_MAX_ENTRIES: usize = 1000;
    /// 512.
    pub const DEFAULT_MAX_KEY_BYTES: usize = 512;
}

impl Default for FeedbackLimits {
    fn default() -> Self {
        Self {
            max_text_bytes: Self::DEFAULT_MAX_TEXT_BYTES,
            max_entries: Self::DEFAULT_MAX_ENTRIES,
            max_key_bytes: Self::DEFAULT_MAX_KEY_BYTES,
        }
    }
}

/// Lowest and highest score.
pub const SCORE_RANGE: std::ops::RangeInclusive<f64> = 1.0..=10.0;

/// Validates an item under the default limits; see [`validate_within`].
///
/// # Errors
/// The first field at fault.
pub fn validate(project: &str, item: wire::Item, arrived_at_unix_nano: u64) -> Result<FeedbackItem, Rejection> {
    validate_within(&FeedbackLimits::default(), project, item, arrived_at_unix_nano)
}

/// Validates an item that was sent to `project`. `arrived_at_unix_nano` is its time where the client sent none.
///
/// # Errors
/// The first field at fault.
pub fn validate_within(
    limits: &FeedbackLimits,
    project: &str,
    item: wire::Item,
    arrived_at_unix_nano: u64,
) -> Result<FeedbackItem, Rejection> {
    let fields = Fields { limits };
    let idempotency_key = fields.key("idempotency_key", item.idempotency_key)?;
    let reviewer = fields.key("reviewer", item.reviewer)?;
    let source = match wire::Source::try_from(item.source) {
        Ok(wire::Source::Unspecified | wire::Source::Human) => Source::Human,
        Ok(wire::Source::Model) => Source::Model,
        Ok(wire::Source::Code) => Source::Code,
        Err(_) => return Err(Rejection::new("source", format!("unknown number {}", item.source))),
    };
    let created_at_unix_nano = match item.created_at {
        Some(time) => unix_nano(time.seconds, time.nanos)
            .ok_or_else(|| Rejection::new("created_at", "must be a time from 1970 to 2554"))?,
        None => arrived_at_unix_nano,
    };
    let body = body(&fields, item.kind)?;

    let value = |error: serde_json::Error| Rejection::new("kind", error);
    let content = json!({"reviewer": reviewer, "source": source, "body": serde_json::to_value(&body).map_err(value)?});
    let content_hash = ContentHash::of_json(&content).0;
    let natural_key = match &idempotency_key {
        Some(key) => format!("key:{key}"),
        None => format!("content:{content_hash}"),
    };
    Ok(FeedbackItem {
        item_id: derive_id("feedback", &[project, &natural_key]),
        project: project.to_owned(),
        idempotency_key,
        content_hash,
        reviewer,
        source,
        created_at_unix_nano,
        body,
    })
}

fn unix_nano(seconds: i64, nanos: i32) -> Option<u64> {
    const NANOS_PER_SECOND: u64 = 1_000_000_000;
    let nanos = u64::try_from(nanos).ok().filter(|nanos| *nanos < NANOS_PER_SECOND)?;
    u64::try_from(seconds).ok()?.checked_mul(NANOS_PER_SECOND)?.checked_add(nanos)
}

fn body(fields: &Fields<'_>, kind: Option<wire::item::Kind>) -> Result<FeedbackBody, Rejection> {
    use wire::item::Kind;
    Ok(match kind {
        None => return Err(Rejection::new("kind", "one kind of feedback must be set")),
        Some(Kind::Evaluation(item)) => FeedbackBody::Evaluation(evaluation(fields, item)?),
        Some(Kind::Comparison(item)) => FeedbackBody::Comparison(comparison::comparison(fields, item)?),
        Some(Kind::Directive(item)) => FeedbackBody::Directive(directive(fields, item)?),
        Some(Kind::Artifact(item)) => FeedbackBody::Artifact(Artifact {
            target: required_target(fields, item.target)?,
            name: fields.key("name", item.name)?,
            r#type: fields.key("type", item.r#type)?,
            content: fields.required_text("content", item.content)?,
        }),
        Some(Kind::Evolution(item)) => FeedbackBody::Evolution(Evolution {
            session: fields.required_key("session", item.session)?,
            lineage: fields.required_key("lineage", item.lineage)?,
            from: target::definition_ref(fields, "from", item.from)?,
            to: target::definition_ref(fields, "to", item.to)?,
            changes: fields.text("changes", item.changes)?,
            hypothesis: fields.text("hypothesis", item.hypothesis)?,
        }),
        Some(Kind::EvolutionOutcome(item)) => FeedbackBody::EvolutionOutcome(evolution_outcome(fields, item)?),
        Some(Kind::Insight(item)) => FeedbackBody::Insight(insight(fields, item)?),
        Some(Kind::Session(item)) => FeedbackBody::Session(session(fields, item)?),
        Some(Kind::Retraction(item)) => FeedbackBody::Retraction(Retraction {
            of: fields.required_key("of", item.of)?,
            reason: fields.text("reason", item.reason)?,
        }),
    })
}

fn required_target(fields: &Fields<'_>, target: Option<wire::Target>) -> Result<Target, Rejection> {
    target::target(fields, "target", target.ok_or_else(|| Rejection::new("target", "must be set"))?)
}

fn evaluation(fields: &Fields<'_>, item: wire::Evaluation) -> Result<Evaluation, Rejection> {
    use wire::evaluation::Value as Sent;
    let mut evaluation = Evaluation {
        target: required_target(fields, item.target)?,
        criterion: fields.key("criterion", item.criterion)?,
        score: None,
        value: None,
        label: None,
        comment: fields.text("comment", item.comment)?,
        correction: fields.text("correction", item.correction)?,
        metadata: None,
    };
    match item.value {
        None if evaluation.comment.is_none() && evaluation.correction.is_none() => {
            return Err(Rejection::new(
                "evaluation",
                "one of score, boolean, number, label, comment, correction must be set",
            ));
        }
        None => {}
        Some(Sent::Score(score)) => evaluation.score = Some(fields.score("score", score)?),
        Some(Sent::Boolean(value)) => evaluation.value = Some(Value::Bool(value)),
        Some(Sent::Number(number)) => evaluation.value = Some(json!(fields.finite("number", number)?)),
        Some(Sent::Label(label)) => evaluation.label = Some(fields.required_key("label", label)?),
    }
    let needs_criterion = evaluation.value.is_some() || evaluation.label.is_some();
    if needs_criterion && evaluation.criterion.is_none() {
        return Err(Rejection::new("criterion", "must be set for a boolean, a number or a label"));
    }
    Ok(evaluation)
}

fn directive(fields: &Fields<'_>, item: wire::Directive) -> Result<Directive, Rejection> {
    use wire::directive::Kind;
    let directive_kind = match Kind::try_from(item.kind) {
        Ok(Kind::Unspecified | Kind::Once) => DirectiveKind::Once,
        Ok(Kind::Sticky) => DirectiveKind::Sticky,
        Err(_) => return Err(Rejection::new("kind", format!("unknown number {}", item.kind))),
    };
    let target = required_target(fields, item.target)?;
    Ok(Directive { target, text: fields.required_text("text", item.text)?, directive_kind })
}

fn evolution_outcome(fields: &Fields<'_>, item: wire::EvolutionOutcome) -> Result<EvolutionOutcome, Rejection> {
    let outcome = EvolutionOutcome {
        of: fields.required_key("of", item.of)?,
        hypothesis_validated: item.hypothesis_validated,
        score_before: item.score_before.map(|score| fields.score("score_before", score)).transpose()?,
        score_after: item.score_after.map(|score| fields.score("score_after", score)).transpose()?,
        comment: fields.text("comment", item.comment)?,
    };
    let says_something = outcome.hypothesis_validated.is_some()
        || outcome.score_before.is_some()
        || outcome.score_after.is_some()
        || outcome.comment.is_some();
    if says_something {
        Ok(outcome)
    } else {
        let message = "one of hypothesis_validated, score_before, score_after, comment must be set";
        Err(Rejection::new("evolution_outcome", message))
    }
}

fn insight(fields: &Fields<'_>, item: wire::Insight) -> Result<Insight, Rejection> {
    fields.entries("evidence", item.evidence.len())?;
    let confidence = item.confidence.map(|confidence| fields.finite("confidence", confidence)).transpose()?;
    if let Some(confidence) = confidence.filter(|confidence| !(0.0..=1.0).contains(confidence)) {
        return Err(Rejection::new("confidence", format!("must be from 0 to 1, not {confidence}")));
    }
    Ok(Insight {
        scope: fields.key("scope", item.scope)?,
        text: fields.required_text("text", item.text)?,
        evidence: item
            .evidence
            .into_iter()
            .map(|evidence| fields.required_key("evidence", evidence))
            .collect::<Result<_, _>>()?,
        confidence,
    })
}

fn session(fields: &Fields<'_>, item: wire::Session) -> Result<SessionFacts, Rejection> {
    let facts = SessionFacts {
        session: fields.required_key("session", item.session)?,
        need: fields.text("need", item.need)?,
        constraints: fields.text("constraints", item.constraints)?,
        context: fields.text("context", item.context)?,
        metadata: item.metadata.as_ref().map(|metadata| metadata::json_object(fields, metadata)).transpose()?,
    };
    if facts.need.is_none() && facts.constraints.is_none() && facts.context.is_none() && facts.metadata.is_none() {
        return Err(Rejection::new("need", "one of need, constraints, context, metadata must be set"));
    }
    Ok(facts)
}

#[cfg(test)]
mod tests;
