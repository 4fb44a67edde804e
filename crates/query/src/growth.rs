//! How large values can become in a query: whether it may run inside the server's process, or must run where it can be killed.
//!
//! Measured on DuckDB 1.5.5 with an interrupt after one second and a memory limit of 300 MB: scans, joins, sorts, aggregates, windows and
//! recursion end within 1.1 s and stay near the limit. What does not are scalar functions that make, or loop over, huge single values:
//! `levenshtein` of two long texts (beyond 25 s), `repeat`, `replace`, `format` (12 s, 4 GB), concatenations that double (2.5 GB), lists
//! inside lists; and planning a join of hundreds of relations. No setting bounds those, so a query may run here only if none can arise.
//!
//! The unit is 4 KiB: a stored value counts as one, whatever its size, and what is written out counts as long as it is. DuckDB looks for an
//! interrupt between vectors of 2048 rows, so what matters is one row: how large its values become, all columns together, and how much work
//! they are. Functions that the table does not class are run apart, so that the analysis errs on the safe side. It does not bound the number
//! of rows: DuckDB does. Values gathered from many rows are an exception, since a join repeats them for each of its rows.

mod calls;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use calls::{
    backtracks, calls_unnest, constant, entries, first_name, is_flat_path, is_join, names, pattern_work, replacement,
    sized, text,
};

/// Bytes of what is written out that count as one stored value.
const UNIT_BYTES: f64 = 4096.0;
/// Bytes of a number or a time, and of the place of a text in its column.
const NUMBER_BYTES: f64 = 16.0;
/// Largest value that may arise, as a multiple of the unit. A report concatenates a dozen columns; doubling reaches this in five steps.
const MAX_GROWTH: f64 = 32.0;
/// What a gathering aggregate's result counts: it may stand twice in another value.
const GATHERED: f64 = 16.0;
/// All values of a row together: eight relations with all their columns. A thousand lists of a million numbers took 6 GB.
const MAX_ROW: f64 = 512.0;
/// Units that all functions of a query read for one row: a hundred of them over a few columns each. The products of what is searched and
/// what it is searched for count as well.
const MAX_WORK: f64 = 1024.0;
/// Relations in one query, those of its expressions as often as they are named. Planning a join of 200 took longer than 25 s,
/// uninterrupted; one of 24 takes milliseconds.
const MAX_RELATIONS: usize = 24;
/// Columns of one part of a query: stars over stars double them.
const MAX_COLUMNS: usize = 2_000;
/// The widest public relation has about so many.
const RELATION_COLUMNS: usize = 60;
/// Sets that one grouping may be over: `CUBE` of n columns makes 2^n, each with a table of its own.
const MAX_GROUPING_SETS: usize = 32;
/// Longest pattern.
const MAX_PATTERN_BYTES: usize = 256;
/// Length of a regular expression, with repetitions, by the units of the text: its time, where its automaton has too many states to be kept.
const MAX_PATTERN_WORK: f64 = 64.0;
/// Longest text written out in a lambda, which is called for every element.
const MAX_LAMBDA_TEXT_BYTES: usize = 64;

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
    /// More relations, columns or grouping sets than can be planned in bounded time.
    Planning,
    /// An aggregate that holds all its values, over more rows than one relation has: DuckDB does not count that memory.
    Rows(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Constant,
    Same,
    Sum(f64),
    Gathering,
    /// An aggregate of constant size that holds all its values meanwhile.
    Holding,
    Lambda,
    /// With a path into JSON as the second argument.
    Path(bool),
    /// With a pattern as the second argument.
    Pattern(f64, bool),
    /// Time is the product of the arguments' sizes; the result is so many times the largest.
    Product(f64),
    /// So is the result.
    Square,
    /// With what is replaced, and by what, as the second and third argument.
    Replacement,
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
            Some("double") => class = Class::Sum(2.0),
            Some("sixfold") => class = Class::Sum(6.0),
            Some("manifold") => class = Class::Sum(16.0),
            Some("holding") => class = Class::Holding,
            Some("path") => class = Class::Path(false),
            Some("path of constant size") => class = Class::Path(true),
            Some("pattern") => class = Class::Pattern(1.0, false),
            Some("pattern of constant size") => class = Class::Pattern(1.0, true),
            Some("pattern, manifold") => class = Class::Pattern(16.0, false),
            Some("product of constant size") => class = Class::Product(0.0),
            Some("product") => class = Class::Product(1.0),
            Some("product, manifold") => class = Class::Product(16.0),
            Some("square") => class = Class::Square,
            Some("replacement") => class = Class::Replacement,
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
    let mut growth =
        Growth { ctes: Vec::new(), relations: 0, columns: 0, multiplies_rows: false, holds: None, work: 0.0 };
    growth.value(statement, &Scope { source: 1.0, columns: 0, lambda: None })?;
    match growth.holds {
        Some(name) if growth.multiplies_rows || growth.relations > 1 => Err(Unbounded::Rows(name)),
        _ => Ok(()),
    }
}

