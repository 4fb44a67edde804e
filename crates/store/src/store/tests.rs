use gleaner_model::{
    Content, ContentHash, ContentKind, Evaluation, FeedbackBody, LogFragment, ScopeInfo, Source, SpanFragment, Target,
};
use serde_json::{Value, json};

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn fact(position: u64, span_id: &str) -> Fact {
    let span =
        SpanFragment { trace_id: TRACE.into(), span_id: span_id.into(), name: "chat".into(), ..Default::default() };
    let stored = StoredFragment {
        project: "default".into(),
        position,
        ordinal: 0,
        recorded_at_unix_nano: position * 1_000_000_001,
        fragment: gleaner_model::Fragment::Span(Box::new(span)),
    };
    Fact { unit_key: None, is_note: false, stored, feedback: Vec::new() }
}

/// A trace with one span per id, all with one and the same message.
fn trace(recorded_at_unix_nano: u64, span_ids: &[&str]) -> DerivedTrace {
    let span = |id: &&str| {
        let span = json!({
            "trace_id": TRACE, "span_id": id, "kind": "llm", "name": "chat", "status": "unset",
            "start_time_unix_nano": 1_700_000_000_000_000_001_u64, "end_time_unix_nano": u64::MAX,
            "input_messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}], "attributes": {"k": [1, 2.5]},
            "events": [], "links": [], "resource": {}, "scope_name": "", "scope_version": "", "origin": "span",
            "source_keys": {}, "tool_result": "not {json"
        });
        serde_json::from_value(span).expect("a span")
    };
    let body = json!({"role": "user", "parts": [{"type": "text", "content": "hi"}]});
    let content = Content { hash: ContentHash::of_json(&body), kind: ContentKind::Message, body: body.to_string() };
    DerivedTrace {
        project: "default".into(),
        trace_id: TRACE.into(),
        recorded_at_unix_nano,
        spans: span_ids.iter().map(span).collect(),
        contents: vec![content],
        ..Default::default()
    }
}

fn evaluation(item_id: &str) -> FeedbackItem {
    FeedbackItem {
        item_id: item_id.into(),
        project: "default".into(),
        idempotency_key: None,
        content_hash: format!("hash of {item_id}"),
        reviewer: None,
        source: Source::Human,
        created_at_unix_nano: 1,
        body: FeedbackBody::Evaluation(Evaluation {
            target: Target { trace_id: Some(TRACE.into()), ..Default::default() },
            criterion: None,
            score: Some(7.5),
            value: None,
            label: None,
            comment: None,
            correction: Some("better".into()),
            metadata: None,
        }),
    }
}

fn count(store: &Store, sql: &str) -> i64 {
    store.reader().and_then(|r| r.rows(sql, &[])).expect("a query")[0]
        .values()
        .next()
        .and_then(Value::as_i64)
        .expect("a count")
}

#[test]
fn a_commit_survives_reopening() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&StoreConfig::at(dir.path())).expect("a new store");
    assert_eq!(store.position().expect("a position"), 0);
    let commit = Commit {
        links: Vec::new(),
        position: 9,
        request_bytes: 700,
        facts: vec![fact(3, "00f067aa0ba902b7"), fact(9, "00f067aa0ba902b8")],
        feedback: vec![(4, 5, evaluation("e1"))],
        traces: vec![trace(9_000_000_009, &["00f067aa0ba902b7", "00f067aa0ba902b8"])],
    };
    store.commit(&commit).expect("a commit");
    assert_eq!(store.unsaved_bytes(), 700);
    drop(store);

    let store = Store::open(&StoreConfig::at(dir.path())).expect("the store again");
    assert_eq!(store.position().expect("a position"), 9);
    let key = ("default".to_owned(), TRACE.to_owned());
    let stored: Vec<_> = commit.facts.iter().map(|fact| fact.stored.clone()).collect();
    assert_eq!(store.fragments(&[key, ("other".into(), TRACE.into())]).expect("facts"), stored);
    let keys = store.feedback_keys().expect("keys");
    assert_eq!((keys.len(), keys[0].content_hash.as_str()), (1, "hash of e1"));
    assert_eq!(count(&store, "SELECT count(*) FROM execution_spans"), 2);
}

