//! How large values can become in a query: whether it may run inside the server's process, or must run where it can be killed.
//!
//! Measured on DuckDB 1.5.5 with an interrupt after one second and a memory limit of 300 MB: scans, joins, sorts, aggregates, windows and
//! recursion end within 1.1 s and stay near the limit. What does not are scalar functions that make, or loop over, huge single values:
//! `levenshtein` of two long texts (beyond 25 s), `repeat`, `replace`, `format` (12 s, 4 GB), concatenations that double (2.5 GB), lists
//! inside lists; and planning a join of hundreds of relations. No setting bounds those, so a query may run here only if none can arise.
//!
//! The unit is the largest value that is stored, or the longest text of a query; functions that the table does not class are run apart, so
//! that the analysis errs on the safe side. It does not bound the number of rows: DuckDB does.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Largest value that may arise, as a multiple of the unit. A report concatenates a dozen columns; doubling reaches this in eight steps.
const MAX_GROWTH: f64 = 256.0;
/// What a gathering aggregate's result counts.
const GATHERED: f64 = 64.0;
/// Largest number written out in a call whose result is as large as it says.
const MAX_SIZE: f64 = 10_000.0;
/// Relations in one query. Planning a join of 200 took longer than 25 s, uninterrupted; one of 24 takes milliseconds.
const MAX_RELATIONS: usize = 24;

/// Why a query is not run in the server's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unbounded {
    /// A function whose time or size is not bounded by its arguments' sizes.
    Function(String),
    /// Values that may grow beyond the bound, by concatenation or otherwise.
    Growth,
    /// Texts that may grow with every step of a recursion.
    Recursion,
    /// A lambda inside a lambda, or over other columns.
    Lambda,
    /// More relations than can be planned in bounded time.
    Relations,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Constant,
    Same,
    Sum(f64),
    Gathering,
    Lambda,
    Sized,
}

static CLASSES: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(|| {
    let mut classes = HashMap::new();
    let mut class = Class::Constant;
    for line in include_str!("growth/functions.txt").lines().filter(|line| !line.starts_with("# ")) {
        match line.strip_suffix(':') {
            Some("constant") => class = Class::Constant,
            Some("same") => class = Class::Same,
            Some("sum") => class = Class::Sum(1.0),
            Some("eightfold") => class = Class::Sum(8.0),
            Some("gathering") => class = Class::Gathering,
            Some("lambda") => class = Class::Lambda,
            Some("sized") => class = Class::Sized,
            _ => classes.extend(line.split_ascii_whitespace().map(|name| (name, class))),
        }
    }
    classes
});

/// Whether a statement that the guard has passed may run here.
pub(crate) fn bound(statement: &Value) -> Result<(), Unbounded> {
    let mut growth = Growth { ctes: Vec::new(), relations: 0 };
    let size = growth.value(statement, &Scope { source: 1.0, lambda: None });
    size.map(|_| ())
}

/// What columns stand for.
#[derive(Clone)]
struct Scope {
    /// The largest value that a column may hold.
    source: f64,
    /// Inside a lambda: its parameters, and what they may hold.
    lambda: Option<(HashSet<String>, f64)>,
}

struct Growth<'a> {
    ctes: Vec<(&'a str, f64)>,
    relations: usize,
}

type Size = Result<f64, Unbounded>;

impl<'a> Growth<'a> {
    /// Of anything: the largest value in it.
    fn value(&mut self, value: &'a Value, scope: &Scope) -> Size {
        match value {
            Value::Array(items) => items.iter().try_fold(1.0, |size, item| Ok(self.value(item, scope)?.max(size))),
            Value::Object(node) => {
                let size = self.object(node, scope)?;
                if size > MAX_GROWTH { Err(Unbounded::Growth) } else { Ok(size) }
            }
            _ => Ok(1.0),
        }
    }

