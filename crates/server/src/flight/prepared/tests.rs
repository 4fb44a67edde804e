use arrow::datatypes::Schema;

use super::*;

fn statement(bytes: usize) -> Statement {
    let schema = Schema::empty().into();
    let (names, params) = (Vec::new(), Bytes::new());
    Statement { sql: "x".repeat(bytes), as_of: String::new(), names, schema, params, begun: None }
}

/// Guarantees: however many are prepared, the limits hold, the latest is there, and one that went is told so.
#[test]
fn what_was_used_longest_ago_goes() {
    let statements = Statements::default();
    let first = statements.add(statement(1));
    let used = statements.add(statement(1));
    for _ in 0..MAX_STATEMENTS - 1 {
        assert!(statements.get(&used).is_ok());
        statements.add(statement(1));
    }
    assert_eq!(statements.kept().len(), MAX_STATEMENTS);
    assert!(statements.get(&used).is_ok());
    assert_eq!(statements.get(&first).unwrap_err().code(), tonic::Code::NotFound);
    let large = statements.add(statement(MAX_BYTES));
    assert_eq!(statements.kept().len(), 1);
    assert!(statements.get(&large).is_ok());
    statements.close(&large);
    assert!(statements.bind(&large, Bytes::new()).is_err());
}
