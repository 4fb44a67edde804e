//! What the service keeps, and the way of a query through it.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::{CancelStatus, FlightDescriptor, FlightInfo};
use bytes::Bytes;
use gleaner_query::{Description, QueryError};
use tonic::{Response, Status};

use super::answers::{Rows, info, question, status};
use super::begun::{AllBegun, Begun};
use super::encode::{FlightSink, Piece, sent};
use super::metadata;
use super::prepared::Statements;
use super::running::Running;
use super::ticket::Ticket;
use crate::api_http::BEHIND_HEADER;
use crate::queries::{Ask, Pipe, Queries, Question, store_unavailable};

/// How long a statement to be prepared waits for the loader: most of what is acknowledged is loaded by then.
const CATCH_UP_WAIT: Duration = Duration::from_millis(50);

type Relations = Arc<Vec<(&'static str, SchemaRef)>>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FlightSql {
    pub(super) queries: Queries,
    pub(super) statements: Statements,
    running: Running,
    begun: AllBegun,
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
        let begun = AllBegun::new(queries.unclaimed.clone());
        Ok(Self { queries, statements, running, begun, about_server, about_types, relations: Arc::default() })
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

    /// What is known of a query before its rows come. It is begun meanwhile.
    pub(super) async fn info_of(&self, ticket: Ticket, asked: FlightDescriptor) -> Result<FlightInfo, Status> {
        let question = question(&ticket)?;
        // An earlier state may take long to make; who only wants to know the columns need not wait for it.
        let schema = if question.as_of.is_some() {
            let described = self.queries.describe(&question).await.map_err(|refusal| refusal.to_status())?;
            sent(&described.schema)
        } else {
            self.begin_and_describe(&ticket, question).await?
        };
        info(&schema, ticket.to_flight(), asked)
    }

    /// Begins a query, and gives its columns. Both hold one place among those that run.
    async fn begin_and_describe(&self, ticket: &Ticket, question: Question) -> Result<SchemaRef, Status> {
        let head = self.queries.reads.head();
        let (control, ends) = self.running.begin(&ticket.id)?;
        let rows = self.queries.rows(question.clone(), control, encoded_rows).await;
        let mut begun = Begun::new(rows.map_err(|refusal| refusal.to_status())?, head, ends);
        let mut schema = begun.columns().await?;
        if schema.is_none() && self.runs_apart(&question).await? {
            // Its process tells them before it runs the query, and a second one would be one too many.
            schema = begun.columns_at_last().await?;
        }
        let schema = match schema {
            Some(schema) => schema,
            None => {
                let described = self.queries.describe_in(None, &question).await;
                sent(&described.map_err(|refusal| refusal.to_status())?.schema)
            }
        };
        self.begun.keep(ticket.id.clone(), begun);
        Ok(schema)
    }

    async fn runs_apart(&self, question: &Question) -> Result<bool, Status> {
        let checked = self.queries.check(&question.sql).await.map_err(|refusal| refusal.to_status())?;
        Ok(checked.runs_apart(&question.params))
    }

    /// What a statement to be prepared needs and gives, with the id of the query if it is begun.
    ///
    /// One without parameters will most likely be asked for next, so it is begun, unless the loader is behind: then it would have to be
    /// begun once more.
    pub(super) async fn prepare(&self, question: &Question) -> Result<(Description, Option<Bytes>), Status> {
        let checked = self.queries.check(&question.sql).await.map_err(|refusal| refusal.to_status())?;
        let parameters = checked.parameters().to_vec();
        if parameters.is_empty() && question.as_of.is_none() && self.queries.reads.are_fresh_within(CATCH_UP_WAIT).await
        {
            let ticket = Ticket::new(question.sql.clone(), String::new());
            let schema = self.begin_and_describe(&ticket, question.clone()).await?;
            return Ok((Description { schema, parameters }, Some(ticket.id)));
        }
        let described = self.queries.describe(question).await.map_err(|refusal| refusal.to_status())?;
        Ok((Description { schema: sent(&described.schema), parameters }, None))
    }

    /// Whether a query is under way that sees all that is acknowledged by now.
    pub(super) fn is_under_way(&self, id: &Bytes) -> bool {
        self.begun.has(id, self.queries.reads.head())
    }

    /// Begins a query whose columns are known, if there is a place for it: its rows will be asked for.
    pub(super) async fn begin(&self, ticket: &Ticket) -> Result<(), Status> {
        let question = question(ticket)?;
        if question.as_of.is_some() {
            return Ok(());
        }
        let head = self.queries.reads.head();
        let (control, ends) = self.running.begin(&ticket.id)?;
        let rows = self.queries.rows_if_free(question, control, encoded_rows).await;
        if let Some(rows) = rows.map_err(|refusal| refusal.to_status())? {
            self.begun.keep(ticket.id.clone(), Begun::new(rows, head, ends));
        }
        Ok(())
    }

    /// The rows of a query: those under way, or it is run now.
    pub(super) async fn rows_of(&self, ticket: &Ticket) -> Result<Response<Rows>, Status> {
        let begun = match self.begun.take(&ticket.id) {
            Some(begun) => begun,
            None => {
                let head = self.queries.reads.head();
                let (control, ends) = self.running.begin(&ticket.id)?;
                let rows = self.queries.rows(question(ticket)?, control, encoded_rows).await;
                Begun::new(rows.map_err(|refusal| refusal.to_status())?, head, ends)
            }
        };
        let behind = begun.behind();
        let mut response = Response::new(Box::pin(begun) as Rows);
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
        for id in ids {
            self.running.cancel(id.clone());
            self.begun.take(&id);
        }
        CancelStatus::Cancelled
    }
}

/// On the query's thread.
fn encoded_rows(ask: &Ask<'_>, out: Pipe<Piece>) -> Result<(), QueryError> {
    let control = out.control();
    let mut sink = FlightSink::new(out, *ask.limits());
    let schema = ask.execute(&control, &mut sink)?;
    sink.finish(&schema)
}
