//! Records on disk, written once and read at random: what an export cannot hold in memory.
//!
//! The file has no name: whatever ends the program, nothing of it stays behind.

use std::{
    fs::File,
    io::{BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use crate::ExportError;

/// Where a record lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    offset: u64,
    bytes: u32,
}

pub(crate) struct Spool {
    file: BufWriter<File>,
    end: u64,
    /// Whether something may not have reached the file yet.
    is_writing: bool,
}

/// Collects small records before the disk sees them.
const BUFFER_BYTES: usize = 1 << 20;

impl Spool {
    /// In `dir`, which must have room for about twice what is exported; else in the system's folder for such files.
    pub(crate) fn new(dir: Option<&Path>) -> Result<Self, ExportError> {
        let file = match dir {
            Some(dir) => tempfile::tempfile_in(dir),
            None => tempfile::tempfile(),
        };
        let file = BufWriter::with_capacity(BUFFER_BYTES, file.map_err(failed)?);
        Ok(Self { file, end: 0, is_writing: true })
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Place, ExportError> {
        let length = u32::try_from(bytes.len()).map_err(|_| failed(std::io::ErrorKind::FileTooLarge.into()))?;
        self.is_writing = true;
        self.file.write_all(bytes).map_err(failed)?;
        let place = Place { offset: self.end, bytes: length };
        self.end += u64::from(length);
        Ok(place)
    }

    pub(crate) fn get(&mut self, place: Place) -> Result<Vec<u8>, ExportError> {
        let mut bytes = Vec::new();
        self.read(place, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`Spool::get`], into a buffer that is used again.
    pub(crate) fn read(&mut self, place: Place, bytes: &mut Vec<u8>) -> Result<(), ExportError> {
        if self.is_writing {
            self.file.flush().map_err(failed)?;
            self.is_writing = false;
        }
        bytes.resize(place.bytes as usize, 0);
        self.file.get_ref().read_exact_at(bytes, place.offset).map_err(failed)
    }

    pub(crate) fn unreadable(&self, source: serde_json::Error) -> ExportError {
        ExportError::Encode { file: NAME.to_owned(), source }
    }
}

const NAME: &str = "temporary file";

fn failed(source: std::io::Error) -> ExportError {
    ExportError::Write { file: NAME.to_owned(), source }
}

#[cfg(test)]
mod tests;
