//! `gleaner rebuild`: a new store from the journal, which is the truth; made by the running server, or here where none runs.

use crate::cli::{PlaceArgs, runtime};
use crate::client::ApiClient;
use crate::commands::place::{Place, resolve};
use crate::commands::progress::{progress, tell};

pub(crate) fn run(args: &PlaceArgs) -> anyhow::Result<()> {
    let bar = progress("rebuilding");
    let mut told = |position, head| tell(&bar, "rebuilding", position, head);
    let (place, (head, aside)) = match resolve(args)? {
        Place::Server(addr) => {
            (format!("the store of {addr}"), runtime()?.block_on(ApiClient::new(addr).rebuild(&mut told))?)
        }
        Place::AtRest(config) => {
            let rebuilt = crate::engine::rebuild(&config, &mut told)?;
            (config.data_dir.join("store.duckdb").display().to_string(), rebuilt)
        }
    };
    bar.finish_and_clear();
    println!("rebuilt {place} from {head} journal records");
    if let Some(aside) = aside {
        println!(
            "the old files, which could not be read, are in {aside} in the data directory; remove them when nobody wants them"
        );
    }
    Ok(())
}
