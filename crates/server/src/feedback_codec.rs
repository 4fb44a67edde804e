//! The codec of the feedback service: counts before it builds.
//!
//! prost alone would make of two bytes an item of some hundred. Requests are decoded by `gleaner_wire`, which counts the values of
//! a message first (I7). Everything else is as in tonic's own codec.

use std::marker::PhantomData;

use bytes::Buf;
use gleaner_wire::Limits;
use gleaner_wire::feedback::{SubmitRequest, SubmitResponse};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::error::{ErrorCode, Refusal};

/// Encodes `E`, decodes `D`: the server's is the mirror of the client's.
#[derive(Debug)]
pub(crate) struct FeedbackCodec<E, D>(PhantomData<(E, D)>);

impl<E, D> Default for FeedbackCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// How each message of the service is decoded.
pub(crate) trait Decode: Sized {
    /// The message of these bytes.
    ///
    /// # Errors
    /// When it is malformed or over a limit.
    fn decode_message(bytes: &[u8]) -> Result<Self, Refusal>;
}

impl Decode for SubmitRequest {
    fn decode_message(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(gleaner_wire::feedback::decode_protobuf(bytes, &Limits::default())?)
    }
}

impl Decode for SubmitResponse {
    fn decode_message(bytes: &[u8]) -> Result<Self, Refusal> {
        Message::decode(bytes).map_err(|e: prost::DecodeError| Refusal::new(ErrorCode::Invalid, e.to_string()))
    }
}

impl<E, D> Codec for FeedbackCodec<E, D>
where
    E: Message + Send + 'static,
    D: Decode + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<E: Message, D> Encoder for FeedbackCodec<E, D> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.reserve(item.encoded_len());
        item.encode(dst).map_err(|e| Status::unavailable(e.to_string()))
    }
}

impl<E, D: Decode> Decoder for FeedbackCodec<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        let bytes = src.copy_to_bytes(src.remaining());
        D::decode_message(&bytes).map(Some).map_err(|refusal| refusal.to_status())
    }
}
