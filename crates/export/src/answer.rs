//! Attempts as question and final answer: the form that pairs, scores and rankings compare.
//!
//! Held in memory are the attempts that feedback speaks of; questions that are equal are held once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gleaner_model::{ContentHash, Message};
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason, Rows, SystemPrompt,
    conversation::{ChatMessage, conversation, is_redacted, with_system},
    read::{self, AttemptRow, PairRow, QuestionRow, ScoreRow},
    tools::tools,
};

/// What was asked and what came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Without the system prompt; ends with a user or tool message.
    pub(crate) question: Arc<Vec<ChatMessage>>,
    pub(crate) question_hash: ContentHash,
    pub(crate) system: Option<String>,
    pub(crate) tools: Vec<Value>,
    pub(crate) text: String,
}

/// An attempt that feedback speaks of, and its answer or the reason why it has none.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) attempt: AttemptRow,
    pub(crate) answer: Result<Answer, Reason>,
}

/// All judged attempts within the filters, and the feedback in force on them.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) by_attempt: BTreeMap<String, Judged>,
    /// Scores and corrections, by attempt, then from the earliest to the latest.
    pub(crate) scores: Vec<ScoreRow>,
    pub(crate) pairs: Vec<PairRow>,
}

impl Answers {
    /// Scores alone: what needs no answers.
    pub(crate) fn load_scores(rows: &dyn Rows, options: &Options) -> Result<Self, ExportError> {
        Ok(Self { scores: read::scores(rows, options)?, ..Self::default() })
    }

    pub(crate) fn load(rows: &dyn Rows, options: &Options) -> Result<Self, ExportError> {
        let mut by_attempt = BTreeMap::new();
        let mut questions: HashMap<ContentHash, Arc<Vec<ChatMessage>>> = HashMap::new();
        read::judged_attempts(rows, options, &mut |row| {
            let mut answer = answer(&row, options);
            if let Ok(answer) = &mut answer {
                let known = questions.entry(answer.question_hash.clone()).or_insert_with(|| answer.question.clone());
                answer.question = known.clone();
            }
            by_attempt.insert(row.attempt.attempt_id.clone(), Judged { attempt: row.attempt, answer });
            Ok(())
        })?;
        Ok(Self { by_attempt, scores: read::scores(rows, options)?, pairs: read::pairs(rows, options)? })
    }

    /// Scores and corrections by attempt.
    pub(crate) fn scores_by_attempt(&self) -> HashMap<&str, Vec<&ScoreRow>> {
        let mut out: HashMap<&str, Vec<&ScoreRow>> = HashMap::new();
        for score in &self.scores {
            out.entry(&score.attempt_id).or_default().push(score);
        }
        out
    }

    /// The corrected texts by evaluation id.
    pub(crate) fn corrections(&self) -> HashMap<&str, &str> {
        let corrections =
            self.scores.iter().filter_map(|row| Some((row.evaluation_id.as_str(), row.correction.as_deref()?)));
        corrections.collect()
    }
}

/// What keeps an attempt of this status out of a dataset.
pub(crate) fn check_status(attempt: &AttemptRow, options: &Options) -> Result<(), Reason> {
    match attempt.status.as_str() {
        "ok" => Ok(()),
        "error" if options.include_failed => Ok(()),
        "error" => Err(Reason::FailedAttempt),
        _ => Err(Reason::OpenAttempt),
    }
}

/// Pure: one attempt's question and answer.
pub(crate) fn answer(row: &QuestionRow, options: &Options) -> Result<Answer, Reason> {
    check_status(&row.attempt, options)?;
    if row.lacks_history {
        return Err(Reason::HistoryNotCaptured);
    }
    let recorded = match (&row.input_messages, &row.input_text) {
        (Some(messages), _) if !messages.is_empty() => messages.clone(),
        (_, Some(text)) if !text.is_empty() => vec![Message::text("user", text)],
        (Some(_), _) => return Err(Reason::NoPrompt),
        (None, _) => return Err(Reason::PromptNotCaptured),
    };
    let question = conversation(row.system_prompt.as_deref(), &recorded, options.reasoning)?;
    match question.messages.last() {
        None => return Err(Reason::NoPrompt),
        Some(last) if !matches!(last.role, "user" | "tool") => return Err(Reason::PromptDoesNotEndWithUserOrTool),
        Some(_) => {}
    }
    let text = row.attempt.output_text.clone().filter(|text| !text.trim().is_empty()).ok_or(Reason::NoCompletion)?;
    if is_redacted(&text) {
        return Err(Reason::Redacted);
    }
    Ok(Answer {
        question_hash: ContentHash::of_json(&json!(question.messages)),
        question: Arc::new(question.messages),
        system: question.system,
        tools: tools(row.tools.as_ref())?,
        text,
    })
}

/// The prompt and tools of a row made from several answers to one question: what all of them share, or what `best` had.
pub(crate) fn prompt(answers: &[&Answer], best: &Answer, options: &Options) -> (Vec<ChatMessage>, Vec<Value>) {
    let shared = |same: fn(&Answer, &Answer) -> bool| {
        options.system == SystemPrompt::Chosen || answers.iter().all(|other| same(other, best))
    };
    let keeps_system = options.system != SystemPrompt::Drop && shared(|a, b| a.system == b.system);
    let system = best.system.as_deref().filter(|_| keeps_system);
    let tools = if shared(|a, b| a.tools == b.tools) { best.tools.clone() } else { Vec::new() };
    (with_system(system, &best.question), tools)
}

#[cfg(test)]
mod tests;
