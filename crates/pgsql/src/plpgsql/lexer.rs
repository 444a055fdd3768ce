//! The words and signs of PL/pgSQL.

use backstay_model::{Error, Result};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes, folded to lower case.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string of any form, its content.
    Text,
    /// A number.
    Number,
    /// Everything else; `:=`, `..`, `<<`, `>>`, `=>` and `::` are one sign.
    Sign,
    /// After the last one.
    End,
}

/// A token with its place in the source.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }
}

const SIGNS: &[&str] = &[":=", "..", "<<", ">>", "=>", "::"];

/// Cuts the source into tokens; the last one is [`Kind::End`].
///
/// # Errors
/// `42601` for a string, a quoted name or a comment without an end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let skipped = blank(rest);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let (kind, length, text) = token(rest).map_err(|mut error| {
            error.message = format!("{} at or near \"{rest}\"", error.message);
            error.at(at)
        })?;
        found.push(Token { kind, text, start: at, end: at + length });
        at += length;
    }
    let end = source.len();
    found.push(Token { kind: Kind::End, text: String::new(), start: end, end });
    Ok(found)
}

/// Bytes of the blank or comment at the start.
fn blank(rest: &str) -> usize {
    if rest.starts_with("--") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return crate::parse::block_comment(rest.as_bytes());
    }
    rest.len() - rest.trim_start().len()
}

fn token(rest: &str) -> Result<(Kind, usize, String)> {
    let bytes = rest.as_bytes();
    let first = rest.chars().next().unwrap_or(' ');
    if first == '\'' {
        return string(rest, 0, false);
    }
    if matches!(first, 'e' | 'E') && bytes.get(1) == Some(&b'\'') {
        return string(rest, 1, true);
    }
    if matches!(first, 'b' | 'B' | 'x' | 'X' | 'n' | 'N') && bytes.get(1) == Some(&b'\'') {
        return string(rest, 1, false);
    }
    if first == '"' {
        return quoted_name(rest);
    }
    if first == '$' {
        return dollar(rest);
    }
    if first.is_ascii_digit() {
        let length = number(bytes);
        return Ok((Kind::Number, length, rest[..length].to_owned()));
    }
    if first.is_alphabetic() || first == '_' {
        let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        return Ok((Kind::Word, length, rest[..length].to_lowercase()));
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    let length = sign.map_or(first.len_utf8(), |sign| sign.len());
    Ok((Kind::Sign, length, rest[..length].to_owned()))
}

/// A number; two dots behind it are a sign of their own.
fn number(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let dot = *byte == b'.' && bytes.get(at + 1) != Some(&b'.');
        if byte.is_ascii_alphanumeric() || dot {
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn string(rest: &str, prefix: usize, escapes: bool) -> Result<(Kind, usize, String)> {
    let mut text = String::new();
    let mut chars = rest[prefix + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => {
                if chars.next_if(|(_, next)| *next == '\'').is_some() {
                    text.push('\'');
                } else {
                    return Ok((Kind::Text, prefix + 1 + at + 1, text));
                }
            }
            '\\' if escapes => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, other)) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    Err(Error::new("42601", "unterminated quoted string"))
}

fn quoted_name(rest: &str) -> Result<(Kind, usize, String)> {
    let mut name = String::new();
    let mut chars = rest[1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return Ok((Kind::Quoted, at + 2, name));
        }
    }
    Err(Error::new("42601", "unterminated quoted identifier"))
}

/// `$tag$…$tag$`, or `$1`.
fn dollar(rest: &str) -> Result<(Kind, usize, String)> {
    let length = crate::parse::dollar_quoted(rest.as_bytes());
    let whole = &rest[..length];
    let tag = whole[1..].find('$').map(|at| at + 2);
    let Some(tag) = tag else { return Ok((Kind::Sign, length, whole.to_owned())) };
    match whole[tag..].strip_suffix(&whole[..tag]) {
        Some(text) => Ok((Kind::Text, length, text.to_owned())),
        None => Err(Error::new("42601", "unterminated dollar-quoted string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_quoted_string_ends_with_its_tag() {
        assert_eq!(dollar("$$a$$;").expect("whole"), (Kind::Text, 5, "a".to_owned()));
        assert_eq!(dollar("$x$a$$b$x$").expect("whole"), (Kind::Text, 10, "a$$b".to_owned()));
        assert_eq!(dollar("$1 + $2").expect("a parameter"), (Kind::Sign, 2, "$1".to_owned()));
        for open in ["$$a", "$$", "$$$", "$x$a$y$", "$$\u{10ffff}"] {
            let error = dollar(open).expect_err(open);
            assert_eq!(error.message, "unterminated dollar-quoted string");
        }
    }
}
