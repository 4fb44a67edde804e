//! `gleaner sql`: one SELECT against a server or a directory at rest, by the same function.

use std::io::Write;

use gleaner_query::{Control, Format, QueryLimits};
use gleaner_store::Params;

use crate::as_of::AsOf;
use crate::cli::{PlaceArgs, SqlArgs, SqlFormat};
use crate::client::{Answer, ApiClient};
use crate::commands::place::{Place, open, resolve};

pub(crate) fn run(args: &SqlArgs) -> anyhow::Result<()> {
    let answer = fetch(&args.place, args.as_of, &args.query, args.format)?;
    write_all(&mut std::io::stdout().lock(), &answer.body)?;
    for note in answer.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

/// The rows of one SELECT, from wherever the arguments say.
pub(crate) fn fetch(place: &PlaceArgs, as_of: Option<AsOf>, query: &str, format: SqlFormat) -> anyhow::Result<Answer> {
    match resolve(place)? {
        Place::Server(addr) => crate::cli::runtime()?.block_on(ApiClient::new(addr).sql(query, as_of, format)),
        Place::AtRest(config) => {
            let store = open(&config, as_of)?;
            // One's own directory, one's own machine: no caps on rows and time.
            let limits = QueryLimits {
                deadline_ms: u64::MAX,
                max_rows: u64::MAX,
                max_result_bytes: u64::MAX,
                ..config.query_limits()
            };
            let mut body = Vec::new();
            gleaner_query::run(
                &store.reader()?,
                query,
                &Params::default(),
                format.into(),
                &limits,
                &Control::default(),
                &mut body,
            )?;
            Ok(Answer { body, notes: Vec::new() })
        }
    }
}

/// A reader that closes early (`| head`) is no error.
pub(crate) fn write_all(out: &mut impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
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