    fn object(&mut self, node: &'a Map<String, Value>, scope: &Scope) -> Size {
        if node.contains_key("class") {
            return self.expression(node, scope);
        }
        if node.contains_key("cte_map") {
            return self.query(node, scope);
        }
        match text(node, "type") {
            "BASE_TABLE" => {
                self.count_relation()?;
                let name = text(node, "table_name");
                let cte = self.ctes.iter().rev().find(|(cte, _)| cte.eq_ignore_ascii_case(name));
                Ok(cte.filter(|_| text(node, "schema_name").is_empty()).map_or(1.0, |(_, size)| *size))
            }
            "TABLE_FUNCTION" => {
                self.count_relation()?;
                // What it is given comes back in rows: a range of numbers, the elements of a list.
                let call = node.get("function").and_then(Value::as_object);
                let given = call.map_or(Ok(1.0), |call| self.children(call, scope))?;
                Ok(given * if text(call.unwrap_or(node), "function_name").starts_with("json_") { 8.0 } else { 1.0 })
            }
            // Its aggregates are functions of the list after it.
            "PIVOT" => Ok(self.children(node, scope)? * GATHERED),
            _ => self.children(node, scope),
        }
    }

    fn count_relation(&mut self) -> Result<(), Unbounded> {
        self.relations += 1;
        if self.relations > MAX_RELATIONS { Err(Unbounded::Relations) } else { Ok(()) }
    }

    fn children(&mut self, node: &'a Map<String, Value>, scope: &Scope) -> Size {
        node.values().try_fold(1.0, |size, child| Ok(self.value(child, scope)?.max(size)))
    }

    /// A SELECT or set operation: the largest of what it selects.
    fn query(&mut self, node: &'a Map<String, Value>, outer: &Scope) -> Size {
        let known = self.ctes.len();
        let defined = node.get("cte_map").and_then(|map| map.get("map")).and_then(Value::as_array);
        for cte in defined.into_iter().flatten() {
            let size = self.value(&cte["value"], outer)?;
            self.ctes.push((cte.get("key").and_then(Value::as_str).unwrap_or_default(), size));
        }
        let size = match text(node, "type") {
            "RECURSIVE_CTE_NODE" => {
                let first = self.value(node.get("left").unwrap_or(&Value::Null), outer)?;
                self.ctes.push((text(node, "cte_name"), 1.0));
                // What one step may add, the next may add again.
                let step = self.value(node.get("right").unwrap_or(&Value::Null), outer)?;
                self.ctes.pop();
                if step > 1.0 {
                    return Err(Unbounded::Recursion);
                }
                first
            }
            "SELECT_NODE" => {
                let from = self.value(node.get("from_table").unwrap_or(&Value::Null), outer)?;
                let scope = Scope { source: from.max(outer.source), lambda: outer.lambda.clone() };
                let mut selected = 1.0_f64;
                for (key, child) in node.iter().filter(|(key, _)| !["cte_map", "from_table"].contains(&key.as_str())) {
                    let size = self.value(child, &scope)?;
                    if key == "select_list" {
                        selected = selected.max(size);
                    }
                }
                selected
            }
            _ => node
                .iter()
                .filter(|(key, _)| *key != "cte_map")
                .try_fold(1.0, |size, (_, child)| Ok::<f64, Unbounded>(self.value(child, outer)?.max(size)))?,
        };
        self.ctes.truncate(known);
        Ok(size)
    }

