//! The one place where bodies are decompressed, so that there is one place to cap: no more than the limit is ever
//! written, whatever the ratio, the number of members or the declared size.
//!
//! One content encoding per body; a list such as `gzip, gzip` is refused.

use std::io::{Read, Write as _};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use crate::{Limits, WireError};

/// Bytes read from a decoder in one go.
const CHUNK_BYTES: usize = 64 * 1024;
/// What a body may come to whatever its ratio: small bodies of one repeated letter are no attack.
const RATIO_FREE_BYTES: usize = 1024 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// As it is.
    Identity,
    /// RFC 1952, one member or more.
    Gzip,
    /// RFC 8878, one frame or more.
    Zstd,
}

impl ContentEncoding {
    /// Reads the value of a `Content-Encoding` header; case does not matter, an empty value is identity.
    ///
    /// # Errors
    /// [`WireError::UnsupportedEncoding`] for every other encoding and for a list of encodings.
    pub fn parse(header: &str) -> Result<Self, WireError> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(WireError::UnsupportedEncoding),
        }
    }
}

/// Gives the body as it was before compression. Identity costs no copy.
///
/// # Errors
/// [`WireError::TooLarge`] when the body is over `max_request_bytes` before or after or over `max_decompression_ratio`,
/// [`WireError::Malformed`] when it is not what the encoding says, is cut short, has bytes after its end, or has a zstd window over
/// the limit.
pub fn decompress(encoding: ContentEncoding, body: Bytes, limits: &Limits) -> Result<Bytes, WireError> {
    decompress_with(encoding, body, limits, |_| Ok(()))
}

/// As [`decompress`], and asks `admit` before each further piece is kept, with its size in bytes, so that the caller can
/// refuse what it has no room for.
///
/// # Errors
/// As [`decompress`], and whatever `admit` says.
pub fn decompress_with<E: From<WireError>>(
    encoding: ContentEncoding,
    body: Bytes,
    limits: &Limits,
    admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, E> {
    limits.check_request_bytes(body.len())?;
    let compressed_bytes = body.len();
    match encoding {
        ContentEncoding::Identity => Ok(body),
        ContentEncoding::Gzip => {
            read_capped("gzip", MultiGzDecoder::new(body.as_ref()), compressed_bytes, limits, admit)
        }
        ContentEncoding::Zstd => {
            let broken = |_| WireError::malformed("content-encoding", "the zstd decoder could not be set up");
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body.as_ref()).map_err(broken)?;
            decoder.window_log_max(limits.max_zstd_window_log).map_err(broken)?;
            read_capped("zstd", decoder, compressed_bytes, limits, admit)
        }
    }
}

fn read_capped<E: From<WireError>>(
    name: &str,
    mut decoder: impl Read,
    compressed_bytes: usize,
    limits: &Limits,
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, E> {
    let limit_bytes = limits.max_request_bytes;
    let ratio_limit_bytes =
        compressed_bytes.saturating_mul(limits.max_decompression_ratio).max(RATIO_FREE_BYTES.min(limit_bytes));
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut output: Vec<u8> = Vec::new();
    loop {
        let read =
            decoder.read(&mut chunk).map_err(|error| WireError::malformed("", format!("bad {name}: {error}")))?;
        if read == 0 {
            return Ok(output.into());
        }
        if read > limit_bytes - output.len() {
            return Err(WireError::TooLarge { what: "request after decompression", limit_bytes }.into());
        }
        if output.len() + read > ratio_limit_bytes {
            let what = "request after decompression, for as few bytes as were sent,";
            return Err(WireError::TooLarge { what, limit_bytes: ratio_limit_bytes }.into());
        }
        admit(read)?;
        output.extend_from_slice(&chunk[..read]);
    }
}

/// Shrinks an answer for a client that takes gzip; `None` when that makes it no smaller.
pub fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests;
