//! What a client holds of a query: the query itself. The server keeps nothing for a ticket, and a ticket that somebody made up is a query
//! like any other: the guard looks at it when its rows are asked for.

use std::hash::{BuildHasher as _, RandomState};

use arrow_flight::FlightInfo;
use arrow_flight::sql::{Any, ProstMessageExt as _, TicketStatementQuery};
use bytes::Bytes;
use prost::Message as _;
use tonic::Status;

/// Everything that running a query takes.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Ticket {
    /// Names the query for those who want to cancel it.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) id: Bytes,
    #[prost(string, tag = "2")]
    pub(super) sql: String,
    /// Its parameters: one row, as Arrow's IPC stream. Empty: none.
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) params: Bytes,
    /// As `x-gleaner-as-of` said; empty: the present.
    #[prost(string, tag = "4")]
    pub(super) as_of: String,
    /// Names of the parameters, in their order, where there are some.
    #[prost(string, repeated, tag = "5")]
    pub(super) names: Vec<String>,
}

impl Ticket {
    /// A ticket with an id of its own.
    pub(super) fn new(sql: String, as_of: String) -> Self {
        Self { id: random_id(), sql, params: Bytes::new(), as_of, names: Vec::new() }
    }

    /// As Flight SQL wraps it.
    pub(super) fn to_flight(&self) -> arrow_flight::Ticket {
        let wrapped = TicketStatementQuery { statement_handle: self.encode_to_vec().into() };
        arrow_flight::Ticket::new(wrapped.as_any().encode_to_vec())
    }

    /// Reads the handle of a `TicketStatementQuery`.
    pub(super) fn read(handle: &[u8]) -> Result<Self, Status> {
        Self::decode(handle).map_err(|_| Status::invalid_argument("the ticket is not one of this server"))
    }

    /// The ids of all queries that a `FlightInfo` is for.
    pub(super) fn ids_of(info: &FlightInfo) -> Vec<Bytes> {
        let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
        let wrapped =
            tickets.filter_map(|ticket| Any::decode(&*ticket.ticket).ok()?.unpack::<TicketStatementQuery>().ok()?);
        wrapped.filter_map(|wrapped| Some(Self::read(&wrapped.statement_handle).ok()?.id)).collect()
    }
}

/// 128 bits that nobody can guess: the standard library keys its hashers from the system's randomness.
pub(super) fn random_id() -> Bytes {
    let half = || RandomState::new().hash_one(std::time::SystemTime::now()).to_be_bytes();
    [half(), half()].concat().into()
}
