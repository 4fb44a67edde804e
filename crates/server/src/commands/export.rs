//! `gleaner export`: datasets from a server or a directory at rest, by the same function.
//!
//! An interrupt ends the export at the next row, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use gleaner_export::{DirOutput, Progress};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::client::ApiClient;
use crate::commands::place::{Place, open, resolve};
use crate::commands::progress::{self, progress};
use crate::commands::provenance;
use crate::export::{Asker, Export, ExportArgs, ExportRequest, Told};

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    if let Some(id) = &args.containing {
        return provenance::containing(&args.kinds.iter().map(PathBuf::from).collect::<Vec<_>>(), id);
    }
    let dir = args.out.as_deref().context("--out names no directory")?;
    if let Some(id) = &args.explain {
        return provenance::explain(dir, id, &args.place);
    }
    let mut selection = args.selection.clone();
    selection.hygiene = selection.hygiene.read_files()?;
    let request = ExportRequest { kinds: args.kinds.clone(), selection, as_of: args.as_of, progress: true };
    let runtime = crate::cli::runtime()?;
    let bar = progress("exporting");
    match resolve(&args.place)? {
        Place::Server(addr) => {
            let mut out = DirOutput::new(dir)?;
            let mut told = |told: &Told| tell(&bar, told);
            let client = ApiClient::new(addr);
            runtime.block_on(async {
                tokio::select! {
                    exported = client.export(&request, &mut out, &mut told) => exported,
                    interrupted = crate::cli::interrupted() => interrupted.and(Err(was_interrupted())),
                }
            })?;
        }
        Place::AtRest(mut config) => {
            // DuckDB's caller turns in a loop while another thread of it works, which would take the core that rows are made on.
            config.store.threads = 1;
            let store = open(&config, request.as_of)?;
            let reader = store.reader_once()?;
            let export = Export::new(&reader, &request, Asker::Owner)?;
            let mut out = DirOutput::new(dir)?;
            let is_cancelled = Arc::new(AtomicBool::new(false));
            let (interrupt, flag) = (reader.interrupt_handle(), is_cancelled.clone());
            runtime.spawn(async move {
                if crate::cli::interrupted().await.is_ok() {
                    flag.store(true, Ordering::Relaxed);
                    interrupt.interrupt();
                }
            });
            let written = export.write(&reader, &mut out, &mut Bar { bar: &bar, is_cancelled: &is_cancelled });
            if is_cancelled.load(Ordering::Relaxed) && written.is_err() {
                return Err(was_interrupted());
            }
            written?;
        }
    }
    bar.finish_and_clear();
    report(dir)
}

fn was_interrupted() -> anyhow::Error {
    gleaner_export::ExportError::Cancelled.into()
}

/// The progress bar, and the interrupt.
pub(crate) struct Bar<'a> {
    pub(crate) bar: &'a ProgressBar,
    pub(crate) is_cancelled: &'a AtomicBool,
}

impl Progress for Bar<'_> {
    fn begin(&mut self, what: &'static str, total: u64) {
        tell(self.bar, &Told { part: what.to_owned(), done: 0, total });
    }

    fn advance(&mut self, done: u64) {
        progress::advance(self.bar, done);
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

pub(crate) fn tell(bar: &ProgressBar, told: &Told) {
    progress::tell(bar, &told.part, told.done, told.total);
}

/// What was written, as the manifest tells it.
pub(crate) fn report(dir: &Path) -> anyhow::Result<()> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(dir.join("manifest.json"))?)?;
    for file in manifest["files"].as_array().into_iter().flatten() {
        let name = file["path"].as_str().unwrap_or("?");
        if let Some(rows) = file["rows"].as_u64() {
            println!("{rows:>6} rows  {}", dir.join(name).display());
        }
    }
    Ok(())
}
