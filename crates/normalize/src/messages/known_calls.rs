//! Which tool calls are known already: one call is told of in several places, by different keys.

use std::collections::HashSet;

use gleaner_model::{Part, canonical_json};

/// Tool calls, found by id, else by name and arguments. Each question costs what one call costs, however many are known.
#[derive(Clone, Default)]
pub(crate) struct KnownCalls {
    ids: HashSet<String>,
    /// Name and canonical arguments.
    contents: HashSet<(String, String)>,
    contents_without_id: HashSet<(String, String)>,
}

impl KnownCalls {
    /// The calls among some parts.
    pub(crate) fn among(parts: &[Part]) -> Self {
        let mut known = Self::default();
        parts.iter().for_each(|part| known.add(part));
        known
    }

    /// Adds a part, if it is a call.
    pub(crate) fn add(&mut self, part: &Part) {
        let Part::ToolCall { id, name, arguments } = part else { return };
        let content = (name.clone(), canonical_json(arguments));
        match id {
            Some(id) => drop(self.ids.insert(id.clone())),
            None => drop(self.contents_without_id.insert(content.clone())),
        }
        self.contents.insert(content);
    }

    /// Whether a call is known: by id where both have one, else by name and arguments.
    pub(crate) fn has(&self, call: &Part) -> bool {
        let Part::ToolCall { id, name, arguments } = call else { return false };
        let content = (name.clone(), canonical_json(arguments));
        match id {
            Some(id) => self.ids.contains(id) || self.contents_without_id.contains(&content),
            None => self.contents.contains(&content),
        }
    }

    /// Whether a call of this name and these arguments is known, by whatever id.
    pub(crate) fn has_content(&self, call: &Part) -> bool {
        let Part::ToolCall { name, arguments, .. } = call else { return false };
        self.contents.contains(&(name.clone(), canonical_json(arguments)))
    }
}

#[cfg(test)]
mod tests;
