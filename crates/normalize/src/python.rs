//! Python's way of printing values, which some libraries send where JSON was meant: `{'city': 'Paris', 'n': None}`.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// The value that a printed dict, list, tuple, string, number, `True`, `False` or `None` stands for. Absent where the text
/// is anything else: objects print as what no parser can read.
pub(crate) fn python_literal(text: &str) -> Option<Value> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.skip_spaces();
    (parser.at == text.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset, always between two characters.
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn next_char(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_spaces();
        match self.rest().chars().next()? {
            '{' => self.dict(depth),
            '[' => self.list("[", "]", depth),
            '(' => self.list("(", ")", depth),
            '\'' | '"' => self.string().map(Value::String),
            _ => self.word(),
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.take("{");
        let mut map = Map::new();
        loop {
            self.skip_spaces();
            if self.take("}") {
                return Some(Value::Object(map));
            }
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            self.skip_spaces();
            if !self.take(":") {
                return None;
            }
            map.insert(key, self.value(depth + 1)?);
            self.separator("}")?;
        }
    }

    fn list(&mut self, open: &str, close: &str, depth: usize) -> Option<Value> {
        self.take(open);
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            if self.take(close) {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.separator(close)?;
        }
    }

    /// A comma, or the end that follows.
    fn separator(&mut self, close: &str) -> Option<()> {
        self.skip_spaces();
        (self.take(",") || self.rest().starts_with(close)).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.next_char()?;
        let mut out = String::new();
        loop {
            match self.next_char()? {
                end if end == quote => return Some(out),
                '\\' => match self.next_char()? {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'x' => out.push(self.code(2)?),
                    'u' => out.push(self.code(4)?),
                    'U' => out.push(self.code(8)?),
                    escaped @ ('\\' | '\'' | '"') => out.push(escaped),
                    other => out.extend(['\\', other]),
                },
                plain => out.push(plain),
            }
        }
    }

    /// A lone surrogate stands for no character.
    fn code(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.at += digits;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest().find([',', '}', ']', ')', ':', ' ', '\n']).unwrap_or(self.rest().len());
        let word = &self.text[self.at..self.at + end];
        self.at += end;
        match word {
            "None" => Some(Value::Null),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            _ => {
                let whole = word.parse::<i64>().ok().map(Number::from);
                whole.or_else(|| Number::from_f64(word.parse().ok()?)).map(Value::Number)
            }
        }
    }
}

#[cfg(test)]
mod tests;
