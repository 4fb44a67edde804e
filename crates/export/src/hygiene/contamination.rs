//! Decontamination: rows that hold items of a benchmark, by n-grams of words and by whole texts.
//!
//! As GPT-3's authors did it: a row is contaminated if it shares one n-gram (13 words) with an item, words being lower-case
//! and without punctuation. A text of an item with fewer words than that, but at least 8, is an n-gram of its own length. A
//! shorter one, of at least 4 words, must be the whole of a message. What is shorter still ("42", "yes") says nothing and is counted.
//!
//! Every message of a row is looked at: prompts, answers, reasoning, arguments and results of tools. Held in memory are the
//! hashes of the benchmark's n-grams, 64 bits each.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Value, json};

use super::words::{combined, push_words};
use crate::{
    ExportError, Reason,
    conversation::ChatMessage,
    dataset::Dataset,
    example::Example,
    stage::{Entry, Stage},
};

/// Words of an n-gram, where the user does not say.
pub(super) const NGRAM_WORDS: usize = 13;
/// Texts shorter than this are no n-grams: shorter phrases are common property.
const MIN_NGRAM_WORDS: usize = 8;
/// Texts shorter than this are not looked for at all.
const MIN_WHOLE_WORDS: usize = 4;
/// Largest benchmark file: its n-grams are held in memory, at some 16 bytes for each word.
pub(super) const MAX_BENCHMARK_BYTES: u64 = 256 * 1024 * 1024;

/// One benchmark file as the manifest tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Benchmark {
    /// File name without its directory.
    pub(crate) file: String,
    /// BLAKE3 of its bytes, lower-case hex.
    pub(crate) blake3: String,
    /// Items in it: lines, or elements of a JSON list.
    pub(crate) items: u64,
    /// Items of which every text is too short to be looked for.
    pub(crate) items_too_short: u64,
}

/// Where an n-gram or a text stands: number of the file, and of the item, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    file: u32,
    item: u32,
}

/// All benchmark items, hashed.
#[derive(Debug)]
pub(crate) struct Benchmarks {
    ngram_words: usize,
    files: Vec<Benchmark>,
    /// N-grams by their number of words.
    ngrams: BTreeMap<usize, HashMap<u64, Place>>,
    wholes: HashMap<u64, Place>,
}

impl Benchmarks {
    pub(crate) fn new(ngram_words: usize) -> Self {
        Self { ngram_words, files: Vec::new(), ngrams: BTreeMap::new(), wholes: HashMap::new() }
    }

    /// Takes a file: a JSON list, JSON lines, or lines of text. Every text inside an item, however deep, is looked for.
    pub(crate) fn add(&mut self, file: &str, content: &str) -> Result<(), ExportError> {
        let number = self.files.len() as u32;
        let (mut items, mut items_too_short) = (0, 0);
        for item in items_of(content) {
            items += 1;
            let place = Place { file: number, item: items as u32 };
            let mut texts = Vec::new();
            collect_texts(&item, &mut texts);
            let mut is_known = false;
            for text in texts {
                is_known |= self.add_text(text, place);
            }
            items_too_short += u64::from(!is_known);
        }
        if items == 0 {
            return Err(ExportError::Option { option: "decontaminate", message: format!("{file} holds no items") });
        }
        let blake3 = blake3::hash(content.as_bytes()).to_hex().to_string();
        self.files.push(Benchmark { file: file.to_owned(), blake3, items, items_too_short });
        Ok(())
    }

    fn add_text(&mut self, text: &str, place: Place) -> bool {
        let mut words = Vec::new();
        push_words(text, &mut words);
        if words.len() < MIN_WHOLE_WORDS {
            return false;
        }
        self.wholes.entry(combined(&words)).or_insert(place);
        if words.len() >= MIN_NGRAM_WORDS.min(self.ngram_words) {
            let length = words.len().min(self.ngram_words);
            let ngrams = self.ngrams.entry(length).or_default();
            for ngram in words.windows(length) {
                ngrams.entry(combined(ngram)).or_insert(place);
            }
        }
        true
    }

    /// The first item that these messages hold something of, as `file:item`.
    pub(crate) fn find<'a>(&self, messages: impl IntoIterator<Item = &'a ChatMessage>) -> Option<String> {
        let mut words = Vec::new();
        for message in messages {
            let texts = [message.content.as_str()].into_iter().chain(message.reasoning_content.as_deref());
            for text in texts {
                words.clear();
                push_words(text, &mut words);
                if let Some(place) = self.find_words(&words) {
                    return Some(self.name(place));
                }
            }
            for call in &message.tool_calls {
                for value in call.function.arguments.values() {
                    let mut texts = Vec::new();
                    collect_texts(value, &mut texts);
                    for text in texts {
                        words.clear();
                        push_words(text, &mut words);
                        if let Some(place) = self.find_words(&words) {
                            return Some(self.name(place));
                        }
                    }
                }
            }
        }
        None
    }

    fn find_words(&self, words: &[u64]) -> Option<Place> {
        if let Some(place) = self.wholes.get(&combined(words)).filter(|_| words.len() >= MIN_WHOLE_WORDS) {
            return Some(*place);
        }
        self.ngrams
            .iter()
            .find_map(|(length, ngrams)| words.windows(*length).find_map(|ngram| ngrams.get(&combined(ngram)).copied()))
    }

    fn name(&self, place: Place) -> String {
        let file = self.files.get(place.file as usize).map_or("?", |file| file.file.as_str());
        format!("{file}:{}", place.item)
    }
}

impl Stage for Benchmarks {
    fn pass(&mut self, _dataset: &'static Dataset, example: &mut Example) -> Result<(), Reason> {
        let found = self.find(example.parts().into_iter().flat_map(|(_, messages)| messages));
        match found {
            None => Ok(()),
            Some(item) => {
                example.provenance.detail = Some(item);
                Err(Reason::Contaminated)
            }
        }
    }

    fn report(&mut self, _dataset: &'static Dataset, _entries: &[Entry]) -> Option<(&'static str, Value)> {
        Some(("benchmarks", json!(self.files)))
    }
}

/// A JSON list's elements, else one item per line that is not blank: parsed where it is JSON, as its text where not.
fn items_of(content: &str) -> Vec<Value> {
    let content = content.trim_start_matches('\u{feff}');
    if content.trim_start().starts_with('[')
        && let Ok(Value::Array(items)) = serde_json::from_str(content)
    {
        return items;
    }
    let lines = content.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))).collect()
}

fn collect_texts<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, out)),
        Value::Object(fields) => fields.values().for_each(|field| collect_texts(field, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