/// What columns stand for.
#[derive(Clone)]
struct Scope {
    /// The largest value that a column may hold.
    source: f64,
    /// How many columns a star stands for.
    columns: usize,
    /// Inside a lambda: its parameters, and what they may hold.
    lambda: Option<(HashSet<String>, f64)>,
}

impl Scope {
    /// What a number or a truth value counts. Inside a lambda there is one for each element of the list.
    fn number(&self) -> f64 {
        self.lambda.as_ref().map_or(NUMBER_BYTES / UNIT_BYTES, |(_, size)| *size)
    }
}

/// What the name of a common table expression stands for.
struct Cte<'a> {
    name: &'a str,
    size: f64,
    columns: usize,
    relations: usize,
}

struct Growth<'a> {
    ctes: Vec<Cte<'a>>,
    /// Named so far.
    relations: usize,
    /// Of the FROM or the query that was looked at last.
    columns: usize,
    /// Rows come from functions or recursion.
    multiplies_rows: bool,
    /// An aggregate that holds its values.
    holds: Option<String>,
    /// Units read so far.
    work: f64,
}

type Size = Result<f64, Unbounded>;

impl<'a> Growth<'a> {
    /// Of anything: the largest value in it.
    fn value(&mut self, value: &'a Value, scope: &Scope) -> Size {
        match value {
            Value::Array(items) => items.iter().try_fold(0.0, |size, item| Ok(self.value(item, scope)?.max(size))),
            Value::Object(node) => {
                let size = self.object(node, scope)?;
                if size > MAX_GROWTH { Err(Unbounded::Growth) } else { Ok(size) }
            }
            _ => Ok(0.0),
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
                let name = text(node, "table_name");
                let cte = self.ctes.iter().rev().find(|cte| cte.name.eq_ignore_ascii_case(name));
                let cte = cte.filter(|_| text(node, "schema_name").is_empty());
                let (size, columns, relations) =
                    cte.map_or((1.0, RELATION_COLUMNS, 1), |cte| (cte.size, cte.columns, cte.relations.max(1)));
                self.count(relations, columns)?;
                Ok(size)
            }
            "TABLE_FUNCTION" => {
                self.multiplies_rows = true;
                self.count(1, 8)?;
                // What it is given comes back in rows: a range of numbers, the elements of a list.
                let call = node.get("function").and_then(Value::as_object);
                let given = call.map_or(Ok(1.0), |call| self.children(call, scope))?;
                // Beside each part stands the whole.
                if given >= GATHERED { Err(Unbounded::Growth) } else { Ok(given) }
            }
            "PIVOT" => {
                let size = self.children(node, scope)?;
                // Each entry of its IN list becomes a column.
                self.count(0, entries(node.get("pivots")))?;
                Ok(size)
            }
            _ => self.children(node, scope),
        }
    }

    fn count(&mut self, relations: usize, columns: usize) -> Result<(), Unbounded> {
        self.relations += relations;
        self.columns += columns;
        let is_much = self.relations > MAX_RELATIONS || self.columns > MAX_COLUMNS;
        if is_much { Err(Unbounded::Planning) } else { Ok(()) }
    }

    fn children(&mut self, node: &'a Map<String, Value>, scope: &Scope) -> Size {
        node.values().try_fold(0.0, |size, child| Ok(self.value(child, scope)?.max(size)))
    }

    /// A SELECT or set operation: the largest of what it selects.
    fn query(&mut self, node: &'a Map<String, Value>, outer: &Scope) -> Size {
        let (known, columns_outside) = (self.ctes.len(), self.columns);
        let defined = node.get("cte_map").and_then(|map| map.get("map")).and_then(Value::as_array);
        for cte in defined.into_iter().flatten() {
            let before = self.relations;
            self.columns = 0;
            let size = self.value(&cte["value"], outer)?;
            let relations = self.relations - before;
            // They count where the name stands.
            self.relations = before;
            let name = cte.get("key").and_then(Value::as_str).unwrap_or_default();
            self.ctes.push(Cte { name, size, columns: self.columns, relations });
        }
        self.columns = 0;
        let size = match text(node, "type") {
            "RECURSIVE_CTE_NODE" => self.recursion(node, outer)?,
            "SELECT_NODE" => self.select(node, outer)?,
            _ => {
                let parts = node.iter().filter(|(key, _)| *key != "cte_map");
                let mut largest = 1.0_f64;
                for (_, part) in parts {
                    self.columns = 0;
                    largest = largest.max(self.value(part, outer)?);
                }
                // Both sides have the same.
                self.columns = self.columns.max(RELATION_COLUMNS);
                largest
            }
        };
        self.ctes.truncate(known);
        self.columns = self.columns.saturating_add(columns_outside);
        if self.columns > MAX_COLUMNS { Err(Unbounded::Planning) } else { Ok(size) }
    }

    fn recursion(&mut self, node: &'a Map<String, Value>, outer: &Scope) -> Size {
        self.multiplies_rows = true;
        let first = self.value(node.get("left").unwrap_or(&Value::Null), outer)?;
        let columns = self.columns;
        self.ctes.push(Cte { name: text(node, "cte_name"), size: 1.0, columns, relations: 1 });
        // What one step may add, the next may add again.
        let step = self.value(node.get("right").unwrap_or(&Value::Null), outer)?;
        self.ctes.pop();
        self.columns = columns;
        if step > 1.0 { Err(Unbounded::Recursion) } else { Ok(first) }
    }

    fn select(&mut self, node: &'a Map<String, Value>, outer: &Scope) -> Size {
        if node.get("group_sets").and_then(Value::as_array).is_some_and(|sets| sets.len() > MAX_GROUPING_SETS) {
            return Err(Unbounded::Planning);
        }
        let from = self.value(node.get("from_table").unwrap_or(&Value::Null), outer)?;
        let scope = Scope { source: from.max(outer.source), columns: self.columns, lambda: outer.lambda.clone() };
        let is_correlated = outer.source >= GATHERED && scope.columns > 0;
        let is_repeated = is_join(node.get("from_table")) || calls_unnest(node.get("select_list"));
        if is_correlated || (scope.source >= GATHERED && is_repeated) {
            return Err(Unbounded::Growth);
        }
        let (mut selected, mut columns, mut row) = (1.0_f64, 0, 0.0);
        for (key, child) in node.iter().filter(|(key, _)| !["cte_map", "from_table"].contains(&key.as_str())) {
            if key != "select_list" {
                self.columns = 0;
                self.value(child, &scope)?;
                continue;
            }
            for item in child.as_array().into_iter().flatten() {
                self.columns = 0;
                let size = self.value(item, &scope)?;
                let count = if item["class"] == "STAR" { scope.columns.max(1) } else { 1 };
                selected = selected.max(size);
                row += size * count as f64;
                columns += count;
            }
        }
        if row > MAX_ROW {
            return Err(Unbounded::Growth);
        }
        self.columns = columns;
        Ok(selected)
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
            "COMPARISON" | "CONJUNCTION" | "BETWEEN" => self.children(node, scope).map(|_| scope.number()),
            "PARAMETER" => Ok(1.0),
            "CONSTANT" => match &scope.lambda {
                None => Ok((NUMBER_BYTES + constant(node).map_or(0.0, |text| text.len() as f64)) / UNIT_BYTES),
                Some(_) if constant(node).is_some_and(|text| text.len() > MAX_LAMBDA_TEXT_BYTES) => {
                    Err(Unbounded::Lambda)
                }
                // Elements may be as small as four bytes.
                Some((_, size)) => Ok(size * constant(node).map_or(1.0, |text| text.len().max(1) as f64) / 4.0),
            },
            // Outside of a call that takes one, `a -> b` is JSON's arrow.
            "LAMBDA" => {
                if !is_flat_path(node.get("expr")) {
                    return Err(Unbounded::Function("->".to_owned()));
                }
                self.children(node, scope)
            }
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
                let is_written_out = node.get("child").is_some_and(|child| child["class"] == "CONSTANT");
                // Bytes become four characters each, and quotes and escapes double.
                Ok(match is_constant.contains(&to) {
                    true => scope.number(),
                    false if is_written_out => size,
                    false => size * 4.0,
                })
            }
            "FUNCTION" | "WINDOW" => self.function(node, scope),
            // Of each row that it stands beside; alone there is one.
            "SUBQUERY" => match self.children(node, scope)? {
                size if size >= GATHERED && scope.columns > 0 => Err(Unbounded::Growth),
                size => Ok(size),
            },
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
        // All of it is looked at, filters, orders and partitions too, and once: looking twice takes 2^n of n calls in each other.
        let mut largest = 0.0_f64;
        for (_, child) in node.iter().filter(|(key, _)| *key != "children") {
            largest = largest.max(self.value(child, scope)?);
        }
        let (mut together, mut product) = (0.0, 1.0);
        for argument in arguments {
            let size = self.value(argument, scope)?;
            largest = largest.max(size);
            together += size;
            product *= size.max(1.0);
        }
        let mut work = together;
        let size = match class {
            Class::Constant => scope.number(),
            Class::Holding => {
                self.holds.get_or_insert(name);
                1.0
            }
            Class::Path(is_constant) => {
                match arguments.get(1..).unwrap_or_default().iter().all(|path| is_flat_path(Some(path))) {
                    true if *is_constant => 1.0,
                    true => largest,
                    false => return Err(Unbounded::Function(name)),
                }
            }
            Class::Pattern(factor, is_constant) => {
                let pattern = arguments.get(1).and_then(Value::as_object).and_then(constant);
                let pattern =
                    pattern.filter(|pattern| pattern.len() <= MAX_PATTERN_BYTES && !backtracks(&name, pattern));
                match pattern.map(|pattern| pattern_work(&name, pattern) * largest) {
                    Some(pattern_work) if pattern_work <= MAX_PATTERN_WORK => work += pattern_work,
                    _ => return Err(Unbounded::Function(name)),
                }
                if *is_constant { 1.0 } else { together.max(largest) * factor }
            }
            Class::Product(_) | Class::Square => {
                let product = if arguments.len() == 1 { product * product } else { product };
                if product > MAX_GROWTH {
                    return Err(Unbounded::Function(name));
                }
                work += product;
                match class {
                    Class::Product(factor) => largest * factor,
                    _ => product,
                }
            }
            Class::Replacement => match replacement(arguments) {
                Some(factor) => largest * factor,
                None => return Err(Unbounded::Function(name)),
            },
            Class::Same => largest,
            Class::Sum(factor) => together.max(largest) * factor,
            // A window has a result for each row.
            Class::Gathering if text(node, "class") == "WINDOW" => return Err(Unbounded::Function(name)),
            Class::Gathering => largest.max(1.0) * GATHERED,
            Class::Sized => sized(&name, arguments, together)?,
            Class::Lambda => largest,
        };
        self.add_work(work)?;
        Ok(size)
    }

    fn add_work(&mut self, work: f64) -> Result<(), Unbounded> {
        self.work += work;
        if self.work > MAX_WORK { Err(Unbounded::Growth) } else { Ok(()) }
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
        let inner = Scope { source: scope.source, columns: 0, lambda: Some((parameters, list)) };
        self.add_work(list * 8.0)?;
        // Each element is a part of the list, and so is what becomes of it.
        Ok(self.value(&lambda["expr"], &inner)?.max(list) * 8.0)
    }
}

#[cfg(test)]
mod tests;
