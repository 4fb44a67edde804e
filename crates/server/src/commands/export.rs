//! `gleaner export`: datasets from a server or a directory at rest, by the same function.

use std::path::Path;

use gleaner_export::DirOutput;
use serde_json::Value;

use crate::client::ApiClient;
use crate::commands::place::{Place, open, progress, resolve};
use crate::export::{self, ExportArgs, ExportRequest};

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let request = ExportRequest { kinds: args.kinds.clone(), selection: args.selection.clone(), as_of: args.as_of };
    let mut out = DirOutput::new(&args.out)?;
    match resolve(&args.place)? {
        Place::Server(addr) => {
            let archive = crate::cli::runtime()?.block_on(ApiClient::new(addr).export(&request))?;
            export::unpack(&archive, &mut out)?;
        }
        Place::AtRest(config) => {
            let store = open(&config, request.as_of)?;
            let bar = progress("exporting");
            export::write(&store.reader()?, &request, &mut out, &mut |done| bar.set_position(done))?;
            bar.finish_and_clear();
        }
    }
    report(&args.out)
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
