//! Messages that OpenInference leaves out of its flattened list: those that a client gave as an object of its SDK (Mistral's,
//! as its documentation has it), which the instrumentation does not take apart. Their place in the list stays empty, and the
//! request's body (`input.value`) has them in print. Only where body and list agree on the roles of all other messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::value::{first, structured};

/// The messages of the list with those of the body in the places that are empty.
pub(super) fn filled(attributes: &Map<String, Value>, prefix: &str, body: &str, told: Vec<Value>) -> Vec<Value> {
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

#[cfg(test)]
mod tests;
