use super::*;

fn completed(line: &str) -> Vec<String> {
    candidates(line, line.len()).1
}

/// Guarantees: relations and columns are completed, columns of the relations that the query names first of all, words in the user's case.
#[test]
fn names_are_completed() {
    assert!(completed("SELECT * FROM atte").contains(&"attempts".to_owned()));
    assert_eq!(completed("FROM reviewer_severity SELECT sev"), ["severity", "severity_half_width_95"]);
    assert_eq!(completed("sel"), ["select"]);
    assert_eq!(completed("SEL"), ["SELECT"]);
    assert_eq!(candidates("SELECT a.late", 13).0, 9);
    assert!(completed("SELECT 'ü', late").contains(&"latency_ms".to_owned()));
}

/// Guarantees: every command answers, and what is no command is a query.
#[test]
fn commands() {
    let mut format = SqlFormat::Table;
    let mut said = |line: &str| match command(line, &mut format) {
        Some(Said::Text(text)) => text,
        Some(Said::Quit) => "quit".to_owned(),
        None => "query".to_owned(),
    };
    assert_eq!(said("\\q"), "quit");
    assert!(said("\\d").contains("attempts"));
    assert!(said("\\d attempts").contains("latency_ms"));
    assert!(said("\\d nothing").contains("no relation"));
    assert_eq!(said("\\format parquet"), "formats are table, json, jsonl and csv");
    assert_eq!(said("\\format csv;"), "rows are printed as csv");
    assert!(said("\\?").contains("\\format"));
    assert_eq!(said("SELECT 1;"), "query");
    assert_eq!(format, SqlFormat::Csv);
}
