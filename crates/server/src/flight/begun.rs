//! Queries that began when they were told of, and wait for whoever asks for their rows.
//!
//! A client first asks what a query's columns are and then for its rows. Both take planning it, which is most of the time of a short query;
//! so it is begun at the first question, and the second finds its rows under way. Nothing depends on that: a ticket holds the query itself,
//! and one whose rows are asked for later, or twice, is run then.
//!
//! Each holds a place among the queries that run and no more than a client that reads slowly; one that nobody comes for ends soon.

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
use crate::queries::Pieces;

/// Between the two questions of a client lies one round trip.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// A query whose first rows take longer is told of without them.
const HEAD_START: Duration = Duration::from_millis(100);

/// A query under way.
pub(super) struct Begun {
    rows: Pieces<Piece>,
    /// What was taken of it already.
    head: Option<Piece>,
    /// It can be cancelled by name for as long.
    _ends: Ends,
}

impl Begun {
    pub(super) fn new(rows: Pieces<Piece>, ends: Ends) -> Self {
        Self { rows, head: None, _ends: ends }
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
        let Ok(first) = tokio::time::timeout(HEAD_START, self.rows.next()).await else { return Ok(None) };
        self.head = first.transpose().map_err(status)?;
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
#[derive(Clone, Default)]
pub(super) struct AllBegun(Arc<Mutex<HashMap<Bytes, Begun>>>);

impl AllBegun {
    /// Keeps a query for whoever comes for it.
    pub(super) fn keep(&self, id: Bytes, begun: Begun) {
        self.waiting().insert(id.clone(), begun);
        let all = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(MAX_WAIT).await;
            all.take(&id);
        });
    }

    /// A query by the id of its ticket. Whoever drops it ends it.
    pub(super) fn take(&self, id: &Bytes) -> Option<Begun> {
        self.waiting().remove(id)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Bytes, Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
