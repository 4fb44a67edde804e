//! `gleaner snapshot`: all public relations of one moment, from a server or a directory at rest, for other tools.
//!
//! Everything is written to a folder beside the target, which is renamed when it is whole. An interrupt leaves nothing under the target's
//! name; with `--replace` the earlier snapshot stands until then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use gleaner_export::{DirOutput, ExportError};

use crate::cli::SnapshotArgs;
use crate::client::ApiClient;
use crate::commands::export::{Bar, report, tell};
use crate::commands::place::{Place, open, resolve};
use crate::commands::progress::progress;
use crate::export::Told;
use crate::snapshot::{CATALOG_FILE, MANIFEST_FILE, SnapshotRequest};

pub(crate) fn run(args: &SnapshotArgs) -> anyhow::Result<()> {
    let target = Target::new(&args.out, args.replace)?;
    let runtime = crate::cli::runtime()?;
    let bar = progress("taking a snapshot");
    let mut out = DirOutput::new(&target.unfinished)?;
    match resolve(&args.place)? {
        Place::Server(addr) => {
            let request = SnapshotRequest { as_of: args.as_of, progress: true };
            let mut told = |told: &Told| tell(&bar, told);
            let client = ApiClient::new(addr);
            runtime.block_on(async {
                tokio::select! {
                    taken = client.snapshot(&request, &mut out, &mut told) => taken,
                    interrupted = crate::cli::interrupted() => interrupted.and(Err(ExportError::Cancelled.into())),
                }
            })?;
        }
        Place::AtRest(config) => {
            let store = open(&config, args.as_of)?;
            let reader = store.reader()?;
            let is_cancelled = Arc::new(AtomicBool::new(false));
            let (interrupt, flag) = (reader.interrupt_handle(), is_cancelled.clone());
            runtime.spawn(async move {
                if crate::cli::interrupted().await.is_ok() {
                    flag.store(true, Ordering::Relaxed);
                    interrupt.interrupt();
                }
            });
            let mut told = Bar { bar: &bar, is_cancelled: &is_cancelled };
            let written = crate::snapshot::write(&reader, &mut out, &mut told);
            if is_cancelled.load(Ordering::Relaxed) && written.is_err() {
                return Err(ExportError::Cancelled.into());
            }
            written?;
        }
    }
    drop(out);
    bar.finish_and_clear();
    gleaner_store::write_catalog(&target.unfinished, CATALOG_FILE)?;
    make_read_only(&target.unfinished.join(CATALOG_FILE))?;
    target.put_in_place()?;
    report(&args.out)?;
    let dir = args.out.display();
    println!("Go on with:  cd {dir} && duckdb -readonly {CATALOG_FILE}");
    Ok(())
}

/// Several readers may have it open at once, and none writes to it by mistake.
fn make_read_only(path: &Path) -> anyhow::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    Ok(std::fs::set_permissions(path, permissions)?)
}

/// Where the snapshot is to be, and where it is made.
struct Target {
    dir: PathBuf,
    unfinished: PathBuf,
    replaced: PathBuf,
}

impl Target {
    fn new(dir: &Path, replace: bool) -> anyhow::Result<Self> {
        let name = dir.file_name().with_context(|| format!("--out {} names no directory", dir.display()))?;
        let beside = |suffix: &str| {
            let mut beside = name.to_owned();
            beside.push(suffix);
            dir.with_file_name(beside)
        };
        let target = Self { dir: dir.to_owned(), unfinished: beside(".unfinished"), replaced: beside(".replaced") };
        if !dir.exists() && target.replaced.exists() {
            // A run was killed between the two names.
            std::fs::rename(&target.replaced, dir).with_context(|| format!("cannot restore {}", dir.display()))?;
        }
        if dir.exists() {
            anyhow::ensure!(replace, "{} exists: name another directory, or add --replace", dir.display());
            let is_snapshot = dir.join(MANIFEST_FILE).is_file() && dir.join(CATALOG_FILE).is_file();
            anyhow::ensure!(is_snapshot, "{} is not a snapshot, and is left as it is", dir.display());
        }
        // What an earlier run left when it was killed.
        for left in [&target.unfinished, &target.replaced] {
            if left.exists() {
                std::fs::remove_dir_all(left).with_context(|| format!("cannot remove {}", left.display()))?;
            }
        }
        Ok(target)
    }

    fn put_in_place(&self) -> anyhow::Result<()> {
        let failed = || format!("cannot put {} in place", self.dir.display());
        if self.dir.exists() {
            std::fs::rename(&self.dir, &self.replaced).with_context(failed)?;
        }
        std::fs::rename(&self.unfinished, &self.dir).with_context(failed)?;
        if self.replaced.exists() {
            std::fs::remove_dir_all(&self.replaced).with_context(failed)?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // There is none when it was put in place.
        let _ = std::fs::remove_dir_all(&self.unfinished);
    }
}
