/// One report of a model call, as far as reports of one call in several traces are found by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldCall {
    /// Project of the trace.
    pub project: String,
    /// The trace that tells of it.
    pub trace_id: String,
    /// Provider's id of the response, where it can be told from those that servers for tests give.
    pub response_id: Option<String>,
    /// As of the span.
    pub answer_key: Option<u64>,
    /// Tracer name.
    pub scope_name: String,
    /// Nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch; 0 while unknown.
    pub end_time_unix_nano: u64,
}
