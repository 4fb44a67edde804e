//! The closed list of reasons: every one of them has rows that produce exactly it, and no other. A reason that is added does
//! not compile until it stands here.

use serde_json::{Value, json};

use super::{
    exported, lines,
    memory::{MemoryRows, answers, attempt, calls, correction, pair, ranked, says, score, searching_attempt},
};
use crate::{Format, GivenFile, Host, Hygiene, Kind, Options, PairRule, Reason, Reasoning};

const QUESTION: &str = "What does the lantern cost?";

/// Rows, a kind and options that produce the reason once and no other.
fn provoked(reason: Reason) -> (MemoryRows, Options) {
    match reason {
        Reason::FailedAttempt => whole(|row| row["status"] = json!("error")),
        Reason::OpenAttempt => whole(|row| row["status"] = json!("open")),
        Reason::NoModelCall => whole(|row| row["has_model"] = json!(false)),
        Reason::PromptNotCaptured => whole(|row| row["input_messages"] = Value::Null),
        Reason::HistoryNotCaptured => whole(|row| row["history_complete"] = json!(false)),
        Reason::NoPrompt => given(json!([])),
        Reason::NoCompletion => whole(|row| {
            for column in ["output_messages", "call_output_text", "output_text"] {
                row[column] = Value::Null;
            }
        }),
        Reason::Redacted => given(json!([says("user", "__REDACTED__")])),
        Reason::Truncated => given(json!([says("user", "A long text [truncated]")])),
        Reason::NonTextContent => given(json!([{"role": "user", "parts": [{"type": "blob", "content": "aGk="}]}])),
        Reason::MisplacedPart => {
            given(json!([{"role": "user", "parts": [{"type": "tool_call", "name": "search", "arguments": {}}]}]))
        }
        Reason::UnknownRole => given(json!([says("user", QUESTION), says("narrator", "Meanwhile")])),
        Reason::EmptyMessage => {
            given(json!([says("user", QUESTION), says("assistant", " "), says("user", "Still there?")]))
        }
        Reason::SystemNotFirst => given(json!([says("user", QUESTION), says("system", "Be kind.")])),
        Reason::ToolResultWithoutCall => given(json!([says("user", QUESTION), answers("c1", json!("39"))])),
        Reason::ToolCallWithoutResult => {
            given(json!([says("user", QUESTION), calls("", "c1", json!({})), says("user", "And?")]))
        }
        Reason::ArgumentsNotAnObject => {
            given(json!([says("user", QUESTION), calls("", "c1", json!("{\"q\": ")), answers("c1", json!("39"))]))
        }
        Reason::ConflictingTools => whole(|row| {
            let tool = |about: &str| json!({"type": "function", "name": "search", "description": about});
            row["tool_definitions"] = json!(json!([tool("the shop"), tool("the web")]).to_string());
        }),
        Reason::ToolNotDeclared => whole(|row| row["tool_definitions"] = Value::Null),
        Reason::ParallelCalls => {
            let mut both = calls("", "c1", json!({"query": "lantern"}));
            let second = calls("", "c2", json!({"query": "lamp"}))["parts"][1].clone();
            both["parts"].as_array_mut().expect("parts").push(second);
            let messages =
                json!([says("user", QUESTION), both, answers("c1", json!("39")), answers("c2", json!("40"))]);
            let (rows, options) = given(messages);
            (rows, Options { parallel_calls: false, ..options })
        }
        Reason::PromptDoesNotEndWithUserOrTool => given(json!([says("user", QUESTION), says("assistant", "Hm.")])),
        Reason::PromptsDiffer => {
            let rows = two("39.", "40.", vec![pair("a", "b", "lock", None, "mara")]);
            let mut other = rows;
            other.attempts[1] = attempt("b", "And the lamp?", "40.");
            (other, Options::new(Kind::Preference))
        }
        Reason::UnseenSteps => {
            let mut rows = two("39.", "40.", vec![pair("a", "b", "lock", None, "mara")]);
            rows.attempts[0] = searching_attempt("a", QUESTION, "39.");
            (rows, Options { unseen_steps: false, ..Options::new(Kind::Preference) })
        }
        Reason::ChosenEqualsRejected => {
            (two("39.", "39. ", vec![pair("a", "b", "lock", None, "mara")]), Options::new(Kind::Preference))
        }
        Reason::ScoreInTheMiddle => {
            let mut rows = one(|_| ());
            rows.evaluations = vec![score("e", "a", "mara", 6.0)];
            (rows, Options::new(Kind::Kto))
        }
        Reason::NoDirective => {
            let mut rows = one(|_| ());
            rows.evaluations = vec![correction("c", "a", "mara", "39 pounds.")];
            (rows, Options::new(Kind::Revisions))
        }
        Reason::NoRevision => (directed(Value::Null), Options::new(Kind::Revisions)),
        Reason::RevisionScoredLower => {
            let mut rows = directed(json!("b"));
            rows.evaluations = vec![score("e1", "a", "mara", 7.0), score("e2", "b", "mara", 5.0)];
            (rows, Options::new(Kind::Revisions))
        }
        Reason::Contested => {
            let votes = vec![pair("a", "b", "lock", None, "mara"), pair("b", "a", "lock", None, "jonas")];
            (two("39.", "40.", votes), Options::new(Kind::Preference))
        }
        Reason::TooFewCompletions => {
            let mut rows = two("39.", "40.", Vec::new());
            rows.rankings = vec![ranked("r", Some("a"), 1), ranked("r", None, 2)];
            (rows, Options::new(Kind::Reward))
        }
        Reason::NotExpressible => {
            let (rows, options) = talking();
            (rows, Options { format: Format::Sharegpt, ..options })
        }
        Reason::RefusedByHost => {
            let (rows, options) = talking();
            (rows, Options { format: Format::Openai, host: Some(Host::Mistral), ..options })
        }
        Reason::Duplicate => (two("39.", "39.", Vec::new()), Options::new(Kind::Trajectory)),
        Reason::NoReasoning => thinking(json!([]), Reasoning::Require),
        Reason::ReasoningSummarized => {
            thinking(json!([{"type": "reasoning", "kind": "summary", "content": "Added."}]), Reasoning::Raw)
        }
        Reason::ReasoningEncrypted => {
            thinking(json!([{"type": "reasoning", "kind": "encrypted", "content": ""}]), Reasoning::Require)
        }
        Reason::NearDuplicate => {
            let words: Vec<String> = (0..100).map(|n| format!("word{n}")).collect();
            let text = |end: &str| format!("{} {end}", words.join(" "));
            let hygiene = Hygiene { near_duplicates: Some(0.8), ..Hygiene::default() };
            (two(&text("here."), &text("there."), Vec::new()), cleaned(Kind::Trajectory, hygiene))
        }
        Reason::PrefixOfAnother => {
            let mut rows = two("39.", "Gladly.", Vec::new());
            let longer = json!([says("user", QUESTION), says("assistant", "39."), says("user", "Thanks.")]);
            rows.attempts[1]["input_messages"] = json!(longer.to_string());
            (rows, Options::new(Kind::Trajectory))
        }
        Reason::Contaminated => {
            let bytes = b"a benchmark asks what does the lantern cost and who would pay for it these days".to_vec();
            let file = GivenFile { name: "bench.txt".to_owned(), bytes };
            let question = "A benchmark asks what does the lantern cost and who would pay for it these days?";
            let hygiene = Hygiene { decontaminate: vec![file], ..Hygiene::default() };
            let rows = MemoryRows { attempts: vec![attempt("a", question, "39.")], ..MemoryRows::default() };
            (rows, cleaned(Kind::Trajectory, hygiene))
        }
        Reason::PromptTooLong => {
            let hygiene = Hygiene { max_prompt_bytes: Some(3), ..Hygiene::default() };
            (two_of_one("39."), cleaned(Kind::Trajectory, hygiene))
        }
        Reason::CompletionTooLong => {
            let hygiene = Hygiene { max_completion_bytes: Some(2), ..Hygiene::default() };
            (two_of_one("39."), cleaned(Kind::Trajectory, hygiene))
        }
        Reason::TooManyTokens => (two_of_one("39."), cleaned(Kind::Trajectory, counted(json!("[UNK]")))),
        Reason::NotTokenizable => (two_of_one("39."), cleaned(Kind::Trajectory, counted(json!("[NONE]")))),
        Reason::PairRule => {
            let mut rows = two("39.", "40.", Vec::new());
            rows.attempts.push(attempt("c", QUESTION, "41."));
            let better = |one: &str, other: &str| pair(one, other, "ranking", Some(1.0), "mara");
            rows.pairs = vec![better("a", "b"), better("b", "c"), better("a", "c")];
            (rows, cleaned(Kind::Preference, Hygiene { pairs: PairRule::Adjacent, ..Hygiene::default() }))
        }
        Reason::MarginTooSmall => {
            let rows = two("39.", "40.", vec![pair("a", "b", "ranking", Some(1.0), "mara")]);
            (rows, cleaned(Kind::Preference, Hygiene { min_margin: Some(2.0), ..Hygiene::default() }))
        }
        Reason::SessionLimit => {
            let mut rows = two("39.", "40.", Vec::new());
            rows.attempts.push(attempt("c", QUESTION, "41."));
            rows.pairs = vec![pair("a", "b", "lock", None, "mara"), pair("a", "c", "lock", None, "mara")];
            (rows, cleaned(Kind::Preference, Hygiene { max_pairs_per_session: Some(1), ..Hygiene::default() }))
        }
    }
}

