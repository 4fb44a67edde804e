//! Messages that OpenInference leaves out of its flattened list: those that a client gave as an object of its SDK (Mistral's,
//! as its documentation has it), which the instrumentation does not take apart. Their place in the list stays empty, and the
//! request's body (`input.value`) has them in print. Only where body and list agree on the roles of all other messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::value::{first, structured};

/// The messages of the list with those of the body in the places that are empty, or that hold no more than a role.
pub(super) fn filled(attributes: &Map<String, Value>, prefix: &str, body: &str, told: Vec<Value>) -> Vec<Value> {
    let told = with_contents(attributes, body, told);
    let place = |key: &String| key.strip_prefix(prefix)?.strip_prefix('.')?.split('.').next()?.parse::<usize>().ok();
    let places: BTreeSet<usize> = attributes.keys().filter_map(place).collect();
    let Some(last) = places.last().filter(|last| **last >= told.len() && places.len() == told.len()) else {
        return told;
    };
    let body = attributes.get(body).map(structured).unwrap_or_default();
    let Some(Value::Array(sent)) = body.as_object().and_then(|body| first(body, &["messages", "input"])) else {
        return told;
    };
    let is_aligned =
        |(place, told): (&usize, &Value)| sent[*place].get("role").is_none_or(|role| *role == told["role"]);
    if sent.len() <= *last || !places.iter().zip(&told).all(is_aligned) {
        return told;
    }
    let mut told = told.into_iter();
    let message = |(place, sent): (usize, &Value)| match places.contains(&place) {
        true => told.next().unwrap_or_default(),
        false => sent.clone(),
    };
    sent.iter().take(*last + 1).enumerate().map(message).collect()
}

/// The list with the contents that it leaves out (OpenAI's Agents SDK for JavaScript: texts of answers in the history). The
/// body is the list of the same messages, but for the instructions at its head.
fn with_contents(attributes: &Map<String, Value>, body: &str, mut told: Vec<Value>) -> Vec<Value> {
    let is_bare = |message: &Value| message.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("role"));
    if !told.iter().any(is_bare) {
        return told;
    }
    let Some(Value::Array(sent)) = attributes.get(body).map(structured) else { return told };
    let head = told.len() - sent.len().min(told.len());
    let says = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    let is_aligned = |(told, sent): (&Value, &Value)| says(sent).is_none() || says(sent) == says(told);
    let is_head = |message: &Value| says(message).as_deref() == Some("system");
    if head > 1 || !told[..head].iter().all(is_head) || !told[head..].iter().zip(&sent).all(is_aligned) {
        return told;
    }
    for (message, sent) in told[head..].iter_mut().zip(sent) {
        if is_bare(message) && says(&sent).is_some() {
            *message = sent;
        }
    }
    told
}

#[cfg(test)]
mod tests;
