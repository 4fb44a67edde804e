//! What questions and answers of Flight SQL have in common.

use std::pin::Pin;

use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow::record_batch::RecordBatch;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::ProstMessageExt;
use arrow_flight::{
    FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket as FlightTicket,
};
use bytes::Bytes;
use gleaner_query::QueryError;
use prost::Message;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::params;
use super::ticket::Ticket;
use crate::as_of::AsOf;
use crate::queries::{Question, query_refused};

/// Of every call: the state that is asked.
const AS_OF_HEADER: &str = "x-gleaner-as-of";

/// Rows as they go to a client.
pub(super) type Rows = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send + 'static>>;

pub(super) fn question(ticket: &Ticket) -> Result<Question, Status> {
    let params = params::from_ipc(&ticket.params, &ticket.names)?;
    Ok(Question { sql: ticket.sql.clone(), params, as_of: parse_as_of(&ticket.as_of)? })
}

pub(super) fn as_of<T>(request: &Request<T>) -> Result<String, Status> {
    let Some(value) = request.metadata().get(AS_OF_HEADER) else { return Ok(String::new()) };
    let text = value.to_str().map_err(|_| Status::invalid_argument("x-gleaner-as-of is not text"))?;
    parse_as_of(text)?;
    Ok(text.to_owned())
}

pub(super) fn parse_as_of(text: &str) -> Result<Option<AsOf>, Status> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(Status::invalid_argument) }
}

pub(super) fn no_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    match id {
        None => Ok(()),
        Some(_) => Err(Status::unimplemented("there are no transactions: every query reads one state of the store")),
    }
}

/// As gRPC tells it. The message is the one of HTTP.
pub(super) fn status(error: QueryError) -> Status {
    match error {
        error @ QueryError::Deadline { .. } => Status::deadline_exceeded(error.to_string()),
        error @ (QueryError::Cancelled | QueryError::Stalled { .. }) => Status::cancelled(error.to_string()),
        error @ (QueryError::AnswerTooLarge { .. } | QueryError::OutOfMemory) => {
            Status::resource_exhausted(error.to_string())
        }
        error => query_refused(error).to_status(),
    }
}

/// One endpoint without a location: the rows are to be had from whom this was asked.
pub(super) fn info(schema: &Schema, ticket: FlightTicket, asked: FlightDescriptor) -> Result<FlightInfo, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(ticket);
    let info = FlightInfo::new().try_with_schema(schema).map_err(FlightError::from)?;
    Ok(info.with_endpoint(endpoint).with_descriptor(asked).with_ordered(true))
}

/// A question about the server is its own ticket.
pub(super) fn told<C: ProstMessageExt>(
    schema: &Schema,
    command: &C,
    request: Request<FlightDescriptor>,
) -> Result<Response<FlightInfo>, Status> {
    let ticket = FlightTicket::new(command.as_any().encode_to_vec());
    info(schema, ticket, request.into_inner()).map(Response::new)
}

pub(super) fn whole(batch: RecordBatch) -> Result<Response<Rows>, Status> {
    Ok(Response::new(encoded(tokio_stream::once(Ok(batch)))))
}

pub(super) fn encoded(batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static) -> Rows {
    Box::pin(FlightDataEncoderBuilder::new().build(batches).map(|data| data.map_err(Status::from)))
}

pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: IpcMessage = SchemaAsIpc::new(schema, &options).try_into().map_err(FlightError::from)?;
    Ok(message.0)
}
