//! The guard: is this text one query over the public relations, with functions that only compute?
//!
//! DuckDB's own parser answers, without planning or running: the text goes as a bound value into `json_serialize_sql`,
//! and the tree that comes back is walked in full. Names of common table expressions are followed in their exact scope,
//! because a name outside of it falls through to the catalog, and from there to files:
//! `WITH "/x.csv" AS (FROM "/x.csv") …` reads the file.
//!
//! It does not check columns or types, and does not bound memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gleaner_store::{PUBLIC_RELATIONS, Param, Params, syntax_tree};
use serde_json::{Map, Value, json};

use crate::QueryError;
use crate::functions::{MAX_LITERAL_SIZE, is_scalar_allowed, is_sized, is_table_allowed, scalars, tables};
use crate::growth::{self, Unbounded};
use crate::text::{first_token, statements};

/// Prefixes of DuckDB's built-in views, which need no schema.
const CATALOG_PREFIXES: &[&str] = &["duckdb_", "pragma_", "sqlite_", "pg_"];

/// Texts that passed of late. A client asks for a query's columns and then for its rows; tools ask the same all day.
static PASSED: Mutex<VecDeque<(String, Checked)>> = Mutex::new(VecDeque::new());
/// So many of them …
const MAX_REMEMBERED: usize = 64;
/// … of at most so many bytes each; the tree of one is a hundred times that.
const MAX_REMEMBERED_BYTES: usize = 4 << 10;

/// A query with longer values for its parameters runs apart: each counts as one that is stored.
const MAX_PARAM_BYTES: usize = 4 << 10;

/// Words that queries begin with.
const QUERY_WORDS: &[&str] = &["DESCRIBE", "FROM", "SELECT", "SHOW", "SUMMARIZE", "TABLE", "VALUES", "WITH"];

/// What passed the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The text may be run as it is.
    Query(Arc<Passed>),
    /// `SHOW TABLES`: to be answered with the public relations, not by the catalog.
    ShowTables,
}

impl Checked {
    /// Names of its parameters, in their order; those written `?` have numbers.
    pub fn parameters(&self) -> &[String] {
        match self {
            Self::Query(passed) => &passed.parameters,
            Self::ShowTables => &[],
        }
    }

    /// Whether it is run in a process of its own.
    pub fn runs_apart(&self, params: &Params) -> bool {
        match self {
            Self::Query(passed) => passed.unbounded.is_some() || has_long_text(params),
            Self::ShowTables => false,
        }
    }
}

/// Whether a value for a parameter is longer than the guard takes it to be.
fn has_long_text(params: &Params) -> bool {
    let is_long = |param: &Param| match param {
        Param::Text(text) => text.len() > MAX_PARAM_BYTES,
        Param::Blob(bytes) => bytes.len() > MAX_PARAM_BYTES,
        _ => false,
    };
    match params {
        Params::Positional(values) => values.iter().any(is_long),
        Params::Named(values) => values.iter().any(|(_, value)| is_long(value)),
    }
}

/// A query that passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed {
    pub(crate) statement: Value,
    /// Why it must not run in the server's process, if so.
    pub unbounded: Option<Unbounded>,
    /// Names of its parameters, in their order; those written `?` have numbers.
    pub parameters: Vec<String>,
}

/// Passes `sql` if it is one query that only reads public relations. Runs nothing of it.
///
/// What passed is remembered by its text: what is allowed does not change while the program runs.
pub fn check(sql: &str, max_sql_bytes: usize) -> Result<Checked, QueryError> {
    if sql.len() > max_sql_bytes {
        return Err(QueryError::TextTooLong { bytes: sql.len(), limit: max_sql_bytes });
    }
    if let Some(passed) = remembered().iter().find(|(text, _)| text == sql) {
        return Ok(passed.1.clone());
    }
    let checked = check_anew(sql)?;
    if sql.len() <= MAX_REMEMBERED_BYTES {
        let mut remembered = remembered();
        remembered.truncate(MAX_REMEMBERED - 1);
        remembered.push_front((sql.to_owned(), checked.clone()));
    }
    Ok(checked)
}

