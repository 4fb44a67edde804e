//! What happens inside of the loader's transaction, and the reads that it needs.
//!
//! `known_traces` is asked first: a trace that is new costs no look into the large tables.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow::array::{AsArray as _, RecordBatch};
use duckdb::{Connection, params};
use gleaner_model::{DerivedTrace, Fragment, StoredFragment};

use super::bindings::Touched;
use super::keys::{KEYS, RowRange, key_list, rows_of};
use super::pairs::Changed;
use super::seen::Seen;
use super::{Commit, artifact_roots, attempt_index, bindings, histories, pairs, retractions, units};
use crate::StoreError;
use crate::known_contents::{Known as KnownContent, KnownContents};
use crate::tables::{DERIVED_TABLES, FeedbackFact, KnownTrace, Rows};
use crate::text_reader::read_texts;
use crate::texts::{TextRow, Texts};

/// Project and trace id.
type TraceKey<'a> = (&'a str, &'a str);

/// Room for the items of one fragment among the ordinals of its frame. With more (no request is that large) two would share one
/// ordinal, and no more.
const CARRIED_BITS: u32 = 20;

/// Appends and replaces everything of a commit but the journal position. `seen` is what the store has with it.
pub(super) fn write(
    connection: &Connection,
    commit: &Commit,
    texts: &mut Texts,
    contents: &mut KnownContents,
    seen: Seen,
) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    let mut touched = Touched::default();
    rows.add_facts(&commit.facts, texts);
    add_feedback(connection, &mut rows, commit, &mut touched, texts)?;
    let traces = last_of_each(&commit.traces);
    rows.add_traces(traces.values().copied(), texts);
    touched.add_now(traces.values().copied());
    replace_known(connection, &mut rows, commit, &traces, &mut touched)?;
    units::replace_known(connection, &mut rows, commit)?;
    drop_known_bodies(connection, &mut rows, contents)?;
    rows.append(connection, &texts.take_new())?;
    attempt_index::refresh(connection, &touched.sessions)?;
    let histories_changed = seen.continued_call && histories::refresh(connection, traces.values().copied())?;
    if !seen.feedback {
        return Ok(());
    }
    touched.links_changed = artifact_roots::refresh(connection, commit)?;
    let retracted = retractions::refresh(connection, &touched.items)?;
    let rebound = bindings::refresh(connection, &touched)?;
    pairs::refresh(connection, &Changed { touched, rebound, retracted, histories_changed })
}

/// Facts of some traces in journal order.
pub(super) fn fragments(
    connection: &Connection,
    traces: &[(String, String)],
) -> Result<Vec<StoredFragment>, StoreError> {
    let keys = traces.iter().map(|(project, trace_id)| (project.as_str(), trace_id.as_str()));
    let Known { traces: known, .. } = known_traces(connection, keys)?;
    let with_facts = || known.values().filter(|k| k.first_fact_unix_nano != 0);
    let Some(first) = with_facts().map(|k| k.first_fact_unix_nano).min() else {
        return Ok(Vec::new());
    };
    let last = with_facts().map(|k| k.last_fact_unix_nano).max().unwrap_or(first);
    let list = key_list(with_facts().map(|k| (k.project.as_str(), k.trace_id.as_str())));
    read_fragments(connection, "(project, trace_id)", (first, last), &list)
}

/// Facts by key, in journal order. `key` is the condition that `IN` a list ends. Facts lie in order of arrival: the bounds of
/// `recorded_at`, as the book-keeping has them, spare most row groups.
pub(super) fn read_fragments(
    connection: &Connection,
    key: &'static str,
    (first, last): (u64, u64),
    list: &str,
) -> Result<Vec<StoredFragment>, StoreError> {
    let sql = |e| StoreError::sql("reading facts", e);
    let mut statement = connection
        .prepare(&format!(
            "SELECT project, position, ordinal, recorded_at_unix_nano, coalesce(body_head, ''), array_to_string(body_pieces, ',')
             FROM span_facts
             WHERE recorded_at_unix_nano BETWEEN ? AND ? AND {key} IN {KEYS}
             ORDER BY position, ordinal"
        ))
        .map_err(sql)?;
    // The bounds were cut to microseconds; a time of 0 was counted as the first one.
    let (first, last) = (if first <= 1_000 { 0 } else { first }, last.saturating_add(999));
    let rows = statement
        .query_map(params![first, last, list], |row| {
            Ok(FactInPieces {
                project: row.get(0)?,
                position: row.get(1)?,
                ordinal: row.get(2)?,
                recorded_at_unix_nano: row.get(3)?,
                // DuckDB's own text of whole numbers.
                head: row.get(4)?,
                pieces: row.get::<_, String>(5)?.split(',').filter_map(|id| id.parse().ok()).collect(),
            })
        })
        .map_err(sql)?;
    joined(connection, rows.collect::<Result<_, _>>().map_err(sql)?)
}

