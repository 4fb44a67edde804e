//! Agent Lightning (up to 0.3): rewards, on spans named `agentlightning.annotation` or `agentlightning.reward`.
//!
//! `agentlightning.reward.<i>.{name, value}`, the first of them primary; before 0.3 `agentlightning.reward.<name>` or plain
//! `reward`; through AgentOps JSON `{"type": "reward", "value": x}` as an operation's output. `agentlightning.link.<i>` names the
//! target by a key: ids of traces, spans and responses are followed; other keys are kept in the metadata, and the span itself,
//! which belongs to the attempt, is the target.

use gleaner_model::{Source, Target};
use serde_json::{Map, Value};

use super::{Carrier, Draft, Signal, first, first_text, is_key, linked};
use crate::value::{structured, unflatten};

const REWARD: &str = "agentlightning.reward";
const LINK: &str = "agentlightning.link";
/// An older spelling of a link.
const LINK_RESPONSE_ID: &str = "agentlightning.link.gen_ai_response_id";
const PRIMARY: &str = "primary";
const SPANS: &[&str] = &["agentlightning.annotation", REWARD];
const AGENTOPS_OUTPUTS: &[&str] = &["agentops.task.output", "agentops.entity.output"];

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    if carrier.signal != Signal::Span {
        return Vec::new();
    }
    let rewards = rewards(carrier);
    if rewards.is_empty() {
        return Vec::new();
    }
    let links = links(carrier);
    let draft = |(name, value): (String, Value)| {
        let mut draft = Draft {
            target: target(carrier, &links),
            criterion: Some(name),
            source: Some(Source::Code),
            ..Draft::default()
        };
        draft.rate(Some(&value));
        if !links.is_empty() {
            let links = links.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
            draft.note("links", Some(Value::Object(links.collect())));
        }
        draft
    };
    rewards.into_iter().map(draft).collect()
}

/// Name and value of every reward.
fn rewards(carrier: &Carrier<'_>) -> Vec<(String, Value)> {
    let attributes = carrier.attributes;
    let listed: Vec<(String, Value)> = unflatten(attributes, REWARD)
        .into_iter()
        .enumerate()
        .filter_map(|(place, reward)| {
            let reward = reward.as_object()?;
            let unnamed = if place == 0 { PRIMARY.to_owned() } else { format!("reward {place}") };
            Some((first_text(reward, &["name"]).unwrap_or(unnamed), reward.get("value")?.clone()))
        })
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    if SPANS.contains(&carrier.name) {
        let named: Vec<(String, Value)> = attributes.iter().filter_map(named_reward).collect();
        if !named.is_empty() {
            return named;
        }
        if let Some(value) = first(attributes, &["reward"]) {
            return vec![(PRIMARY.to_owned(), value.clone())];
        }
    }
    let output = first(attributes, AGENTOPS_OUTPUTS).map(structured);
    let reward = output.filter(|output| output.get("type").and_then(Value::as_str) == Some("reward"));
    let value = reward.and_then(|reward| reward.get("value").filter(|value| value.is_number()).cloned());
    value.map(|value| (PRIMARY.to_owned(), value)).into_iter().collect()
}

/// `agentlightning.reward.<name>`, where it is a number.
fn named_reward((key, value): (&String, &Value)) -> Option<(String, Value)> {
    let name = key.strip_prefix(REWARD)?.strip_prefix('.')?;
    (value.is_number() && !name.starts_with("metadata")).then(|| (name.to_owned(), value.clone()))
}

/// Keys and values that the target is to have.
fn links(carrier: &Carrier<'_>) -> Vec<(String, String)> {
    let pair =
        |link: &Map<String, Value>| Some((first_text(link, &["key_match"])?, first_text(link, &["value_match"])?));
    let mut links: Vec<(String, String)> =
        unflatten(carrier.attributes, LINK).iter().filter_map(|link| pair(link.as_object()?)).collect();
    let older = first_text(carrier.attributes, &[LINK_RESPONSE_ID]);
    links.extend(older.map(|id| ("gen_ai.response.id".to_owned(), id)));
    links
}

fn target(carrier: &Carrier<'_>, links: &[(String, String)]) -> Option<Target> {
    let value = |key: &str| links.iter().find(|(linked, _)| linked == key).map(|(_, value)| value.as_str());
    let response = value("gen_ai.response.id").filter(|id| is_key(id));
    if let Some(id) = response {
        return Some(Target { response_id: Some(id.to_owned()), ..Target::default() });
    }
    let (trace_id, span_id) = (value("trace_id"), value("span_id"));
    let named = match (trace_id, span_id) {
        (None, None) => None,
        (trace_id, span_id) => linked(trace_id.or(carrier.trace_id)?, span_id.unwrap_or_default()),
    };
    named.or_else(|| carrier.context())
}
