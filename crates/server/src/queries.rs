//! Queries of strangers, from the request to its rows: waiting for fresh data, a place among the queries that run, a thread for
//! DuckDB, and a channel of fixed length between that thread and the client.
//!
//! HTTP and Flight SQL share it. Invariants: what waits between DuckDB and a client is bounded, whatever the client does; a client
//! that goes away, or takes nothing for [`Queries::stall`], ends its query; an answer that ended early is never taken for a whole one.

use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use gleaner_query::{Checked, Control, Description, Format, Isolation, QueryError, QueryLimits, Sink, Summary};
use gleaner_store::{Params, Reader};
use opentelemetry::trace::SpanKind;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;

use crate::as_of::{AsOf, EarlierStates};
use crate::engine::{FreshReads, Unreadable};
use crate::error::{ErrorCode, Refusal};
use crate::own_traces::OwnTraces;

/// A client that is told of a query comes for its rows within this, or is slower than those who wait for a place.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// A query that was begun is given up after so long in any case.
pub(crate) const MAX_UNCLAIMED: Duration = Duration::from_secs(2);
/// Batches or pieces of text that wait for a slow client.
const WAITING_PIECES: usize = 4;
/// Text goes out in pieces of this size.
const PIECE_BYTES: usize = 256 << 10;
/// An answer up to this size is held until it is whole, so that an error that comes late is still an answer of its own.
const HEAD_BYTES: usize = 1 << 20;

/// Longest message of an error. Clients of HTTP/2 take 8 KiB of headers at least.
const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// One query.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Its text.
    pub(crate) sql: String,
    /// Values for its parameters.
    pub(crate) params: Params,
    /// The state that is asked; the present if absent.
    pub(crate) as_of: Option<AsOf>,
}

/// Where queries are asked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queries {
    /// Fresh reads.
    pub(crate) reads: FreshReads,
    /// States of the store at earlier journal positions.
    pub(crate) earlier: EarlierStates,
    /// Limits of one query.
    pub(crate) limits: Arc<QueryLimits>,
    /// How many queries and exports run at once.
    pub(crate) slots: Arc<Semaphore>,
    /// How long a client may take nothing.
    pub(crate) stall: Duration,
    /// How queries are run that no setting bounds.
    pub(crate) isolation: Arc<Isolation>,
    /// Spans of queries.
    pub(crate) own_traces: OwnTraces,
    /// Queries that run though nobody has asked for their rows yet.
    pub(crate) unclaimed: Unclaimed,
}

/// Queries that were begun for a client that has yet to come for their rows. They hold places among those that run, and give them up when
/// somebody else wants one. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Unclaimed(Arc<Mutex<Vec<(Instant, Control)>>>);

impl Unclaimed {
    /// A query is begun, and waits.
    pub(crate) fn add(&self, control: &Control) {
        let mut waiting = self.waiting();
        waiting.retain(|(since, control)| since.elapsed() < MAX_UNCLAIMED && !control.is_cancelled());
        waiting.push((Instant::now(), control.clone()));
    }

    /// Somebody has come for it.
    pub(crate) fn claim(&self, control: &Control) {
        self.waiting().retain(|(_, other)| !other.is(control));
    }

