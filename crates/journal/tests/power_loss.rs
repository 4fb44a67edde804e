//! Power loss, simulated: what was written and not synced is lost in part or in whole, or turns to zeros, and names that were not synced may be missing.
//! `kill -9` shows nothing of this, since the kernel keeps what it was given.
//!
//! Each seed writes from three threads into small segments that are recompressed meanwhile, cuts the power at some operation of the disk, spoils
//! what that disk did not have to keep, and opens the journal again. Guarantees: every record that was acknowledged is there, in the order of
//! its position and byte for byte; what else is there was sent; and the journal goes on. `GLEANER_POWER_LOSS_SEEDS` sets how many (60).

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gleaner_journal::{AppendFile, Config, Disk, FileSystem, Journal, Record};

/// Numbers from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1)
    }
}

/// What the disk has to keep.
#[derive(Default)]
struct State {
    /// Operations until the power is cut.
    left: u64,
    /// Bytes of each file that were synced.
    synced: HashMap<PathBuf, u64>,
    /// Names that were made or replaced since their directory was synced, each with what was there before.
    unsynced_names: HashMap<PathBuf, Option<Vec<u8>>>,
}

impl State {
    /// Every operation costs one; none works without power.
    fn spend(&mut self) -> io::Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Err(io::Error::other("no power")) } else { Ok(()) }
    }

    /// What is left when the power comes back.
    fn spoil(&self, random: &mut Random) {
        for (path, synced) in &self.synced {
            let Ok(mut content) = fs::read(path) else { continue };
            let unsynced = content.len() as u64 - synced.min(&(content.len() as u64));
            content.truncate((synced + random.below(unsynced + 1)) as usize);
            // A sector that was never written reads as zeros, whatever came after it.
            let kept = (*synced as usize).min(content.len());
            for sector in content[kept..].chunks_mut(64) {
                if random.below(3) == 0 {
                    sector.fill(0);
                }
            }
            fs::write(path, content).unwrap();
        }
        for (path, before) in &self.unsynced_names {
            if random.below(2) == 0 {
                match before {
                    Some(content) => fs::write(path, content).unwrap(),
                    None => drop(fs::remove_file(path)),
                }
            }
        }
    }
}

struct LosingDisk(Arc<Mutex<State>>);

struct LosingFile {
    path: PathBuf,
    file: Box<dyn AppendFile>,
    state: Arc<Mutex<State>>,
}

impl Disk for LosingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.0.lock().unwrap();
        state.spend()?;
        let before = fs::read(path).ok();
        let file = FileSystem.create(path)?;
        state.synced.insert(path.to_owned(), 0);
        state.unsynced_names.entry(path.to_owned()).or_insert(before);
        Ok(Box::new(LosingFile { path: path.to_owned(), file, state: self.0.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.0.lock().unwrap();
        state.spend()?;
        let file = FileSystem.open(path)?;
        state.synced.insert(path.to_owned(), fs::metadata(path)?.len());
        Ok(Box::new(LosingFile { path: path.to_owned(), file, state: self.0.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.spend()?;
        let before = fs::read(to).ok();
        FileSystem.rename(from, to)?;
        let synced = state.synced.remove(from).unwrap_or(0);
        state.synced.insert(to.to_owned(), synced);
        state.unsynced_names.remove(from);
        state.unsynced_names.entry(to.to_owned()).or_insert(before);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.spend()?;
        state.unsynced_names.clear();
        Ok(())
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        FileSystem.free_bytes(dir)
    }
}

impl AppendFile for LosingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.state.lock().unwrap().spend()?;
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.spend()?;
        // The file system keeps it anyway: what counts here is what it would have to keep.
        state.synced.insert(self.path.clone(), fs::metadata(&self.path)?.len());
        Ok(())
    }

    fn truncate(&mut self, length_bytes: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.spend()?;
        self.file.truncate(length_bytes)?;
        let synced = state.synced.entry(self.path.clone()).or_default();
        *synced = (*synced).min(length_bytes);
        Ok(())
    }
}

fn record(thread: u64, number: u64) -> Record {
    Record {
        kind: thread as u8,
        encoding: 1,
        recorded_at_unix_nano: number,
        project: "p".to_owned(),
        payload: format!("record {number} of thread {thread} ").repeat(1 + number as usize % 9).into_bytes(),
    }
}

/// Several times over the same directory, so that later losses hit what earlier ones left.
fn lose_power(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let dir = tempfile::tempdir().unwrap();
    let config =
        Config { segment_bytes: 600, sealed_compression_level: 3, min_free_disk_bytes: 0, ..Config::default() };
    let acknowledged: Arc<Mutex<HashMap<u64, Record>>> = Arc::default();
    for generation in 0..3u64 {
        let state = Arc::new(Mutex::new(State { left: 8 + random.below(220), ..State::default() }));
        // The power may be cut while it opens.
        if let Ok((journal, _)) = Journal::open_on(Arc::new(LosingDisk(state.clone())), dir.path(), config.clone()) {
            std::thread::scope(|scope| {
                for thread in 0..3 {
                    let (journal, acknowledged) = (journal.clone(), acknowledged.clone());
                    scope.spawn(move || {
                        for number in 0..60 {
                            let sent = record(generation * 3 + thread, number);
                            let Ok(position) = journal.append_blocking(sent.clone()) else { return };
                            acknowledged.lock().unwrap().insert(position, sent);
                        }
                    });
                }
            });
            journal.close();
        }
        let mut state = state.lock().unwrap();
        state.left = 0;
        state.spoil(&mut random);
        drop(state);

        let (journal, _) = Journal::open(dir.path(), config.clone()).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let read: HashMap<u64, Record> =
            journal.read_from(0).unwrap().map(|read| read.unwrap_or_else(|e| panic!("seed {seed}: {e}"))).collect();
        assert_eq!(read.len() as u64, journal.head(), "seed {seed}");
        for (position, sent) in acknowledged.lock().unwrap().iter() {
            assert_eq!(read.get(position), Some(sent), "seed {seed}: acknowledged record {position}");
        }
        for found in read.values() {
            assert_eq!(*found, record(u64::from(found.kind), found.recorded_at_unix_nano), "seed {seed}");
        }
    }
}

#[test]
fn acknowledged_records_survive_a_loss_of_power() {
    let seeds = std::env::var("GLEANER_POWER_LOSS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    (1..=seeds).for_each(lose_power);
}
