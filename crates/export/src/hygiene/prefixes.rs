//! Growing histories go once: a whole conversation that is the beginning of another row's is left out.
//!
//! Only conversations of which every assistant message is trained on ([`Content::Messages`]): where a row is a prompt and a
//! completion, the completion is trained on in that row alone. Tools and reasoning count: a longer row that lacks a thought
//! of the shorter one does not replace it. Held in memory are 16 bytes per message.

use std::collections::{HashMap, hash_map::Entry as Slot};

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    Reason,
    canonical::{write_message, write_value},
    dataset::Dataset,
    example::{Content, Example},
    stage::{Entry, Stage},
};

/// The stage.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    by_dataset: HashMap<&'static str, Vec<Vec<u128>>>,
}

impl Stage for Prefixes {
    fn see(&mut self, dataset: &'static Dataset, number: u32, example: &Example) {
        let Content::Messages(messages) = &example.content else { return };
        let mut text = Vec::new();
        example.tools.iter().for_each(|tool| write_value(tool, &mut text));
        let mut before = xxh3_128(&text);
        let beginnings = messages.iter().map(|message| {
            text.clear();
            text.extend_from_slice(&before.to_le_bytes());
            write_message(message, &mut text);
            before = xxh3_128(&text);
            before
        });
        let beginnings: Vec<u128> = beginnings.collect();
        let seen = self.by_dataset.entry(dataset.name).or_default();
        let number = number as usize;
        if seen.len() <= number {
            seen.resize(number + 1, Vec::new());
        }
        seen[number] = beginnings;
    }

    /// Names the longest of the rows that begin so; of equally long ones the first.
    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(seen) = self.by_dataset.remove(dataset.name) else { return };
        let beginnings = |number: u32| seen.get(number as usize).map_or(&[][..], Vec::as_slice);
        let mut longer: HashMap<u128, (usize, u128)> = HashMap::new();
        for entry in entries.iter().filter(|entry| entry.verdict.is_ok()) {
            let [proper @ .., _] = beginnings(entry.number) else { continue };
            for beginning in proper {
                match longer.entry(*beginning) {
                    Slot::Vacant(free) => {
                        free.insert((proper.len(), entry.id));
                    }
                    Slot::Occupied(mut known) if known.get().0 < proper.len() => {
                        known.insert((proper.len(), entry.id));
                    }
                    Slot::Occupied(_) => {}
                }
            }
        }
        for entry in entries.iter_mut().filter(|entry| entry.verdict.is_ok()) {
            let whole = beginnings(entry.number).last();
            if let Some((_, id)) = whole.and_then(|whole| longer.get(whole)) {
                entry.verdict = Err(Reason::PrefixOfAnother);
                entry.kept = Some(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
