use super::*;
use crate::functions::scalars;
use crate::guard::parse;

fn bounded(sql: &str) -> Result<(), Unbounded> {
    bound(&parse(sql).unwrap()["statements"][0])
}

/// Guarantees: what ran on, or took memory without bound, when it was measured is run apart, for the reason named.
#[test]
fn runaways_are_run_apart() {
    let corpus = include_str!("../../tests/runaways.sql");
    let mut entries = 0;
    for entry in corpus.split("\n\n").filter(|entry| entry.starts_with("#! ")) {
        let reason = entry.lines().find_map(|line| line.strip_prefix("#! ")).unwrap();
        let sql = entry.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        let found = bounded(&sql);
        assert_eq!(format!("{:?}", found.as_ref().err()), format!("Some({reason})"), "{sql}");
        entries += 1;
    }
    assert!(entries > 25, "the corpus was read");
    let many = (0..30).map(|n| format!("attempts a{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(bounded(&format!("SELECT 1 FROM {many}")), Err(Unbounded::Planning));
    let doubled =
        (1..8).map(|n| format!("a{n} AS (SELECT l.x FROM a{} l, a{} r)", n - 1, n - 1)).collect::<Vec<_>>().join(", ");
    let doubled = format!("WITH a0 AS (SELECT 1 AS x FROM attempts), {doubled} SELECT count(*) FROM a7");
    assert_eq!(bounded(&doubled), Err(Unbounded::Planning));
    let stars = (0..7).fold("attempts".to_owned(), |from, _| format!("(SELECT *, * FROM {from})"));
    assert_eq!(bounded(&format!("FROM {stars}")), Err(Unbounded::Growth));
    // Each call is looked at once: these took 2^n steps.
    let nested = (0..50).fold("1".to_owned(), |sql, _| format!("abs({sql})"));
    assert_eq!(bounded(&format!("SELECT {nested}")), Ok(()));
    let chain = vec!["status"; 28].join(" || ");
    assert_eq!(bounded(&format!("SELECT {chain} FROM attempts")), Ok(()));
    let long = "x".repeat(8_000);
    for sql in [
        format!("SELECT '{long}' || status FROM attempts"),
        format!("SELECT contains(output_text, '{long}') FROM attempts"),
    ] {
        assert_eq!(bounded(&sql), Ok(()), "{}…", &sql[..30]);
    }
    let growth = Err(Unbounded::Growth);
    let many = vec!["s"; 20].join(", ");
    assert_eq!(
        bounded(&format!("SELECT concat({many}) FROM (SELECT '{long}' || range AS s FROM range(100000))")),
        growth
    );
    let columns = vec!["a.s || b.s"; 200].join(", ");
    assert_eq!(
        bounded(&format!("WITH s AS (SELECT '{long}' || range AS s FROM range(9)) SELECT {columns} FROM s a, s b")),
        growth
    );
    let lists = vec!["list(range)"; 99].join(", ");
    assert_eq!(bounded(&format!("SELECT {lists} FROM range(1000000)")), growth);
    let needle = "x".repeat(30_000);
    assert!(bounded(&format!("SELECT contains('{needle}' || status, '{needle}' || error) FROM attempts")).is_err());
}

/// Guarantees: ordinary queries, the worked ones above all, run in the server's process.
#[test]
fn ordinary_queries_are_not() {
    let chapter = include_str!("../../../store/SCHEMA.md").split("```sql\n").nth(1).unwrap();
    let worked = crate::statements(chapter.split("```").next().unwrap());
    assert_eq!(worked.len(), 20);
    let more = [
        "SELECT json_extract_string(m.value, '$.role') || ': ' || m.value::VARCHAR FROM attempts a, json_each(a.input_messages) m",
        "WITH RECURSIVE tree AS (SELECT span_id, 0 AS depth FROM execution_spans WHERE parent_span_id IS NULL UNION ALL
         SELECT s.span_id, depth + 1 FROM execution_spans s JOIN tree t ON s.parent_span_id = t.span_id) SELECT * FROM tree",
        "SELECT list(DISTINCT kind), string_agg(name, ', '), list_transform([1, 2], x -> x + 1), range(10), lpad(model, 30) FROM execution_spans GROUP BY model",
        "SELECT kind, count(*) FILTER (status = 'error') / count(*), median(duration_ms) OVER (PARTITION BY kind) FROM execution_spans GROUP BY ALL",
        "SELECT attributes -> 'a' -> 'b' ->> 'c' FROM execution_spans",
        "SELECT count(*) FROM attempts WHERE output_text LIKE '%refund%policy%' AND input_text ILIKE '%order_id%' AND status NOT LIKE 'o_'",
        "DESCRIBE attempts",
        "SUMMARIZE attempts",
        "FROM (PIVOT attempts ON status IN ('ok', 'error') USING count(*))",
    ];
    for sql in worked.into_iter().chain(more) {
        assert_eq!(bounded(sql), Ok(()), "{sql}");
    }
}

/// Guarantees: every function that the table classes is one that a query may call.
#[test]
fn the_table_classes_allowed_functions() {
    let allowed: HashSet<_> = scalars().collect();
    let classed: Vec<_> = CLASSES.keys().filter(|name| !allowed.contains(*name)).collect();
    // These are syntax, not functions that are called by name.
    assert!(classed.iter().all(|name| ["->", "coalesce"].contains(*name)), "{classed:?}");
}
