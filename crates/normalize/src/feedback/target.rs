//! What an item speaks of: targets and references to agent definitions. Whether they exist is not asked here.

use gleaner_model::{DefinitionRef, Target};
use gleaner_wire::feedback as wire;

use crate::feedback::Rejection;
use crate::feedback::fields::Fields;

const TRACE_ID_DIGITS: usize = 32;
const SPAN_ID_DIGITS: usize = 16;

/// Checks one target. `field` is its own name; faults inside are named `field.trace_id` and so on.
pub(super) fn target(fields: &Fields<'_>, field: &str, sent: wire::Target) -> Result<Target, Rejection> {
    let name = |inner: &str| format!("{field}.{inner}");
    let target = Target {
        artifact_id: fields.key(&name("artifact_id"), sent.artifact_id)?,
        attempt_id: fields.key(&name("attempt_id"), sent.attempt_id)?,
        trace_id: fields.hex(&name("trace_id"), sent.trace_id, TRACE_ID_DIGITS)?,
        span_id: fields.hex(&name("span_id"), sent.span_id, SPAN_ID_DIGITS)?,
        response_id: fields.key(&name("response_id"), sent.response_id)?,
        session: fields.key(&name("session"), sent.session)?,
        lineage: fields.key(&name("lineage"), sent.lineage)?,
        cycle: (sent.cycle > 0).then_some(sent.cycle),
        attempt_number: (sent.attempt_number > 0).then_some(sent.attempt_number),
    };
    let needs = |inner: &str, other: &str| Err(Rejection::new(name(inner), format!("needs {other}")));
    if target.span_id.is_some() && target.trace_id.is_none() {
        return needs("span_id", "trace_id");
    }
    if target.lineage.is_some() && target.session.is_none() {
        return needs("lineage", "session");
    }
    if target.cycle.is_some() && target.lineage.is_none() {
        return needs("cycle", "lineage");
    }
    if target.attempt_number.is_some() && target.lineage.is_none() {
        return needs("attempt_number", "lineage");
    }
    if target == Target::default() {
        let message = "must name an artifact, attempt, trace, response, or a session with or without lineage";
        return Err(Rejection::new(field, message));
    }
    Ok(target)
}

/// Checks a reference to an agent definition: an id, an agent with a version, or a cycle.
pub(super) fn definition_ref(
    fields: &Fields<'_>,
    field: &str,
    sent: Option<wire::DefinitionRef>,
) -> Result<DefinitionRef, Rejection> {
    let name = |inner: &str| format!("{field}.{inner}");
    let sent = sent.ok_or_else(|| Rejection::new(field, "must be set"))?;
    let reference = DefinitionRef {
        agent_definition_id: fields.key(&name("agent_definition_id"), sent.agent_definition_id)?,
        agent: fields.key(&name("agent"), sent.agent)?,
        version: fields.key(&name("version"), sent.version)?,
        cycle: (sent.cycle > 0).then_some(sent.cycle),
    };
    if reference.version.is_some() && reference.agent.is_none() {
        return Err(Rejection::new(name("version"), "needs agent"));
    }
    if reference.agent_definition_id.is_none() && reference.version.is_none() && reference.cycle.is_none() {
        return Err(Rejection::new(field, "must name an agent_definition_id, an agent with a version, or a cycle"));
    }
    Ok(reference)
}