fn remembered() -> MutexGuard<'static, VecDeque<(String, Checked)>> {
    // Each holder leaves it whole.
    PASSED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_anew(sql: &str) -> Result<Checked, QueryError> {
    if sql.contains('\0') {
        return Err(QueryError::NulInText);
    }
    match explained(sql) {
        Some(explained) if starts_with_option(&explained) => {
            Err(QueryError::StatementRefused { statement: "EXPLAIN with ANALYZE or options".to_owned() })
        }
        Some(explained) => match check_query(&explained)? {
            Checked::Query(passed) if passed.unbounded.is_none() => Ok(Checked::Query(passed)),
            // Planning it already computes its constants.
            _ => Err(QueryError::StatementRefused { statement: "EXPLAIN of this query".to_owned() }),
        },
        None => check_query(sql),
    }
}

/// Of `EXPLAIN query` the query, in its place.
fn explained(sql: &str) -> Option<String> {
    const WORD: &str = "EXPLAIN";
    let start = first_token(sql)?;
    let (word, query) = sql[start..].split_at_checked(WORD.len())?;
    let is_word = word.eq_ignore_ascii_case(WORD) && query.starts_with(|c: char| c.is_ascii_whitespace());
    is_word.then(|| [&sql[..start], &" ".repeat(WORD.len()), query].concat())
}

fn starts_with_option(explained: &str) -> bool {
    let rest = explained.get(first_token(explained).unwrap_or_default()..).unwrap_or_default();
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    // A query may stand in parentheses as well, but then the word after them is one that queries begin with.
    let inner = rest.trim_start_matches(|c: char| c == '(' || c.is_ascii_whitespace());
    let is_query =
        QUERY_WORDS.iter().any(|begin| inner.get(..begin.len()).is_some_and(|word| word.eq_ignore_ascii_case(begin)));
    word.eq_ignore_ascii_case("analyze") || word.eq_ignore_ascii_case("analyse") || (rest.starts_with('(') && !is_query)
}

fn check_query(sql: &str) -> Result<Checked, QueryError> {
    let mut tree = parse(sql)?;
    let statements = tree["statements"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let count = statements.len();
    let mut statements = statements.into_iter();
    let (Some(statement), None) = (statements.next(), statements.next()) else {
        return Err(QueryError::StatementCount { count });
    };
    if is_show_tables(&statement) {
        return Ok(Checked::ShowTables);
    }
    let mut walk = Walk { ctes: Vec::new(), at: None };
    if let Err(error) = walk.value(&statement) {
        return Err(match walk.at {
            Some(at) if !matches!(error, QueryError::StatementRefused { .. }) => placed(sql, at, error),
            _ => error,
        });
    }
    let unbounded = growth::bound(&statement).err();
    let parameters = parameters(&statement);
    Ok(Checked::Query(Arc::new(Passed { statement, unbounded, parameters })))
}

/// The error with the place of the byte that it is about.
fn placed(sql: &str, at: usize, error: QueryError) -> QueryError {
    let before = sql.get(..at).unwrap_or_default();
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    QueryError::RefusedAt { error: Box::new(error), line: before.matches('\n').count() + 1, column }
}

/// The parser numbers parameters by their first sight.
fn parameters(statement: &Value) -> Vec<String> {
    let named = statement["named_param_map"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut named: Vec<(u64, String)> =
        named.iter().filter_map(|entry| Some((entry["value"].as_u64()?, entry["key"].as_str()?.to_owned()))).collect();
    named.sort();
    named.into_iter().map(|(_, name)| name).collect()
}

/// The syntax tree of the text, as `json_serialize_sql` gives it.
pub(crate) fn parse(sql: &str) -> Result<Value, QueryError> {
    let text = syntax_tree(sql).map_err(QueryError::Store)?;
    // serde_json stops at 128 levels. That is deep for a query, and shallow for the stack of any thread.
    let tree: Value = serde_json::from_str(&text).map_err(|_| QueryError::TooDeep)?;
    if tree["error"] == json!(false) {
        return Ok(tree);
    }
    let message = tree["error_message"].as_str().unwrap_or("the query cannot be parsed").to_owned();
    if message.contains("Only SELECT statements") {
        return Err(not_a_query(sql));
    }
    if message.contains("memory exhausted") || message.contains("expression depth") {
        return Err(QueryError::TooDeep);
    }
    let Some(position) = tree["position"].as_str().and_then(|position| position.parse::<usize>().ok()) else {
        return Err(QueryError::SyntaxSomewhere { message });
    };
    // DuckDB counts characters.
    let before: String = sql.chars().take(position).collect();
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    Err(QueryError::Syntax { message, line: before.matches('\n').count() + 1, column })
}

/// Names the first statement that is no query; where all look like queries, there are several and one of them is not.
fn not_a_query(sql: &str) -> QueryError {
    let statements = statements(sql);
    let words = statements.iter().map(|statement| match first_word(statement) {
        word if word == "WITH" => changing_word(statement).unwrap_or(word),
        word => word,
    });
    match words.into_iter().find(|word| !QUERY_WORDS.contains(&word.as_str())) {
        Some(statement) => QueryError::StatementRefused { statement },
        None if statements.len() > 1 => QueryError::StatementCount { count: statements.len() },
        None => QueryError::StatementRefused { statement: first_word(sql) },
    }
}

/// What stands behind the common table expressions of a statement that changes something.
fn changing_word(statement: &str) -> Option<String> {
    let words = statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_ascii_uppercase);
    words.into_iter().rfind(|word| ["DELETE", "INSERT", "MERGE", "UPDATE"].contains(&word.as_str()))
}

fn first_word(sql: &str) -> String {
    let text = sql.get(first_token(sql).unwrap_or_default()..).unwrap_or_default();
    let text = text.trim_start_matches(|c: char| c == '(' || c == '\u{feff}' || c.is_whitespace());
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).take(20).collect();
    if word.is_empty() { "this statement".to_owned() } else { word.to_ascii_uppercase() }
}

