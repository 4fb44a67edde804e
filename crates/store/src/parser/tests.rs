use super::*;

/// Guarantees: queries, other statements and texts that do not parse all have an answer, and nothing of them is run.
#[test]
fn texts_are_parsed_and_not_run() {
    let tree = syntax_tree("SELECT 1").unwrap();
    assert!(tree.contains(r#""error":false"#) && tree.contains("SELECT_NODE"), "{tree}");
    for sql in ["CREATE TABLE left_behind AS SELECT 1; SELECT 1", "SELEC 1", "COPY (SELECT 1) TO 'left_behind.csv'"] {
        assert!(syntax_tree(sql).unwrap().contains(r#""error":true"#), "{sql}");
    }
    let parser = IDLE.lock().unwrap().pop().expect("one is kept");
    let left: i64 = parser.query_row("SELECT count(*) FROM duckdb_tables()", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    assert!(parser.execute_batch("SET enable_external_access = true").is_err());
    assert!(parser.execute_batch("ATTACH 'left_behind.duckdb'").is_err());
}

/// Guarantees: texts of many threads at once have each their own answer, and no more parsers are kept than the limit.
#[test]
fn many_texts_at_once() {
    std::thread::scope(|scope| {
        for n in 0..16 {
            scope.spawn(move || {
                for _ in 0..8 {
                    let tree = syntax_tree(&format!("SELECT {n} AS number_{n}")).unwrap();
                    assert!(tree.contains(&format!("number_{n}\"")), "{tree}");
                }
            });
        }
    });
    assert!(IDLE.lock().unwrap().len() <= MAX_IDLE);
}
