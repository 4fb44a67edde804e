//! The one way in for feedback: validate each item, answer repeats, journal the rest, answer per item. gRPC and JSON both call
//! [`Feedback::submit`].
//!
//! Items are validated one by one (`gleaner_normalize::feedback`); a bad one is refused alone. Nothing here reads the store: the
//! idempotency keys are held in memory (32 bytes and some overhead an item), filled from the store once it is open, so that
//! feedback is taken while DuckDB is busy, or breaks later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gleaner_journal::Journal;
use gleaner_model::FeedbackItem;
use gleaner_normalize::feedback::{FeedbackLimits, validate_within};
use gleaner_store::FeedbackKey;
use gleaner_wire::WireError;
use gleaner_wire::feedback::{Item, ItemResult, SubmitResponse, item_result::Status};
use tokio::sync::Mutex;

use crate::error::{ErrorCode, Refusal};
use crate::ingest::{ENCODING_JSON, RecordKind, journal_durably, now_unix_nano, record};

/// Takes feedback. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feedback {
    journal: Journal,
    /// Held over the journal write: two requests with one key must not both find it free.
    known: Arc<Mutex<Option<Known>>>,
    limits: Arc<FeedbackLimits>,
    max_items: usize,
    timeout: Duration,
}

/// An item as it came, or why it cannot be read: then it is refused like any other bad item.
pub(crate) type Sent = Result<Item, WireError>;

/// Item id to content hash, both as their first 16 bytes: the item id is derived from the key.
type Known = HashMap<(String, u128), u128>;

impl Feedback {
    /// Takes nothing before [`Feedback::begin`].
    pub(crate) fn new(journal: Journal, limits: FeedbackLimits, max_items: usize, timeout: Duration) -> Self {
        Self { journal, known: Arc::default(), limits: Arc::new(limits), max_items, timeout }
    }

    /// Begins to take feedback. `keys`: what the store holds already.
    pub(crate) async fn begin(&self, keys: Vec<FeedbackKey>) {
        let known = keys.into_iter().map(|k| ((k.project, digest(&k.item_id)), digest(&k.content_hash))).collect();
        *self.known.lock().await = Some(known);
    }

    /// Answers every item, in order. Items answered ACCEPTED are on disk when this returns.
    ///
    /// # Errors
    /// For the request as a whole: too many items, or the journal cannot be written (then nothing is known to be stored, and
    /// sending again is harmless).
    pub(crate) async fn submit(&self, project: &str, items: Vec<Sent>) -> Result<SubmitResponse, Refusal> {
        if items.len() > self.max_items {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                format!("items has {} entries, the limit is {}", items.len(), self.max_items),
            ));
        }
        // In a task of its own: a client that hangs up must not stop it between noting a key and knowing the item on disk.
        let (feedback, project) = (self.clone(), project.to_owned());
        tokio::spawn(async move { feedback.judge_and_write(&project, items).await })
            .await
            .unwrap_or_else(|_| Err(Refusal::new(ErrorCode::Unavailable, "the items were given up, try again later")))
    }

    async fn judge_and_write(&self, project: &str, items: Vec<Sent>) -> Result<SubmitResponse, Refusal> {
        let arrived_at = now_unix_nano();
        let mut known = self.known.lock().await;
        let Some(known) = known.as_mut() else {
            return Err(Refusal::new(
                ErrorCode::Unavailable,
                "feedback is taken once the store is open: /readyz of the API says what is in the way",
            ));
        };
        let mut fresh: Vec<FeedbackItem> = Vec::new();
        let mut added: Vec<((String, u128), u128)> = Vec::new();
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            results.push(match item {
                Ok(item) => self.judge(project, item, arrived_at, known, &mut added, &mut fresh),
                Err(unreadable) => refused(unreadable.field().to_owned(), unreadable.to_string()),
            });
        }
        if fresh.is_empty() {
            return Ok(SubmitResponse { results });
        }
        if let Err(refusal) = self.write(project, &fresh).await {
            // Not known to be stored: a retry must not be answered as a repeat.
            for (key, _) in added {
                known.remove(&key);
            }
            return Err(refusal);
        }
        Ok(SubmitResponse { results })
    }

    fn judge(
        &self,
        project: &str,
        item: Item,
        arrived_at: u64,
        known: &mut Known,
        added: &mut Vec<((String, u128), u128)>,
        fresh: &mut Vec<FeedbackItem>,
    ) -> ItemResult {
        let item = match validate_within(&self.limits, project, item, arrived_at) {
            Ok(item) => item,
            Err(rejection) => return refused(rejection.field, rejection.message),
        };
        let (key, content) = ((project.to_owned(), digest(&item.item_id)), digest(&item.content_hash));
        match known.get(&key) {
            Some(first) if *first == content => answer(Status::Repeated, item.item_id),
            Some(_) => refused(
                "idempotency_key".into(),
                format!(
                    "idempotency_key {:?} was used for other content, item {}",
                    item.idempotency_key.unwrap_or_default(),
                    item.item_id
                ),
            ),
            None => {
                known.insert(key.clone(), content);
                added.push((key, content));
                let accepted = answer(Status::Accepted, item.item_id.clone());
                fresh.push(item);
                accepted
            }
        }
    }

    async fn write(&self, project: &str, items: &[FeedbackItem]) -> Result<(), Refusal> {
        let payload = serde_json::to_vec(items)
            .map_err(|e| Refusal::new(ErrorCode::Invalid, format!("items cannot be written as JSON: {e}")))?;
        let record = record(RecordKind::Feedback, ENCODING_JSON, project.to_owned(), payload);
        journal_durably(&self.journal, record, self.timeout).await?;
        Ok(())
    }
}

fn answer(status: Status, item_id: String) -> ItemResult {
    ItemResult { status: status.into(), item_id, message: String::new(), field: String::new() }
}

fn refused(field: String, message: String) -> ItemResult {
    ItemResult { status: Status::Refused.into(), item_id: String::new(), message, field }
}

/// The first 16 bytes of a hex hash. Ids are hex by construction; anything else is hashed by its bytes.
fn digest(hex: &str) -> u128 {
    u128::from_str_radix(hex.get(..32).unwrap_or(""), 16).unwrap_or_else(|_| {
        hex.bytes().fold(0xcbf2_9ce4_8422_2325_u128, |h, b| (h ^ u128::from(b)).wrapping_mul(0x0100_0000_01b3))
    })
}

#[cfg(test)]
mod tests;
