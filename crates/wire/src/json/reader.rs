//! A JSON reader that hands out values as they come and keeps nothing, so that memory is bounded by what the caller
//! counts. `serde_json` refuses lone surrogates and stops at 128 levels; this reader replaces the former by U+FFFD and
//! has its own, named limit for the latter.
//!
//! Lenient where proto3 JSON is: 64-bit integers as numbers or strings, exponents, `null` for the default, base64 in
//! four forms. Strict where JSON is: no trailing commas, comments, control characters in strings or trailing bytes.
//! It knows no OTLP.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::number;
use crate::WireError;

type Read<T> = Result<T, WireError>;

/// Characters of an unknown field's name that an error repeats.
const MAX_NAME_CHARS: usize = 40;

/// Standard alphabet, padded or not. The URL-safe one is mapped to it first.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads one JSON text from the front.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    max_depth: u32,
}

impl<'a> Reader<'a> {
    /// `max_depth` bounds the nesting of objects and arrays. A byte order mark is skipped.
    pub(crate) fn new(bytes: &'a [u8], max_depth: u32) -> Read<Self> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| malformed(format!("not valid UTF-8 at byte {}", error.valid_up_to())))?;
        Ok(Self { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, depth: 0, max_depth })
    }

    /// Refuses anything after the value but white space.
    pub(crate) fn finish(mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.syntax("bytes after the end of the JSON value")),
        }
    }

    /// Reads an object. `each` must read the value of its key. Keys with `null` are not shown: null is the default, so
    /// is a missing key, and so is `null` in place of the object.
    pub(crate) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        if self.null()? {
            return Ok(());
        }
        self.open(b'{', "an object")?;
        if !self.next_is(b'}') {
            loop {
                let key = self.string("a field name")?;
                self.require(b':', "a colon")?;
                if !self.null()? {
                    each(self, &key).map_err(|error| error.within(&name(&key)))?;
                }
                if self.next_is(b'}') {
                    break;
                }
                self.require(b',', "a comma or a closing brace")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array. `each` must read one element, `null` elements too.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.open(b'[', "an array")?;
        if !self.next_is(b']') {
            for index in 0_usize.. {
                each(self).map_err(|error| error.within(&format!("[{index}]")))?;
                if self.next_is(b']') {
                    break;
                }
                self.require(b',', "a comma or a closing bracket")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    pub(crate) fn text(&mut self) -> Read<String> {
        self.string("a string").map(Cow::into_owned)
    }

    pub(crate) fn boolean(&mut self) -> Read<bool> {
        for (word, value) in [("true", true), ("false", false)] {
            if self.word(word) {
                return Ok(value);
            }
        }
        Err(self.unexpected("true or false"))
    }

    /// An integer as a number or a string, with or without an exponent, if it fits.
    pub(crate) fn integer<T: TryFrom<i128>>(&mut self) -> Read<T> {
        let text = match self.peek() {
            Some(b'"') => self.string("an integer")?,
            _ => Cow::Borrowed(self.number("an integer")?),
        };
        let integer = number::integer(&text).ok_or_else(|| malformed("expected an integer"))?;
        T::try_from(integer).map_err(|_| malformed("integer out of range"))
    }

    /// OTLP/JSON: enum values are integers, names must not be used.
    pub(crate) fn enumeration(&mut self) -> Read<i32> {
        match self.peek() {
            Some(b'"') => Err(malformed("expected an integer, found a string: OTLP/JSON has no enum names")),
            _ => self.integer(),
        }
    }

    /// A number, or a string with a number, `NaN`, `Infinity` or `-Infinity`.
    pub(crate) fn double(&mut self) -> Read<f64> {
        let text = match self.peek() {
            Some(b'"') => self.string("a number")?,
            _ => Cow::Borrowed(self.number("a number")?),
        };
        match text.as_ref() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            text if number::length(text.as_bytes()) == Some(text.len()) => match text.parse::<f64>() {
                Ok(double) if double.is_finite() => Ok(double),
                _ => Err(malformed("number out of range for a double")),
            },
            _ => Err(malformed("expected a number, \"NaN\", \"Infinity\" or \"-Infinity\"")),
        }
    }

    /// OTLP/JSON: ids are hex, whatever the case.
    pub(crate) fn hex(&mut self) -> Read<Vec<u8>> {
        let text = self.string("a string of hex digits")?;
        hex::decode(text.as_bytes()).map_err(|_| malformed("expected an even number of hex digits"))
    }

    /// Bytes other than ids are base64, standard or URL-safe, padded or not.
    pub(crate) fn base64(&mut self) -> Read<Vec<u8>> {
        let text = self.string("a string of base64")?;
        let standard = text.replace('-', "+").replace('_', "/");
        BASE64.decode(standard).map_err(|_| malformed("expected base64"))
    }

    /// Reads past any value; `each` is called once for it and once for every value in it.
    pub(crate) fn skip(&mut self, each: &mut dyn FnMut() -> Read<()>) -> Read<()> {
        each()?;
        match self.peek() {
            Some(b'{') => self.object(|reader, _| reader.skip(each)),
            Some(b'[') => self.array(|reader| reader.skip(each)),
            Some(b'"') => self.string("a string").map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.word("null") => Ok(()),
            _ => self.number("a value").map(drop),
        }
    }

    /// Reads a `null`, if there is one.
    fn null(&mut self) -> Read<bool> {
        match self.peek() {
            Some(b'n') if self.word("null") => Ok(true),
            Some(b'n') => Err(self.unexpected("a value")),
            _ => Ok(false),
        }
    }

    fn open(&mut self, bracket: u8, expected: &str) -> Read<()> {
        if !self.next_is(bracket) {
            return Err(self.unexpected(expected));
        }
        if self.depth == self.max_depth {
            return Err(WireError::TooDeep { what: "JSON objects and arrays", limit: self.max_depth });
        }
        self.depth += 1;
        Ok(())
    }

    fn string(&mut self, expected: &str) -> Read<Cow<'a, str>> {
        if !self.next_is(b'"') {
            return Err(self.unexpected(expected));
        }
        let text = self.text;
        let mut unescaped = String::new();
        loop {
            let rest = &text[self.at..];
            let Some(length) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                return Err(self.syntax("a string without an end"));
            };
            let plain = &rest[..length];
            self.at += length + 1;
            match rest.as_bytes()[length] {
                b'"' if unescaped.is_empty() => return Ok(Cow::Borrowed(plain)),
                b'"' => return Ok(Cow::Owned(unescaped + plain)),
                b'\\' => {
                    unescaped.push_str(plain);
                    unescaped.push(self.escape()?);
                }
                _ => return Err(self.syntax("a control character in a string")),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Read<char> {
        let escaped = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.utf16()?,
            _ => return Err(self.syntax("an unknown escape in a string")),
        })
    }

    /// What follows `\u`. Half a surrogate pair, as from a text cut in the middle of a character, becomes U+FFFD.
    fn utf16(&mut self) -> Read<char> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) || !self.text[self.at..].starts_with("\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.at;
        self.at += 2;
        let second = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            // The second escape stands for itself and is read next.
            self.at = after_first;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let scalar = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_hex_digits(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        self.at += 4;
        value.ok_or_else(|| self.syntax("an escape without four hex digits"))
    }

    fn number(&mut self, expected: &str) -> Read<&'a str> {
        self.peek();
        let (text, at) = (self.text, self.at);
        let Some(length) = number::length(&text.as_bytes()[at..]) else { return Err(self.unexpected(expected)) };
        self.at += length;
        Ok(&text[at..self.at])
    }

    /// Reads a literal, if it is there.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// The next byte after white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Reads one byte after white space, if it is this one.
    fn next_is(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn require(&mut self, byte: u8, expected: &str) -> Read<()> {
        if self.next_is(byte) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&mut self, expected: &str) -> WireError {
        let found = match self.peek() {
            None => "the end",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') if self.word("null") => "null",
            Some(_) => "something else",
        };
        self.syntax(&format!("expected {expected}, found {found}"))
    }

    fn syntax(&self, reason: &str) -> WireError {
        malformed(format!("{reason} (byte {})", self.at.min(self.text.len())))
    }
}

fn malformed(reason: impl Into<String>) -> WireError {
    WireError::malformed("", reason)
}

/// A field name as an error shows it: a stranger chose it, so it is cut and escaped.
fn name(key: &str) -> String {
    key.chars().take(MAX_NAME_CHARS).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
