//! The archive that carries the files of an export over the API: JSON lines, each a piece of a file, sent as they are made.
//!
//! Text is `{"file", "text"}`, other bytes `{"file", "base64"}`; a client that asks for it gets `{"progress"}` in between. The
//! last piece is of `manifest.json`; an export that fails on the way ends with `{"error"}` in its place. Memory holds a piece
//! per file and what the channel to the client takes.

use std::collections::BTreeMap;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use gleaner_export::{ExportError, Output, Progress};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// A piece is sent when it has so many bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// Longest line of an archive: one row is never in two pieces.
const MAX_LINE_BYTES: usize = 1 << 30;
/// Progress is told at every so many of whatever is counted.
const TOLD_EVERY: u64 = 1000;
const MANIFEST: &str = "manifest.json";

/// One line of an archive.
#[derive(Default, Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How far the server's export has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) part: String,
    pub(crate) done: u64,
    pub(crate) total: u64,
}

/// Sends files as lines of an archive.
pub(crate) struct ArchiveOutput {
    lines: mpsc::Sender<Bytes>,
    pending: BTreeMap<String, Vec<u8>>,
}

impl ArchiveOutput {
    /// The channel's other end goes to the client; when it is dropped, the next piece fails.
    pub(crate) fn new(lines: mpsc::Sender<Bytes>) -> Self {
        Self { lines, pending: BTreeMap::new() }
    }

    /// Tells the client why its export ends here.
    pub(crate) fn fail(&self, error: &anyhow::Error) {
        // A client that is gone needs no telling.
        let _ = self.send(&Line { error: Some(format!("{error:#}")), ..Line::default() });
    }

    /// Progress for the client, where it asked for it.
    pub(crate) fn progress(&self, is_wanted: bool) -> ArchiveProgress {
        ArchiveProgress { lines: self.lines.clone(), is_wanted, told: Told { part: String::new(), done: 0, total: 0 } }
    }

    fn send_piece(&self, file: &str, bytes: Vec<u8>) -> Result<(), ExportError> {
        let mut line = Line { file: Some(file.to_owned()), ..Line::default() };
        match String::from_utf8(bytes) {
            Ok(text) if !file.ends_with(".parquet") => line.text = Some(text),
            Ok(text) => line.base64 = Some(BASE64.encode(text)),
            Err(binary) => line.base64 = Some(BASE64.encode(binary.as_bytes())),
        }
        self.send(&line)
    }

    fn send(&self, line: &Line) -> Result<(), ExportError> {
        send(&self.lines, line)
    }
}

fn send(lines: &mpsc::Sender<Bytes>, line: &Line) -> Result<(), ExportError> {
    let mut bytes = serde_json::to_vec(line)
        .map_err(|source| ExportError::Encode { file: line.file.clone().unwrap_or_default(), source })?;
    bytes.push(b'\n');
    lines.blocking_send(bytes.into()).map_err(|_| ExportError::Cancelled)
}

impl Output for ArchiveOutput {
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let pending = self.pending.entry(file.to_owned()).or_default();
        pending.extend_from_slice(bytes);
        if pending.len() < PIECE_BYTES {
            return Ok(());
        }
        let piece = std::mem::take(pending);
        self.send_piece(file, piece)
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        let mut pending: Vec<(String, Vec<u8>)> = std::mem::take(&mut self.pending).into_iter().collect();
        pending.sort_by_key(|(file, _)| file == MANIFEST);
        pending.into_iter().try_for_each(|(file, bytes)| self.send_piece(&file, bytes))
    }
}

/// Tells the client how far its export has come, and the export whether the client is still there.
pub(crate) struct ArchiveProgress {
    lines: mpsc::Sender<Bytes>,
    is_wanted: bool,
    told: Told,
}

impl ArchiveProgress {
    fn tell(&self) {
        if self.is_wanted {
            // A client that is gone is found out by the next piece.
            let _ = send(&self.lines, &Line { progress: Some(self.told.clone()), ..Line::default() });
        }
    }
}

impl Progress for ArchiveProgress {
    fn begin(&mut self, what: &'static str, total: u64) {
        self.told = Told { part: what.to_owned(), done: 0, total };
        self.tell();
    }

    fn advance(&mut self, done: u64) {
        self.told.done = done;
        if done.is_multiple_of(TOLD_EVERY) {
            self.tell();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.lines.is_closed()
    }
}

/// Writes the files of an archive as its bytes come.
pub(crate) struct Unpacker<'a> {
    out: &'a mut dyn Output,
    rest: Vec<u8>,
    has_manifest: bool,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(out: &'a mut dyn Output) -> Self {
        Self { out, rest: Vec::new(), has_manifest: false }
    }

    /// Takes the next bytes, wherever they were cut.
    ///
    /// # Errors
    /// When they are not what this program writes, when the server's export failed, or when a file cannot be written.
    pub(crate) fn take(&mut self, bytes: &[u8], told: &mut dyn FnMut(&Told)) -> anyhow::Result<()> {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.rest);
            self.line(&line, told)?;
        }
        self.rest.extend_from_slice(bytes);
        anyhow::ensure!(
            self.rest.len() <= MAX_LINE_BYTES,
            "a line of the server's export is longer than {MAX_LINE_BYTES} bytes"
        );
        Ok(())
    }

    /// The archive is at its end: the files may appear.
    ///
    /// # Errors
    /// When the archive is not whole.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.rest.is_empty() && self.has_manifest, "the server's export ended early");
        Ok(self.out.finish()?)
    }

    /// A server names files, so anything but a plain file name is refused.
    fn line(&mut self, line: &[u8], told: &mut dyn FnMut(&Told)) -> anyhow::Result<()> {
        let line: Line = serde_json::from_slice(line).context("the server's export cannot be read")?;
        if let Some(error) = line.error {
            anyhow::bail!("{error}");
        }
        line.progress.iter().for_each(told);
        let Some(file) = line.file else { return Ok(()) };
        let plain = !file.is_empty()
            && !file.starts_with('.')
            && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        anyhow::ensure!(plain, "the server named a file {file:?}");
        self.has_manifest |= file == MANIFEST;
        let bytes = match (line.text, line.base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(text)) => BASE64.decode(text).context("the server's export cannot be read")?,
            (None, None) => Vec::new(),
        };
        Ok(self.out.write(&file, &bytes)?)
    }
}

#[cfg(test)]
mod tests;
