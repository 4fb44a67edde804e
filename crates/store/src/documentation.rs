//! `SCHEMA.md`, which documents every public relation and column, as data: column remarks of Flight SQL and comments in snapshots.
//!
//! A relation is a heading `### name`, text, and a table whose rows begin with the column's name in backquotes. A test holds the file
//! equal to what the views give.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../SCHEMA.md");

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDocumentation {
    /// DuckDB's type.
    pub sql_type: &'static str,
    /// Unit, or empty.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl ColumnDocumentation {
    /// In one line.
    pub fn description(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" [{}]", self.unit) };
        let source = if self.source.is_empty() || self.source == "derived" {
            String::new()
        } else {
            format!(" (from {})", self.source)
        };
        format!("{}{unit}{source}", self.meaning)
    }
}

/// What a relation holds, and its columns in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationDocumentation {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub about: String,
    /// Names and meanings.
    pub columns: Vec<(&'static str, ColumnDocumentation)>,
}

static RELATIONS: LazyLock<Vec<RelationDocumentation>> = LazyLock::new(|| parse(TEXT));
static COLUMNS: LazyLock<HashMap<(&'static str, &'static str), &'static ColumnDocumentation>> = LazyLock::new(|| {
    let of = |relation: &'static RelationDocumentation| {
        relation.columns.iter().map(|(column, about)| ((relation.name, *column), about))
    };
    RELATIONS.iter().flat_map(of).collect()
});

/// Every public relation, in the order of the file.
pub fn documentation() -> &'static [RelationDocumentation] {
    &RELATIONS
}

/// What a column of a public relation means.
pub fn column_documentation(relation: &str, column: &str) -> Option<&'static ColumnDocumentation> {
    // The key's lifetime is that of what is looked for.
    COLUMNS.get(&(relation, column)).copied()
}

fn parse(text: &'static str) -> Vec<RelationDocumentation> {
    let mut relations: Vec<RelationDocumentation> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            relations.push(RelationDocumentation { name: name.trim(), about: String::new(), columns: Vec::new() });
        } else if line.starts_with('#') {
            // A chapter of its own: what follows belongs to no relation.
            relations.push(RelationDocumentation { name: "", about: String::new(), columns: Vec::new() });
        } else if let Some(relation) = relations.last_mut() {
            let Some(row) = line.strip_prefix("| `") else {
                if !line.starts_with('|') && !line.is_empty() {
                    relation.about.push_str(if relation.about.is_empty() { "" } else { " " });
                    relation.about.push_str(line);
                }
                continue;
            };
            let mut cells = row.trim_end().trim_end_matches('|').split(" | ").map(str::trim);
            let mut cell = || cells.next().unwrap_or_default();
            let name = cell().trim_end_matches('`');
            let about = ColumnDocumentation { sql_type: cell(), unit: cell(), meaning: cell(), source: cell() };
            relation.columns.push((name, about));
        }
    }
    relations.retain(|relation| !relation.name.is_empty());
    relations
}

#[cfg(test)]
mod tests;