/// `SHOW TABLES` and nothing around it.
fn is_show_tables(statement: &Value) -> bool {
    let shown = &statement["node"]["from_table"];
    shown["type"] == "SHOW_REF" && shown["query"].is_null() && shown["table_name"] == "\"tables\""
}

/// One walk over a syntax tree. Every object and every list is visited, known or not.
struct Walk<'a> {
    /// Names of the common table expressions in scope, innermost last.
    ctes: Vec<&'a str>,
    /// Where the text stands that is looked at, in bytes.
    at: Option<usize>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value) -> Result<(), QueryError> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item)),
            Value::Object(node) => self.node(node),
            _ => Ok(()),
        }
    }

    fn node(&mut self, node: &'a Map<String, Value>) -> Result<(), QueryError> {
        let kind = text(node, "type");
        // The parser writes the largest number where it does not know.
        let at = node.get("query_location").and_then(Value::as_u64).filter(|at| *at != u64::MAX);
        self.at = at.and_then(|at| usize::try_from(at).ok()).or(self.at);
        if node.contains_key("class") {
            return self.expression(node);
        }
        if node.contains_key("cte_map") {
            return self.query_node(node);
        }
        match kind {
            "BASE_TABLE" => self.relation(node)?,
            "TABLE_FUNCTION" => return self.table_function(node),
            "SHOW_REF" if node.get("query").is_none_or(Value::is_null) => {
                return Err(QueryError::StatementRefused { statement: "SHOW of the catalog".to_owned() });
            }
            "EMPTY" | "EXPRESSION_LIST" | "JOIN" | "PIVOT" | "SHOW_REF" | "SUBQUERY" => {}
            // Some other table reference: nothing else has both keys.
            other if node.contains_key("alias") && node.contains_key("sample") => {
                return Err(QueryError::SyntaxRefused { kind: other.to_owned() });
            }
            _ => {}
        }
        self.children(node)
    }

    fn children(&mut self, node: &'a Map<String, Value>) -> Result<(), QueryError> {
        node.values().try_for_each(|child| self.value(child))
    }

    /// A SELECT, a set operation, or a recursive expression, with the names it defines for itself.
    fn query_node(&mut self, node: &'a Map<String, Value>) -> Result<(), QueryError> {
        let recursive = match text(node, "type") {
            "SELECT_NODE" | "SET_OPERATION_NODE" => None,
            "RECURSIVE_CTE_NODE" => Some(text(node, "cte_name")),
            other => return Err(QueryError::SyntaxRefused { kind: other.to_owned() }),
        };
        let outer = self.ctes.len();
        let defined = node.get("cte_map").and_then(|map| map.get("map")).and_then(Value::as_array);
        for cte in defined.into_iter().flatten() {
            let name = cte.get("key").and_then(Value::as_str).unwrap_or_default();
            if !is_plain_name(name) {
                return Err(QueryError::CteNameRefused { name: name.to_owned() });
            }
            // Its own name is not in scope yet: there it means the catalog's relation.
            self.value(&cte["value"])?;
            self.ctes.push(name);
        }
        for (key, child) in node.iter().filter(|(key, _)| *key != "cte_map") {
            let inner = self.ctes.len();
            // A recursive expression knows its own name in the recursive part alone.
            self.ctes.extend(recursive.filter(|_| key == "right"));
            self.value(child)?;
            self.ctes.truncate(inner);
        }
        self.ctes.truncate(outer);
        Ok(())
    }

    fn expression(&mut self, node: &'a Map<String, Value>) -> Result<(), QueryError> {
        match text(node, "class") {
            "FUNCTION" | "WINDOW" => {
                let name = text(node, "function_name").to_ascii_lowercase();
                if !is_scalar_allowed(&name) {
                    let suggestion = nearest(&name, scalars());
                    return Err(QueryError::FunctionRefused { name, suggestion });
                }
                check_literals(&name, node)?;
            }
            "BETWEEN"
            | "CASE"
            | "CAST"
            | "COLLATE"
            | "COLUMN_REF"
            | "COMPARISON"
            | "CONJUNCTION"
            | "CONSTANT"
            | "LAMBDA"
            | "LAMBDA_REF"
            | "OPERATOR"
            | "PARAMETER"
            | "POSITIONAL_REFERENCE"
            | "STAR"
            | "SUBQUERY"
            | "TYPE" => {}
            other => return Err(QueryError::SyntaxRefused { kind: other.to_owned() }),
        }
        self.children(node)
    }

    fn table_function(&mut self, node: &'a Map<String, Value>) -> Result<(), QueryError> {
        let call = node.get("function").and_then(Value::as_object);
        let name = call.map_or("", |call| text(call, "function_name")).to_ascii_lowercase();
        if !is_table_allowed(&name) {
            let suggestion = nearest(&name, tables());
            return Err(QueryError::TableFunctionRefused { name, suggestion });
        }
        // The call itself is passed by now, under another list than calls in expressions; its arguments are not.
        call.map_or(Ok(()), |call| self.children(call))?;
        node.iter().filter(|(key, _)| *key != "function").try_for_each(|(_, child)| self.value(child))
    }

    fn relation(&self, node: &Map<String, Value>) -> Result<(), QueryError> {
        let (catalog, schema, name) = (text(node, "catalog_name"), text(node, "schema_name"), text(node, "table_name"));
        // Tools write names in full, as Flight SQL tells them.
        let is_whole = catalog.eq_ignore_ascii_case("store") && schema.eq_ignore_ascii_case("main");
        let is_short = catalog.is_empty() && (schema.is_empty() || schema.eq_ignore_ascii_case("main"));
        if !is_whole && !is_short {
            let parts = [catalog, schema, name].into_iter().filter(|part| !part.is_empty());
            return Err(QueryError::QualifiedRelation { name: parts.collect::<Vec<_>>().join(".") });
        }
        let is_cte = schema.is_empty() && self.ctes.iter().any(|cte| cte.eq_ignore_ascii_case(name));
        if is_cte || PUBLIC_RELATIONS.iter().any(|public| public.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let known = PUBLIC_RELATIONS.iter().copied().chain(self.ctes.iter().copied());
        Err(QueryError::RelationRefused {
            name: name.to_owned(),
            suggestion: nearest(&name.to_ascii_lowercase(), known),
        })
    }
}

