//! Redaction: keys, e-mails, phone numbers, cards, addresses and the user's own patterns become pseudonyms.
//!
//! A pseudonym is `<kind_xxxxxxxx>`: eight hex digits of a keyed hash of the value, so that one value is one pseudonym all
//! over an export, and over every export with the same salt. Without a secret salt anybody can check a guess against it.
//!
//! Every text of a row goes through here: messages, reasoning, names and values of tool arguments, descriptions of tools, and
//! the names of reviewers and sessions. Arguments stay JSON, and so does JSON inside a text. Ids of attempts, traces, spans and
//! feedback stay as they are.

mod detectors;

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use regex::{Regex, RegexBuilder};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    ExportError, Reason,
    conversation::ChatMessage,
    dataset::Dataset,
    example::Example,
    provenance::Provenance,
    stage::{Entry, Stage},
};
use detectors::Detector;

/// A group of detectors, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Redact {
    /// API keys of known vendors, private keys, JSON web tokens, passwords in URLs and in headers.
    Secrets,
    /// E-mail addresses.
    Emails,
    /// Phone numbers with a country code, or in the usual North American form.
    Phones,
    /// Credit card numbers: known networks, right length, right check digit.
    Cards,
    /// IPv4 and IPv6 addresses, those of this machine excepted.
    Ips,
}

impl Redact {
    /// All groups, in the order of precedence.
    pub const ALL: [Redact; 5] = [Redact::Secrets, Redact::Emails, Redact::Cards, Redact::Phones, Redact::Ips];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Emails => "emails",
            Self::Phones => "phones",
            Self::Cards => "cards",
            Self::Ips => "ips",
        }
    }
}

impl FromStr for Redact {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        Self::ALL.into_iter().find(|group| group.as_str() == text).ok_or_else(|| ExportError::Option {
            option: "redact",
            message: format!("`{text}` is unknown; supported: {}", Self::ALL.map(Self::as_str).join(", ")),
        })
    }
}

/// A pattern of the user: everything that it matches is redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// Goes into the pseudonym: lower-case letters, digits and underscores.
    pub name: String,
    /// A regular expression, as the `regex` crate reads it.
    pub regex: String,
}

impl FromStr for Pattern {
    type Err = ExportError;

    /// `NAME=REGEX`
    fn from_str(text: &str) -> Result<Self, ExportError> {
        let refused = |message: String| ExportError::Option { option: "redact-pattern", message };
        let (name, regex) = text.split_once('=').ok_or_else(|| refused(format!("`{text}` is not NAME=REGEX")))?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(refused(format!(
                "the name `{name}` has other than lower-case letters, digits and underscores"
            )));
        }
        let pattern = Self { name: name.to_owned(), regex: regex.to_owned() };
        pattern.compiled().map(|_| pattern)
    }
}

impl Pattern {
    /// Compiled size of a pattern: the regex crate's own default, named here for the error.
    const MAX_COMPILED_BYTES: usize = 10 * 1024 * 1024;

    fn compiled(&self) -> Result<Regex, ExportError> {
        let built = RegexBuilder::new(&self.regex).size_limit(Self::MAX_COMPILED_BYTES).build();
        let refused = |message: String| ExportError::Option { option: "redact-pattern", message };
        let regex = built.map_err(|e| refused(format!("{}: {e}", self.name)))?;
        if regex.is_match("") {
            return Err(refused(format!("{} matches the empty text", self.name)));
        }
        Ok(regex)
    }
}

/// How often each kind was redacted.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Finds and replaces. See the module's text.
#[derive(Debug)]
pub(crate) struct Redactor {
    detectors: Vec<Detector>,
    key: [u8; 32],
    /// By dataset and number of the row; rows without redactions are not held.
    counts: HashMap<&'static str, HashMap<u32, Counts>>,
}

/// One match: what it is, and what makes it one value with others ("A@b.c" and "a@b.c").
struct Hit {
    start: usize,
    end: usize,
    detector: usize,
}

impl Redactor {
    pub(crate) fn new(groups: &[Redact], patterns: &[Pattern], salt: &str) -> Result<Self, ExportError> {
        let mut found = Vec::new();
        for pattern in patterns {
            found.push(Detector::of_user(pattern.name.clone(), pattern.compiled()?));
        }
        for group in Redact::ALL.into_iter().filter(|group| groups.contains(group)) {
            found.extend(detectors::of(group)?);
        }
        let key = blake3::derive_key("gleaner export redaction 1", salt.as_bytes());
        Ok(Self { detectors: found, key, counts: HashMap::new() })
    }

