//! Units in the store: which traces and which records outside of traces are derived together.
//!
//! `known_units` holds the links between unit keys and traces; it stays small, since a link is written once. Traces that no
//! unit key was seen in are not in it, and a store without units costs one look at an empty table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use duckdb::{Connection, params};
use gleaner_model::{StoredFragment, ToldCall};

use super::commit::read_fragments;
use super::keys::{KEYS, Keys, key_list, list};
use super::{Commit, UnitLink};
use crate::StoreError;
use crate::tables::{KnownUnit, Rows};

/// Project, and trace id or unit key.
type Key = (String, String);

/// Every link that can be reached from some traces and unit keys.
pub(super) fn links(connection: &Connection, traces: &[Key], unit_keys: &[Key]) -> Result<Vec<UnitLink>, StoreError> {
    let sql = |e| StoreError::sql("looking for known units", e);
    let any: bool = connection.query_row("SELECT EXISTS (FROM known_units)", [], |row| row.get(0)).map_err(sql)?;
    if !any {
        return Ok(Vec::new());
    }
    let mut links = BTreeSet::new();
    let mut seen_traces: BTreeSet<Key> = traces.iter().cloned().collect();
    let mut seen_keys: BTreeSet<Key> = unit_keys.iter().cloned().collect();
    let (mut new_traces, mut new_keys) = (seen_traces.clone(), seen_keys.clone());
    while !new_traces.is_empty() || !new_keys.is_empty() {
        let mut found = linked(connection, "trace_id", &new_traces)?;
        found.extend(linked(connection, "unit_key", &new_keys)?);
        (new_traces, new_keys) = (BTreeSet::new(), BTreeSet::new());
        for link in found {
            let unit_key = (link.project.clone(), link.unit_key.clone());
            if seen_keys.insert(unit_key.clone()) {
                new_keys.insert(unit_key);
            }
            if let Some(trace_id) = &link.trace_id {
                let trace = (link.project.clone(), trace_id.clone());
                if seen_traces.insert(trace.clone()) {
                    new_traces.insert(trace);
                }
            }
            links.insert(link);
        }
    }
    Ok(links.into_iter().collect())
}

/// The links of some traces, or of some unit keys: `column` says which.
fn linked(connection: &Connection, column: &'static str, keys: &BTreeSet<Key>) -> Result<Vec<UnitLink>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let sql = |e| StoreError::sql("looking for known units", e);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT project, unit_key, trace_id FROM known_units WHERE (project, {column}) IN {KEYS}"
        ))
        .map_err(sql)?;
    let list = key_list(keys.iter().map(|(project, key)| (project.as_str(), key.as_str())));
    let rows = statement
        .query_map(params![list], |row| {
            Ok(UnitLink { project: row.get(0)?, unit_key: row.get(1)?, trace_id: row.get(2)? })
        })
        .map_err(sql)?;
    rows.collect::<Result<_, _>>().map_err(sql)
}

/// Facts of some unit keys that lie outside of traces, in journal order.
pub(super) fn fragments_outside_traces(
    connection: &Connection,
    project: &str,
    unit_keys: &[String],
) -> Result<Vec<StoredFragment>, StoreError> {
    let keys: BTreeSet<Key> = unit_keys.iter().map(|key| (project.to_owned(), key.clone())).collect();
    let known = known_outside_traces(connection, &keys)?;
    let Some(first) = known.values().map(|unit| unit.first_fact_unix_nano).min() else {
        return Ok(Vec::new());
    };
    let last = known.values().map(|unit| unit.last_fact_unix_nano).max().unwrap_or(first);
    let list = key_list(known.keys().map(|(project, key)| (project.as_str(), key.as_str())));
    read_fragments(connection, "trace_id IS NULL AND (project, unit_key)", (first, last), &list)
}