    /// Ends the one that has waited longest, if that is longer than a client needs.
    fn end_one(&self) {
        let mut waiting = self.waiting();
        if waiting.first().is_some_and(|(since, _)| since.elapsed() > ROUND_TRIP) {
            waiting.remove(0).1.cancel();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Instant, Control)>> {
        // Each holder leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queries {
    /// A place among those that run; waits for one as long as a query may take.
    ///
    /// # Errors
    /// When none gets free.
    pub(crate) async fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let patience = Duration::from_millis(self.limits.deadline_ms);
        let freed = async {
            loop {
                tokio::time::sleep(ROUND_TRIP).await;
                self.unclaimed.end_one();
            }
        };
        let acquired = async {
            tokio::select! {
                biased;
                slot = self.slots.clone().acquire_owned() => slot.ok(),
                () = freed => None,
            }
        };
        match tokio::time::timeout(patience, acquired).await {
            Ok(Some(slot)) => Ok(slot),
            _ => Err(Refusal::new(ErrorCode::Busy, "sql.max_concurrent queries are running, try again")),
        }
    }

    /// A reader of the present, with the number of acknowledged records that it does not see yet, or of an earlier state.
    ///
    /// # Errors
    /// When the store cannot be read, or there is no such state.
    pub(crate) async fn open(&self, as_of: Option<AsOf>) -> Result<(Reader, u64), Refusal> {
        let Some(as_of) = as_of else {
            let (reader, freshness) = self.reads.open().await.map_err(store_unavailable)?;
            return Ok((reader, freshness.behind()));
        };
        let earlier = self.earlier.clone();
        let reader = tokio::task::spawn_blocking(move || earlier.reader(as_of, &mut |_, _| {}))
            .await
            .map_err(|_| Refusal::new(ErrorCode::Unavailable, "the earlier state was given up"))?
            .map_err(|e| Refusal::new(ErrorCode::Invalid, format!("{e:#}")))?;
        Ok((reader, 0))
    }

    /// The columns of the answer and the names of the parameters. Nothing is run, and no data is waited for. It is planning, and for some
    /// queries a process, so that it takes a place among those that run.
    ///
    /// # Errors
    /// When the query is refused, or no place gets free.
    pub(crate) async fn describe(&self, question: &Question) -> Result<Description, Refusal> {
        let slot = self.slot().await?;
        self.describe_in(Some(slot), question).await
    }

    /// [`Queries::describe`], for one that runs and has a place.
    ///
    /// # Errors
    /// When the query is refused.
    pub(crate) async fn describe_in(
        &self,
        slot: Option<OwnedSemaphorePermit>,
        question: &Question,
    ) -> Result<Description, Refusal> {
        let reader = self.reads.reader().map_err(store_unavailable)?;
        let (question, limits, isolation) = (question.clone(), self.limits.clone(), self.isolation.clone());
        let described = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            gleaner_query::describe(&reader, Some(&isolation), &question.sql, &question.params, &limits)
        });
        described.await.map_err(|_| given_up())?.map_err(query_refused)
    }

    /// What `work` makes of the rows of a query, as they come.
    ///
    /// # Errors
    /// When there is no place for it, or the store cannot be read. What the query itself does wrong comes with the rows.
    pub(crate) async fn rows<T: Send + 'static>(
        &self,
        question: Question,
        control: Control,
        work: impl FnOnce(&Ask<'_>, Pipe<T>) -> Result<(), QueryError> + Send + 'static,
    ) -> Result<Pieces<T>, Refusal> {
        let slot = self.slot().await?;
        self.start(slot, question, control, work).await
    }

    /// As [`Queries::rows`], if a place is free now.
    ///
    /// # Errors
    /// As [`Queries::rows`].
    pub(crate) async fn rows_if_free<T: Send + 'static>(
        &self,
        question: Question,
        control: Control,
        work: impl FnOnce(&Ask<'_>, Pipe<T>) -> Result<(), QueryError> + Send + 'static,
    ) -> Result<Option<Pieces<T>>, Refusal> {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else { return Ok(None) };
        self.start(slot, question, control, work).await.map(Some)
    }

    /// What the guard says of a query.
    ///
    /// # Errors
    /// When it refuses it.
    pub(crate) async fn check(&self, sql: &str) -> Result<Checked, Refusal> {
        let (sql, max_sql_bytes) = (sql.to_owned(), self.limits.max_sql_bytes);
        let checked = tokio::task::spawn_blocking(move || gleaner_query::check(&sql, max_sql_bytes));
        checked.await.map_err(|_| given_up())?.map_err(query_refused)
    }

    /// The answer of a query as text or a file, in pieces. A short one comes as one piece that is the whole.
    ///
    /// # Errors
    /// As [`Queries::rows`].
    pub(crate) async fn text(
        &self,
        question: Question,
        format: Format,
        control: Control,
    ) -> Result<Pieces<Text>, Refusal> {
        let write = move |ask: &Ask<'_>, out: Pipe<Text>| {
            let mut out = TextSink { out, held: Vec::new(), is_streaming: false };
            let control = out.out.control.clone();
            let Question { sql, params, .. } = ask.question;
            let run = gleaner_query::run;
            let summary = run(ask.reader, Some(ask.isolation), sql, params, format, ask.limits, &control, &mut out)?;
            out.finish(summary, ask.limits)
        };
        self.rows(question, control, write).await
    }

    /// The slot belongs to the query, not to its client: one that hangs up ends the query, which then gives the slot back.
    async fn start<T: Send + 'static>(
        &self,
        slot: OwnedSemaphorePermit,
        question: Question,
        control: Control,
        work: impl FnOnce(&Ask<'_>, Pipe<T>) -> Result<(), QueryError> + Send + 'static,
    ) -> Result<Pieces<T>, Refusal> {
        let mut span = self.own_traces.begin("query", SpanKind::Server);
        span.set("gleaner.as_of", question.as_of.is_some());
        let waiting = span.child("query.wait_for_store");
        let (reader, behind) =
            self.open(question.as_of).await.inspect_err(|refusal| span.fail(refusal.code.reason()))?;
        drop(waiting);
        span.set("gleaner.behind", behind);
        let (sender, receiver) = mpsc::channel(WAITING_PIECES);
        let pipe =
            Pipe { sender: sender.clone(), control: control.clone(), stall: self.stall, runtime: Handle::current() };
        let giving_way = control.clone();
        let (limits, isolation) = (self.limits.clone(), self.isolation.clone());
        // A thread of its own: one of the runtime's could not take back its claim to the processors.
        let query = move || {
            let _slot = slot;
            gleaner_query::give_way();
            giving_way.give_way();
            let ask = Ask { reader: &reader, question: &question, limits: &limits, isolation: &isolation };
            let last = match work(&ask, pipe) {
                Ok(()) => Piece::End,
                Err(error) => {
                    span.fail("query");
                    Piece::Failed(error)
                }
            };
            drop(span);
            drop(reader);
            // Nobody may be there any more.
            let _ = sender.blocking_send(last);
        };
        std::thread::Builder::new().name("query".into()).spawn(query).map_err(|_| given_up())?;
        Ok(Pieces { behind, receiver: Some(receiver), control })
    }
}