/// The text under a key, or nothing: a missing name never equals an allowed one.
fn text<'a>(node: &'a Map<String, Value>, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A second bolt beside the scopes: a name that is neither a path nor a view of the catalog.
fn is_plain_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.chars().all(|c| c.is_alphanumeric() || c == '_') && !lower.is_empty();
    plain && !CATALOG_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}

/// Stops the plainest runaways, such as `repeat('x', 2000000000)`. A size that is computed passes: see `limits.rs`.
fn check_literals(name: &str, call: &Map<String, Value>) -> Result<(), QueryError> {
    if !is_sized(name) {
        return Ok(());
    }
    for argument in call.get("children").and_then(Value::as_array).into_iter().flatten() {
        let value = &argument["value"]["value"];
        let too_large = match value {
            Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() > MAX_LITERAL_SIZE as f64),
            // Halves of a number beyond 64 bits.
            Value::Object(_) => true,
            _ => false,
        };
        if too_large {
            return Err(QueryError::LiteralTooLarge { name: name.to_owned(), size: value.to_string() });
        }
    }
    Ok(())
}

/// The candidate that differs least from `name`, if it differs little.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    // Nothing is called like that, and the comparison takes its length by that of all names.
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let near = candidates.map(|candidate| (edit_distance(name, candidate), candidate));
    let (distance, candidate) = near.min()?;
    (distance <= 1 + name.chars().count() / 5).then(|| candidate.to_owned())
}

/// Longer names are not held against those that there are.
const MAX_NAME_BYTES: usize = 128;

/// Levenshtein's distance.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod against_duckdb;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
