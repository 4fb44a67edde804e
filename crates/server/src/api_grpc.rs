//! gRPC side of the API (4319): the feedback service, health and reflection.

use gleaner_wire::feedback::{SubmitRequest, SubmitResponse};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::feedback::{Feedback, Sent};
use crate::ingest::{PROJECT_HEADER, project_of};

/// Stubs of `gleaner.feedback.v1`, generated at build time from `proto/`; messages are those of `gleaner_wire::feedback`.
#[allow(clippy::all, unreachable_pub, missing_docs, reason = "generated")]
pub mod stubs {
    tonic::include_proto!("gleaner.feedback.v1");
}

/// The feedback service.
#[derive(Clone)]
pub(crate) struct FeedbackRpc {
    feedback: Feedback,
}

impl FeedbackRpc {
    /// Serves `feedback`.
    pub(crate) fn new(feedback: Feedback) -> Self {
        Self { feedback }
    }
}

#[tonic::async_trait]
impl stubs::feedback_service_server::FeedbackService for FeedbackRpc {
    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        let project = project(&request)?;
        let response = self.feedback.submit(&project, sent(request.into_inner())).await.map_err(|r| r.to_status())?;
        Ok(Response::new(response))
    }

    type SubmitStreamStream = std::pin::Pin<Box<dyn Stream<Item = Result<SubmitResponse, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let project = project(&request)?;
        let feedback = self.feedback.clone();
        let answers = request.into_inner().then(move |next| {
            let (feedback, project) = (feedback.clone(), project.clone());
            async move { feedback.submit(&project, sent(next?)).await.map_err(|r| r.to_status()) }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

fn sent(request: SubmitRequest) -> Vec<Sent> {
    request.items.into_iter().map(Ok).collect()
}

fn project<T>(request: &Request<T>) -> Result<String, Status> {
    let header = request.metadata().get(PROJECT_HEADER).map(|v| v.as_encoded_bytes().to_vec());
    project_of(header.as_deref()).map_err(|r| r.to_status())
}
