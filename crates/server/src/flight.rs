//! Arrow Flight SQL on the API's port: what ADBC, JDBC and ODBC drivers speak.
//!
//! A query is guarded, bounded and made fresh as over HTTP: both go through [`Queries`]. Its columns are known before it runs;
//! its ticket is the query itself, so that the server holds nothing between `GetFlightInfo` and `DoGet`. Parameters are bound as values.
//! Whatever would write, and transactions, answer `UNIMPLEMENTED` or are refused by the guard.
//!
//! Of every call's metadata `x-gleaner-as-of` is read; answers carry `x-gleaner-behind` where they lag.

mod keys;
mod metadata;
mod params;
mod prepared;
mod running;
mod ticket;

use std::pin::Pin;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult,
    ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightData, FlightDescriptor,
    FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket as FlightTicket,
};
use bytes::Bytes;
use gleaner_query::{Description, QueryError};
use gleaner_store::Params;
use prost::Message;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use crate::api_http::BEHIND_HEADER;
use crate::as_of::AsOf;
use crate::queries::{Queries, Question, query_refused};
use keys::{foreign_keys, primary_keys};
use metadata::{CATALOG, SCHEMA, TABLE_TYPE};
use prepared::{Statement, Statements};
use running::Running;
use ticket::Ticket;

/// Of every call: the state that is asked.
const AS_OF_HEADER: &str = "x-gleaner-as-of";
/// Values bound to one statement.
const MAX_PARAMS_BYTES: usize = 1 << 20;
/// The action of Flight itself, which came after Flight SQL's own `CancelQuery`.
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

type Rows = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send + 'static>>;
type Relations = Arc<Vec<(&'static str, SchemaRef)>>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FlightSql {
    queries: Queries,
    statements: Statements,
    running: Running,
    about_server: Arc<SqlInfoData>,
    about_types: Arc<XdbcTypeInfoData>,
    /// Columns of the public relations; they stay as long as the program.
    relations: Arc<tokio::sync::OnceCell<Relations>>,
}

impl FlightSql {
    /// Serves `queries`.
    ///
    /// # Errors
    /// When what it tells of itself cannot be put into Arrow.
    pub(crate) fn new(queries: Queries) -> anyhow::Result<Self> {
        let about_server = Arc::new(metadata::sql_info(&queries.limits)?);
        let about_types = Arc::new(metadata::type_info()?);
        let (statements, running) = (Statements::default(), Running::default());
        Ok(Self { queries, statements, running, about_server, about_types, relations: Arc::default() })
    }

    async fn relations(&self) -> Result<Relations, Status> {
        let read = || async {
            let reader = self.queries.reads.reader().map_err(|e| status(QueryError::Store(e)))?;
            let limits = self.queries.limits.clone();
            let relations = tokio::task::spawn_blocking(move || metadata::relations(&reader, &limits));
            let relations = relations.await.map_err(|_| Status::unavailable("the columns could not be read"))?;
            Ok::<_, Status>(Arc::new(relations.map_err(status)?))
        };
        self.relations.get_or_try_init(read).await.cloned()
    }

    async fn info_of(&self, ticket: Ticket, names: &[String], asked: FlightDescriptor) -> Result<FlightInfo, Status> {
        let question = question(&ticket, names)?;
        let described = self.queries.describe(&question).await.map_err(|refusal| refusal.to_status())?;
        info(&described.schema, ticket.to_flight(), asked)
    }

    async fn rows_of(&self, ticket: &Ticket) -> Result<Response<Rows>, Status> {
        let (control, ended) = self.running.begin(&ticket.id)?;
        // Names are asked for only where they matter.
        let names = if ticket.params.is_empty() {
            Vec::new()
        } else {
            let named = question(ticket, &[])?;
            self.queries.describe(&named).await.map_err(|refusal| refusal.to_status())?.parameters
        };
        let question = question(ticket, &names)?;
        let rows = self.queries.rows(question, control).await.map_err(|refusal| refusal.to_status())?;
        let behind = rows.behind;
        let rows = rows.map(move |batch| {
            let _until_the_last_row = &ended;
            batch.map_err(|error| FlightError::Tonic(Box::new(status(error))))
        });
        let mut response = Response::new(encoded(rows));
        if behind > 0 {
            response.metadata_mut().insert(BEHIND_HEADER, behind.into());
        }
        Ok(response)
    }