    /// The text with pseudonyms; none where there is nothing to redact.
    pub(crate) fn text(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let mut hits = Vec::new();
        for (number, detector) in self.detectors.iter().enumerate() {
            for found in detector.regex.find_iter(text) {
                let start = after_escape(text, found.start());
                let Some((start, end)) = detector.narrowed(text, start, found.end()) else { continue };
                hits.push(Hit { start, end, detector: number });
            }
        }
        if hits.is_empty() {
            return None;
        }
        // Of what overlaps the detector named first stands: a card is not also a phone number.
        hits.sort_by_key(|hit| (hit.detector, hit.start));
        let mut taken: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for hit in hits {
            let before = taken.range(..hit.end).next_back();
            if before.is_none_or(|(_, (end, _))| *end <= hit.start) {
                taken.insert(hit.start, (hit.end, hit.detector));
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (start, (end, number)) in taken {
            let detector = &self.detectors[number];
            out.push_str(&text[done..start]);
            out.push_str(&self.pseudonym(detector, &text[start..end]));
            *counts.entry(detector.kind.to_string()).or_default() += 1;
            done = end;
        }
        out.push_str(&text[done..]);
        Some(out)
    }

    fn rewrite(&self, text: &mut String, counts: &mut Counts) {
        if let Some(redacted) = self.text(text, counts) {
            *text = redacted;
        }
    }

    /// Texts and names at any depth. A number that is a card or hits a pattern becomes a text.
    fn json(&self, value: &mut Value, counts: &mut Counts) {
        match value {
            Value::String(text) => self.rewrite(text, counts),
            Value::Number(number) => {
                if let Some(redacted) = self.text(&number.to_string(), counts) {
                    *value = Value::String(redacted);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item, counts)),
            Value::Object(fields) => self.fields(fields, counts),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>, counts: &mut Counts) {
        for (name, mut value) in std::mem::take(fields) {
            self.json(&mut value, counts);
            let mut name = self.text(&name, counts).unwrap_or(name);
            // Two names of one value ("A@b.c" and "a@b.c") stay two fields.
            while fields.contains_key(&name) {
                name.push('_');
            }
            fields.insert(name, value);
        }
    }

    fn message(&self, message: &mut ChatMessage, counts: &mut Counts) {
        self.rewrite(&mut message.content, counts);
        message.reasoning_content.iter_mut().for_each(|text| self.rewrite(text, counts));
        message.name.iter_mut().for_each(|text| self.rewrite(text, counts));
        message.tool_calls.iter_mut().for_each(|call| self.fields(&mut call.function.arguments, counts));
    }

    /// Names of people in the provenance; they are not counted, as no trainer sees them.
    fn provenance(&self, provenance: &mut Provenance) {
        let mut uncounted = Counts::new();
        if let Some(pseudonym) = self.text(&provenance.session_id, &mut uncounted) {
            provenance.original_session_id = Some(std::mem::replace(&mut provenance.session_id, pseudonym));
        }
        let reviewers = std::mem::take(&mut provenance.reviewers);
        provenance.reviewers =
            reviewers.into_iter().map(|name| self.text(&name, &mut uncounted).unwrap_or(name)).collect();
    }

    fn pseudonym(&self, detector: &Detector, value: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(detector.kind.as_bytes());
        hasher.update(&[0]);
        hasher.update(detector.canonical(value).as_bytes());
        let hash = hasher.finalize().to_hex();
        format!("<{}_{}>", detector.kind, &hash[..8])
    }
}

impl Stage for Redactor {
    fn pass(&mut self, _dataset: &'static Dataset, example: &mut Example) -> Result<(), Reason> {
        let mut counts = Counts::new();
        for message in example.messages_mut() {
            self.message(message, &mut counts);
        }
        example.tools.rewrite(|tool| self.json(tool, &mut counts));
        // Other than messages and tools, a row has texts of people: who judged, why, in which session.
        let is_id = |name: &str| name.ends_with("_id") && name != "session_id";
        for (_, fact) in example.facts.iter_mut().filter(|(name, fact)| fact.is_string() && !is_id(name)) {
            self.json(fact, &mut counts);
        }
        self.provenance(&mut example.provenance);
        example.provenance.redactions = counts;
        Ok(())
    }

    fn see(&mut self, dataset: &'static Dataset, number: u32, example: &Example) {
        let counts = &example.provenance.redactions;
        if !counts.is_empty() {
            self.counts.entry(dataset.name).or_default().insert(number, counts.clone());
        }
    }

    /// Redacted values by kind in the rows that are written.
    fn report(&mut self, dataset: &'static Dataset, entries: &[Entry]) -> Option<(&'static str, Value)> {
        let by_row = self.counts.remove(dataset.name).unwrap_or_default();
        let mut total = Counts::new();
        let written = entries.iter().filter(|entry| entry.verdict.is_ok());
        for (kind, n) in written.filter_map(|entry| by_row.get(&entry.number)).flatten() {
            *total.entry(kind.clone()).or_default() += n;
        }
        Some(("redacted", json!(total)))
    }
}

/// Where JSON stands inside a text, a match may begin with the letter of an escape (`\n` before an address): behind it.
fn after_escape(text: &str, start: usize) -> usize {
    let slashes = text[..start].bytes().rev().take_while(|b| *b == b'\\').count();
    if slashes % 2 == 0 {
        return start;
    }
    match text.as_bytes().get(start) {
        Some(b'u') if text.as_bytes()[start..].len() > 5 && text.is_char_boundary(start + 5) => start + 5,
        Some(b'n' | b't' | b'r' | b'b' | b'f' | b'"' | b'/') => start + 1,
        _ => start,
    }
}

#[cfg(test)]
mod tests;