/// One attempt that thinks, searches twice and answers, changed by `change`.
fn one(change: impl FnOnce(&mut Value)) -> MemoryRows {
    let mut row = searching_attempt("a", QUESTION, "39 pounds.");
    change(&mut row);
    MemoryRows { attempts: vec![row], ..MemoryRows::default() }
}

fn whole(change: impl FnOnce(&mut Value)) -> (MemoryRows, Options) {
    (one(change), Options::new(Kind::Trajectory))
}

/// With these messages before the answer.
fn given(messages: Value) -> (MemoryRows, Options) {
    whole(|row| row["input_messages"] = json!(messages.to_string()))
}

/// Two attempts at one question, `a` the earlier.
fn two(first: &str, second: &str, pairs: Vec<Value>) -> MemoryRows {
    MemoryRows {
        attempts: vec![attempt("a", QUESTION, first), attempt("b", QUESTION, second)],
        pairs,
        ..MemoryRows::default()
    }
}

fn two_of_one(answer: &str) -> MemoryRows {
    MemoryRows { attempts: vec![attempt("a", QUESTION, answer)], ..MemoryRows::default() }
}

fn directed(next: Value) -> MemoryRows {
    let mut rows = two("one", "two", Vec::new());
    rows.directives = vec![json!({"directive_id": "d", "text": "Count on.", "reviewer": "mara", "source": "human",
        "attempt_id": "a", "next_attempt_id": next})];
    rows
}

