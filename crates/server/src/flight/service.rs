//! What the service keeps, and the way of a query through it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::{CancelStatus, FlightDescriptor, FlightInfo};
use tokio_stream::StreamExt as _;
use tonic::{Response, Status};

use super::answers::{Rows, encoded, info, question, status};
use super::metadata;
use super::prepared::Statements;
use super::running::Running;
use super::ticket::Ticket;
use crate::api_http::BEHIND_HEADER;
use crate::queries::{Queries, store_unavailable};

type Relations = Arc<Vec<(&'static str, SchemaRef)>>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FlightSql {
    pub(super) queries: Queries,
    pub(super) statements: Statements,
    running: Running,
    pub(super) about_server: Arc<SqlInfoData>,
    pub(super) about_types: Arc<XdbcTypeInfoData>,
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

    /// The public relations with their columns.
    pub(super) async fn relations(&self) -> Result<Relations, Status> {
        let read = || async {
            let reader = self.queries.reads.reader().map_err(|error| store_unavailable(error).to_status())?;
            let limits = self.queries.limits.clone();
            let relations = tokio::task::spawn_blocking(move || metadata::relations(&reader, &limits));
            let relations = relations.await.map_err(|_| Status::unavailable("the columns could not be read"))?;
            Ok::<_, Status>(Arc::new(relations.map_err(status)?))
        };
        self.relations.get_or_try_init(read).await.cloned()
    }

    /// What is known of a query before it runs.
    pub(super) async fn info_of(&self, ticket: Ticket, asked: FlightDescriptor) -> Result<FlightInfo, Status> {
        let question = question(&ticket)?;
        let described = self.queries.describe(&question).await.map_err(|refusal| refusal.to_status())?;
        info(&described.schema, ticket.to_flight(), asked)
    }

    /// The rows of a query.
    pub(super) async fn rows_of(&self, ticket: &Ticket) -> Result<Response<Rows>, Status> {
        let (control, ended) = self.running.begin(&ticket.id)?;
        let question = question(ticket)?;
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

    /// Ends the queries that a `FlightInfo` is for.
    pub(super) fn cancel(&self, info: &FlightInfo) -> CancelStatus {
        let ids = Ticket::ids_of(info);
        if ids.is_empty() {
            return CancelStatus::NotCancellable;
        }
        ids.into_iter().for_each(|id| self.running.cancel(id));
        CancelStatus::Cancelled
    }
}
