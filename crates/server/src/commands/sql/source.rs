//! Where `gleaner sql` asks: a running server, or a directory that this process opens. The answer is written as it comes.

use std::io::Write;

use gleaner_query::{Control, QueryLimits};
use tokio::runtime::Runtime;

use crate::as_of::AsOf;
use crate::cli::{PlaceArgs, SqlArgs, SqlFormat};
use crate::client::ApiClient;
use crate::commands::place::{Opened, Place, open, resolve};
use crate::commands::sql::SqlParams;

/// An open place to ask.
pub(super) enum Source {
    Server { client: ApiClient, runtime: Runtime, as_of: Option<AsOf> },
    AtRest { store: Box<Opened>, limits: QueryLimits, runtime: Runtime },
}

impl Source {
    pub(super) fn open(args: &SqlArgs) -> anyhow::Result<Self> {
        Self::at(&args.place, args.as_of)
    }

    pub(super) fn at(place: &PlaceArgs, as_of: Option<AsOf>) -> anyhow::Result<Self> {
        let runtime = crate::cli::runtime()?;
        Ok(match resolve(place)? {
            Place::Server(addr) => Self::Server { client: ApiClient::new(addr), runtime, as_of },
            Place::AtRest(config) => {
                // One's own directory, one's own machine: no caps on rows and time.
                let limits = QueryLimits {
                    deadline_ms: u64::MAX,
                    max_rows: u64::MAX,
                    max_result_bytes: u64::MAX,
                    ..config.query_limits()
                };
                Self::AtRest { store: Box::new(open(&config, as_of)?), limits, runtime }
            }
        })
    }

    /// Writes one answer, and gives what the user should know beside it.
    pub(super) fn answer(
        &self,
        query: &str,
        params: &SqlParams,
        format: SqlFormat,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Server { client, runtime, as_of } => {
                runtime.block_on(client.sql_to(query, params, *as_of, format, out))
            }
            Self::AtRest { store, limits, .. } => {
                at_rest(store, limits, query, params, format, &Control::default(), out)
            }
        }
    }

    /// As [`Source::answer`], until the user interrupts it: then an error, and the next query can be asked.
    pub(super) fn answer_unless_interrupted(
        &self,
        query: &str,
        params: &SqlParams,
        format: SqlFormat,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Server { client, runtime, as_of } => runtime.block_on(async {
                tokio::select! {
                    answer = client.sql_to(query, params, *as_of, format, out) => answer,
                    // Hanging up ends the query.
                    _ = tokio::signal::ctrl_c() => anyhow::bail!("query cancelled"),
                }
            }),
            Self::AtRest { store, limits, runtime } => {
                let control = Control::default();
                let interrupted = runtime.spawn({
                    let control = control.clone();
                    async move {
                        if tokio::signal::ctrl_c().await.is_ok() {
                            control.cancel();
                        }
                    }
                });
                let answer = at_rest(store, limits, query, params, format, &control, out);
                interrupted.abort();
                answer
            }
        }
    }
}

fn at_rest(
    store: &Opened,
    limits: &QueryLimits,
    query: &str,
    params: &SqlParams,
    format: SqlFormat,
    control: &Control,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Vec<String>> {
    let params = params.clone().into();
    gleaner_query::run(&store.reader()?, None, query, &params, format.into(), limits, control, out)?;
    Ok(Vec::new())
}
