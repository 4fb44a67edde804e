//! Where the files of an export go: a directory, or memory in tests.
//!
//! Invariant of [`DirOutput`]: no file has its final name before all of them are complete and on disk, and the manifest
//! comes last. A failed or abandoned export leaves what was there before.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{ExportError, FileEntry, manifest::MANIFEST_FILE};

/// Takes the bytes of several files, in any interleaving.
pub trait Output {
    /// Appends to `file`, which begins to exist with the first call (`bytes` may be empty).
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError>;

    /// All is written: the files may appear. Nothing is written after that.
    fn finish(&mut self) -> Result<(), ExportError>;

    /// A folder with room for temporary files; none: the system's.
    fn scratch(&self) -> Option<&Path> {
        None
    }
}

/// The files of an export, counted and hashed as they are written.
pub(crate) struct Files<'a> {
    out: &'a mut dyn Output,
    digests: BTreeMap<String, Digest>,
}

/// Bytes of a file that wait to be hashed and written together: BLAKE3 takes long pieces several times faster than short ones.
const BLOCK_BYTES: usize = 256 << 10;

#[derive(Default)]
struct Digest {
    waiting: Vec<u8>,
    hasher: blake3::Hasher,
    bytes: u64,
    rows: u64,
}

impl<'a> Files<'a> {
    pub(crate) fn new(out: &'a mut dyn Output) -> Self {
        Self { out, digests: BTreeMap::new() }
    }

    pub(crate) fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.add(file, &[bytes])
    }

    /// The first bytes of a file go on at once, so that it exists.
    fn add(&mut self, file: &str, pieces: &[&[u8]]) -> Result<(), ExportError> {
        if !self.digests.contains_key(file) {
            self.digests.insert(file.to_owned(), Digest::default());
            self.out.write(file, b"")?;
        }
        let digest = self.digests.entry(file.to_owned()).or_default();
        pieces.iter().for_each(|piece| digest.waiting.extend_from_slice(piece));
        if digest.waiting.len() >= BLOCK_BYTES { digest.flush(file, self.out) } else { Ok(()) }
    }

    /// One line, which must hold no line break.
    pub(crate) fn row(&mut self, file: &str, row: &[u8]) -> Result<(), ExportError> {
        self.add(file, &[row, b"\n"])?;
        self.rows(file, 1);
        Ok(())
    }

    pub(crate) fn line(&mut self, file: &str, row: &impl Serialize) -> Result<(), ExportError> {
        let line = serde_json::to_vec(row).map_err(|source| ExportError::Encode { file: file.to_owned(), source })?;
        self.row(file, &line)
    }

    /// So many rows more are in the file.
    pub(crate) fn rows(&mut self, file: &str, rows: u64) {
        self.digest(file).rows += rows;
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        self.flush()?;
        self.out.finish()
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let out = &mut *self.out;
        self.digests.iter_mut().try_for_each(|(file, digest)| digest.flush(file, out))
    }

    /// All files so far, by name.
    pub(crate) fn entries(&mut self) -> Result<Vec<FileEntry>, ExportError> {
        self.flush()?;
        let is_rows = |path: &str| [".jsonl", ".parquet", ".csv"].iter().any(|end| path.ends_with(end));
        let entry = |(path, digest): (&String, &Digest)| FileEntry {
            path: path.clone(),
            blake3: digest.hasher.finalize().to_hex().to_string(),
            bytes: digest.bytes,
            rows: is_rows(path).then_some(digest.rows),
        };
        Ok(self.digests.iter().map(entry).collect())
    }

    fn digest(&mut self, file: &str) -> &mut Digest {
        if !self.digests.contains_key(file) {
            self.digests.insert(file.to_owned(), Digest::default());
        }
        self.digests.entry(file.to_owned()).or_default()
    }
}

