//! Why a candidate does not become a row: a closed list, the words of `rejected.jsonl` and of the manifest's counts.

use serde::{Deserialize, Serialize};

/// The list, with each reason's sentence as its documentation and as what users are told.
macro_rules! reasons {
    ($($(#[doc = $about:literal])+ $name:ident,)+) => {
        /// One reason per rejected candidate: the first that was found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason {
            $($(#[doc = $about])+ $name,)+
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Reason] = &[$(Reason::$name),+];

            /// What it means, in a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($about),+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// The attempt ended in an error, and failed attempts were not asked for.
    FailedAttempt,
    /// The attempt has no end yet.
    OpenAttempt,
    /// Neither a model call nor an agent of the attempt is known: it is an embedding, a search, or a step of a program.
    NoModelCall,
    /// The telemetry holds no messages: content capture was off.
    PromptNotCaptured,
    /// The call goes on from an earlier response, and not all that came before it is known.
    HistoryNotCaptured,
    /// There is nothing before the completion.
    NoPrompt,
    /// There is no final assistant message.
    NoCompletion,
    /// The instrumentation replaced content, or what a tool was called with, by a placeholder.
    Redacted,
    /// A text was cut: the model reached its limit, or something on the way shortened it and said so.
    Truncated,
    /// An image, audio, a file, or a part that is not known.
    NonTextContent,
    /// A part that its role cannot carry, such as a tool call by a user.
    MisplacedPart,
    /// A role other than system, user, assistant and tool.
    UnknownRole,
    /// An assistant message inside the conversation with neither text nor tool calls.
    EmptyMessage,
    /// A system message after the conversation began.
    SystemNotFirst,
    /// A tool result that answers no open call.
    ToolResultWithoutCall,
    /// A tool call that is never answered.
    ToolCallWithoutResult,
    /// Tool arguments that are not a JSON object: the model wrote broken JSON, or they were not captured.
    ArgumentsNotAnObject,
    /// Two different tools of one name.
    ConflictingTools,
    /// A message calls a tool that the row does not declare: a trainer's template would not show its schema.
    ToolNotDeclared,
    /// A message calls several tools at once, and such rows were not asked for.
    ParallelCalls,
    /// What comes before the completion ends in a system or assistant message.
    PromptDoesNotEndWithUserOrTool,
    /// The two attempts of a pair, or the entries of a ranking, answer different questions.
    PromptsDiffer,
    /// The answers of a pair rest on steps that are not in its prompt, and such pairs were not asked for.
    UnseenSteps,
    /// Both sides of a pair are the same text, or two completions of different ranks are.
    ChosenEqualsRejected,
    /// A score between desirable and undesirable.
    ScoreInTheMiddle,
    /// A correction without a comment: what was asked to change is not known.
    NoDirective,
    /// Nothing has followed the directive yet.
    NoRevision,
    /// The output that followed a directive was scored lower than the one before.
    RevisionScoredLower,
    /// As many reviewers for the one side as for the other.
    Contested,
    /// Fewer than two entries of a ranking have a completion.
    TooFewCompletions,
    /// The format cannot carry what the row holds: `detail` says what.
    NotExpressible,
    /// The host that was named would refuse the row: `detail` says why.
    RefusedByHost,
    /// The same content is already in the file.
    Duplicate,
    /// Reasoning was asked for, and the completion shows none.
    NoReasoning,
    /// The model's own words were asked for, and the reasoning behind the completion is a provider's summary.
    ReasoningSummarized,
    /// Reasoning took place before the completion, and only its encrypted form is known.
    ReasoningEncrypted,
    /// Almost the same content is already in the file.
    NearDuplicate,
    /// The whole conversation is the beginning of another row's.
    PrefixOfAnother,
    /// The row holds an item of a benchmark.
    Contaminated,
    /// The prompt has more bytes than asked for.
    PromptTooLong,
    /// The completion has more bytes than asked for.
    CompletionTooLong,
    /// Prompt and completion have more tokens than asked for.
    TooManyTokens,
    /// The tokenizer cannot encode the row.
    NotTokenizable,
    /// The pair is none of those asked for: not adjacent, or not with the best.
    PairRule,
    /// The pair's margin is smaller than asked for.
    MarginTooSmall,
    /// The session has as many pairs as asked for already.
    SessionLimit,
}