/// A row of `span_facts`.
struct FactInPieces {
    project: String,
    position: u64,
    ordinal: u32,
    recorded_at_unix_nano: u64,
    head: String,
    pieces: Vec<u64>,
}

/// Facts with their bodies put together and read.
fn joined(connection: &Connection, facts: Vec<FactInPieces>) -> Result<Vec<StoredFragment>, StoreError> {
    let damaged = |message: String| StoreError::Value { what: "span_facts.body", message };
    let ids: BTreeSet<u64> = facts.iter().flat_map(|fact| &fact.pieces).copied().collect();
    let texts = read_texts(connection, &ids.into_iter().collect::<Vec<_>>())
        .map_err(|e| StoreError::sql("reading the texts of facts", e))?;
    let texts: HashMap<u64, String> = texts.into_iter().map(|TextRow { id, text }| (id, text)).collect();
    let text = |id: u64| texts.get(&id).map(String::as_str).ok_or_else(|| damaged(format!("text {id} is missing")));
    facts
        .into_iter()
        .map(|fact| {
            let FactInPieces { project, position, ordinal, recorded_at_unix_nano, head: mut body, pieces } = fact;
            for id in pieces {
                body.push_str(text(id)?);
            }
            let fragment: Fragment = serde_json::from_str(&body).map_err(|e| damaged(e.to_string()))?;
            Ok(StoredFragment { project, position, ordinal, recorded_at_unix_nano, fragment })
        })
        .collect()
}

fn add_feedback<'a>(
    connection: &Connection,
    rows: &mut Rows<'a>,
    commit: &'a Commit,
    touched: &mut Touched,
    texts: &mut Texts,
) -> Result<(), StoreError> {
    let mut ordinals: HashMap<u64, u64> = HashMap::new();
    let sent = commit.feedback.iter().map(|(position, recorded_at_unix_nano, item)| {
        // Skipped items count too: the place in the frame must not depend on what the store had.
        let next = ordinals.entry(*position).or_default();
        let ordinal = *next;
        *next += 1;
        FeedbackFact { position: *position, ordinal, recorded_at_unix_nano: *recorded_at_unix_nano, item }
    });
    // No frame holds both items and fragments. The place comes from the fragment's alone, never from what was new.
    let carried = commit.facts.iter().flat_map(|fact| {
        let first = u64::from(fact.stored.ordinal) << CARRIED_BITS;
        (first..).zip(&fact.feedback).map(|(ordinal, item)| FeedbackFact {
            position: fact.stored.position,
            ordinal,
            recorded_at_unix_nano: fact.stored.recorded_at_unix_nano,
            item,
        })
    });
    let mut facts: Vec<FeedbackFact<'_>> = sent.chain(carried).collect();
    facts.sort_by_key(|fact| (fact.position, fact.ordinal));
    let mut seen = stored_keys(
        connection,
        &format!("SELECT project, item_id FROM feedback_facts WHERE (project, item_id) IN {KEYS}"),
        facts.iter().map(|fact| (fact.item.project.as_str(), fact.item.item_id.as_str())),
    )?;
    for fact in facts {
        let key = (fact.item.project.clone(), fact.item.item_id.clone());
        if seen.insert(key.clone()) {
            touched.items.insert(key);
            rows.add_feedback(fact, texts);
        }
    }
    Ok(())
}

/// Of several derivations of one trace the last counts. In order of their keys, so that files come out alike.
fn last_of_each(traces: &[DerivedTrace]) -> BTreeMap<TraceKey<'_>, &DerivedTrace> {
    traces.iter().map(|trace| ((trace.project.as_str(), trace.trace_id.as_str()), trace)).collect()
}