    fn cancel(&self, info: &FlightInfo) -> CancelStatus {
        let ids = Ticket::ids_of(info);
        if ids.is_empty() {
            return CancelStatus::NotCancellable;
        }
        ids.into_iter().for_each(|id| self.running.cancel(id));
        CancelStatus::Cancelled
    }
}

#[tonic::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = Self;

    // --- queries

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        no_transaction(query.transaction_id.as_ref())?;
        let ticket = Ticket::new(query.query, Bytes::new(), as_of(&request)?);
        Ok(Response::new(self.info_of(ticket, &[], request.into_inner()).await?))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        self.rows_of(&Ticket::read(&ticket.statement_handle)?).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        no_transaction(query.transaction_id.as_ref())?;
        let as_of = as_of(&request)?;
        let question = Question { sql: query.query, params: Params::default(), as_of: parse_as_of(&as_of)? };
        let Description { schema, parameters: names } =
            self.queries.describe(&question).await.map_err(|refusal| refusal.to_status())?;
        // DuckDB does not tell the types of parameters; text is compared with numbers and times as such.
        let parameters: Vec<_> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let statement = Statement { sql: question.sql, as_of, names, params: Bytes::new() };
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: self.statements.add(statement),
            dataset_schema: schema_bytes(&schema)?,
            parameter_schema: schema_bytes(&Schema::new(parameters))?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        self.statements.close(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let mut left = MAX_PARAMS_BYTES;
        let sent = request.into_inner().map(move |data| {
            let data = data.map_err(|e| FlightError::Tonic(Box::new(e)))?;
            let bytes = data.data_body.len() + data.data_header.len();
            left = left.checked_sub(bytes).ok_or_else(|| {
                let message = format!("the parameters are larger than {MAX_PARAMS_BYTES} bytes");
                FlightError::Tonic(Box::new(Status::resource_exhausted(message)))
            })?;
            Ok(data)
        });
        let mut sent = FlightRecordBatchStream::new_from_flight_data(sent);
        let mut bound: Option<RecordBatch> = None;
        while let Some(batch) = sent.next().await {
            let batch = batch?;
            let rows = batch.num_rows() + bound.as_ref().map_or(0, RecordBatch::num_rows);
            if rows > 1 {
                return Err(Status::invalid_argument("one row of parameters can be bound to a query, got more"));
            }
            bound = if batch.num_rows() == 0 { bound } else { Some(batch) };
        }
        let bytes = bound.map_or(Ok(Bytes::new()), |batch| params::to_ipc(&batch))?;
        let statement = self.statements.get(&query.prepared_statement_handle)?;
        // What cannot be bound is told now, not when the rows are asked for.
        params::from_ipc(&bytes, &statement.names)?;
        self.statements.bind(&query.prepared_statement_handle, bytes)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(query.prepared_statement_handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let statement = self.statements.get(&query.prepared_statement_handle)?;
        // The values go with the ticket: binding others does not change what was asked.
        let ticket = Ticket::new(statement.sql, statement.params, statement.as_of);
        Ok(Response::new(self.info_of(ticket, &statement.names, request.into_inner()).await?))
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        let statement = self.statements.get(&query.prepared_statement_handle)?;
        self.rows_of(&Ticket::new(statement.sql, statement.params, statement.as_of)).await
    }

    async fn do_put_statement_update(
        &self,
        query: CommandStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        // The guard says best what is wrong with it.
        let question = Question { sql: query.query, params: Params::default(), as_of: None };
        self.queries.describe(&question).await.map_err(|refusal| refusal.to_status())?;
        Err(Status::unimplemented("this server only reads: execute it as a query"))
    }

    // --- ending queries

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        _: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let info = FlightInfo::decode(query.info).map_err(|e| Status::invalid_argument(e.to_string()))?;
        // Flight SQL's older enumeration has the same numbers.
        Ok(ActionCancelQueryResult { result: self.cancel(&info) as i32 })
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        let action = request.into_inner();
        if action.r#type != CANCEL_FLIGHT_INFO {
            return Err(Status::unimplemented(format!("no such action: {:?}", action.r#type)));
        }
        let sent = CancelFlightInfoRequest::decode(action.body).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let info = sent.info.ok_or_else(|| Status::invalid_argument("info is missing"))?;
        let result = CancelFlightInfoResult::new(self.cancel(&info));
        let result = arrow_flight::Result { body: result.encode_to_vec().into() };
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(result)))))
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let description =
            "Ends a query.\nRequest: CancelFlightInfoRequest\nResponse: CancelFlightInfoResult".to_owned();
        Some(vec![Ok(ActionType { r#type: CANCEL_FLIGHT_INFO.to_owned(), description })])
    }

    // --- what there is

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.into_builder().schema();
        told(&schema, &query, request)
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        let mut catalogs = query.into_builder();
        catalogs.append(CATALOG);
        whole(catalogs.build()?)
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.clone().into_builder().schema();
        told(&schema, &query, request)
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        let mut schemas = query.into_builder();
        schemas.append(CATALOG, SCHEMA);
        whole(schemas.build()?)
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.clone().into_builder().schema();
        told(&schema, &query, request)
    }

    async fn do_get_tables(&self, query: CommandGetTables, _: Request<FlightTicket>) -> Result<Response<Rows>, Status> {
        let mut tables = query.into_builder();
        for (name, schema) in self.relations().await?.iter() {
            tables.append(CATALOG, SCHEMA, name, TABLE_TYPE, schema)?;
        }
        whole(tables.build()?)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.into_builder().schema();
        told(&schema, &query, request)
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        let mut types = query.into_builder();
        types.append(TABLE_TYPE);
        whole(types.build()?)
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&self.about_server.schema(), &query, request)
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(query.into_builder(&self.about_server).build()?)
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&self.about_types.schema(), &query, request)
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(query.into_builder(&self.about_types).build()?)
    }

    // --- keys: views have none

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&primary_keys(), &query, request)
    }

    async fn do_get_primary_keys(
        &self,
        _: CommandGetPrimaryKeys,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(RecordBatch::new_empty(primary_keys()))
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&foreign_keys(), &query, request)
    }

    async fn do_get_exported_keys(
        &self,
        _: CommandGetExportedKeys,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(RecordBatch::new_empty(foreign_keys()))
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&foreign_keys(), &query, request)
    }

    async fn do_get_imported_keys(
        &self,
        _: CommandGetImportedKeys,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(RecordBatch::new_empty(foreign_keys()))
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        told(&foreign_keys(), &query, request)
    }

    async fn do_get_cross_reference(
        &self,
        _: CommandGetCrossReference,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        whole(RecordBatch::new_empty(foreign_keys()))
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

fn question(ticket: &Ticket, names: &[String]) -> Result<Question, Status> {
    let params = params::from_ipc(&ticket.params, names)?;
    Ok(Question { sql: ticket.sql.clone(), params, as_of: parse_as_of(&ticket.as_of)? })
}

fn as_of<T>(request: &Request<T>) -> Result<String, Status> {
    let Some(value) = request.metadata().get(AS_OF_HEADER) else { return Ok(String::new()) };
    let text = value.to_str().map_err(|_| Status::invalid_argument("x-gleaner-as-of is not text"))?;
    parse_as_of(text)?;
    Ok(text.to_owned())
}

fn parse_as_of(text: &str) -> Result<Option<AsOf>, Status> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(Status::invalid_argument) }
}

