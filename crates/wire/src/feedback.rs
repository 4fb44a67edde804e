//! Feedback messages, generated from `proto/gleaner/feedback/v1/feedback.proto`, and their two encodings.
//!
//! The JSON form is the proto3 mapping: names in lowerCamelCase or as in the file, enum values as names or numbers.
//! Unlike OTLP, a field that is not known is an error that names it, so that a typo is seen and not lost.
//! What the items mean, and whether they are sound, is not decided here.
//!
//! Values are counted before anything is built: an empty item is two bytes, and hundreds as a struct.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, SerializeOptions};

use crate::json::reader::Reader;
use crate::scan::cursor::Message;
use crate::{Limits, WireError};

pub use generated::*;
/// The well-known types that the messages hold, so that no other crate depends on where they come from.
pub use prost_types::{ListValue, Struct, Timestamp, Value, value::Kind as ValueKind};

#[allow(missing_docs, reason = "generated; the comments of the proto file are the documentation")]
#[allow(clippy::all, reason = "generated")]
#[allow(rustdoc::all, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/gleaner.feedback.v1.rs"));
}

/// An encoded `google.protobuf.FileDescriptorSet` of the feedback service and all that it imports, for gRPC reflection.
pub const FEEDBACK_DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/feedback_descriptor.binpb"));

/// Nesting of objects and arrays in JSON. `serde_json` stops at 128 and prost at 100 messages; the deepest field,
/// metadata, needs three for each level.
const MAX_JSON_DEPTH: u32 = 64;

#[expect(clippy::expect_used, reason = "the bytes are made by build.rs, and every test of this module reads them")]
static DESCRIPTORS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FEEDBACK_DESCRIPTOR).expect("build.rs wrote a descriptor set"));

/// Decodes a request from protobuf.
///
/// # Errors
/// Over a limit of bytes, values or depth, or not the message.
pub fn decode_protobuf(bytes: &[u8], limits: &Limits) -> Result<SubmitRequest, WireError> {
    limits.check_request_bytes(bytes.len())?;
    count_fields(Message::root(bytes), &descriptor("SubmitRequest")?, &mut Count::new(limits))?;
    SubmitRequest::decode(bytes).map_err(|error| WireError::malformed("", error.to_string()))
}

/// Decodes a request from JSON, `{"items": [ … ]}`, item by item: what is wrong with one is told in its place and costs no other.
///
/// # Errors
/// For the request as a whole: over a limit of bytes, values or depth, not JSON, or with another field than `items`.
pub fn decode_json_items(bytes: &[u8], limits: &Limits) -> Result<Vec<Result<Item, WireError>>, WireError> {
    limits.check_request_bytes(bytes.len())?;
    let mut count = Count::new(limits);
    let mut reader = Reader::new(bytes, MAX_JSON_DEPTH)?;
    reader.skip(&mut || count.add())?;
    reader.finish()?;

    // serde would take an array for the struct's fields in order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(WireError::malformed("", "invalid type, expected an object with items"));
    }
    let malformed = |error: serde_json::Error| WireError::malformed("", error.to_string());
    let request: Request<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
    Ok(request.items.into_iter().map(|item| decode_json_item(item.get())).collect())
}

/// Decodes one item from JSON.
///
/// # Errors
/// Not JSON, or a field or an enum name that is not known; where it stands is told as [`WireError::Malformed`] does, by the names
/// of the proto file, below the item's kind.
pub fn decode_json_item(json: &str) -> Result<Item, WireError> {
    let malformed = |error: serde_json::Error| WireError::malformed("", error.to_string());
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let message = DynamicMessage::deserialize(descriptor("Item")?, tracked);
    let message = message.map_err(|error| {
        let field = field_path(&track.path());
        let message = format!("{error}{}", enum_names(&field, &error.to_string()));
        WireError::malformed(field, message)
    })?;
    deserializer.end().map_err(malformed)?;
    message.transcode_to().map_err(|error| WireError::malformed("", error.to_string()))
}

/// What may stand in an enum's field, where something else stood there: the names are longer than anybody would guess.
fn enum_names(field: &str, error: &str) -> String {
    let name = field.rsplit('.').next().unwrap_or_default();
    let is_meant = |known: &prost_reflect::EnumDescriptor| known.name().eq_ignore_ascii_case(name);
    let Some(known) = DESCRIPTORS.all_enums().find(is_meant).filter(|_| error.contains("enum value")) else {
        return String::new();
    };
    let names: Vec<String> =
        known.values().filter(|value| value.number() != 0).map(|value| value.name().to_owned()).collect();
    format!("; known are {}", names.join(", "))
}

/// A place in an item as feedback is refused by: `score`, `target.trace_id`, `ranking.groups[0].targets`.
fn field_path(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => {
                if !place.is_empty() {
                    place.push('.');
                }
                for letter in key.chars() {
                    if letter.is_ascii_uppercase() {
                        place.push('_');
                    }
                    place.push(letter.to_ascii_lowercase());
                }
            }
            Segment::Seq { index } => place.push_str(&format!("[{index}]")),
            // A field that is not known, or a second one of those that exclude each other: the error names it.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    match place.split_once('.') {
        Some((kind, inside)) if is_kind(kind) => inside.to_owned(),
        _ => place,
    }
}

fn is_kind(field: &str) -> bool {
    let item = descriptor("Item").ok();
    item.and_then(|item| item.get_field_by_name(field)).is_some_and(|field| field.containing_oneof().is_some())
}

/// The envelope of a request in JSON. Items stay text, so that each is judged for itself.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow, default)]
    items: Vec<&'a serde_json::value::RawValue>,
}

/// The JSON form of an answer: names as in the proto file, enum values by name, unset fields left out.
///
/// # Errors
/// None in practice; the mapping's own failures are passed on as [`WireError::Malformed`].
pub fn encode_json(response: &SubmitResponse) -> Result<String, WireError> {
    let mut message = DynamicMessage::new(descriptor("SubmitResponse")?);
    message.transcode_from(response).map_err(|error| WireError::malformed("", error.to_string()))?;
    let mut json = serde_json::Serializer::new(Vec::new());
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(&mut json, &options).map_err(|error| WireError::malformed("", error.to_string()))?;
    String::from_utf8(json.into_inner()).map_err(|error| WireError::malformed("", error.to_string()))
}

fn descriptor(message: &str) -> Result<MessageDescriptor, WireError> {
    DESCRIPTORS
        .get_message_by_name(&format!("gleaner.feedback.v1.{message}"))
        .ok_or_else(|| WireError::malformed(message, "no such message in the proto file"))
}

/// Counts the fields that decoding would keep, at every level.
fn count_fields(message: Message<'_>, descriptor: &MessageDescriptor, count: &mut Count) -> Result<(), WireError> {
    message.fields(|field| {
        let Some(known) = descriptor.get_field(field.tag) else { return Ok(()) };
        count.add()?;
        match known.kind() {
            Kind::Message(inner) => count_fields(field.message("feedback")?, &inner, count),
            _ => Ok(()),
        }
    })
}

struct Count {
    values: usize,
    limit: usize,
}

impl Count {
    fn new(limits: &Limits) -> Self {
        Self { values: 0, limit: limits.max_feedback_values_per_request }
    }

    fn add(&mut self) -> Result<(), WireError> {
        if self.values == self.limit {
            return Err(WireError::TooMany { what: "feedback values", limit: self.limit });
        }
        self.values += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
