//! The request bodies of a capture, as `requests.zst` keeps them: in the order sent, each as one byte for the signal, four
//! for the length (little-endian) and the body as it came, all of them one zstd frame.

use std::fs;
use std::path::{Path, PathBuf};

use gleaner_model::Fragment;
use gleaner_wire::{Encoding, Limits};

/// One request: its signal and its protobuf body.
pub(crate) struct Body {
    pub(crate) signal: Signal,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

impl Body {
    /// What the loader makes of it.
    pub(crate) fn fragments(&self) -> Vec<Fragment> {
        let limits = &Limits::ACCEPTED;
        match self.signal {
            Signal::Traces => {
                let request = gleaner_wire::decode_traces(Encoding::Protobuf, &self.bytes, limits).expect("OTLP");
                gleaner_normalize::decode_traces(request)
            }
            Signal::Logs => {
                let request = gleaner_wire::decode_logs(Encoding::Protobuf, &self.bytes, limits).expect("OTLP");
                gleaner_normalize::decode_logs(request)
            }
        }
    }
}

/// Where the captures are: those of the workspace, or the folder that `CORPUS` names.
pub(crate) fn corpus() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    std::env::var_os("CORPUS").map_or_else(own, PathBuf::from)
}

/// The bodies of a folder, packed or as files of their own.
pub(crate) fn read(folder: &Path) -> Vec<Body> {
    match fs::read(folder.join("requests.zst")) {
        Ok(packed) => unpack(&packed),
        Err(_) => read_files(folder),
    }
}

/// `NNNN.traces.binpb` and `NNNN.logs.binpb`, in order; other files are left alone.
pub(crate) fn read_files(folder: &Path) -> Vec<Body> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let body = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        let signal = if name.ends_with(".traces.binpb") {
            Signal::Traces
        } else if name.ends_with(".logs.binpb") {
            Signal::Logs
        } else {
            return None;
        };
        Some(Body { signal, bytes: fs::read(path).expect("readable") })
    };
    paths.iter().filter_map(body).collect()
}

/// The content of `requests.zst`.
#[allow(dead_code, reason = "not every test that reads captures writes them")]
pub(crate) fn pack(bodies: &[Body]) -> Vec<u8> {
    const LEVEL: i32 = 19;
    let mut plain = Vec::new();
    for body in bodies {
        plain.push(if body.signal == Signal::Traces { b't' } else { b'l' });
        plain.extend(u32::try_from(body.bytes.len()).expect("a request of less than 4 GiB").to_le_bytes());
        plain.extend(&body.bytes);
    }
    zstd::encode_all(plain.as_slice(), LEVEL).expect("memory can be written to")
}

fn unpack(packed: &[u8]) -> Vec<Body> {
    let plain = zstd::decode_all(packed).expect("a zstd frame");
    let mut rest = plain.as_slice();
    let mut bodies = Vec::new();
    while let Some((&signal, after)) = rest.split_first() {
        let (length, after) = after.split_first_chunk().expect("a length");
        let length = u32::from_le_bytes(*length) as usize;
        let (bytes, after) = after.split_at_checked(length).expect("a whole body");
        let signal = match signal {
            b't' => Signal::Traces,
            b'l' => Signal::Logs,
            other => panic!("no signal: {other}"),
        };
        bodies.push(Body { signal, bytes: bytes.to_vec() });
        rest = after;
    }
    bodies
}
