//! A capture: the requests that a library sent, and what happened by another program's count.

use std::fs;

use gleaner_model::Fragment;
use serde::Deserialize;
use serde_json::Value;

use crate::bodies::{self, Body};
use crate::evidence::Evidence;

pub(crate) struct Capture {
    /// Name of its folder.
    pub(crate) name: String,
    pub(crate) expected: Expected,
    bodies: Vec<Body>,
}

/// `expected.json`: what the model server, the tools and the calling program knew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// What sent it.
    #[expect(dead_code, reason = "for readers, and demanded of every capture")]
    pub(crate) library: String,
    /// Packages and their versions.
    #[expect(dead_code, reason = "for readers, and demanded of every capture")]
    pub(crate) versions: Value,
    /// What it calls its attributes by.
    #[expect(dead_code, reason = "for readers, and demanded of every capture")]
    pub(crate) convention: String,
    /// Different trace ids of the spans sent.
    pub(crate) traces: usize,
    pub(crate) session_ids: Vec<String>,
    pub(crate) user_ids: Vec<String>,
    /// Calls that the model server answered with an error.
    pub(crate) llm_calls_failed: usize,
    /// Calls that the program recorded by hand and that asked no server.
    #[serde(default)]
    pub(crate) llm_calls_by_hand: usize,
    /// Texts of the messages that models were given, each once.
    pub(crate) texts: Vec<String>,
    /// Calls that it answered.
    pub(crate) llm_calls: Vec<LlmCall>,
    pub(crate) tool_executions: Vec<ToolUse>,
}

/// What is not there the model server did not say.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LlmCall {
    /// A text that was embedded: nothing was answered.
    pub(crate) is_embedding: bool,
    pub(crate) model: Option<String>,
    pub(crate) response_model: Option<String>,
    pub(crate) response_id: Option<String>,
    /// Places in [`Expected::texts`]: the whole conversation, the system prompt too.
    pub(crate) input: Vec<usize>,
    pub(crate) output_text: Option<String>,
    pub(crate) reasoning_text: Option<String>,
    pub(crate) tool_calls: Vec<ToolUse>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) input_tokens: Option<i64>,
    pub(crate) output_tokens: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolUse {
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

impl Capture {
    /// Every capture, by name.
    pub(crate) fn all() -> Vec<Self> {
        let entries =
            fs::read_dir(bodies::corpus()).expect("the corpus is there").map(|entry| entry.expect("an entry"));
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        assert!(!folders.is_empty(), "the corpus holds captures");
        let read = |folder: &std::path::PathBuf| {
            let expected = fs::read(folder.join("expected.json")).expect("every capture has a truth");
            Self {
                name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
                expected: serde_json::from_slice(&expected).unwrap_or_else(|e| panic!("{}: {e}", folder.display())),
                bodies: bodies::read(folder),
            }
        };
        folders.iter().map(read).collect()
    }

    /// The fragments of every request, in the order sent.
    pub(crate) fn requests(&self) -> Vec<Vec<Fragment>> {
        self.bodies.iter().map(Body::fragments).collect()
    }

    /// What its bytes hold, and where.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::new(&self.bodies)
    }
}
