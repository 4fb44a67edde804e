//! The command line: what can be asked, and which function answers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::as_of::AsOf;
use crate::commands;
use crate::config::Config;
use crate::demo;
use crate::export::ExportArgs;

/// Turns what agents already emit and what people already say of it into training data.
#[derive(Debug, Parser)]
#[command(name = "gleaner", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive OTLP and feedback, until interrupted.
    Serve(ServeArgs),
    /// Write training datasets: sft, preference, kto, reward, trajectory, prompts, revisions, or the rows of a query.
    Export(Box<ExportArgs>),
    /// Run SELECTs over the public schema: one, those of a file, or at a prompt.
    Sql(SqlArgs),
    /// Write all public relations, as they are at one moment, to Parquet files with a DuckDB file over them.
    Snapshot(SnapshotArgs),
    /// Send feedback: scores, rankings, locks, corrections.
    Feedback(Box<commands::feedback::FeedbackArgs>),
    /// Load OTLP from files: JSON lines as the Collector's file exporter writes them, or protobuf requests.
    Import(ImportArgs),
    /// Show it all on real captured telemetry: serve, replay, score, export, check.
    Demo(demo::DemoArgs),
    /// Tell what each library sends, what is missing of it, and what to switch on there to get it.
    Doctor(PlaceArgs),
    /// Make the store anew from the journal, e.g. after an upgrade or when the store is damaged; a running server goes on meanwhile.
    Rebuild(PlaceArgs),
    /// Run one query for a server, which starts this.
    #[command(name = SQL_WORKER, hide = true)]
    SqlWorker,
    /// Open a store and close it, for a server, which starts this: a damaged log may end the process that replays it.
    #[command(name = STORE_PROBE, hide = true)]
    StoreProbe {
        /// Where the store lies.
        dir: PathBuf,
        /// Memory that DuckDB may use.
        memory_limit_mib: u64,
    },
}

/// The command that opens a store and closes it.
pub(crate) const STORE_PROBE: &str = "store-probe";

/// The command that runs one query for a server. Its input and output are the server's.
pub(crate) const SQL_WORKER: &str = "sql-worker";

/// Where to read or write: a directory at rest, or a running server.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A data directory that no server holds. Default: the configured server if it answers, else the configured directory.
    #[arg(long, value_name = "DIR", conflicts_with = "api")]
    pub data: Option<PathBuf>,
    /// API address of a running server, e.g. 127.0.0.1:4319.
    #[arg(long, value_name = "ADDR")]
    pub api: Option<SocketAddr>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Configuration file; config/gleaner.toml explains every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to keep journal and store.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address for OTLP over gRPC. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    otlp_grpc: Option<SocketAddr>,
    /// Address for OTLP over HTTP.
    #[arg(long, value_name = "ADDR")]
    otlp_http: Option<SocketAddr>,
    /// Address for feedback, SQL and exports.
    #[arg(long, value_name = "ADDR")]
    api: Option<SocketAddr>,
}

/// How to print rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlFormat {
    /// For people.
    Table,
    /// One array of objects.
    Json,
    /// One object per line.
    Jsonl,
    /// With a header line.
    Csv,
    /// Arrow's IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl SqlFormat {
    /// What an HTTP client is told.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format of a media type, or of a range of them.
    pub fn of_media_type(media: &str) -> Option<Self> {
        match media {
            "*/*" | "application/*" => Some(Self::Json),
            "text/*" => Some(Self::Csv),
            media => {
                let is = |format: &&Self| format.media_type().split(';').next() == Some(media);
                Self::value_variants().iter().find(is).copied()
            }
        }
    }

    /// Whether a terminal should not see it.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::Parquet)
    }
}

/// `gleaner sql`
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// One SELECT, e.g. "SELECT session_id, need FROM sessions". Without it and on a terminal: a prompt; else it is read from stdin.
    pub query: Option<String>,
    /// File with the query or queries; `-` is stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,
    /// A value for a parameter: for `?` in their order, or NAME=VALUE for `$name`.
    #[arg(long = "param", value_name = "[NAME=]VALUE", allow_hyphen_values = true)]
    pub params: Vec<String>,
    /// How to write the rows. Default: as the name of --out says, else a table.
    #[arg(long, value_enum)]
    pub format: Option<SqlFormat>,
    /// File to write to, instead of stdout. It gets its name when it is whole.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Every relation as it was then: a journal position, or a time in UTC, e.g. 2026-02-16T08:30:00Z.
    #[arg(long, value_name = "WHEN")]
    pub(crate) as_of: Option<AsOf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub place: PlaceArgs,
}

