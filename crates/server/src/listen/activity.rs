//! What one connection is doing: nothing since when, or which requests since when.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ConnectionLimits;
use super::idle::{IdleConnections, Place};

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing was asked for too long.
    Idle,
    /// A request is too old.
    Request,
}

/// The activity of one connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Activity(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
    evicted: Arc<Notify>,
    idle: IdleConnections,
}

struct State {
    /// Requests in answer: when each began, and its number in the connection.
    in_answer: BTreeSet<(Instant, u64)>,
    requests: u64,
    idle_since: Instant,
    /// In the queue of idle connections; `None` while a request is in answer.
    place: Option<Place>,
}

impl Activity {
    /// A connection that has just been taken: idle.
    pub(super) fn new(idle: &IdleConnections) -> Self {
        let evicted = Arc::new(Notify::new());
        let place = Some(idle.enter(evicted.clone()));
        let state = State { in_answer: BTreeSet::new(), requests: 0, idle_since: Instant::now(), place };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new(), evicted, idle: idle.clone() }))
    }

    /// A request's head is there. It is in answer until the guard is dropped.
    pub(super) fn begin(&self) -> Answering {
        let key = {
            let mut state = self.state();
            state.requests += 1;
            state.place = None;
            let key = (Instant::now(), state.requests);
            state.in_answer.insert(key);
            key
        };
        self.0.changed.notify_one();
        Answering { activity: self.clone(), key }
    }

    /// Waits until a request begins or ends.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Waits until the place of this connection is needed while it is idle: one that has got a request meanwhile stays.
    pub(super) async fn evicted(&self) {
        loop {
            self.0.evicted.notified().await;
            if self.state().in_answer.is_empty() {
                return;
            }
        }
    }

    /// When to look again whether something is overdue.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Instant {
        let state = self.state();
        match state.in_answer.first() {
            None => state.idle_since + state.idle_timeout(limits),
            // A day: no deadline.
            Some((began, _)) => limits
                .max_request_age
                .map_or_else(|| Instant::now() + std::time::Duration::from_secs(86_400), |age| *began + age),
        }
    }

    /// What is overdue now.
    pub(super) fn overdue(&self, limits: &ConnectionLimits) -> Option<Overdue> {
        let now = Instant::now();
        let state = self.state();
        match state.in_answer.first() {
            None => (now >= state.idle_since + state.idle_timeout(limits)).then_some(Overdue::Idle),
            Some((began, _)) => limits.max_request_age.filter(|age| now >= *began + *age).map(|_| Overdue::Request),
        }
    }

    fn end(&self, key: &(Instant, u64)) {
        {
            let mut state = self.state();
            state.in_answer.remove(key);
            if state.in_answer.is_empty() {
                state.idle_since = Instant::now();
                state.place = Some(self.0.idle.enter(self.0.evicted.clone()));
            }
        }
        self.0.changed.notify_one();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn idle_timeout(&self, limits: &ConnectionLimits) -> std::time::Duration {
        if self.requests == 0 { limits.first_request_timeout } else { limits.idle_timeout }
    }
}

/// A request in answer.
pub(super) struct Answering {
    activity: Activity,
    key: (Instant, u64),
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.activity.end(&self.key);
    }
}

/// The body of an answer: its request is in answer until the last byte was taken, or the body was given up.
pub(super) struct InAnswer {
    body: Body,
    _answering: Answering,
}

impl InAnswer {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl HttpBody for InAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
