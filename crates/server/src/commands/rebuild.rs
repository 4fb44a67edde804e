//! `gleaner rebuild`: a new store from the journal, which is the truth.

use crate::cli::PlaceArgs;
use crate::commands::progress::{progress, tell};
use crate::config::Config;

pub(crate) fn run(args: &PlaceArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.api.is_none(),
        "a running server holds its directory; stop it, then run `gleaner rebuild --data DIR`"
    );
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(dir) = &args.data {
        config.data_dir.clone_from(dir);
    }
    let bar = progress("rebuilding");
    let head = crate::engine::rebuild(&config, &mut |position, head| {
        tell(&bar, "rebuilding", position, head);
    })?;
    bar.finish_and_clear();
    println!("rebuilt {} from {head} journal records", config.data_dir.join("store.duckdb").display());
    Ok(())
}
