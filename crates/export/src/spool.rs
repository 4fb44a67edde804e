//! Records on disk, written once and read at random: what an export cannot hold in memory.
//!
//! The file has no name: whatever ends the program, nothing of it stays behind.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use crate::ExportError;

/// Where a record lies. Packed: there is one in memory for every row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, packed(4))]
pub(crate) struct Place {
    offset: u64,
    bytes: u32,
}

impl Place {
    pub(crate) fn new(offset: u64, bytes: u32) -> Self {
        Self { offset, bytes }
    }

    pub(crate) fn offset(self) -> u64 {
        self.offset
    }

    pub(crate) fn bytes(self) -> u32 {
        self.bytes
    }

    /// The place of so many bytes right behind it.
    pub(crate) fn followed_by(self, bytes: u32) -> Self {
        Self { offset: self.offset + u64::from(self.bytes), bytes }
    }
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
        let length = u32::try_from(bytes.len()).map_err(|_| failed(io::ErrorKind::FileTooLarge.into()))?;
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

    /// All that was put, in its order.
    pub(crate) fn scan(&mut self) -> Result<Scan<'_>, ExportError> {
        self.file.flush().map_err(failed)?;
        self.is_writing = false;
        Ok(Scan { file: self.file.get_ref(), end: self.end, offset: 0, buffer: Vec::new(), at: 0 })
    }

    pub(crate) fn unreadable(&self, source: serde_json::Error) -> ExportError {
        ExportError::Encode { file: NAME.to_owned(), source }
    }
}

/// Reads a spool from its beginning.
pub(crate) struct Scan<'a> {
    file: &'a File,
    end: u64,
    /// Where the next block begins.
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Scan<'_> {
    /// What stands there is not what was put.
    pub(crate) fn broken(expected: &str) -> ExportError {
        failed(io::Error::new(io::ErrorKind::InvalidData, format!("{expected} expected")))
    }

    /// Fills `out` with what comes next; false at the end.
    pub(crate) fn next(&mut self, out: &mut [u8]) -> Result<bool, ExportError> {
        let mut filled = 0;
        while filled < out.len() {
            if self.at == self.buffer.len() {
                let block = (self.end - self.offset).min(BUFFER_BYTES as u64);
                if block == 0 {
                    return if filled == 0 { Ok(false) } else { Err(failed(io::ErrorKind::UnexpectedEof.into())) };
                }
                self.buffer.resize(block as usize, 0);
                self.file.read_exact_at(&mut self.buffer, self.offset).map_err(failed)?;
                self.offset += block;
                self.at = 0;
            }
            let taken = (out.len() - filled).min(self.buffer.len() - self.at);
            out[filled..filled + taken].copy_from_slice(&self.buffer[self.at..self.at + taken]);
            filled += taken;
            self.at += taken;
        }
        Ok(true)
    }
}

const NAME: &str = "temporary file";

fn failed(source: io::Error) -> ExportError {
    ExportError::Write { file: NAME.to_owned(), source }
}

#[cfg(test)]
mod tests;