/// `gleaner snapshot`
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Directory to make. It gets its name when everything is in it.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Take the place of an earlier snapshot there.
    #[arg(long)]
    pub replace: bool,
    /// Every relation as it was then: a journal position, or a time in UTC, e.g. 2026-02-16T08:30:00Z.
    #[arg(long, value_name = "WHEN")]
    pub(crate) as_of: Option<AsOf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub place: PlaceArgs,
}

/// `gleaner import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files; `.binpb` and `.pb` are one protobuf request each, others are JSON lines. Logs are told from traces by content,
    /// or for protobuf by `.logs.` in the name.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Project to import into.
    #[arg(long, default_value = crate::ingest::DEFAULT_PROJECT)]
    pub project: String,
    /// OTLP over HTTP address of a running server to send to.
    #[arg(long, value_name = "ADDR", conflicts_with = "data")]
    pub otlp_http: Option<SocketAddr>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A data directory that no server holds.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl Cli {
    /// What is logged when `GLEANER_LOG` is not set: servers tell more than commands.
    pub fn default_log_filter(&self) -> &'static str {
        match self.command {
            Command::Serve(_) => "info",
            _ => "warn",
        }
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// Whatever went wrong, with what to do about it.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(args) => runtime()?.block_on(serve(args)),
            Command::Export(args) => commands::export::run(&args),
            Command::Sql(args) => commands::sql::run(&args),
            Command::Snapshot(args) => commands::snapshot::run(&args),
            Command::Feedback(args) => runtime()?.block_on(commands::feedback::run(*args)),
            Command::Import(args) => commands::import::run(&args),
            Command::Demo(args) => runtime()?.block_on(demo::run(args)),
            Command::Doctor(place) => commands::doctor::run(&place),
            Command::StoreProbe { dir, memory_limit_mib } => probe_store(dir, memory_limit_mib),
            Command::Rebuild(place) => commands::rebuild::run(&place),
            Command::SqlWorker => {
                let (input, errors) = (std::io::stdin(), std::io::stderr());
                match gleaner_query::serve_one(input, std::io::BufWriter::new(plain_output()?), errors)? {
                    true => Ok(()),
                    // What went wrong is told already, in the server's form.
                    false => std::process::exit(1),
                }
            }
        }
    }
}

/// Standard output as a file: Rust's own looks for the ends of lines in all that passes.
#[cfg(unix)]
fn plain_output() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd as _;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn plain_output() -> std::io::Result<std::io::Stdout> {
    Ok(std::io::stdout())
}

fn probe_store(dir: PathBuf, memory_limit_mib: u64) -> anyhow::Result<()> {
    let memory_limit_bytes = crate::config::mib(memory_limit_mib);
    let config = gleaner_store::StoreConfig { memory_limit_bytes, ..gleaner_store::StoreConfig::at(&dir) };
    drop(gleaner_store::Store::open(&config)?);
    Ok(())
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(dir) = args.data {
        config.data_dir = dir;
    }
    if let Some(addr) = args.otlp_grpc {
        config.otlp.grpc.endpoint = addr;
    }
    if let Some(addr) = args.otlp_http {
        config.otlp.http.endpoint = addr;
    }
    if let Some(addr) = args.api {
        config.api.endpoint = addr;
    }
    raise_descriptor_limit();
    let data = config.data_dir.display().to_string();
    let running = crate::start(config).await?;
    tracing::info!(data, otlp_grpc = %running.otlp_grpc, otlp_http = %running.otlp_http, api = %running.api, "ready");
    interrupted().await?;
    tracing::info!("stopping: answering what is in flight, loading what is journalled");
    running.shutdown().await
}

/// Connections need descriptors, and many systems begin with 1024 though they allow far more.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current < maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "the limit of descriptors stays as it is");
    }
}

pub(crate) async fn interrupted() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
