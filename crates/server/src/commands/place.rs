//! Where a reading command reads: a running server, or a directory at rest.

use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::PlaceArgs;
use crate::config::Config;
use crate::engine::{AtRest, open_at_rest};

/// How long the configured server has to answer before the directory is read instead.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// A place to read from.
pub(crate) enum Place {
    /// A running server's API.
    Server(SocketAddr),
    /// A directory that this process opens.
    AtRest(Box<Config>),
}

/// What the arguments name, else the configured server if it answers, else the configured directory.
pub(crate) fn resolve(args: &PlaceArgs) -> anyhow::Result<Place> {
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(addr) = args.api {
        return Ok(Place::Server(addr));
    }
    if let Some(dir) = &args.data {
        config.data_dir.clone_from(dir);
        return Ok(Place::AtRest(Box::new(config)));
    }
    if std::net::TcpStream::connect_timeout(&config.api.endpoint, PROBE_TIMEOUT).is_ok() {
        return Ok(Place::Server(config.api.endpoint));
    }
    Ok(Place::AtRest(Box::new(config)))
}

/// Opens a directory at rest and loads what its journal still holds, with a progress bar.
pub(crate) fn open(config: &Config) -> anyhow::Result<AtRest> {
    let bar = progress("loading the journal");
    let store = open_at_rest(config, &mut |position, head| {
        bar.set_length(head);
        bar.set_position(position);
    })?;
    bar.finish_and_clear();
    Ok(store)
}

/// A progress bar on stderr; silent when stderr is not a terminal.
pub(crate) fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} ({per_sec}, {eta} left)") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