/// Deletes the derived rows that the commit replaces, and renews the book-keeping of every trace that it touches.
fn replace_known(
    connection: &Connection,
    rows: &mut Rows<'_>,
    commit: &Commit,
    traces: &BTreeMap<TraceKey<'_>, &DerivedTrace>,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    let mut facts: BTreeMap<TraceKey<'_>, (u64, u64)> = BTreeMap::new();
    for stored in commit.facts.iter().map(|fact| &fact.stored) {
        if let Some(trace_id) = stored.fragment.trace_id() {
            let at = stored.recorded_at_unix_nano.max(1_000);
            let (first, last) = facts.entry((&stored.project, trace_id)).or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
    }
    let concerned: BTreeSet<TraceKey<'_>> = facts.keys().chain(traces.keys()).copied().collect();
    touched.traces.extend(concerned.iter().map(|(project, trace_id)| ((*project).to_owned(), (*trace_id).to_owned())));
    let Known { traces: known, rows: (first_row, last_row) } = known_traces(connection, concerned.iter().copied())?;
    let derived_before = known.values().filter(|k| k.derived_at_unix_nano != 0);
    let replaced: Vec<TraceKey<'_>> = derived_before
        .map(|k| (k.project.as_str(), k.trace_id.as_str()))
        .filter(|key| traces.contains_key(key))
        .collect();
    if !replaced.is_empty() {
        let list = key_list(replaced.into_iter());
        touched.add_before(connection, (first_row, last_row), &list)?;
        let filled = known.values().fold(0, |filled, known| filled | known.derived_tables);
        for (_, table) in DERIVED_TABLES.iter().enumerate().filter(|(place, _)| filled >> place & 1 == 1) {
            // The time of derivation is part of the key, since rows lie in its order: most row groups are spared.
            let sql = format!(
                "DELETE FROM {table} WHERE (project, trace_id, recorded_at) IN (
                     SELECT project, trace_id, derived_at FROM known_traces
                     WHERE rowid BETWEEN ? AND ? AND (project, trace_id) IN {KEYS}
                 )"
            );
            connection
                .execute(&sql, params![first_row, last_row, list])
                .map_err(|e| StoreError::sql("replacing derived rows", e))?;
        }
    }
    if !known.is_empty() {
        let list = key_list(known.keys().map(|(project, trace_id)| (project.as_str(), trace_id.as_str())));
        connection
            .execute(
                &format!("DELETE FROM known_traces WHERE rowid BETWEEN ? AND ? AND (project, trace_id) IN {KEYS}"),
                params![first_row, last_row, list],
            )
            .map_err(|e| StoreError::sql("replacing derived rows", e))?;
    }
    for key in concerned {
        let before = known.get(&(key.0.to_owned(), key.1.to_owned()));
        let (first, last) = facts.get(&key).copied().unwrap_or((0, 0));
        let first_before = before.map_or(0, |k| k.first_fact_unix_nano);
        let now = KnownTrace {
            project: key.0.to_owned(),
            trace_id: key.1.to_owned(),
            derived_at_unix_nano: match traces.get(&key) {
                Some(trace) if is_empty(trace) => 0,
                Some(trace) => trace.recorded_at_unix_nano.max(1_000),
                None => before.map_or(0, |k| k.derived_at_unix_nano),
            },
            first_fact_unix_nano: if first == 0 || (first_before != 0 && first_before < first) {
                first_before
            } else {
                first
            },
            last_fact_unix_nano: last.max(before.map_or(0, |k| k.last_fact_unix_nano)),
            derived_tables: match traces.get(&key) {
                Some(_) => rows.derived_tables_of(key),
                None => before.map_or(0, |k| k.derived_tables),
            },
        };
        // A derived trace that is no longer derived leaves no trace of itself.
        if now.derived_at_unix_nano != 0 || now.first_fact_unix_nano != 0 {
            rows.add_known(now);
        }
    }
    Ok(())
}

/// Whether a derivation has no rows.
fn is_empty(trace: &DerivedTrace) -> bool {
    let DerivedTrace {
        project: _,
        trace_id: _,
        recorded_at_unix_nano: _,
        spans,
        attempts,
        session_facts,
        contents,
        unmapped,
    } = trace;
    spans.is_empty() && attempts.is_empty() && session_facts.is_empty() && contents.is_empty() && unmapped.is_empty()
}

