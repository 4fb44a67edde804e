//! Why a query was refused or failed, in words for the one who wrote it. No message names a file or a setting.

use gleaner_store::StoreError;

/// What is allowed, for messages about statements.
const STATEMENTS: &str = "SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES, and EXPLAIN without options";

/// Why a query was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is longer than the limit, in bytes.
    #[error("query text has {bytes} bytes, the limit is {limit}")]
    TextTooLong {
        /// Bytes sent.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The text holds a NUL character, at which the parser and the checker could part ways.
    #[error("query text holds a NUL character")]
    NulInText,
    /// It computes with time zones, which the DuckDB in this program cannot.
    #[error(
        "time zones are not available; all times are UTC: for the present write now()::TIMESTAMP, for today now()::TIMESTAMP::DATE"
    )]
    NeedsTimeZones,
    /// DuckDB cannot parse it.
    #[error("{message} (line {line}, column {column})")]
    Syntax {
        /// DuckDB's own words.
        message: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// The guard refuses it, and knows for which part.
    #[error("{error} (line {line}, column {column})")]
    RefusedAt {
        /// Why.
        error: Box<QueryError>,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// DuckDB cannot parse it, and does not say where.
    #[error("{message}")]
    SyntaxSomewhere {
        /// DuckDB's own words.
        message: String,
    },
    /// Parentheses, subqueries or operators stand too deep in each other.
    #[error("query is nested too deep")]
    TooDeep,
    /// It is not a query.
    #[error(
        "{statement} is not allowed: queries only read; allowed are {STATEMENTS} (PIVOT only in FROM, with its IN list)"
    )]
    StatementRefused {
        /// The statement's first word, in capitals.
        statement: String,
    },
    /// No statement, or several.
    #[error("exactly one statement is allowed, got {count}")]
    StatementCount {
        /// How many were sent.
        count: usize,
    },
    /// The relation is not public.
    #[error("no relation {name:?}{}; relations are {}", suggest(.suggestion), gleaner_store::PUBLIC_RELATIONS.join(", "))]
    RelationRefused {
        /// As written in the query.
        name: String,
        /// The public relation that was perhaps meant.
        suggestion: Option<String>,
    },
    /// The relation is named with a schema or catalog.
    #[error(
        "relation {name:?} is not allowed: relations are named alone, or as \"store\".\"main\".\"attempts\"; for a list column write unnest(…)"
    )]
    QualifiedRelation {
        /// As written in the query.
        name: String,
    },
    /// A common table expression has a name that DuckDB could take for something else.
    #[error(
        "name {name:?} is not allowed for a common table expression: use letters, digits and _, and no prefix of the catalog"
    )]
    CteNameRefused {
        /// As written in the query.
        name: String,
    },
    /// The function may not be called.
    #[error(
        "function {name:?} is not allowed{}; allowed are functions that only compute from their arguments",
        suggest(.suggestion)
    )]
    FunctionRefused {
        /// In lower case.
        name: String,
        /// The allowed function that was perhaps meant.
        suggestion: Option<String>,
    },
    /// The function may not stand in FROM.
    #[error("table function {name:?} is not allowed{}; allowed in FROM are {}", suggest(.suggestion), table_functions())]
    TableFunctionRefused {
        /// In lower case.
        name: String,
        /// The allowed function that was perhaps meant.
        suggestion: Option<String>,
    },
    /// A number that would make one huge value.
    #[error("function {name:?} is called with {size}, the limit is {}", crate::functions::MAX_LITERAL_SIZE)]
    LiteralTooLarge {
        /// In lower case.
        name: String,
        /// As written in the query.
        size: String,
    },
    /// Syntax that the guard does not know.
    #[error("syntax {kind:?} is not allowed")]
    SyntaxRefused {
        /// DuckDB's name for it.
        kind: String,
    },
    /// The time is over.
    #[error("query stopped: it ran longer than deadline_ms = {deadline_ms}")]
    Deadline {
        /// The limit.
        deadline_ms: u64,
    },
    /// Somebody ended it, or whoever read its rows has gone.
    #[error("query cancelled")]
    Cancelled,
    /// Nobody took its rows for too long.
    #[error("query stopped: nobody read its rows for stall_ms = {stall_ms}")]
    Stalled {
        /// The limit.
        stall_ms: u64,
    },
    /// The answer is longer than allowed, where a part of it would be taken for the whole.
    #[error("query stopped: its answer is larger than {limit_name} = {limit}")]
    AnswerTooLarge {
        /// Name of the limit.
        limit_name: &'static str,
        /// Its value.
        limit: u64,
    },
    /// It needs more memory, or more disk for temporary files, than the store may use.
    #[error("query stopped: it needs more memory or temporary disk than the store may use")]
    OutOfMemory,
    /// DuckDB refuses or fails the query: an unknown column, a cast that does not work.
    #[error("{message}")]
    Failed {
        /// DuckDB's own words.
        message: String,
    },
    /// A value has no form in the format that was asked for.
    #[error("cannot write the result: {0}")]
    Encode(#[from] arrow::error::ArrowError),
    /// The one who asked has gone, or its disk is full.
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
    /// Its process does not start, or there is no room for its copies. The source is for the log.
    #[error("the query cannot be run apart now")]
    Apart(#[source] std::io::Error),
    /// The store failed. The source tells why; it may name files and is for the log.
    #[error("the store cannot answer")]
    Store(#[source] StoreError),
}

impl QueryError {
    /// Whether the guard refused the text, so that asking again as it is cannot help and nothing was run.
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Deadline { .. }
                | Self::Cancelled
                | Self::Stalled { .. }
                | Self::AnswerTooLarge { .. }
                | Self::OutOfMemory
                | Self::Failed { .. }
                | Self::Encode(_)
                | Self::Output(_)
                | Self::Apart(_)
                | Self::Store(_)
        )
    }
}

fn table_functions() -> String {
    crate::functions::tables().collect::<Vec<_>>().join(", ")
}

fn suggest(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean {name:?}")).unwrap_or_default()
}