/// A text beside a tool call.
fn talking() -> (MemoryRows, Options) {
    let mut asks = calls("", "c1", json!({}));
    asks["parts"].as_array_mut().expect("parts").push(json!({"type": "text", "content": "Let me see."}));
    given(json!([says("user", QUESTION), asks, answers("c1", json!("39"))]))
}

/// An answer with these parts before its text.
fn thinking(thoughts: Value, reasoning: Reasoning) -> (MemoryRows, Options) {
    let mut parts = thoughts;
    parts.as_array_mut().expect("parts").push(json!({"type": "text", "content": "39."}));
    let mut rows = two_of_one("39.");
    rows.attempts[0]["output_messages"] = json!(json!([{"role": "assistant", "parts": parts}]).to_string());
    (rows, Options { reasoning, ..Options::new(Kind::Trajectory) })
}

fn cleaned(kind: Kind, hygiene: Hygiene) -> Options {
    Options { hygiene, ..Options::new(kind) }
}

/// At most one token; a tokenizer whose mark for unknown words is `unknown`, which it may not have.
fn counted(unknown: Value) -> Hygiene {
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"one": 0, "[UNK]": 1}, "unk_token": unknown},
    });
    let tokenizer = GivenFile { name: "tokenizer.json".to_owned(), bytes: file.to_string().into_bytes() };
    Hygiene { max_tokens: Some(1), tokenizer: Some(tokenizer), ..Hygiene::default() }
}

#[test]
fn every_reason_has_rows_that_produce_exactly_it() {
    for this in Reason::ALL.iter().copied() {
        let (rows, options) = provoked(this);
        options.check(&[options.kind]).expect("options that go together");
        let (_, files) = exported(&rows, &[options.kind], &options);
        let told: Vec<Value> = lines(&files, "rejected.jsonl").into_iter().map(|line| line["reason"].clone()).collect();
        assert_eq!(told, [json!(this)], "{this:?}");
        assert!(this.about().ends_with('.'), "{this:?}: {}", this.about());
    }
}
