//! Keys that libraries copy from their context onto every span, whatever it tells of: sessions, users.
//!
//! OpenLLMetry's and Laminar's association properties. The application chooses their names: the usual ones are read.

use super::otel_genai::provider;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan};

/// Prefixes of association properties.
const PREFIXES: &[&str] = &["traceloop.association.properties.", "lmnr.association.properties."];

/// Reads what any span may carry.
pub(super) fn read(span: &MergedSpan) -> Mapped {
    let mut reader = Reader::new(span);
    let session = property(&mut reader, "session_key", &["session_id", "sessionId", "session.id"]).map(|id| (0, id));
    let thread = ["thread_id", "threadId", "conversation_id", "conversationId", "chat_id", "chatId"];
    reader.mapped.session_key = session.or_else(|| Some((1, property(&mut reader, "session_key", &thread)?)));
    let user = property(&mut reader, "user_key", &["user_id", "userId", "user.id", "customer_id", "customerId"]);
    // The `user` parameter of a request: OpenLLMetry's keys for it.
    reader.mapped.user_key = user.or_else(|| reader.text("user_key", &["gen_ai.user", "llm.user"]));
    // LangChain callbacks name the framework where the provider belongs, and the provider here.
    reader.mapped.provider = property(&mut reader, "provider", &["ls_provider"]).as_deref().and_then(provider);
    reader.mapped
}

/// The first of several properties that says something.
fn property(reader: &mut Reader, field: &str, names: &[&str]) -> Option<String> {
    PREFIXES.iter().find_map(|prefix| {
        let keys: Vec<String> = names.iter().map(|name| format!("{prefix}{name}")).collect();
        reader.text(field, &keys.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests;