/// A query on its thread.
pub(crate) struct Ask<'a> {
    reader: &'a Reader,
    question: &'a Question,
    limits: &'a QueryLimits,
    isolation: &'a Isolation,
}

impl Ask<'_> {
    /// Limits of the answer.
    pub(crate) fn limits(&self) -> &QueryLimits {
        self.limits
    }

    /// Runs the query.
    pub(crate) fn execute(&self, control: &Control, sink: &mut dyn Sink) -> Result<SchemaRef, QueryError> {
        let Question { sql, params, .. } = self.question;
        gleaner_query::execute(self.reader, Some(self.isolation), sql, params, self.limits, control, sink)
    }
}

/// What comes through the channel.
#[derive(Debug)]
enum Piece<T> {
    Data(T),
    /// Everything was sent. A channel that ends without it broke off.
    End,
    Failed(QueryError),
}

/// The receiving end: a stream of pieces. Dropping it cancels the query.
pub(crate) struct Pieces<T> {
    /// Acknowledged records that the answer does not see yet.
    pub(crate) behind: u64,
    receiver: Option<mpsc::Receiver<Piece<T>>>,
    control: Control,
}

impl<T> Pieces<T> {
    /// The handle of the query.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }
}

impl<T> Stream for Pieces<T> {
    type Item = Result<T, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(receiver) = &mut self.receiver else { return Poll::Ready(None) };
        let piece = std::task::ready!(receiver.poll_recv(context));
        if let Some(Piece::Data(data)) = piece {
            return Poll::Ready(Some(Ok(data)));
        }
        self.receiver = None;
        Poll::Ready(match piece {
            Some(Piece::Failed(error)) => Some(Err(error)),
            Some(_) => None,
            None => Some(Err(QueryError::Cancelled)),
        })
    }
}

