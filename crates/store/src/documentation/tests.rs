use std::fmt::Write as _;

use crate::{PUBLIC_RELATIONS, Store};

use super::*;

/// Guarantees: `SCHEMA.md` names every public relation and column with its type, in their order, and no other; each has a meaning.
#[test]
fn the_schema_is_documented() {
    let reader = Store::open_in_memory().expect("a store").reader().expect("a reader");
    let documented: Vec<&str> = documentation().iter().map(|relation| relation.name).collect();
    let mut missing: Vec<_> = PUBLIC_RELATIONS.iter().filter(|name| !documented.contains(name)).collect();
    missing.extend(documented.iter().filter(|name| !PUBLIC_RELATIONS.contains(name)));
    let mut skeleton = String::new();
    for relation in PUBLIC_RELATIONS {
        writeln!(skeleton, "\n### {relation}\n").expect("text");
        for column in reader.rows(&format!("DESCRIBE {relation}"), &[]).expect("columns") {
            let (name, sql_type) = (column["column_name"].as_str(), column["column_type"].as_str());
            writeln!(skeleton, "| `{}` | {} | | | |", name.expect("text"), sql_type.expect("text")).expect("text");
        }
    }
    assert!(missing.is_empty(), "these relations are missing, or documented and not there: {missing:?}\n{skeleton}");
    for relation in documentation() {
        assert!(!relation.about.is_empty(), "{}: what is a row?", relation.name);
        let columns = reader.rows(&format!("DESCRIBE {}", relation.name), &[]).expect("columns");
        let found: Vec<_> = columns
            .iter()
            .map(|column| {
                (column["column_name"].as_str().expect("text"), column["column_type"].as_str().expect("text"))
            })
            .collect();
        let told: Vec<_> = relation.columns.iter().map(|(name, about)| (*name, about.sql_type)).collect();
        assert_eq!(told, found, "{}: left is documented, right is there", relation.name);
        for (column, about) in &relation.columns {
            assert!(about.meaning.len() > 3, "{}.{column} has no meaning", relation.name);
        }
    }
}

/// Guarantees: a column is found with all that is said of it.
#[test]
fn a_column_is_looked_up() {
    let about = column_documentation("attempts", "latency_ms").expect("documented");
    assert_eq!((about.sql_type, about.unit), ("DOUBLE", "ms"));
    assert!(about.description().contains("[ms]"), "{}", about.description());
    assert_eq!(column_documentation("attempts", "nothing"), None);
}
