//! Keys that libraries copy from their context onto every span, whatever it tells of: sessions, users, ancestors.
//!
//! OpenLLMetry's and Laminar's association properties, whose names the application chooses: the usual ones are read. And
//! Laminar's path of span ids, written as UUIDs with the id in the last eight bytes.

use serde_json::Value;

use super::otel_genai::provider;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan};
use crate::value::structured;

/// Prefixes of association properties.
const PREFIXES: &[&str] = &["traceloop.association.properties.", "lmnr.association.properties."];

/// Keys of platforms whose processors write them on every span that passes: Respan (before: Keywords AI), PostHog,
/// HoneyHive. They have no names for what a span tells of, which stands in the keys of others.
const SESSIONS: &[&str] = &["respan.sessions.session_identifier", "$session_id"];
const THREADS: &[&str] = &[
    "respan.threads.thread_identifier",
    "keywordsai.threads.thread_identifier",
    "honeyhive_session_id",
    "honeyhive.session_id",
];
const USERS: &[&str] = &[
    "respan.customer_params.customer_identifier",
    "keywordsai.customer_params.customer_identifier",
    "posthog.distinct_id",
    "honeyhive_user_properties.user_id",
    "honeyhive_user_id",
];

/// Reads what any span may carry.
pub(super) fn read(span: &MergedSpan) -> Mapped {
    let mut reader = Reader::new(span);
    let session = property(&mut reader, "session_key", &["session_id", "sessionId", "session.id"]);
    let session = session.or_else(|| reader.text("session_key", SESSIONS)).map(|id| (0, id));
    let thread = ["thread_id", "threadId", "conversation_id", "conversationId", "chat_id", "chatId"];
    let thread = |reader: &mut Reader| {
        property(reader, "session_key", &thread).or_else(|| reader.text("session_key", THREADS)).map(|id| (1, id))
    };
    reader.mapped.session_key = session.or_else(|| thread(&mut reader));
    let user = property(&mut reader, "user_key", &["user_id", "userId", "user.id", "customer_id", "customerId"]);
    // The `user` parameter of a request: OpenLLMetry's keys for it.
    let user = user.or_else(|| reader.text("user_key", &["gen_ai.user", "llm.user"]));
    reader.mapped.user_key = user.or_else(|| reader.text("user_key", USERS));
    // LangChain callbacks name the framework where the provider belongs, and the provider here.
    reader.mapped.provider = property(&mut reader, "provider", &["ls_provider"]).as_deref().and_then(provider);
    reader.mapped.ancestors = ancestors(&reader);
    reader.mapped
}

/// Laminar's path without the span itself.
fn ancestors(reader: &Reader) -> Option<Vec<String>> {
    let path = structured(reader.attributes().get("lmnr.span.ids_path")?);
    let ids: Vec<String> = path.as_array()?.iter().filter_map(Value::as_str).filter_map(span_id).collect();
    let (_, above) = ids.split_last()?;
    (!above.is_empty()).then(|| above.to_vec())
}

/// `00000000-0000-0000-d8a1-0cea38a44c56` is the span `d8a10cea38a44c56`.
fn span_id(uuid: &str) -> Option<String> {
    let hex: String = uuid.chars().filter(|c| *c != '-').collect();
    let (zeros, id) = hex.split_at_checked(16)?;
    (id.len() == 16 && zeros.bytes().all(|byte| byte == b'0')).then(|| id.to_ascii_lowercase())
}

/// The first of several properties that says something.
fn property(reader: &mut Reader, field: &str, names: &[&str]) -> Option<String> {
    let has_any = |prefix: &&&str| reader.attributes().keys().any(|key| key.starts_with(**prefix));
    // Most spans have none: no key is put together for those.
    let prefixes: Vec<&&str> = PREFIXES.iter().filter(has_any).collect();
    prefixes.into_iter().find_map(|prefix| {
        let keys: Vec<String> = names.iter().map(|name| format!("{prefix}{name}")).collect();
        reader.text(field, &keys.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests;