/// Guarantees: derived rows are replaced as a whole, at whatever time they were derived before; facts add up.
#[test]
fn derived_rows_are_replaced() {
    let mut store = Store::open_in_memory().expect("a store");
    let mut other = trace(1, &["aaaaaaaaaaaaaaaa"]);
    other.project = "other".into();
    store.commit(&Commit { position: 1, traces: vec![other], ..Commit::default() }).expect("a commit");
    // 0: a clock that failed; then backwards; then twice in one commit.
    for (position, times) in [(2, vec![0]), (3, vec![7_000_000]), (4, vec![5_000_000]), (5, vec![6_000_000, 8_000_000])]
    {
        let span_id = format!("{position:016x}");
        let traces = times.into_iter().map(|t| trace(t, &[&span_id, "bbbbbbbbbbbbbbbb"])).collect();
        let facts = vec![fact(position, &span_id)];
        store.commit(&Commit { position, facts, traces, ..Commit::default() }).expect("a commit");
        let rows = store
            .reader()
            .unwrap()
            .rows("SELECT span_id FROM execution_spans WHERE project = 'default' ORDER BY 1", &[]);
        assert_eq!(Value::from_iter(rows.unwrap()), json!([{"span_id": span_id}, {"span_id": "bbbbbbbbbbbbbbbb"}]));
    }
    let facts = store.fragments(&[("default".into(), TRACE.into())]).expect("facts");
    assert_eq!(facts.iter().map(|f| f.position).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(count(&store, "SELECT count(*) FROM execution_spans WHERE project = 'other'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM content_bodies WHERE project = 'default'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM contents"), 2);
    assert_eq!(count(&store, "SELECT count(*) FROM known_traces"), 2);
}

#[test]
fn a_known_item_is_skipped() {
    let mut store = Store::open_in_memory().expect("a store");
    let twice = vec![(1, 1, evaluation("e1")), (1, 1, evaluation("e1")), (1, 1, evaluation("e2"))];
    store.commit(&Commit { position: 1, feedback: twice.clone(), ..Commit::default() }).expect("a commit");
    store.commit(&Commit { position: 2, feedback: twice, ..Commit::default() }).expect("a commit");
    assert_eq!(count(&store, "SELECT count(*) FROM evaluations"), 2);
    assert_eq!(count(&store, "SELECT count(*) FROM contents WHERE kind = 'correction'"), 1);
}

/// Guarantees: a commit that fails at its last statement leaves nothing behind, and the store goes on.
#[test]
fn a_failed_commit_leaves_nothing() {
    let mut store = Store::open_in_memory().expect("a store");
    let commit = Commit {
        position: 5,
        facts: vec![fact(5, "aaaaaaaaaaaaaaaa")],
        feedback: vec![(5, 1, evaluation("e1"))],
        traces: vec![trace(1, &["aaaaaaaaaaaaaaaa"])],
        ..Commit::default()
    };
    let rival = store.connection.try_clone().expect("a connection");
    use_store(&rival).expect("its database");
    rival.execute_batch("BEGIN; DELETE FROM journal_position").expect("a conflict");
    let error = store.commit(&commit).expect_err("a conflict");
    assert!(error.to_string().starts_with("writing the journal position failed"), "{error}");
    rival.execute_batch("ROLLBACK").expect("the way is free");
    assert_eq!(store.position().expect("a position"), 0);
    for table in ["span_facts", "feedback_facts", "execution_spans", "contents", "known_traces"] {
        assert_eq!(count(&store, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    store.commit(&commit).expect("the same commit again");
    assert_eq!(count(&store, "SELECT count(*) FROM execution_spans"), 1);
}

#[test]
fn the_position_never_goes_back() {
    let mut store = Store::open_in_memory().expect("a store");
    store.commit(&Commit { position: 7, ..Commit::default() }).expect("a commit");
    let error = store.commit(&Commit { position: 6, ..Commit::default() }).expect_err("refused");
    assert_eq!(error.to_string(), "commit.position 6 is behind the store's position 7");
}

/// Guarantees: NUL, quotes, the largest times and lists longer than a vector are stored as they are.
#[test]
fn hostile_values_are_stored() {
    let mut store = Store::open_in_memory().expect("a store");
    let mut hostile = trace(u64::MAX, &["aaaaaaaaaaaaaaaa"]);
    let span = &mut hostile.spans[0];
    span.name = "a\0b'\"; DROP TABLE span_rows; --".into();
    span.attributes.insert("n\0".into(), json!(["\0", 18_446_744_073_709_551_615_u64]));
    span.input_messages = Some(vec![gleaner_model::Message::text("user", "x"); 5000]);
    let mut second = hostile.spans[0].clone();
    second.span_id = "bbbbbbbbbbbbbbbb".into();
    hostile.spans.push(second);
    store.commit(&Commit { position: u64::MAX, traces: vec![hostile.clone()], ..Commit::default() }).expect("a commit");
    let rows = store.reader().unwrap().rows("SELECT * FROM execution_spans", &[]).expect("rows");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["name"], hostile.spans[0].name.as_str());
        assert_eq!(row["attributes"], Value::Object(hostile.spans[0].attributes.clone()));
        assert_eq!(row["end_time_unix_nano"], u64::MAX);
        assert_eq!(row["ended_at"], "2554-07-21T23:34:33.709551Z");
        assert_eq!(row["tool_result"], "not {json");
        assert_eq!(row["input_message_hashes"].as_array().map(Vec::len), Some(5000));
    }
    assert_eq!(store.position().expect("a position"), u64::MAX);
}

/// Guarantees: what a tool gave back is kept once, and read as it was, whatever it is; with the program's own function and in plain SQL.
#[test]
fn an_output_that_is_the_result_is_read_from_it() {
    let results = [
        json!("line\n\"quoted\" \u{1f600} \\ \0"),
        json!("42"),
        json!(""),
        json!(-1.5e300),
        json!(null),
        json!([1.0, "x", {"a": "é\n"}]),
    ];
    let text = |result: &Value| result.as_str().map_or_else(|| result.to_string(), str::to_owned);
    let mut trace = trace(1, &["a", "b", "c", "d", "e", "f", "g"]);
    for (span, result) in trace.spans.iter_mut().zip(&results) {
        (span.tool_result, span.output_text) = (Some(result.clone()), Some(text(result)));
    }
    // Where it says something else it is kept.
    let mut expected: Vec<Option<String>> = results.iter().map(|result| Some(text(result))).collect();
    trace.spans[6].output_text = Some("in other words".to_owned());
    expected.push(trace.spans[6].output_text.clone());
    let mut store = Store::open_in_memory().expect("a store");
    store.commit(&Commit { position: 1, traces: vec![trace], ..Commit::default() }).expect("a commit");

    let query = "SELECT output_text FROM execution_spans ORDER BY span_id";
    let rows = store.reader().and_then(|reader| reader.rows(query, &[])).expect("texts");
    let read: Vec<Option<String>> = rows.iter().map(|row| row["output_text"].as_str().map(str::to_owned)).collect();
    assert_eq!(read, expected);
    let mut statement = store.connection.prepare(query).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("texts");
    assert_eq!(rows.collect::<Result<Vec<Option<String>>, _>>().expect("texts"), expected);
    assert_eq!(count(&store, "SELECT count(output_text) FROM span_rows"), 1);
}

#[test]
fn more_rows_than_a_vector() {
    let mut store = Store::open_in_memory().expect("a store");
    let ids: Vec<String> = (0..5000).map(|n| format!("{n:016x}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    store.commit(&Commit { position: 1, traces: vec![trace(1, &ids)], ..Commit::default() }).expect("a commit");
    let sql = "SELECT count(DISTINCT span_id) FROM execution_spans WHERE len(input_message_hashes) = 1";
    assert_eq!(count(&store, sql), 5000);
}

/// A log record outside all traces, at so many seconds.
fn loose_log(position: u64, unit_key: Option<&str>, name: &str) -> Fact {
    let log = LogFragment {
        event_name: name.into(),
        scope: ScopeInfo { name: "app".into(), ..Default::default() },
        ..Default::default()
    };
    let stored = StoredFragment {
        project: "default".into(),
        position,
        ordinal: 3,
        recorded_at_unix_nano: position * 1_000_000_000,
        fragment: gleaner_model::Fragment::Log(Box::new(log)),
    };
    Fact { unit_key: unit_key.map(str::to_owned), is_note: false, stored, feedback: Vec::new() }
}

/// Guarantees: a log record outside all traces and units is a fact as often as it is sent, and is listed as unmapped once,
/// with its first time of arrival; one of a unit, or one that carried feedback, is not listed.
#[test]
fn logs_without_a_trace() {
    let mut store = Store::open_in_memory().expect("a store");
    let scored = |position| Fact { feedback: vec![evaluation("e1")], ..loose_log(position, None, "scored") };
    let commit = Commit {
        position: 5,
        facts: vec![
            loose_log(1, None, "boot"),
            loose_log(2, None, "boot"),
            loose_log(3, Some("s"), "prompt"),
            scored(4),
            scored(5),
        ],
        ..Commit::default()
    };
    store.commit(&commit).expect("a commit");
    let sql = "SELECT trace_id, scope_name, name, reason, recorded_at FROM unmapped_spans";
    assert_eq!(
        Value::from_iter(store.reader().unwrap().rows(sql, &[]).unwrap()),
        json!([{"trace_id": null, "scope_name": "app", "name": "boot", "reason": "log_outside_any_trace",
            "recorded_at": "1970-01-01T00:00:01.000000Z"}])
    );
    assert_eq!(count(&store, "SELECT count(*) FROM span_facts WHERE trace_id IS NULL"), 5);
    assert_eq!(count(&store, "SELECT count(*) FROM log_records"), 3);
    assert_eq!(count(&store, "SELECT ordinal + position FROM evaluations"), (3 << 20) + 4);
}

/// Guarantees: records of a unit key are found over commits, however far apart; links are written once; other projects
/// and keys are left out.
#[test]
fn facts_of_a_unit_key() {
    let mut store = Store::open_in_memory().expect("a store");
    let key = |name: &str| ("default".to_owned(), name.to_owned());
    assert_eq!(store.unit_links(&[key(TRACE)], &[key("s")]).expect("links"), []);
    for position in [2, 1, 30] {
        let inside = Fact { unit_key: Some("s".into()), ..fact(position, &format!("{position:016x}")) };
        let facts = vec![loose_log(position, Some("s"), "a"), loose_log(position, Some("t"), "b"), inside];
        store.commit(&Commit { position: 30, facts, ..Commit::default() }).expect("a commit");
    }
    assert_eq!(count(&store, "SELECT count(*) FROM known_units"), 3);
    let link = |unit_key: &str, trace_id: Option<&str>| UnitLink {
        project: "default".into(),
        unit_key: unit_key.into(),
        trace_id: trace_id.map(str::to_owned),
    };
    let expected = [link("s", None), link("s", Some(TRACE))];
    assert_eq!(store.unit_links(&[key(TRACE)], &[]).expect("links"), expected);
    assert_eq!(store.unit_links(&[], &[key("s")]).expect("links"), expected);
    assert_eq!(store.unit_links(&[], &[key("t"), key("none")]).expect("links"), [link("t", None)]);
    let positions = |project: &str, keys: &[&str]| -> Vec<u64> {
        let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
        let found = store.fragments_outside_traces(project, &keys).expect("facts");
        found.iter().map(|f| f.position).collect()
    };
    assert_eq!(positions("default", &["s"]), [1, 2, 30]);
    assert_eq!(positions("default", &["s", "t"]), [1, 1, 2, 2, 30, 30]);
    assert_eq!((positions("default", &["none"]), positions("other", &["s"])), (vec![], vec![]));
}

/// Guarantees: an empty derivation takes away what was derived before, and is not known any more where there is no fact.
#[test]
fn an_empty_derivation_leaves_nothing() {
    let mut store = Store::open_in_memory().expect("a store");
    let mut listed = trace(5_000_000, &["aaaaaaaaaaaaaaaa"]);
    // Listed under the derived trace, though it names none itself.
    listed.unmapped.push(gleaner_model::UnmappedSpan {
        trace_id: None,
        span_id: None,
        scope_name: "app".into(),
        name: "told".into(),
        reason: "no_trace_id".into(),
    });
    store.commit(&Commit { position: 1, traces: vec![listed], ..Commit::default() }).expect("a commit");
    assert_eq!(count(&store, "SELECT count(*) FROM unmapped_spans WHERE trace_id IS NULL"), 1);
    let empty = || DerivedTrace { project: "default".into(), trace_id: TRACE.into(), ..DerivedTrace::default() };
    store.commit(&Commit { position: 2, traces: vec![empty()], ..Commit::default() }).expect("a commit");
    for relation in ["execution_spans", "unmapped_spans", "contents", "known_traces"] {
        assert_eq!(count(&store, &format!("SELECT count(*) FROM {relation}")), 0, "{relation}");
    }
    let facts = vec![fact(3, "aaaaaaaaaaaaaaaa")];
    store.commit(&Commit { position: 3, facts, traces: vec![empty()], ..Commit::default() }).expect("a commit");
    assert_eq!(count(&store, "SELECT count(*) FROM known_traces WHERE derived_at IS NULL"), 1);
    let facts = store.fragments(&[("default".into(), TRACE.into())]).expect("facts");
    assert_eq!(facts.len(), 1);
}

/// Guarantees: a checkpoint runs by itself once enough has come since the last; what another process finds in the file before it is the
/// earlier state, whole.
#[test]
fn commits_reach_the_file_with_checkpoints() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = StoreConfig { checkpoint_bytes: 1_000, ..StoreConfig::at(dir.path()) };
    let mut store = Store::open(&config).expect("a store");
    store.checkpoint().expect("a checkpoint");
    let in_file = || {
        let copy = dir.path().join("copy");
        std::fs::create_dir_all(&copy).expect("a folder");
        std::fs::copy(dir.path().join("store.duckdb"), copy.join("store.duckdb")).expect("copies");
        let store = Store::open(&StoreConfig::at(&copy)).expect("what a crash would leave");
        (store.position().expect("a position"), count(&store, "SELECT count(*) FROM execution_spans"))
    };
    let commit = |position| Commit {
        position,
        request_bytes: 600,
        traces: vec![trace(position, &["aaaaaaaaaaaaaaaa"; 500])],
        ..Commit::default()
    };
    for position in 1..=2 {
        store.commit(&commit(position)).expect("a commit");
        assert_eq!(in_file(), (0, 0));
    }
    assert_eq!(store.unsaved_bytes(), 1_200);
    assert!(store.checkpoint_if_due().expect("a checkpoint").is_some());
    assert_eq!((in_file(), store.unsaved_bytes()), ((2, 500), 0));
    store.commit(&commit(3)).expect("a commit");
    assert!(store.checkpoint_if_due().expect("nothing to do").is_none());
    assert_eq!((in_file(), store.unsaved_bytes()), ((2, 500), 600));
    assert!(!dir.path().join("store.duckdb.wal").exists());
}

/// Guarantees: strangers' SQL finds no way out of the database, even on a connection that could write. The memory limit it could set, were it not for
/// the guard (`query`), which passes queries alone.
#[test]
fn the_configuration_is_locked() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&StoreConfig::at(dir.path())).expect("a store");
    let reader = store.reader().expect("a reader");
    for sql in [
        "SET enable_external_access = true",
        "SET max_temp_directory_size = '100GB'",
        "SET threads = 64",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "INSTALL httpfs",
        "ATTACH '/tmp/x.duckdb'",
    ] {
        assert!(reader.rows(sql, &[]).is_err(), "{sql}");
    }
    let rows =
        reader.rows("SELECT current_setting('wal_autocheckpoint') AS w, current_setting('threads') AS t", &[]).unwrap();
    assert_eq!(rows[0]["t"], 1);
    assert_ne!(rows[0]["w"], "16.0 MiB");
}

/// Guarantees: a second process is told who holds the store. The test runs itself as that process.
#[test]
fn a_second_process_is_told_of_the_first() {
    const DIR: &str = "GLEANER_STORE_TEST_LOCKED_DIR";
    if let Some(dir) = std::env::var_os(DIR) {
        let error = Store::open(&StoreConfig::at(Path::new(&dir))).expect_err("a locked store");
        assert!(matches!(&error, StoreError::Locked { holder, .. } if holder.contains("PID")), "{error:?}");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let _store = Store::open(&StoreConfig::at(dir.path())).expect("a store");
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "store::tests::a_second_process_is_told_of_the_first"])
        .env(DIR, dir.path())
        .output()
        .expect("a second process");
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}

