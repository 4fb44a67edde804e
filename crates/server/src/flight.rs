//! Arrow Flight SQL on the API's port: what ADBC, JDBC and ODBC drivers speak.
//!
//! A query is guarded, bounded and made fresh as over HTTP: both go through [`Queries`]. Its columns are known before it runs;
//! its ticket is the query itself, so that nothing is lost if the server forgets what it began between `GetFlightInfo` and `DoGet`
//! (`begun.rs`). Parameters are bound as values.
//! Whatever would write, and transactions, answer `UNIMPLEMENTED` or are refused by the guard.
//!
//! Of every call's metadata `x-gleaner-as-of` is read; answers carry `x-gleaner-behind` where they lag.

mod answers;
mod begun;
mod encode;
mod keys;
mod metadata;
mod params;
mod prepared;
mod running;
mod service;
mod ticket;

use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult,
    SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, FlightDescriptor, FlightInfo,
    Ticket as FlightTicket,
};
use bytes::Bytes;
use gleaner_query::Description;
use gleaner_store::Params;
use prost::Message;
use tonic::{Request, Response, Status};

use crate::queries::Question;
use answers::{Rows, as_of, info, no_transaction, parse_as_of, schema_bytes, told, whole};
use keys::{foreign_keys, primary_keys};
use metadata::{CATALOG, SCHEMA, TABLE_TYPE};
use prepared::Statement;
pub(crate) use service::FlightSql;
use ticket::Ticket;

/// The action of Flight itself, which came after Flight SQL's own `CancelQuery`.
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

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
        let ticket = Ticket::new(query.query, as_of(&request)?);
        Ok(Response::new(self.info_of(ticket, request.into_inner()).await?))
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
        let (Description { schema, parameters: names }, begun) = self.prepare(&question).await?;
        // DuckDB does not tell the types of parameters; text is compared with numbers and times as such.
        let parameters: Vec<_> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let known = schema.clone();
        let statement = Statement { sql: question.sql, as_of, names, schema: known, params: Bytes::new(), begun };
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
        let bytes = params::read(request.into_inner()).await?;
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
        let schema = statement.schema.clone();
        let begun = statement.begun.clone();
        let mut ticket = statement.into_ticket();
        if let Some(id) = begun.filter(|id| self.is_under_way(id)) {
            ticket.id = id;
            return info(&schema, ticket.to_flight(), request.into_inner()).map(Response::new);
        }
        if ticket.names.is_empty() {
            self.begin(&ticket).await?;
            return info(&schema, ticket.to_flight(), request.into_inner()).map(Response::new);
        }
        Ok(Response::new(self.info_of(ticket, request.into_inner()).await?))
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        _: Request<FlightTicket>,
    ) -> Result<Response<Rows>, Status> {
        let statement = self.statements.get(&query.prepared_statement_handle)?;
        self.rows_of(&statement.into_ticket()).await
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
