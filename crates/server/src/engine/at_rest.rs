//! A data directory that nobody serves: opening it, loading what its journal still holds, making its store anew. And what both a
//! running server and commands at rest need to open one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::Context as _;
use gleaner_journal::{Disk, FileSystem, Journal, JournalError};
use gleaner_normalize::Settings;
use gleaner_store::{Reader, Store, StoreConfig, StoreError};
use tokio::sync::watch;

use super::rebuild::{check_free, finish, forget_request, make_folder, mark_whole, put_in_place};
use crate::cli::STORE_PROBE;
use crate::config::{Config, mib};
use crate::loader::{BatchLimits, Loader};

/// Opens a directory at rest, loads what its journal still holds, and gives a reader. Nothing is served.
///
/// # Errors
/// As [`Engine::start`].
pub(crate) fn open_at_rest(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AtRest> {
    ensure_data(config)?;
    open_at_rest_or_new(config, progress)
}

/// As [`open_at_rest`], and makes the directory if it is not there.
///
/// # Errors
/// As [`Engine::start`].
pub(crate) fn open_at_rest_or_new(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AtRest> {
    let (journal, mut loader, _) = open_loader(config)?;
    loader.catch_up(progress)?;
    Ok(AtRest { loader, journal })
}

/// A directory at rest.
pub(crate) struct AtRest {
    loader: Loader,
    journal: Journal,
}

impl AtRest {
    /// Reads what is there.
    ///
    /// # Errors
    /// When the store does not give a connection.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        self.loader.store().reader()
    }

    /// Reads what is there once, from end to end.
    ///
    /// # Errors
    /// When the store does not give a connection.
    pub(crate) fn reader_once(&self) -> Result<Reader, StoreError> {
        self.loader.store().reader_once()
    }

    /// The journal, for appending to a directory that nobody serves.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Loads what was appended since.
    ///
    /// # Errors
    /// When the journal cannot be read or the store cannot be written.
    pub(crate) fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), crate::loader::LoadError> {
        self.loader.catch_up(progress)
    }
}

/// Makes the store anew from the journal. Gives the journal's head, and the folder that the old store was put into, where it is kept: that is
/// where it cannot be opened, since nobody knows what else could be read from it.
///
/// # Errors
/// As [`Engine::start`]; the old store is left as it was.
pub(crate) fn rebuild(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<(u64, Option<String>)> {
    ensure_data(config)?;
    let journal = open_journal(config)?;
    check_free(&config.data_dir)?;
    let dir = make_folder(&config.data_dir)?;
    let mut loader = loader_into(config, config.derive_settings()?, &journal, &dir)?;
    loader.catch_up(progress)?;
    let mut store = loader.into_store();
    store.checkpoint()?;
    drop(store);
    mark_whole(&dir)?;
    check_free(&config.data_dir)?;
    let aside = put_in_place(&config.data_dir, can_be_opened(config))?;
    forget_request(&config.data_dir);
    Ok((journal.head(), aside))
}

/// Asks a child, since DuckDB may end the process that opens a damaged file.
fn can_be_opened(config: &Config) -> bool {
    let Ok(program) = std::env::current_exe() else { return false };
    let mut probing = Command::new(program);
    probing.arg(STORE_PROBE).arg(&config.data_dir).arg(config.store.memory_limit_mib.to_string());
    probing.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    config.data_dir.join("store.duckdb").exists() && probing.status().is_ok_and(|status| status.success())
}

fn open_loader(config: &Config) -> anyhow::Result<(Journal, Loader, watch::Receiver<u64>)> {
    let journal = open_journal(config)?;
    finish(&config.data_dir)?;
    let (loader, loaded) = loader_of(config, config.derive_settings()?, journal.clone(), true)?;
    Ok((journal, loader, loaded))
}

/// A loader into the directory's store.
pub(super) fn loader_of(
    config: &Config,
    settings: Settings,
    journal: Journal,
    at_rest: bool,
) -> Result<(Loader, watch::Receiver<u64>), StoreError> {
    let fingerprint = settings.fingerprint();
    let store = open_store(StoreConfig { at_rest, ..config.store_config(fingerprint.clone()) })?;
    if store.derived_under()? != fingerprint {
        tracing::warn!(
            "prices or definitions.lift have changed since the store was made: they hold for what arrives from now on; \
             `gleaner rebuild` applies them to the past"
        );
    }
    Loader::new(journal, store, settings, batch_limits(config))
}

/// DuckDB's threads take their claim to the processors from the thread that opens it. The caller's keeps its.
fn open_store(store_config: StoreConfig) -> Result<Store, StoreError> {
    let path = store_config.dir.join("store.duckdb");
    let opening = std::thread::spawn(move || {
        gleaner_query::give_way();
        gleaner_query::leave_one_processor();
        Store::open(&store_config)
    });
    let gone = |_| StoreError::Open { path, message: "the thread that opened it is gone".to_owned() };
    opening.join().map_err(gone)?
}

/// A loader from the journal's beginning into a store in another folder, which is made there.
pub(crate) fn loader_into(
    config: &Config,
    settings: Settings,
    journal: &Journal,
    dir: &Path,
) -> anyhow::Result<Loader> {
    let store_config = StoreConfig { dir: dir.to_owned(), ..config.store_config(settings.fingerprint()) };
    let (loader, _) = Loader::new(journal.clone(), open_store(store_config)?, settings, batch_limits(config))?;
    Ok(loader)
}

/// Opens the journal, which holds the directory.
pub(crate) fn open_journal(config: &Config) -> anyhow::Result<Journal> {
    open_journal_on(Arc::new(FileSystem), config)
}

/// As [`open_journal`], on a disk that may fail.
pub(super) fn open_journal_on(disk: Arc<dyn Disk>, config: &Config) -> anyhow::Result<Journal> {
    let dir = config.data_dir.join("journal");
    create_private_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let (journal, recovery) = Journal::open_on(disk, &dir, config.journal_config()).map_err(|error| match error {
        JournalError::Locked { .. } => anyhow::anyhow!(
            "{} is in use, most likely by a running server: name its address with --api, or stop it",
            config.data_dir.display()
        ),
        error => error.into(),
    })?;
    if recovery.truncated_bytes > 0 {
        tracing::warn!(
            bytes = recovery.truncated_bytes,
            kept_in = ?recovery.quarantined,
            "the journal ended in a torn write, as a crash leaves it; it was cut off and put aside"
        );
    }
    Ok(journal)
}

pub(crate) fn ensure_data(config: &Config) -> anyhow::Result<()> {
    let there = config.data_dir.join("journal").is_dir();
    anyhow::ensure!(
        there,
        "{} holds no data yet; start `gleaner serve` or try `gleaner demo`",
        config.data_dir.display()
    );
    Ok(())
}

fn batch_limits(config: &Config) -> BatchLimits {
    BatchLimits {
        max_bytes: usize::try_from(mib(config.loader.max_batch_mib)).unwrap_or(usize::MAX),
        max_records: config.loader.max_batch_requests,
    }
}

/// Prompts are private: only the owner may look.
fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
