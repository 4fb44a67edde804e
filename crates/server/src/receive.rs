//! Bodies of OTLP requests, from the first byte to the whole message: sizes, deadlines and budgets, for both transports.
//!
//! Nothing is taken on trust: a length that a client announces is judged at once, but room is taken only for bytes that came. So
//! a client that announces much and sends nothing holds nothing. There is one decompressor, `gleaner_wire`'s, and its output is
//! admitted piece by piece.

use std::future::Future;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Buf, Bytes, BytesMut};
use gleaner_wire::{ContentEncoding, Limits};
use http_body_util::BodyExt as _;

use crate::budget::{Held, Pool};
use crate::error::{ErrorCode, Refusal};

/// Bytes before a gRPC message: whether it is compressed, and its length.
const GRPC_PREFIX_BYTES: usize = 5;
/// A buffer begins no larger than this, whatever length was announced.
const FIRST_BUFFER_BYTES: usize = 1024 * 1024;
/// Compressed bodies above this are decompressed off the async threads.
const DECOMPRESS_INLINE_BYTES: usize = 64 * 1024;

/// Whose request it is: put into every request by its listener.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Share of one connection.
    pub budget: Pool,
}

/// A whole message and the room that it takes.
#[derive(Debug)]
pub(crate) struct Received {
    /// Decompressed.
    pub body: Bytes,
    /// Held until the message is on disk.
    pub held: Held,
}

/// Waits for a body, but not for ever.
///
/// # Errors
/// UNAVAILABLE when it is not there in time, since a retry may find a better connection; else what `arriving` says.
pub(crate) async fn in_time<T>(
    timeout: Duration,
    arriving: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    tokio::time::timeout(timeout, arriving).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            ErrorCode::Unavailable,
            format!("the request did not arrive within {} ms", timeout.as_millis()),
        ))
    })
}

/// Reads an HTTP body to its end.
///
/// # Errors
/// TOO_LARGE over `max_request_bytes`, by the announced length already; BUSY; INVALID when it breaks off.
pub(crate) async fn http_body(body: &mut Body, limits: &Limits, held: &mut Held) -> Result<Bytes, Refusal> {
    let max_bytes = limits.max_request_bytes;
    let announced = body.size_hint();
    let announced_bytes = usize::try_from(announced.lower()).unwrap_or(usize::MAX);
    if announced_bytes > max_bytes {
        return Err(too_large(max_bytes));
    }
    let mut buffer = Buffer::new(announced_bytes, max_bytes);
    while let Some(data) = next_data(body).await? {
        buffer.push(data, held)?;
    }
    Ok(buffer.into_bytes())
}

/// Reads the one message of a unary gRPC request; true when it is compressed.
///
/// # Errors
/// TOO_LARGE as soon as its length is known, BUSY, INVALID when there is no whole message or more than one.
pub(crate) async fn grpc_message(body: &mut Body, limits: &Limits, held: &mut Held) -> Result<(bool, Bytes), Refusal> {
    let invalid = |message: &str| Refusal::new(ErrorCode::Invalid, message);
    let mut prefix = BytesMut::new();
    let mut rest = Bytes::new();
    while prefix.len() < GRPC_PREFIX_BYTES {
        let Some(mut data) = next_data(body).await? else {
            return Err(invalid("the request has no whole message"));
        };
        let wanted = (GRPC_PREFIX_BYTES - prefix.len()).min(data.len());
        prefix.extend_from_slice(&data.split_to(wanted));
        rest = data;
    }
    let compressed = match prefix.get_u8() {
        0 => false,
        1 => true,
        _ => return Err(invalid("the message's compression flag must be 0 or 1")),
    };
    let length = usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
    if length > limits.max_request_bytes {
        return Err(too_large(limits.max_request_bytes));
    }
    let mut buffer = Buffer::new(length, length);
    let more = |_| invalid("the request has more than one message");
    if rest.len() > length {
        return Err(more(()));
    }
    buffer.push(rest, held)?;
    while let Some(data) = next_data(body).await? {
        if buffer.len() + data.len() > length {
            return Err(more(()));
        }
        buffer.push(data, held)?;
    }
    if buffer.len() < length {
        return Err(invalid("the message is shorter than its prefix says"));
    }
    Ok((compressed, buffer.into_bytes()))
}

/// Decompresses a body within its budget. The room that the compressed form took is given back.
///
/// # Errors
/// BUSY, and whatever [`gleaner_wire::decompress`] says.
pub(crate) async fn decompressed(
    encoding: ContentEncoding,
    body: Bytes,
    limits: &Limits,
    mut held: Held,
) -> Result<Received, Refusal> {
    if encoding == ContentEncoding::Identity {
        return Ok(Received { body, held });
    }
    let large = body.len() > DECOMPRESS_INLINE_BYTES;
    let limits = limits.clone();
    let decompress = move || {
        let body = gleaner_wire::decompress_with(encoding, body, &limits, |bytes| held.grow(bytes))?;
        held.shrink_to(body.len());
        Ok(Received { body, held })
    };
    if !large {
        return decompress();
    }
    tokio::task::spawn_blocking(decompress).await.unwrap_or_else(|_| {
        Err(Refusal::new(ErrorCode::Unavailable, "the request could not be decompressed, try again later"))
    })
}

/// Reads on after a refusal and keeps nothing: a client that is still sending would otherwise see its connection break before
/// it has read why, and OTLP clients retry after that. Ends after `max_bytes` or `timeout`.
pub(crate) fn drain(mut body: Body, max_bytes: usize, timeout: Duration) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(timeout, async move {
        let mut drained = 0;
        while let Ok(Some(data)) = next_data(&mut body).await {
            drained += data.len();
            if drained > max_bytes {
                return;
            }
        }
    }));
}

async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(ErrorCode::Invalid, "the request body broke off"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn too_large(max_bytes: usize) -> Refusal {
    Refusal::new(
        ErrorCode::TooLarge,
        format!("request is over ingest.max_request_body_size, {max_bytes} bytes; send it in smaller batches"),
    )
}

/// Data as it comes; one piece alone is not copied.
struct Buffer {
    first: Option<Bytes>,
    joined: BytesMut,
    expected_bytes: usize,
    max_bytes: usize,
}

impl Buffer {
    fn new(expected_bytes: usize, max_bytes: usize) -> Self {
        Self { first: None, joined: BytesMut::new(), expected_bytes, max_bytes }
    }

    fn len(&self) -> usize {
        self.first.as_ref().map_or(self.joined.len(), Bytes::len)
    }

    fn push(&mut self, data: Bytes, held: &mut Held) -> Result<(), Refusal> {
        if data.len() > self.max_bytes - self.len() {
            return Err(too_large(self.max_bytes));
        }
        held.grow(data.len())?;
        if self.first.is_none() && self.joined.is_empty() {
            self.first = Some(data);
            return Ok(());
        }
        if let Some(first) = self.first.take() {
            self.joined.reserve(self.expected_bytes.min(FIRST_BUFFER_BYTES).max(first.len() + data.len()));
            self.joined.extend_from_slice(&first);
        }
        self.joined.extend_from_slice(&data);
        Ok(())
    }

    fn into_bytes(self) -> Bytes {
        self.first.unwrap_or_else(|| self.joined.freeze())
    }
}

#[cfg(test)]
mod tests;
