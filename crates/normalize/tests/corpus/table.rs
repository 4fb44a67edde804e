//! `scores.txt`: one row a capture, one column a field.

use std::fmt::Write as _;
use std::fs;

use crate::bodies::corpus;
use crate::score::FIELDS;

/// What became of a fact of the truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Right,
    /// The telemetry carries it, and it did not come out right.
    Missing,
    /// The telemetry does not carry it.
    Absent,
}

/// A capture's name, and its facts by their field.
pub(crate) type Row = (String, Vec<(&'static str, Outcome)>);

/// The facts of one field.
#[derive(Default, Clone, Copy)]
struct Figure {
    right: usize,
    missing: usize,
    absent: usize,
}

const HEAD: &str = "\
# Facts of the truth by what became of them: `right/carried`, and `+n` where n more are absent: the telemetry does not carry them.
# `absent:n`: none of n is carried. `-`: the truth knows of none.
# Written by `UPDATE_SCORES=1 cargo test -p gleaner-normalize --test corpus`; explained in README.md.
";

/// Fails unless the committed table is the one that these scores make. `UPDATE_SCORES=1` commits them instead.
pub(crate) fn compare(scores: &[Row]) {
    let path = corpus().join("scores.txt");
    let table = table(scores);
    println!("{table}");
    if std::env::var_os("UPDATE_SCORES").is_some_and(|value| value == "1") {
        fs::write(&path, &table).expect("the table can be written");
        return;
    }
    let committed = fs::read_to_string(&path).expect("the table is committed");
    let differences = differences(&committed, &table);
    assert!(
        differences.is_empty() && committed == table,
        "scores differ from {}:\n{}\nUPDATE_SCORES=1 writes the new ones down: a fall has to be explained, a rise is to be kept.",
        path.display(),
        differences.join("\n")
    );
}

fn table(scores: &[Row]) -> String {
    let mut rows: Vec<Vec<String>> = vec![["capture"].iter().chain(&FIELDS).map(|name| (*name).to_owned()).collect()];
    let mut totals = vec![Figure::default(); FIELDS.len()];
    for (name, facts) in scores {
        let mut row = vec![name.clone()];
        for (field, total) in FIELDS.iter().zip(&mut totals) {
            let count = |wanted| facts.iter().filter(|fact| **fact == (*field, wanted)).count();
            let figure = Figure {
                right: count(Outcome::Right),
                missing: count(Outcome::Missing),
                absent: count(Outcome::Absent),
            };
            total.right += figure.right;
            total.missing += figure.missing;
            total.absent += figure.absent;
            row.push(cell(figure));
        }
        rows.push(row);
    }
    rows.push([String::from("all")].into_iter().chain(totals.iter().map(|total| cell(*total))).collect());

    let columns = FIELDS.len() + 1;
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut table = HEAD.to_owned();
    for row in &rows {
        let line = row.iter().zip(&widths).fold(String::new(), |mut line, (cell, width)| {
            let _ = write!(line, "{cell:<width$}  ");
            line
        });
        let _ = writeln!(table, "{}", line.trim_end());
    }
    let sum = |count: fn(&Figure) -> usize| totals.iter().map(count).sum::<usize>();
    let (right, missing, absent) = (sum(|f| f.right), sum(|f| f.missing), sum(|f| f.absent));
    let carried = right + missing;
    let _ = writeln!(table, "{right} of {carried} facts in {} captures; {absent} more are absent", scores.len());
    table
}

fn cell(figure: Figure) -> String {
    let Figure { right, missing, absent } = figure;
    match (right + missing, absent) {
        (0, 0) => "-".to_owned(),
        (0, absent) => format!("absent:{absent}"),
        (carried, 0) => format!("{right}/{carried}"),
        (carried, absent) => format!("{right}/{carried}+{absent}"),
    }
}

/// Cell by cell: what stood there, what stands there now.
fn differences(committed: &str, now: &str) -> Vec<String> {
    let (committed, now) = (rows(committed), rows(now));
    let mut told = Vec::new();
    for (name, cells) in &now {
        let Some((_, before)) = committed.iter().find(|(known, _)| known == name) else {
            told.push(format!("  {name}: new"));
            continue;
        };
        for (field, (before, after)) in FIELDS.iter().zip(before.iter().zip(cells)) {
            if before != after {
                told.push(format!("  {name} {field}: {before} -> {after}"));
            }
        }
    }
    let is_gone = |name: &&String| !now.iter().any(|(known, _)| known == *name);
    told.extend(committed.iter().map(|(name, _)| name).filter(is_gone).map(|name| format!("  {name}: gone")));
    told
}

fn rows(table: &str) -> Vec<(String, Vec<String>)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let mut cells = line.split_whitespace().map(str::to_owned);
        cells.next().map(|name| (name, cells.collect::<Vec<_>>()))
    };
    lines.filter_map(row).filter(|(_, cells)| cells.len() == FIELDS.len()).collect()
}