fn no_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    match id {
        None => Ok(()),
        Some(_) => Err(Status::unimplemented("there are no transactions: every query reads one state of the store")),
    }
}

/// As gRPC tells it. The message is the one of HTTP.
fn status(error: QueryError) -> Status {
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
fn info(schema: &Schema, ticket: FlightTicket, asked: FlightDescriptor) -> Result<FlightInfo, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(ticket);
    let info = FlightInfo::new().try_with_schema(schema).map_err(FlightError::from)?;
    Ok(info.with_endpoint(endpoint).with_descriptor(asked).with_ordered(true))
}

/// A question about the server is its own ticket.
fn told<C: ProstMessageExt>(
    schema: &Schema,
    command: &C,
    request: Request<FlightDescriptor>,
) -> Result<Response<FlightInfo>, Status> {
    let ticket = FlightTicket::new(command.as_any().encode_to_vec());
    info(schema, ticket, request.into_inner()).map(Response::new)
}

fn whole(batch: RecordBatch) -> Result<Response<Rows>, Status> {
    Ok(Response::new(encoded(tokio_stream::once(Ok(batch)))))
}

fn encoded(batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static) -> Rows {
    Box::pin(FlightDataEncoderBuilder::new().build(batches).map(|data| data.map_err(Status::from)))
}

fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: IpcMessage = SchemaAsIpc::new(schema, &options).try_into().map_err(FlightError::from)?;
    Ok(message.0)
}
