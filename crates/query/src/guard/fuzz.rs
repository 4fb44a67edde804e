//! Texts that nobody wrote: pieces of the corpora put together and cut up. The guard's verdict is held against DuckDB.
//! The same with a fuzzer that looks for new ways through the guard: `fuzz/`, target `guard`.
//!
//! More cases than the default: `PROPTEST_CASES=20000 cargo test -p gleaner-query fuzz`.

use proptest::prelude::*;
use proptest::sample::select;

use super::against_duckdb::House;

/// All statements of the corpora.
fn corpus() -> Vec<String> {
    let corpora = [
        include_str!("../../tests/refused.sql"),
        include_str!("../../tests/runaways.sql"),
        include_str!("../../tests/allowed.sql"),
    ];
    let statement = |entry: &str| entry.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let statements = corpora.iter().flat_map(|corpus| corpus.split("\n\n")).map(statement);
    statements.filter(|sql| !sql.trim().is_empty()).collect()
}

/// What lexers stumble over.
const NOISE: &[&str] = &[
    ";",
    "'",
    "\"",
    "--",
    "/*",
    "*/",
    "$$",
    "$a$",
    "\\",
    "\n",
    "(",
    ")",
    ",",
    " ",
    "::",
    "U&'\\0041'",
    "E'\\''",
    "x'41'",
    "\u{a0}",
    "\u{200b}",
    "ü",
    "💥",
    "AS",
    "FROM",
    "SELECT",
    "read_text('CANARY')",
    "'CANARY'",
    "\"CANARY\"",
    "span_facts",
    "main.",
    "store.main.",
    "system.",
    "->",
    "?",
    "$1",
    "$x",
    "COPY",
    "EXPLAIN",
    "DESCRIBE",
    "WITH",
    "LATERAL",
    "attempts",
    "*",
    "COLUMNS(*)",
    "#1",
];

fn text() -> impl Strategy<Value = String> {
    let piece = || select(corpus());
    let joined = (piece(), piece(), 0..14_usize).prop_map(|(a, b, how)| match how {
        0 => format!("SELECT * FROM ({a}) x, ({b}) y"),
        1 => format!("WITH q AS ({a}) {b}"),
        2 => format!("{a} UNION ALL {b}"),
        3 => format!("{a}; {b}"),
        4 => format!("SELECT ({a}), ({b})"),
        5 => format!("/* {a} */ {b}"),
        6 => format!("{a} -- {b}"),
        7 => format!("SELECT * FROM attempts WHERE status IN ({a}) ORDER BY ({b})"),
        8 => format!("EXPLAIN {a}"),
        9 => format!("DESCRIBE {a}"),
        10 => format!("WITH RECURSIVE q AS ({a} UNION ALL {b}) FROM q"),
        11 => format!("SELECT list_transform([1], x -> ({a}))"),
        12 => format!("FROM (PIVOT ({a}) ON status IN (({b})) USING count(*))"),
        _ => a,
    });
    let cut = (joined, prop::collection::vec((any::<prop::sample::Index>(), select(NOISE), 0..3_usize), 0..3));
    cut.prop_map(|(mut text, edits)| {
        for (place, noise, how) in edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = *place.get(&places);
            match how {
                0 => text.insert_str(at, noise),
                1 => text.truncate(at),
                _ => {
                    text.remove(at);
                }
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees: whatever is sent, the guard answers; what it passes is one statement to DuckDB, changes nothing and shows no file
    /// where DuckDB itself would allow both; and the same query in DuckDB's own words gets the same verdict.
    #[test]
    fn the_verdict_holds_against_duckdb(text in text()) {
        thread_local! {
            static HOUSE: House = House::open();
        }
        let judged = HOUSE.with(|house| house.judge(&house.with_canary(&text)));
        prop_assert_eq!(judged, Ok(()));
    }
}

/// Guarantees: the fuzz test's open house is open: without the guard the canary is heard, and a table is made.
#[test]
fn the_house_is_open() {
    let house = House::open();
    assert!(House::has_told(&house.answer(&house.with_canary("SELECT content FROM read_text('CANARY')"))));
    assert!(House::has_told(&house.answer("SELECT body FROM span_facts")));
    assert!(!house.has_changed());
    house.answer("CREATE TABLE left_over AS SELECT 1; SELECT 2");
    assert!(house.has_changed());
    assert!(corpus().len() > 250, "{}", corpus().len());
}