/// Bodies are facts: one that is there, or comes twice in this commit, is not written again.
fn drop_known_bodies(
    connection: &Connection,
    rows: &mut Rows<'_>,
    contents: &mut KnownContents,
) -> Result<(), StoreError> {
    let unsure: Vec<(&str, &str)> = rows
        .content_keys()
        .filter(|(project, hash)| {
            let key = contents.key(project, hash);
            contents.look(key) == KnownContent::Unsure
        })
        .collect();
    let mut seen = stored_keys(
        connection,
        &format!("SELECT project, content_hash FROM content_bodies WHERE (project, content_hash) IN {KEYS}"),
        unsure.into_iter(),
    )?;
    for (project, hash) in &seen {
        contents.see(contents.key(project, hash));
    }
    rows.retain_bodies(|project, hash| {
        let key = contents.key(project, hash);
        let is_new = contents.look(key) != KnownContent::There && seen.insert((project.to_owned(), hash.to_owned()));
        if is_new {
            contents.add(key);
        }
        is_new
    });
    Ok(())
}

/// What is known of the contents of a store: all, none of them of late.
pub(super) fn known_contents(connection: &Connection) -> Result<KnownContents, StoreError> {
    let sql = |e| StoreError::sql("reading the hashes of contents", e);
    let count: u64 = connection.query_row("SELECT count(*) FROM content_bodies", [], |row| row.get(0)).map_err(sql)?;
    let mut known = KnownContents::for_contents(usize::try_from(count).unwrap_or(usize::MAX));
    let mut statement = connection.prepare("SELECT project, content_hash FROM content_bodies").map_err(sql)?;
    statement.execute([]).map_err(sql)?;
    while let Some(batch) = statement.step().map_err(sql)? {
        let batch = RecordBatch::from(&batch);
        let [projects, hashes] = [0, 1].map(|at| batch.column(at).as_string_opt::<i32>());
        let (Some(projects), Some(hashes)) = (projects, hashes) else {
            return Err(StoreError::Value { what: "content_bodies", message: "its keys are no texts".to_owned() });
        };
        for (project, hash) in projects.iter().zip(hashes) {
            known.add_stored(known.key(project.unwrap_or_default(), hash.unwrap_or_default()));
        }
    }
    Ok(known)
}

/// Which of some keys a table has. `sql` takes the list as its one parameter and gives both parts of the key.
fn stored_keys<'a>(
    connection: &Connection,
    sql: &str,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<HashSet<(String, String)>, StoreError> {
    let keys: HashSet<(&str, &str)> = keys.collect();
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let failed = |e| StoreError::sql("looking for known keys", e);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(params![key_list(keys.into_iter())], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

/// The book-keeping on some traces.
#[derive(Default)]
struct Known {
    traces: HashMap<(String, String), KnownTrace>,
    /// Where it lies in `known_traces`.
    rows: RowRange,
}

fn known_traces<'a>(
    connection: &Connection,
    keys: impl Iterator<Item = TraceKey<'a>> + Clone,
) -> Result<Known, StoreError> {
    let failed = |e| StoreError::sql("looking for known traces", e);
    let rows = rows_of(connection, "known_traces", "trace_key", keys.clone()).map_err(failed)?;
    let Some((first_row, last_row)) = rows else { return Ok(Known::default()) };
    let nanos = |micros: Option<i64>| micros.map_or(0, |m| u64::try_from(m).unwrap_or(0).saturating_mul(1_000));
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT project, trace_id, epoch_us(derived_at), epoch_us(first_fact_at), epoch_us(last_fact_at), derived_tables
             FROM known_traces
             WHERE rowid BETWEEN ? AND ? AND (project, trace_id) IN {KEYS}"
        ))
        .map_err(failed)?;
    let known = statement
        .query_map(params![first_row, last_row, key_list(keys)], |row| {
            Ok(KnownTrace {
                project: row.get(0)?,
                trace_id: row.get(1)?,
                derived_at_unix_nano: nanos(row.get(2)?),
                first_fact_unix_nano: nanos(row.get(3)?),
                last_fact_unix_nano: nanos(row.get(4)?),
                derived_tables: row.get(5)?,
            })
        })
        .map_err(failed)?;
    let traces = known
        .map(|row| row.map(|known| ((known.project.clone(), known.trace_id.clone()), known)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    Ok(Known { traces, rows: (first_row, last_row) })
}
