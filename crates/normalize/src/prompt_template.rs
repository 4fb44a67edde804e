//! System prompts without what changes from run to run: dates, ids, names of users.
//!
//! A prompt that is filled in anew for each run would otherwise make a version of its agent per run. Each pattern is a regular
//! expression; what it matches (its first group, where it has one) is replaced by its name in braces. Linear in the prompt.

use regex::{Captures, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// Most patterns there can be: each is one pass over every system prompt.
const MAX_PATTERNS: usize = 64;
/// Compiled size of one pattern. The crate's own default is ten times as much, for patterns nobody writes by hand.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// One pattern as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftPattern {
    /// Stands for what was lifted, in braces.
    pub name: String,
    /// A regular expression in the syntax of the `regex` crate. With a group only the group is lifted.
    pub pattern: String,
}

/// The patterns, compiled. None by default.
#[derive(Debug, Clone, Default)]
pub struct PromptPatterns {
    compiled: Vec<(LiftPattern, Regex)>,
}

impl PromptPatterns {
    /// Compiles patterns, which are applied in this order.
    ///
    /// # Errors
    /// At the first that cannot be used, or when there are more than 64.
    pub fn new(patterns: &[LiftPattern]) -> Result<Self, SettingsError> {
        if let Some(first_over) = patterns.get(MAX_PATTERNS) {
            let message = format!("there are {} patterns, the limit is {MAX_PATTERNS}", patterns.len());
            return Err(SettingsError::Pattern { name: first_over.name.clone(), message });
        }
        let compile =
            |pattern: &LiftPattern| match RegexBuilder::new(&pattern.pattern).size_limit(MAX_PATTERN_BYTES).build() {
                Ok(regex) => Ok((pattern.clone(), regex)),
                Err(error) => Err(SettingsError::Pattern { name: pattern.name.clone(), message: error.to_string() }),
            };
        Ok(Self { compiled: patterns.iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// The prompt's template; `None` where nothing is lifted.
    pub(crate) fn lift(&self, prompt: &str) -> Option<String> {
        let mut template = std::borrow::Cow::Borrowed(prompt);
        for (pattern, regex) in &self.compiled {
            let lifted = regex.replace_all(&template, |found: &Captures<'_>| replaced(&pattern.name, found));
            if let std::borrow::Cow::Owned(lifted) = lifted {
                template = lifted.into();
            }
        }
        (template != prompt).then(|| template.into_owned())
    }

    pub(crate) fn sources(&self) -> Vec<&LiftPattern> {
        self.compiled.iter().map(|(pattern, _)| pattern).collect()
    }
}

/// The match with its first group, or all of it, replaced by the name.
fn replaced(name: &str, found: &Captures<'_>) -> String {
    let Some(whole) = found.get(0) else { return String::new() };
    let lifted = found.get(1).unwrap_or(whole);
    let (before, after) = (lifted.start() - whole.start(), lifted.end() - whole.start());
    format!("{}{{{name}}}{}", &whole.as_str()[..before], &whole.as_str()[after..])
}

#[cfg(test)]
mod tests;
