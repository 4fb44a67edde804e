//! Values as Python prints them: `{'city': 'Paris', 'ok': True}`, `ToolCall(name='f', arguments={…})`,
//! `<Role.USER: 'user'>`.
//!
//! Libraries that find no serializer for an object write its `repr` into an attribute. Only what reads to the last character
//! is believed, so that prose never turns into a structure. Linear in the text, and no deeper than [`MAX_DEPTH`].

use serde_json::{Map, Number, Value};

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// Field under which an object keeps the name of its class.
const CLASS: &str = "__class__";

/// Field under which an object keeps its positional arguments.
const POSITIONAL: &str = "__args__";

/// Reads a printed container or object; plain text, numbers and names alone are none.
///
/// Lists, tuples and sets become arrays, dicts objects with their keys as text, an enum member its value, an object its
/// fields with [`CLASS`].
pub(crate) fn python(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.ends_with(['}', ']', ')', '>']) {
        return None;
    }
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    (parser.at == text.len() && (value.is_object() || value.is_array())).then_some(value)
}

/// The fields of an object printed without its class, as pydantic's `str` does: `role='assistant' content=None
/// tool_calls=[ToolCall(…)]`. A field that holds a bare marker (`Unset()`) was not set.
pub(crate) fn python_fields(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    let mut parser = Parser { text, at: 0 };
    let mut fields = Map::new();
    while parser.at < text.len() {
        let field = parser.take_while(is_identifier);
        if field.is_empty() || parser.peek() != Some('=') {
            return None;
        }
        parser.at += 1;
        let value = parser.value(0)?;
        let is_marker = value.as_object().is_some_and(|object| object.len() == 1 && object.contains_key(CLASS));
        if !is_marker {
            fields.insert(field.to_owned(), value);
        }
        parser.skip_space();
    }
    (!fields.is_empty()).then_some(fields)
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset, always at the start of a character.
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The next character after white space, if it is this one.
    fn take(&mut self, wanted: char) -> Option<()> {
        self.skip_space();
        self.peek().filter(|next| *next == wanted)?;
        self.at += wanted.len_utf8();
        Some(())
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|next| !wanted(next)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            '\'' | '"' => self.string(false).map(Value::String),
            '[' => self.list('[', ']', depth),
            '(' => self.list('(', ')', depth),
            '{' => self.dict_or_set(depth),
            '<' => self.angle(),
            next if next.is_ascii_digit() || matches!(next, '-' | '+' | '.') => self.number(),
            next if next.is_alphabetic() || next == '_' => self.name(depth),
            _ => None,
        }
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        self.take(open)?;
        let mut items = Vec::new();
        while self.take(close).is_none() {
            items.push(self.value(depth + 1)?);
            self.separator(close)?;
        }
        Some(Value::Array(items))
    }

    /// A comma, or the end that is not consumed.
    fn separator(&mut self, close: char) -> Option<()> {
        if self.take(',').is_some() {
            return Some(());
        }
        self.skip_space();
        self.peek().filter(|next| *next == close).map(|_| ())
    }

    fn dict_or_set(&mut self, depth: usize) -> Option<Value> {
        self.take('{')?;
        let mut fields = Map::new();
        let mut items = Vec::new();
        while self.take('}').is_none() {
            let key = self.value(depth + 1)?;
            if self.take(':').is_some() {
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                fields.insert(key, self.value(depth + 1)?);
            } else {
                items.push(key);
            }
            self.separator('}')?;
        }
        match (fields.is_empty(), items.is_empty()) {
            (_, true) => Some(Value::Object(fields)),
            (true, false) => Some(Value::Array(items)),
            (false, false) => None,
        }
    }

    /// An enum member `<Role.USER: 'user'>` is its value; any other object without a constructor is its text.
    fn angle(&mut self) -> Option<Value> {
        let start = self.at;
        self.take('<')?;
        self.take_while(is_path);
        if self.take(':').is_some() {
            self.skip_space();
            let value = match self.peek()? {
                '\'' | '"' => self.string(false).map(Value::String),
                _ => self.number(),
            };
            if let Some(value) = value.filter(|_| self.take('>').is_some()) {
                return Some(value);
            }
        }
        self.at = start;
        let mut open = 0_usize;
        for (offset, next) in self.rest().char_indices() {
            match next {
                '<' => open += 1,
                '>' => open -= 1,
                _ => {}
            }
            if open == 0 {
                let end = start + offset + 1;
                self.at = end;
                return Some(Value::String(self.text[start..end].to_owned()));
            }
        }
        None
    }

    fn number(&mut self) -> Option<Value> {
        let text = self.take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '+' | '.' | '_'));
        if let Ok(whole) = text.parse::<i64>() {
            return Some(Value::Number(whole.into()));
        }
        if let Ok(whole) = text.parse::<u64>() {
            return Some(Value::Number(whole.into()));
        }
        let number: f64 = text.parse().ok()?;
        Some(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    /// A constant, a prefixed string, an object `Name(field=value, …)`, or a name such as an enum's.
    fn name(&mut self, depth: usize) -> Option<Value> {
        let name = self.take_while(is_path);
        match (name, self.peek()) {
            (_, Some('(')) => self.object(name, depth),
            ("b" | "r" | "f" | "u" | "rb" | "br", Some('\'' | '"')) => {
                self.string(name.contains('r')).map(Value::String)
            }
            ("True", _) => Some(Value::Bool(true)),
            ("False", _) => Some(Value::Bool(false)),
            ("None" | "nan" | "inf", _) => Some(Value::Null),
            // A member of an enum that prints itself bare. Other words are no values.
            _ => name.contains('.').then(|| Value::String(name.to_owned())),
        }
    }

    fn object(&mut self, name: &str, depth: usize) -> Option<Value> {
        self.take('(')?;
        let mut fields = Map::from_iter([(CLASS.to_owned(), Value::String(name.to_owned()))]);
        let mut positional = Vec::new();
        while self.take(')').is_none() {
            self.skip_space();
            let start = self.at;
            let field = self.take_while(is_identifier);
            if !field.is_empty() && self.take('=').is_some() {
                fields.insert(field.to_owned(), self.value(depth + 1)?);
            } else {
                self.at = start;
                positional.push(self.value(depth + 1)?);
            }
            self.separator(')')?;
        }
        if !positional.is_empty() {
            fields.insert(POSITIONAL.to_owned(), Value::Array(positional));
        }
        Some(Value::Object(fields))
    }

    fn string(&mut self, is_raw: bool) -> Option<String> {
        let quote = self.peek()?;
        self.at += quote.len_utf8();
        let mut out = String::new();
        loop {
            out.push_str(self.take_while(|next| next != quote && next != '\\'));
            let next = self.peek()?;
            self.at += next.len_utf8();
            if next == quote {
                return Some(out);
            }
            if is_raw {
                out.push(next);
            } else {
                self.escape(&mut out)?;
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut String) -> Option<()> {
        let kind = self.peek()?;
        self.at += kind.len_utf8();
        let plain = match kind {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '0' => '\0',
            '\\' | '\'' | '"' => kind,
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            other => {
                out.push('\\');
                other
            }
        };
        out.push(plain);
        Some(())
    }

    /// A code point of that many hexadecimal digits; halves of a surrogate pair are no characters.
    fn code(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.at += digits;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

fn is_identifier(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}

/// Names with their module or class before a dot.
fn is_path(next: char) -> bool {
    is_identifier(next) || next == '.'
}

#[cfg(test)]
mod tests;