/// Scenario: a commit of more than the memory that there is while nobody reads.
/// Guarantees: it is done in full; the reader that comes then has all that is configured.
#[test]
fn a_commit_gets_by_on_little_memory_and_a_reader_gets_all() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = StoreConfig { loading_memory_limit_bytes: 6 << 20, ..StoreConfig::at(dir.path()) };
    let mut store = Store::open(&config).expect("a store");
    store.commit(&Commit { position: 1, ..Commit::default() }).expect("a small one fits");
    assert_eq!(memory_limit(&store), "6.0 MiB");
    let commit = large_commit();
    store.commit(&commit).expect("fits");
    assert_eq!(count(&store, "SELECT count(*) FROM span_facts"), 2_000);
    assert_eq!(memory_limit(&store), "256.0 MiB", "somebody read");
    let key = ("default".to_owned(), TRACE.to_owned());
    let stored: Vec<_> = commit.facts.iter().map(|fact| fact.stored.clone()).collect();
    assert!(store.fragments(&[key]).expect("facts") == stored);
}

/// 2,000 spans of 10 KB that repeat nothing.
fn large_commit() -> Commit {
    let facts = (0..2_000_u64).map(|number| {
        let mut fact = fact(2, &format!("{number:016x}"));
        fact.stored.ordinal = u32::try_from(number).expect("small");
        if let gleaner_model::Fragment::Span(span) = &mut fact.stored.fragment {
            span.name =
                (0..600).map(|i| format!("{:x}", (number * 600 + i).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        }
        fact
    });
    Commit { position: 2, facts: facts.collect(), ..Commit::default() }
}

/// Scenario: a checkpoint under a limit that is far too low, which costs the database.
/// Guarantees: the store that is opened then has what was saved before, takes the same commit, and saves it.
#[test]
fn a_checkpoint_that_lacked_memory_succeeds_in_the_store_that_is_opened_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = StoreConfig { loading_memory_limit_bytes: 3 << 20, ..StoreConfig::at(dir.path()) };
    let mut store = Store::open(&config).expect("a store");
    store.checkpoint().expect("nothing to save");
    store.commit(&large_commit()).expect("fits");
    store.readers.raise_memory_for_now().expect("raises");
    store.connection.execute_batch("SET memory_limit = '3MiB'").expect("forgets what it can");
    let error = store.checkpoint().expect_err("fails");
    assert!(matches!(error, StoreError::Invalidated { .. }), "{error}");
    drop(store);
    let mut store = Store::open(&config).expect("a store");
    assert_eq!(store.position().expect("a position"), 0);
    store.commit(&large_commit()).expect("fits");
    store.connection.execute_batch("SET memory_limit = '3MiB'").expect("forgets what it can");
    store.checkpoint().expect("has all memory");
    drop(store);
    assert_eq!(count(&Store::open(&config).expect("a store"), "SELECT count(*) FROM span_facts"), 2_000);
}

fn memory_limit(store: &Store) -> String {
    store.connection.query_row("SELECT current_setting('memory_limit')", [], |row| row.get(0)).expect("a setting")
}

/// Guarantees: what finds too little memory is done once more with all that is configured, and no third time.
#[test]
fn what_runs_out_of_memory_is_done_again_with_all_of_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = StoreConfig { loading_memory_limit_bytes: 6 << 20, ..StoreConfig::at(dir.path()) };
    let store = Store::open(&config).expect("a store");
    store.rest();
    assert_eq!(memory_limit(&store), "6.0 MiB");
    let limits = std::cell::RefCell::new(Vec::new());
    let run_out = || -> Result<(), StoreError> {
        limits.borrow_mut().push(memory_limit(&store));
        let failure = duckdb::ffi::Error::new(1);
        Err(StoreError::sql(
            "a test",
            duckdb::Error::DuckDBFailure(failure, Some("Out of Memory Error: as told".into())),
        ))
    };
    assert!(store.with_room(run_out).expect_err("runs out both times").is_out_of_memory());
    assert_eq!(*limits.borrow(), ["6.0 MiB", "256.0 MiB"]);
}
