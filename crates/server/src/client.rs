//! A small client of the API, for the command line and the demo.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gleaner_export::Output;
use gleaner_wire::feedback::{SubmitRequest, SubmitResponse};

use crate::api_http::{BEHIND_HEADER, REBUILD_PATH, TRUNCATED_HEADER};
use crate::as_of::AsOf;
use crate::cli::SqlFormat;
use crate::commands::sql::SqlParams;
use crate::engine::RebuildStatus;
use crate::export::{ExportRequest, Told, Unpacker};
use crate::snapshot::SnapshotRequest;
use crate::stubs::feedback_service_client::FeedbackServiceClient;

/// Talks to one server.
pub(crate) struct ApiClient {
    addr: SocketAddr,
    http: reqwest::Client,
}

/// An answer with what the user should know beside it.
pub(crate) struct Answer {
    /// The rows, in the format asked for.
    pub(crate) body: Vec<u8>,
    /// Whether it was cut, whether it lags.
    pub(crate) notes: Vec<String>,
}

/// How long a busy server is asked again.
const BUSY_WAIT: Duration = Duration::from_secs(60);
/// How often a server is asked how far its rebuild is.
const REBUILD_POLL: Duration = Duration::from_millis(200);

impl ApiClient {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, http: reqwest::Client::new() }
    }

    /// Runs one query.
    pub(crate) async fn sql(&self, query: &str, as_of: Option<AsOf>, format: SqlFormat) -> anyhow::Result<Answer> {
        self.sql_with(query, &[], as_of, format).await
    }

    /// Runs one query with values bound to its places.
    pub(crate) async fn sql_with(
        &self,
        query: &str,
        params: &[serde_json::Value],
        as_of: Option<AsOf>,
        format: SqlFormat,
    ) -> anyhow::Result<Answer> {
        let mut body = Vec::new();
        let params = SqlParams::Positional(params.to_vec());
        let notes = self.sql_to(query, &params, as_of, format, &mut body).await?;
        Ok(Answer { body, notes })
    }

    /// Runs one query with values bound to it, and writes its rows to `out` as they come. Gives what the user should know beside it.
    pub(crate) async fn sql_to(
        &self,
        query: &str,
        params: &SqlParams,
        as_of: Option<AsOf>,
        format: SqlFormat,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<Vec<String>> {
        let body = serde_json::json!({ "query": query, "params": params, "format": format, "as_of": as_of });
        let mut response = self.post("/v1/sql", &body).await?;
        let mut notes = Vec::new();
        if let Some(behind) = response.headers().get(BEHIND_HEADER).and_then(|v| v.to_str().ok()) {
            notes.push(format!("{behind} acknowledged requests are not loaded yet"));
        }
        if response.headers().contains_key(TRUNCATED_HEADER) {
            notes.push("the answer was cut at the server's limit; narrow the query, or take another format".to_owned());
        }
        let broken = "the answer broke off: it failed in the midst, or outgrew a limit; the server's log says which";
        while let Some(bytes) = response.chunk().await.context(broken)? {
            out.write_all(&bytes)?;
        }
        Ok(notes)
    }

    /// Returns when everything that was acknowledged before this call can be read.
    ///
    /// # Errors
    /// When that takes longer than a minute, or no server answers.
    pub(crate) async fn wait_until_loaded(&self) -> anyhow::Result<()> {
        let until = Instant::now() + BUSY_WAIT;
        loop {
            // The server waits itself, for as long as it is configured to.
            let answer = self.sql("SELECT 1", None, SqlFormat::Json).await?;
            match answer.notes.first() {
                None => return Ok(()),
                Some(behind) => anyhow::ensure!(Instant::now() < until, "{behind}"),
            }
        }
    }

    /// Runs one export, and writes its files to `out` as they come.
    pub(crate) async fn export(
        &self,
        request: &ExportRequest,
        out: &mut (dyn Output + Send),
        told: &mut (dyn FnMut(&Told) + Send),
    ) -> anyhow::Result<()> {
        self.archive("/v1/export", &serde_json::to_value(request)?, out, told).await
    }

    /// Takes a snapshot, and writes its files to `out` as they come.
    pub(crate) async fn snapshot(
        &self,
        request: &SnapshotRequest,
        out: &mut (dyn Output + Send),
        told: &mut (dyn FnMut(&Told) + Send),
    ) -> anyhow::Result<()> {
        self.archive("/v1/snapshot", &serde_json::to_value(request)?, out, told).await
    }

    async fn archive(
        &self,
        path: &str,
        request: &serde_json::Value,
        out: &mut (dyn Output + Send),
        told: &mut (dyn FnMut(&Told) + Send),
    ) -> anyhow::Result<()> {
        let mut response = self.post(path, request).await?;
        let mut unpacker = Unpacker::new(out);
        while let Some(bytes) = response.chunk().await? {
            unpacker.take(&bytes, told)?;
        }
        unpacker.finish()
    }

    /// Has the store made anew, and waits until it is; gives the journal's head, and the folder that the old files were put into, if they are kept.
    pub(crate) async fn rebuild(
        &self,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> anyhow::Result<(u64, Option<String>)> {
        let mut response = self.post(REBUILD_PATH, &serde_json::json!({})).await?;
        let gone = "the server went away; started again, it goes on with the rebuild";
        loop {
            match response.json().await.context(gone)? {
                RebuildStatus::Done { head, aside } => return Ok((head, aside)),
                RebuildStatus::Failed { error } => anyhow::bail!("the store could not be made anew: {error}"),
                RebuildStatus::Running { position, head } => progress(position, head),
                RebuildStatus::Idle | RebuildStatus::Requested => {}
            }
            tokio::time::sleep(REBUILD_POLL).await;
            response = self.http.get(format!("http://{}{REBUILD_PATH}", self.addr)).send().await.context(gone)?;
        }
    }

    /// Sends feedback over gRPC.
    pub(crate) async fn submit(&self, request: SubmitRequest) -> anyhow::Result<SubmitResponse> {
        let mut client = FeedbackServiceClient::connect(format!("http://{}", self.addr))
            .await
            .with_context(|| format!("no server answers on {}", self.addr))?;
        let response = client.submit(request).await.map_err(|status| anyhow::anyhow!("{}", status.message()))?;
        Ok(response.into_inner())
    }

    /// Posts, and again for a while where the server asks for it: loading lags behind a burst, and catches up.
    async fn post(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<reqwest::Response> {
        let until = Instant::now() + BUSY_WAIT;
        let response = loop {
            let response = self
                .http
                .post(format!("http://{}{path}", self.addr))
                .json(body)
                .send()
                .await
                .with_context(|| format!("no server answers on {}", self.addr))?;
            if response.status().is_success() {
                return Ok(response);
            }
            let delay =
                response.headers().get(reqwest::header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
            match delay.map(Duration::from_secs) {
                Some(delay) if Instant::now() + delay < until => tokio::time::sleep(delay).await,
                _ => break response,
            }
        };
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let told =
            serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|v| v["error"].as_str().map(str::to_owned));
        anyhow::bail!("{}", told.unwrap_or_else(|| format!("the server answered {status}")))
    }
}
