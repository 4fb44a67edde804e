//! Queries that began when they were told of, and wait for whoever asks for their rows.
//!
//! A client first asks what a query's columns are and then for its rows. Both take planning it, which is most of the time of a short query;
//! so it is begun at the first question, and the second finds its rows under way. Nothing depends on that: a ticket holds the query itself,
//! and one whose rows are asked for later, or twice, is run then.
//!
//! Each holds a place among the queries that run and no more than a client that reads slowly; one that nobody comes for ends soon, and at
//! once when another query waits for its place.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use bytes::Bytes;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::answers::status;
use super::encode::Piece;
use super::running::Ends;
use crate::queries::{MAX_UNCLAIMED, Pieces, Unclaimed};

/// A query whose first rows take longer is told of without them.
const HEAD_START: Duration = Duration::from_millis(100);

/// A query under way.
pub(super) struct Begun {
    rows: Pieces<Piece>,
    /// What was taken of it already.
    head: Option<Piece>,
    /// Where the journal stood before it began.
    journal_head: u64,
    /// It can be cancelled by name for as long.
    _ends: Ends,
}

impl Begun {
    /// A query that began when the journal stood at `journal_head`, or later.
    pub(super) fn new(rows: Pieces<Piece>, journal_head: u64, ends: Ends) -> Self {
        Self { rows, head: None, journal_head, _ends: ends }
    }

    /// Acknowledged records that it does not see.
    pub(super) fn behind(&self) -> u64 {
        self.rows.behind
    }

    /// Its columns, if they come soon.
    ///
    /// # Errors
    /// When it fails that soon.
    pub(super) async fn columns(&mut self) -> Result<Option<SchemaRef>, Status> {
        tokio::time::timeout(HEAD_START, self.columns_at_last()).await.unwrap_or(Ok(None))
    }

    /// Its columns, however long they take.
    ///
    /// # Errors
    /// When it fails before.
    pub(super) async fn columns_at_last(&mut self) -> Result<Option<SchemaRef>, Status> {
        self.head = self.rows.next().await.transpose().map_err(status)?;
        Ok(match &self.head {
            Some(Piece::Columns(schema)) => Some(schema.clone()),
            _ => None,
        })
    }
}

impl Stream for Begun {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head.into_message())));
        }
        let piece = std::task::ready!(Pin::new(&mut self.rows).poll_next(context));
        Poll::Ready(piece.map(|piece| piece.map(Piece::into_message).map_err(status)))
    }
}

/// All that wait. Cheap to clone.
#[derive(Clone)]
pub(super) struct AllBegun {
    waiting: Arc<Mutex<HashMap<Bytes, Begun>>>,
    unclaimed: Unclaimed,
}

impl AllBegun {
    /// None yet. Those that wait are told to `unclaimed`.
    pub(super) fn new(unclaimed: Unclaimed) -> Self {
        Self { waiting: Arc::default(), unclaimed }
    }

    /// Keeps a query for whoever comes for it.
    pub(super) fn keep(&self, id: Bytes, begun: Begun) {
        self.unclaimed.add(begun.rows.control());
        self.waiting().insert(id.clone(), begun);
        let all = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(MAX_UNCLAIMED).await;
            all.take(&id);
        });
    }

    /// A query by the id of its ticket, unless it had to make room for another. Whoever drops it ends it.
    pub(super) fn take(&self, id: &Bytes) -> Option<Begun> {
        let begun = self.waiting().remove(id)?;
        self.unclaimed.claim(begun.rows.control());
        Some(begun).filter(|begun| !begun.rows.control().is_cancelled())
    }

    /// Whether a query waits that sees all that was acknowledged up to `journal_head`.
    pub(super) fn has(&self, id: &Bytes, journal_head: u64) -> bool {
        let waiting = self.waiting();
        let begun = waiting.get(id);
        begun.is_some_and(|begun| begun.journal_head >= journal_head && !begun.rows.control().is_cancelled())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Bytes, Begun>> {
        // Each holder leaves it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
