//! The text of a query, read just far enough to find where it ends.

/// The text without what comes after its last token: semicolons, blanks and comments. Quotes of all kinds are passed over.
///
/// It follows DuckDB's lexer; what it gets wrong makes a text that does not parse, never one that means something else, as long as
/// whoever uses it has the outcome checked.
pub(crate) fn without_end(sql: &str) -> &str {
    let end = pieces(sql).filter(|(_, kind)| *kind == Kind::Token).last().map_or(0, |(range, _)| range.end);
    &sql[..end]
}

/// The statements of a text, without their semicolons; empty ones are left out.
pub fn statements(text: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut start, mut end) = (None, 0);
    for (range, kind) in pieces(text) {
        match kind {
            Kind::Token => {
                start.get_or_insert(range.start);
                end = range.end;
            }
            Kind::Semicolon => statements.extend(start.take().map(|start| &text[start..end])),
            Kind::Blank => {}
        }
    }
    statements.extend(start.map(|start| &text[start..end]));
    statements
}

/// Where the first token begins, in bytes.
pub(crate) fn first_token(text: &str) -> Option<usize> {
    pieces(text).find(|(_, kind)| *kind == Kind::Token).map(|(range, _)| range.start)
}

/// Whether the last token is a semicolon, outside of all quotes and comments.
pub fn ends_with_semicolon(text: &str) -> bool {
    pieces(text).filter(|(_, kind)| *kind != Kind::Blank).last().is_some_and(|(_, kind)| kind == Kind::Semicolon)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    Semicolon,
    /// Blanks and comments.
    Blank,
}

/// The text cut into pieces, each with its place.
fn pieces(sql: &str) -> impl Iterator<Item = (std::ops::Range<usize>, Kind)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = sql.get(at..).filter(|rest| !rest.is_empty())?;
        let (length, kind) = match rest.as_bytes()[0] {
            b'-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), Kind::Blank),
            b'/' if rest.starts_with("/*") => (block_comment(rest), Kind::Blank),
            b'\'' | b'"' => (quoted(rest), Kind::Token),
            b'$' => (dollar_quoted(rest), Kind::Token),
            b';' => (1, Kind::Semicolon),
            byte if byte.is_ascii_whitespace() => (1, Kind::Blank),
            _ => (rest.chars().next().map_or(1, char::len_utf8), Kind::Token),
        };
        let range = at..at + length;
        at = range.end;
        Some((range, kind))
    })
}

/// Length of a comment, with comments inside of it.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a text in quotes, in which a doubled quote stands for one.
fn quoted(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut at = 1;
    while at < text.len() {
        if text.as_bytes()[at] == quote {
            if text.as_bytes().get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    text.len()
}

/// Length of `$$ … $$` or `$tag$ … $tag$`; 1 for any other dollar.
fn dollar_quoted(text: &str) -> usize {
    let tag_end = text[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map(|end| end + 1);
    let Some(tag) = tag_end.filter(|end| text[*end..].starts_with('$')).map(|end| &text[..=end]) else { return 1 };
    text[tag.len()..].find(tag).map_or(text.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests;