    fn expression(&mut self, node: &'a Map<String, Value>, scope: &Scope) -> Size {
        match text(node, "class") {
            "COLUMN_REF" => match &scope.lambda {
                None => Ok(scope.source),
                Some((parameters, size)) if first_name(node).is_some_and(|name| parameters.contains(&name)) => {
                    Ok(*size)
                }
                Some(_) => Err(Unbounded::Lambda),
            },
            "STAR" | "POSITIONAL_REFERENCE" => Ok(self.children(node, scope)?.max(scope.source)),
            "COMPARISON" | "CONJUNCTION" | "BETWEEN" => self.children(node, scope).map(|_| 1.0),
            "CAST" => {
                let size = self.children(node, scope)?;
                let to =
                    node.get("cast_type").and_then(|cast| cast.get("id")).and_then(Value::as_str).unwrap_or_default();
                let is_constant = [
                    "BOOLEAN",
                    "TINYINT",
                    "SMALLINT",
                    "INTEGER",
                    "BIGINT",
                    "HUGEINT",
                    "UTINYINT",
                    "USMALLINT",
                    "UINTEGER",
                    "UBIGINT",
                    "FLOAT",
                    "DOUBLE",
                    "DECIMAL",
                    "DATE",
                    "TIME",
                    "TIMESTAMP",
                    "INTERVAL",
                    "UUID",
                ];
                // Bytes become four characters each; numbers are as long as they are.
                Ok(if is_constant.contains(&to) || size <= 1.0 { 1.0 } else { size * 4.0 })
            }
            "FUNCTION" | "WINDOW" => self.function(node, scope),
            // Outside of a call that takes one, `a -> b` is JSON's arrow: a part of what it is taken from.
            _ => self.children(node, scope),
        }
    }

    fn function(&mut self, node: &'a Map<String, Value>, scope: &Scope) -> Size {
        let name = text(node, "function_name").to_ascii_lowercase();
        let Some(class) = CLASSES.get(name.as_str()) else {
            return Err(Unbounded::Function(name));
        };
        let arguments = node.get("children").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if *class == Class::Lambda {
            return self.lambda(arguments, scope);
        }
        // All of it is looked at: filters, orders and partitions too.
        let largest = self.children(node, scope)?;
        let mut together = 0.0;
        for argument in arguments {
            together += self.value(argument, scope)?;
        }
        Ok(match class {
            Class::Constant => 1.0,
            Class::Same => largest,
            Class::Sum(factor) => together.max(largest) * factor,
            Class::Gathering => largest * GATHERED,
            Class::Sized => largest * sized(&name, arguments)?,
            Class::Lambda => largest,
        })
    }

    fn lambda(&mut self, arguments: &'a [Value], scope: &Scope) -> Size {
        let (Some(list), Some(lambda), None) = (arguments.first(), arguments.get(1), arguments.get(2)) else {
            return Err(Unbounded::Lambda);
        };
        if scope.lambda.is_some() || lambda["class"] != "LAMBDA" {
            return Err(Unbounded::Lambda);
        }
        let list = self.value(list, scope)?;
        let mut parameters = HashSet::new();
        names(&lambda["lhs"], &mut parameters);
        let inner = Scope { source: scope.source, lambda: Some((parameters, list)) };
        // Each element is a part of the list, and so is what becomes of it.
        Ok(self.value(&lambda["expr"], &inner)?.max(list) * 8.0)
    }
}

/// What the numbers in a call make of it: they must be written out.
fn sized(name: &str, arguments: &[Value]) -> Size {
    let is_list = matches!(name, "range" | "generate_series");
    let numbers = if is_list { arguments } else { arguments.get(1..2).unwrap_or_default() };
    let mut largest = 1.0_f64;
    for number in numbers {
        let written = number["value"]["value"].as_f64().filter(|_| number["class"] == "CONSTANT").map(f64::abs);
        largest = largest.max(written.ok_or_else(|| Unbounded::Function(name.to_owned()))?);
    }
    if largest > MAX_SIZE || arguments.len() > 3 || (is_list && arguments.len() > 2) {
        return Err(Unbounded::Function(name.to_owned()));
    }
    // Eight bytes a number, in a unit of 64 KiB or more.
    Ok(if is_list { (largest / 8192.0).max(1.0) } else { largest })
}

fn first_name(node: &Map<String, Value>) -> Option<String> {
    node.get("column_names")?.as_array()?.first()?.as_str().map(str::to_lowercase)
}

/// All names in the head of a lambda.
fn names(value: &Value, out: &mut HashSet<String>) {
    match value {
        Value::Object(node) => {
            out.extend(first_name(node));
            node.values().for_each(|child| names(child, out));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, out)),
        _ => {}
    }
}

fn text<'a>(node: &'a Map<String, Value>, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
