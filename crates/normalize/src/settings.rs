//! What the user sets about derivation: prices, and what is lifted out of prompts before they tell agents apart.
//!
//! [`Settings::apply`] is the last step of derivation, a pure function of one derived trace. A store is made under one set of
//! settings, told by [`Settings::fingerprint`]: under others it is made anew from the journal.

use gleaner_model::{AgentDefinition, ContentHash, DerivedTrace, SpanKind};
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
        for part in &mut trace.attempts {
            let own = trace.spans.iter().filter(|span| span.attempt_id.as_ref() == Some(&part.attempt_id));
            part.cost_usd = attempt_cost_usd(own);
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
