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

use crate::{ExportError, manifest::MANIFEST_FILE};

/// Takes the bytes of several files, in any interleaving.
pub trait Output {
    /// Appends to `file`, which begins to exist with the first call (`bytes` may be empty).
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError>;

    /// All is written: the files may appear. Nothing is written after that.
    fn finish(&mut self) -> Result<(), ExportError>;
}

/// Files in one directory. See the module's invariant.
#[derive(Debug)]
pub struct DirOutput {
    dir: PathBuf,
    staging: PathBuf,
    files: BTreeMap<String, BufWriter<File>>,
}

impl DirOutput {
    /// Creates `dir` and its parents where they are missing. Files of the same names are replaced at the end.
    pub fn new(dir: &Path) -> Result<Self, ExportError> {
        let staging =
            fs::create_dir_all(dir).and_then(|()| create_staging(dir)).map_err(|e| failed(dir.display(), e))?;
        Ok(Self { dir: dir.to_path_buf(), staging, files: BTreeMap::new() })
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
}

impl Drop for DirOutput {
    fn drop(&mut self) {
        // Best effort: a staging folder that stays behind is hidden and hinders nobody.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// A folder beside the final files, so that the renames stay on one file system. Exclusive: two exports at once do not
/// mix.
fn create_staging(dir: &Path) -> io::Result<PathBuf> {
    let mut n = 0;
    loop {
        let staging = dir.join(format!(".export-{}-{n}.partial", std::process::id()));
        match fs::create_dir(&staging) {
            Ok(()) => return Ok(staging),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(e) => return Err(e),
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