/// What is known of the records outside of traces of some unit keys.
fn known_outside_traces(connection: &Connection, keys: &BTreeSet<Key>) -> Result<HashMap<Key, KnownUnit>, StoreError> {
    let sql = |e| StoreError::sql("looking for known units", e);
    let nanos = |micros: Option<i64>| micros.map_or(0, |m| u64::try_from(m).unwrap_or(0).saturating_mul(1_000));
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT project, unit_key, epoch_us(first_fact_at), epoch_us(last_fact_at)
             FROM known_units
             WHERE trace_id IS NULL AND (project, unit_key) IN {KEYS}"
        ))
        .map_err(sql)?;
    let list = key_list(keys.iter().map(|(project, key)| (project.as_str(), key.as_str())));
    let rows = statement
        .query_map(params![list], |row| {
            let key: Key = (row.get(0)?, row.get(1)?);
            let unit = KnownUnit {
                project: key.0.clone(),
                unit_key: key.1.clone(),
                trace_id: None,
                first_fact_unix_nano: nanos(row.get(2)?),
                last_fact_unix_nano: nanos(row.get(3)?),
            };
            Ok((key, unit))
        })
        .map_err(sql)?;
    rows.collect::<Result<_, _>>().map_err(sql)
}

/// See [`super::Store::told_calls`]. Spans lie nearly in the order of their time, so the bounds spare most row groups.
pub(super) fn told_calls(
    connection: &Connection,
    responses: &Keys,
    answer_keys: &BTreeSet<u64>,
    time_unix_nano: RangeInclusive<u64>,
) -> Result<Vec<ToldCall>, StoreError> {
    let sql = |e| StoreError::sql("looking for calls that several traces tell of", e);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT project, trace_id, response_id, answer_key, scope_name, start_time_unix_nano, end_time_unix_nano
             FROM span_rows
             WHERE end_time_unix_nano >= ? AND start_time_unix_nano <= ? AND kind = 'llm'
                AND ((project, response_id) IN {KEYS} OR answer_key IN (SELECT unnest(from_json(?, '[\"UBIGINT\"]'))))"
        ))
        .map_err(sql)?;
    let answer_keys = serde_json::json!(answer_keys).to_string();
    let rows = statement
        .query_map(params![time_unix_nano.start(), time_unix_nano.end(), list(responses), answer_keys], |row| {
            Ok(ToldCall {
                project: row.get(0)?,
                trace_id: row.get(1)?,
                response_id: row.get(2)?,
                answer_key: row.get(3)?,
                scope_name: row.get(4)?,
                start_time_unix_nano: row.get(5)?,
                end_time_unix_nano: row.get(6)?,
            })
        })
        .map_err(sql)?;
    rows.collect::<Result<_, _>>().map_err(sql)
}

/// Adds the links that a commit brings, its facts' own among them, and renews what is known of their records outside of traces.
pub(super) fn replace_known(connection: &Connection, rows: &mut Rows<'_>, commit: &Commit) -> Result<(), StoreError> {
    let mut links: BTreeSet<UnitLink> = commit.links.iter().cloned().collect();
    let mut outside: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    for fact in &commit.facts {
        let Some(unit_key) = &fact.unit_key else { continue };
        let project = &fact.stored.project;
        if let Some(trace_id) = fact.stored.fragment.trace_id() {
            links.insert(UnitLink {
                project: project.clone(),
                unit_key: unit_key.clone(),
                trace_id: Some(trace_id.to_owned()),
            });
        } else {
            let at = fact.stored.recorded_at_unix_nano.max(1_000);
            let (first, last) = outside.entry((project.clone(), unit_key.clone())).or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
    }
    let keys_of_links = links.iter().map(|link| (link.project.clone(), link.unit_key.clone())).collect();
    for known in linked(connection, "unit_key", &keys_of_links)? {
        links.remove(&known);
    }
    for UnitLink { project, unit_key, trace_id } in links {
        rows.add_known_unit(KnownUnit { project, unit_key, trace_id, first_fact_unix_nano: 0, last_fact_unix_nano: 0 });
    }
    if outside.is_empty() {
        return Ok(());
    }
    let known = known_outside_traces(connection, &outside.keys().cloned().collect())?;
    if !known.is_empty() {
        let list = key_list(known.keys().map(|(project, key)| (project.as_str(), key.as_str())));
        connection
            .execute(
                &format!("DELETE FROM known_units WHERE trace_id IS NULL AND (project, unit_key) IN {KEYS}"),
                params![list],
            )
            .map_err(|e| StoreError::sql("replacing known units", e))?;
    }
    for (key, (first, last)) in outside {
        let before = known.get(&key);
        rows.add_known_unit(KnownUnit {
            first_fact_unix_nano: before.map_or(first, |unit| first.min(unit.first_fact_unix_nano)),
            last_fact_unix_nano: before.map_or(last, |unit| last.max(unit.last_fact_unix_nano)),
            project: key.0,
            unit_key: key.1,
            trace_id: None,
        });
    }
    Ok(())
}
