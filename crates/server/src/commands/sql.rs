//! `gleaner sql`: SELECTs against a server or a directory at rest, by the same function: one from the command line, those of a file, or
//! at a prompt.

mod params;
mod prompt;
mod source;

use std::io::{IsTerminal as _, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use gleaner_query::Format;

use crate::as_of::AsOf;
use crate::cli::{PlaceArgs, SqlArgs, SqlFormat};
use crate::client::Answer;
pub(crate) use params::SqlParams;
use source::Source;

pub(crate) fn run(args: &SqlArgs) -> anyhow::Result<()> {
    let params = SqlParams::parse(&args.params)?;
    let text = match (&args.query, &args.file) {
        (Some(query), _) => query.clone(),
        (None, Some(file)) if file.as_os_str() != "-" => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        (None, None) if std::io::stdin().is_terminal() => return prompt::run(Source::open(args)?, args, &params),
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read the query from stdin")?;
            text
        }
    };
    let queries = gleaner_query::statements(&text);
    anyhow::ensure!(!queries.is_empty(), "there is no query");
    let format = format(args)?;
    let source = Source::open(args)?;
    let Some(out) = &args.out else {
        anyhow::ensure!(
            !(format.is_binary() && std::io::stdout().is_terminal()),
            "{} is not for a terminal: name a file with --out",
            format.media_type()
        );
        for query in queries {
            let mut out = Forgiving(std::io::BufWriter::new(std::io::stdout()));
            let notes = source.answer(query, &params, format, &mut out)?;
            out.flush()?;
            tell(&notes);
        }
        return Ok(());
    };
    anyhow::ensure!(queries.len() == 1, "--out takes one query, got {}", queries.len());
    to_file(out, &mut |file| {
        tell(&source.answer(queries[0], &params, format, file)?);
        Ok(())
    })
}

/// As asked for, else as the file is called, else a table.
fn format(args: &SqlArgs) -> anyhow::Result<SqlFormat> {
    let Some(out) = args.out.as_ref().filter(|_| args.format.is_none()) else {
        return Ok(args.format.unwrap_or(SqlFormat::Table));
    };
    match out.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(SqlFormat::Json),
        Some("jsonl" | "ndjson") => Ok(SqlFormat::Jsonl),
        Some("csv") => Ok(SqlFormat::Csv),
        Some("arrow" | "arrows") => Ok(SqlFormat::Arrow),
        Some("parquet") => Ok(SqlFormat::Parquet),
        Some("txt") => Ok(SqlFormat::Table),
        _ => anyhow::bail!("the name {} does not say which format: add --format", out.display()),
    }
}

/// The file gets its name when it is whole.
fn to_file(path: &Path, write: &mut dyn FnMut(&mut (dyn Write + Send)) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let written = std::fs::File::create(&unfinished).map_err(anyhow::Error::from).and_then(|file| {
        let mut file = std::io::BufWriter::new(file);
        write(&mut file)?;
        Ok(file.flush()?)
    });
    if let Err(error) = written {
        // What went wrong first is the error to tell.
        let _ = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    std::fs::rename(&unfinished, path).with_context(|| format!("cannot write {}", path.display()))
}

fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}

/// The rows of one SELECT, from wherever the arguments say.
pub(crate) fn fetch(place: &PlaceArgs, as_of: Option<AsOf>, query: &str, format: SqlFormat) -> anyhow::Result<Answer> {
    let mut body = Vec::new();
    let notes = Source::at(place, as_of)?.answer(query, &SqlParams::default(), format, &mut body)?;
    Ok(Answer { body, notes })
}

/// A reader that closes early (`| head`) is no error.
pub(crate) fn write_all(out: &mut impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Standard output; when its reader has closed it, nobody wants the rest.
struct Forgiving<W>(W);

impl<W: Write> Write for Forgiving<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        unless_closed(self.0.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        unless_closed(self.0.flush())
    }
}

fn unless_closed<T>(written: std::io::Result<T>) -> std::io::Result<T> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result,
    }
}

impl From<SqlFormat> for Format {
    fn from(format: SqlFormat) -> Self {
        match format {
            SqlFormat::Table => Self::Table,
            SqlFormat::Json => Self::Json,
            SqlFormat::Jsonl => Self::Jsonl,
            SqlFormat::Csv => Self::Csv,
            SqlFormat::Arrow => Self::Arrow,
            SqlFormat::Parquet => Self::Parquet,
        }
    }
}
