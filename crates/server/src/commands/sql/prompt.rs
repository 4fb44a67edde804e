//! The prompt of `gleaner sql`: a query may take several lines and ends with a semicolon; Tab completes relations, columns and words of
//! SQL; history is kept between sessions.

use std::io::Write as _;
use std::path::PathBuf;

use gleaner_store::documentation;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::cli::{SqlArgs, SqlFormat};
use crate::commands::sql::{SqlParams, source::Source, tell};

/// Queries kept between sessions.
const MAX_HISTORY: usize = 1000;

const HELP: &str = "\
SELECT …;            run a query; it may take several lines, Ctrl-C ends it
\\d                   list relations
\\d RELATION          columns of a relation with their meaning
\\format FORMAT       table, json, jsonl or csv
\\q                   quit (also Ctrl-D)";

/// Words that a query may begin or go on with.
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "USING",
    "ON",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "IS NULL",
    "AS",
    "WITH",
    "HAVING",
    "QUALIFY",
    "DISTINCT",
    "DESC",
    "ASC",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "BETWEEN",
    "IN",
    "LIKE",
    "ILIKE",
    "UNION ALL",
    "FILTER",
    "OVER",
    "PARTITION BY",
    "DESCRIBE",
    "SUMMARIZE",
    "EXPLAIN",
    "SHOW TABLES",
    "count(*)",
    "sum(",
    "avg(",
    "min(",
    "max(",
    "coalesce(",
];

/// Asks until the user has had enough.
pub(super) fn run(source: Source, args: &SqlArgs, params: &SqlParams) -> anyhow::Result<()> {
    let config = Config::builder()
        .max_history_size(MAX_HISTORY)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Words));
    let history = history_file();
    if let Some(history) = &history {
        // There is none at first.
        let _ = editor.load_history(history);
    }
    let mut format = args.format.unwrap_or(SqlFormat::Table);
    anyhow::ensure!(!format.is_binary(), "{} is not for a terminal: name a file with --out", format.media_type());
    println!("gleaner {}: \\? for help, \\q to quit", env!("CARGO_PKG_VERSION"));
    loop {
        let line = match editor.readline("gleaner> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        };
        if line.trim().is_empty() {
            continue;
        }
        editor.add_history_entry(line.trim())?;
        match command(line.trim(), &mut format) {
            Some(Said::Text(text)) => println!("{text}"),
            Some(Said::Quit) => break,
            None => {
                for query in gleaner_query::statements(&line) {
                    let mut out = std::io::BufWriter::new(std::io::stdout());
                    match source.answer_unless_interrupted(query, params, format, &mut out) {
                        Ok(notes) => tell(&notes),
                        Err(error) => eprintln!("error: {error:#}"),
                    }
                    out.flush()?;
                }
            }
        }
    }
    if let Some(history) = &history {
        if let Some(dir) = history.parent() {
            std::fs::create_dir_all(dir)?;
        }
        editor.save_history(history)?;
    }
    Ok(())
}

/// What a line with a backslash is answered.
enum Said {
    Text(String),
    Quit,
}

fn command(line: &str, format: &mut SqlFormat) -> Option<Said> {
    let mut words = line.strip_prefix('\\')?.trim_end_matches(';').split_whitespace();
    let text = match (words.next().unwrap_or_default(), words.next()) {
        ("q" | "quit", _) => return Some(Said::Quit),
        ("d", None) => relations(),
        ("d", Some(name)) => columns(name),
        ("format", Some(name)) => match <SqlFormat as clap::ValueEnum>::from_str(name, true) {
            Ok(wanted) if !wanted.is_binary() => {
                *format = wanted;
                return Some(Said::Text(format!("rows are printed as {name}")));
            }
            _ => "formats are table, json, jsonl and csv".to_owned(),
        },
        _ => HELP.to_owned(),
    };
    Some(Said::Text(text))
}

fn relations() -> String {
    let lines = documentation().iter().map(|relation| format!("{:<22} {}", relation.name, relation.about));
    lines.collect::<Vec<_>>().join("\n")
}

fn columns(name: &str) -> String {
    let Some(relation) = documentation().iter().find(|relation| relation.name.eq_ignore_ascii_case(name)) else {
        return format!("no relation {name:?}; \\d lists them");
    };
    let lines = relation
        .columns
        .iter()
        .map(|(column, about)| format!("{column:<32} {:<10} {}", about.sql_type, about.description()));
    [relation.about.clone()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// For the user alone: queries may hold what prompts hold.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("gleaner").join("sql_history"))
}

/// What can be completed.
struct Words;

impl Helper for Words {}
impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}

impl Validator for Words {
    /// A query goes on until its semicolon.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let is_whole = text.is_empty() || text.starts_with('\\') || gleaner_query::ends_with_semicolon(text);
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, words) = candidates(line, at);
        Ok((start, words.into_iter().map(|word| Pair { display: word.clone(), replacement: word }).collect()))
    }
}

/// Where the word at the cursor begins, and what it may become: columns of the relations that the text names, or of all, relations,
/// words of SQL.
fn candidates(line: &str, at: usize) -> (usize, Vec<String>) {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let start = line[..at].char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(at, |(index, _)| index);
    let begun = line[start..at].to_lowercase();
    let named: Vec<_> = line.split(|character| !is_part(character)).map(str::to_lowercase).collect();
    let is_named = |name: &str| named.iter().any(|word| word == name);
    let mentioned: Vec<_> = documentation().iter().filter(|relation| is_named(relation.name)).collect();
    let of: Vec<_> = if mentioned.is_empty() { documentation().iter().collect() } else { mentioned };
    let columns = of.iter().flat_map(|relation| relation.columns.iter().map(|(column, _)| (*column).to_owned()));
    let relations = documentation().iter().map(|relation| relation.name.to_owned());
    let wants_capitals = !line[start..at].chars().any(char::is_lowercase);
    let keyword = |word: &&str| if wants_capitals { (*word).to_owned() } else { word.to_lowercase() };
    let all = relations.chain(columns).chain(WORDS.iter().map(keyword));
    let mut fitting: Vec<String> = all.filter(|word| word.to_lowercase().starts_with(&begun)).collect();
    let mut seen = std::collections::HashSet::new();
    fitting.retain(|word| seen.insert(word.clone()));
    (start, fitting)
}

#[cfg(test)]
mod tests;