impl<T> Drop for Pieces<T> {
    fn drop(&mut self) {
        self.control.cancel();
    }
}

/// The sending end, on DuckDB's thread.
pub(crate) struct Pipe<T> {
    sender: mpsc::Sender<Piece<T>>,
    control: Control,
    stall: Duration,
    runtime: Handle,
}

impl<T> Pipe<T> {
    /// The handle of the query.
    pub(crate) fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits for room, for as long as a client may stall.
    pub(crate) fn send(&self, data: T) -> Result<(), QueryError> {
        let data = match self.sender.try_send(Piece::Data(data)) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(QueryError::Cancelled),
            Err(mpsc::error::TrySendError::Full(data)) => data,
        };
        let sent = self
            .control
            .during(|| self.runtime.block_on(async { tokio::time::timeout(self.stall, self.sender.send(data)).await }));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(QueryError::Cancelled),
            Err(_) => Err(QueryError::Stalled { stall_ms: u64::try_from(self.stall.as_millis()).unwrap_or(u64::MAX) }),
        }
    }
}

/// A piece of an answer as text.
#[derive(Debug)]
pub(crate) enum Text {
    /// All of it.
    Whole(Bytes, Summary),
    /// A part; more follow, or the end.
    Part(Bytes),
}

struct TextSink {
    out: Pipe<Text>,
    held: Vec<u8>,
    /// Parts were sent.
    is_streaming: bool,
}

impl Write for TextSink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= if self.is_streaming { PIECE_BYTES } else { HEAD_BYTES } {
            self.is_streaming = true;
            let part = Bytes::from(std::mem::take(&mut self.held));
            self.out.send(Text::Part(part)).map_err(std::io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl TextSink {
    /// A part that a limit cut would be taken for the whole: only an answer that can still say so may be cut.
    fn finish(self, summary: Summary, limits: &QueryLimits) -> Result<(), QueryError> {
        let rest = Bytes::from(self.held);
        if !self.is_streaming {
            return self.out.send(Text::Whole(rest, summary));
        }
        if summary.truncated && summary.rows >= limits.max_rows {
            return Err(QueryError::AnswerTooLarge { limit_name: "sql.max_rows", limit: limits.max_rows });
        }
        if summary.truncated {
            let limit = limits.max_result_bytes;
            return Err(QueryError::AnswerTooLarge { limit_name: "sql.max_result_mib (in bytes)", limit });
        }
        self.out.send(Text::Part(rest))
    }
}

fn given_up() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, "the query was given up")
}

/// A query that the guard or DuckDB refuses, or that takes too much, is the client's to mend; a store that fails is not.
pub(crate) fn query_refused(error: QueryError) -> Refusal {
    match error {
        QueryError::Store(error) => store_unavailable(error),
        QueryError::Apart(error) => {
            tracing::error!(%error, "a query's process does not start, or its copies have no room");
            Refusal::new(ErrorCode::Unavailable, "the query cannot be run apart now")
        }
        error => Refusal::new(ErrorCode::Invalid, shortened(error.to_string())),
    }
}

/// It may quote the query, and gRPC sends it in a header.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
    message
}

pub(crate) fn store_unavailable(error: impl Into<Unreadable>) -> Refusal {
    let error = error.into();
    if let Unreadable::NotOpen(_) = error {
        return Refusal::new(ErrorCode::Unavailable, error.to_string());
    }
    tracing::error!(%error, "the store gives no reader");
    Refusal::new(ErrorCode::Unavailable, "the store cannot be read now, telemetry and feedback are still taken")
}
