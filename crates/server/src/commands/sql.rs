//! `gleaner sql`: one SELECT against a server or a directory at rest, by the same function.

use std::io::Write;

use gleaner_query::{Format, QueryLimits};

use crate::cli::{SqlArgs, SqlFormat};
use crate::client::ApiClient;
use crate::commands::place::{Place, open, resolve};

pub(crate) fn run(args: &SqlArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match resolve(&args.place)? {
        Place::Server(addr) => {
            let answer = crate::cli::runtime()?.block_on(ApiClient::new(addr).sql(&args.query, args.format))?;
            write_all(&mut out, &answer.body)?;
            for note in answer.notes {
                eprintln!("note: {note}");
            }
        }
        Place::AtRest(config) => {
            let store = open(&config)?;
            // One's own directory, one's own machine: no caps on rows and time.
            let limits = QueryLimits {
                deadline_ms: u64::MAX,
                max_rows: u64::MAX,
                max_result_bytes: u64::MAX,
                ..config.query_limits()
            };
            let mut rows = Vec::new();
            gleaner_query::run(&store.reader()?, &args.query, &[], args.format.into(), &limits, &mut rows)?;
            write_all(&mut out, &rows)?;
        }
    }
    Ok(())
}

/// A reader that closes early (`| head`) is no error.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> anyhow::Result<()> {
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
            SqlFormat::Csv => Self::Csv,
        }
    }
}