impl Digest {
    fn flush(&mut self, file: &str, out: &mut dyn Output) -> Result<(), ExportError> {
        self.hasher.update(&self.waiting);
        self.bytes += self.waiting.len() as u64;
        out.write(file, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

/// Files in one directory. See the module's invariant.
#[derive(Debug)]
pub struct DirOutput {
    dir: PathBuf,
    staging: PathBuf,
    /// Held as long as the staging folder is in use: what is left unlocked was left by a program that was killed.
    _lock: File,
    /// Folders that were made for this export, the outermost first.
    made: Vec<PathBuf>,
    files: BTreeMap<String, BufWriter<File>>,
}

impl DirOutput {
    /// Creates `dir` and its parents where they are missing. Files of the same names are replaced at the end.
    pub fn new(dir: &Path) -> Result<Self, ExportError> {
        let made: Vec<PathBuf> = dir
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists())
            .map(Path::to_owned)
            .collect();
        let staging = fs::create_dir_all(dir).and_then(|()| {
            remove_abandoned(dir);
            create_staging(dir)
        });
        let (staging, lock) = staging.map_err(|e| failed(dir.display(), e))?;
        Ok(Self { dir: dir.to_path_buf(), staging, _lock: lock, made, files: BTreeMap::new() })
    }

    fn open(&mut self, file: &str) -> io::Result<&mut BufWriter<File>> {
        use std::collections::btree_map::Entry;
        match self.files.entry(file.to_owned()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(BufWriter::new(File::create_new(self.staging.join(file))?))),
        }
    }
}

impl Output for DirOutput {
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.open(file).and_then(|open| open.write_all(bytes)).map_err(|e| failed(file, e))
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        let files = std::mem::take(&mut self.files);
        let mut names: Vec<String> = files.keys().cloned().collect();
        names.sort_by_key(|name| name == MANIFEST_FILE);
        for (name, file) in files {
            let written = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            written.map_err(|e| failed(&name, e))?;
        }
        for name in names {
            fs::rename(self.staging.join(&name), self.dir.join(&name)).map_err(|e| failed(&name, e))?;
        }
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|e| failed(self.dir.display(), e))
    }

    fn scratch(&self) -> Option<&Path> {
        Some(&self.staging)
    }
}

impl Drop for DirOutput {
    fn drop(&mut self) {
        // Best effort: a staging folder that stays behind is hidden, and the next export removes it.
        let _ = fs::remove_dir_all(&self.staging);
        for dir in &self.made {
            // Fails on a folder that holds something, which then stays, as do its parents.
            if fs::remove_dir(dir).is_err() {
                break;
            }
        }
    }
}

const STAGING: (&str, &str) = (".export-", ".partial");
const LOCK: &str = ".lock";

/// A folder beside the final files, so that the renames stay on one file system. Exclusive: two exports at once do not
/// mix.
fn create_staging(dir: &Path) -> io::Result<(PathBuf, File)> {
    let mut n = 0;
    loop {
        let staging = dir.join(format!("{}{}-{n}{}", STAGING.0, std::process::id(), STAGING.1));
        match fs::create_dir(&staging) {
            Ok(()) => {
                let lock = File::create_new(staging.join(LOCK))?;
                lock.try_lock()?;
                return Ok((staging, lock));
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(e) => return Err(e),
        }
    }
}

/// Removes the staging folders of exports that were killed: nobody holds their locks. Best effort.
fn remove_abandoned(dir: &Path) {
    let folders = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_staging = |name: &str| name.starts_with(STAGING.0) && name.ends_with(STAGING.1);
    for folder in folders.filter(|entry| entry.file_name().to_str().is_some_and(is_staging)) {
        // One without a lock is just being made.
        let is_left = File::open(folder.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_left {
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

fn failed(file: impl std::fmt::Display, source: io::Error) -> ExportError {
    ExportError::Write { file: file.to_string(), source }
}

/// Files in memory.
#[derive(Debug, Default)]
pub struct MemoryOutput {
    /// Content by file name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether the export came to its end.
    pub finished: bool,
}

impl Output for MemoryOutput {
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.files.entry(file.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        self.finished = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
