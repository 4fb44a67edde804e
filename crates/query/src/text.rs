//! The text of a query, read just far enough to find where it ends.

/// The text without what comes after its last token: semicolons, blanks and comments. Quotes of all kinds are passed over.
///
/// It follows DuckDB's lexer; what it gets wrong makes a text that does not parse, never one that means something else, as long as
/// whoever uses it has the outcome checked.
pub(crate) fn without_end(sql: &str) -> &str {
    let bytes = sql.as_bytes();
    let (mut at, mut end) = (0, 0);
    while at < bytes.len() {
        let rest = &sql[at..];
        let (length, is_token) = match bytes[at] {
            b'-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), false),
            b'/' if rest.starts_with("/*") => (block_comment(rest), false),
            b'\'' | b'"' => (quoted(rest), true),
            b'$' => (dollar_quoted(rest), true),
            b';' => (1, false),
            byte if byte.is_ascii_whitespace() => (1, false),
            _ => (rest.chars().next().map_or(1, char::len_utf8), true),
        };
        at += length;
        if is_token {
            end = at;
        }
    }
    &sql[..end]
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
