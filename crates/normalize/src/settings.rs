//! What the user sets about derivation: prices, and what is lifted out of prompts before they tell agents apart.
//!
//! [`Settings::apply`] is the last step of derivation, a pure function of one derived trace. A store is made under one set of
//! settings, told by [`Settings::fingerprint`]: under others it is made anew from the journal.

use std::collections::HashMap;

use gleaner_model::{AgentDefinition, ContentHash, DerivedTrace, Span, SpanKind};
use serde_json::Value;

use crate::cost::attempt_cost_usd;
use crate::derive::definition::definition_id;
pub use crate::prices::PriceTable;
pub use crate::prompt_template::{LiftPattern, PromptPatterns};

/// Prices and prompt patterns.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What calls cost that do not say so themselves.
    pub prices: PriceTable,
    /// What is lifted out of prompts.
    pub prompt_patterns: PromptPatterns,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The price table is not of the form that `config/prices.toml` shows.
    #[error("prices: {0}")]
    Prices(String),
    /// A pattern is no regular expression, or too large a one.
    #[error("definitions.lift: pattern {name:?}: {message}")]
    Pattern {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Settings {
    /// Prices calls and names definitions by their templates.
    pub fn apply(&self, trace: &mut DerivedTrace) {
        self.price(trace);
        for part in &mut trace.attempts {
            for definition in
                part.definition.iter_mut().chain(part.sub_agents.iter_mut().map(|sub| &mut sub.definition))
            {
                self.lift(&trace.project, definition);
            }
        }
    }

    fn price(&self, trace: &mut DerivedTrace) {
        let mut is_priced = false;
        for span in &mut trace.spans {
            let costs = matches!(span.kind, SpanKind::Llm | SpanKind::Embedding | SpanKind::Reranker);
            if !costs || span.cost_usd.is_some() || span.duplicate_of.is_some() {
                continue;
            }
            if let Some((cost_usd, source)) = self.prices.cost_usd(span) {
                span.cost_usd = Some(cost_usd);
                span.source_keys.insert("cost_usd".to_owned(), Value::String(source));
                is_priced = true;
            }
        }
        if !is_priced {
            return;
        }
        let mut spans_of: HashMap<&str, Vec<&Span>> = HashMap::new();
        for span in &trace.spans {
            if let Some(attempt_id) = &span.attempt_id {
                spans_of.entry(attempt_id).or_default().push(span);
            }
        }
        for part in &mut trace.attempts {
            part.cost_usd = attempt_cost_usd(spans_of.remove(part.attempt_id.as_str()).into_iter().flatten());
        }
    }

    fn lift(&self, project: &str, definition: &mut AgentDefinition) {
        let Some(template) = definition.system_prompt.as_deref().and_then(|prompt| self.prompt_patterns.lift(prompt))
        else {
            return;
        };
        definition.prompt_template = Some(template);
        definition.agent_definition_id = definition_id(project, definition);
    }

    /// Tells whether a store was made under these settings.
    pub fn fingerprint(&self) -> String {
        let value = serde_json::json!([self.prices.fingerprint(), self.prompt_patterns.sources()]);
        ContentHash::of_json(&value).0
    }
}

#[cfg(test)]
mod tests;
