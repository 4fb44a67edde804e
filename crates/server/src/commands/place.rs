//! Where a reading command reads: a running server, or a directory at rest.

use std::net::SocketAddr;
use std::time::Duration;

use gleaner_store::Reader;

use crate::as_of::{AsOf, EarlierStates};
use crate::cli::PlaceArgs;
use crate::commands::progress::{progress, tell};
use crate::config::Config;
use crate::engine::{AtRest, ensure_data, open_at_rest};

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

/// A directory at rest, at present or as it was.
pub(crate) enum Opened {
    /// Everything that its journal holds.
    Present(Box<AtRest>),
    /// An earlier state. The directory is held as long as this lives.
    Earlier(EarlierStates, AsOf),
}

impl Opened {
    /// Reads what is there.
    pub(crate) fn reader(&self) -> anyhow::Result<Reader> {
        match self {
            Self::Present(store) => Ok(store.reader()?),
            Self::Earlier(states, at) => states.reader(*at, &mut |_, _| {}),
        }
    }

    /// Reads what is there once, from end to end.
    pub(crate) fn reader_once(&self) -> anyhow::Result<Reader> {
        match self {
            Self::Present(store) => Ok(store.reader_once()?),
            Self::Earlier(..) => self.reader(),
        }
    }
}

/// Opens a directory at rest and loads what its journal still holds, or makes the earlier state, with a progress bar.
pub(crate) fn open(config: &Config, as_of: Option<AsOf>) -> anyhow::Result<Opened> {
    let bar = progress("loading the journal");
    let mut tell = |position, head| {
        tell(&bar, "loading the journal", position, head);
    };
    let opened = match as_of {
        None => Opened::Present(Box::new(open_at_rest(config, &mut tell)?)),
        Some(at) => {
            ensure_data(config)?;
            let states = EarlierStates::at_rest(config)?;
            states.reader(at, &mut tell)?;
            Opened::Earlier(states, at)
        }
    };
    bar.finish_and_clear();
    Ok(opened)
}
