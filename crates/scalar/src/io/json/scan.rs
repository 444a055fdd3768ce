//! Reading parts of JSON text that is known to be well-formed, without building a tree.
//!
//! Works on `json` (any blanks, repeated keys) and `jsonb` (canonical). Damaged text gives wrong
//! answers but never a panic.

use std::borrow::Cow;

use backstay_model::Result;

use super::validate::nul_escape;

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are JSON's")]
pub enum Kind {
    Null,
    String,
    Number,
    Bool,
    Array,
    Object,
}

impl Kind {
    /// The name that `jsonb_typeof` answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "boolean",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// No array and no object.
    pub fn is_scalar(self) -> bool {
        !matches!(self, Self::Array | Self::Object)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Without JSON's blanks around it.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

/// The kind of the value that the text holds.
pub fn kind(text: &str) -> Kind {
    match text.bytes().find(|b| !is_blank(*b)) {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'-' | b'0'..=b'9') => Kind::Number,
        _ => Kind::Null,
    }
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).copied().is_some_and(is_blank) {
        at += 1;
    }
    at
}

/// `at` is the opening quote; the answer is behind the closing one.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) =
        bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)).map(|n| at + n)
    {
        if bytes[found] == b'"' {
            return found + 1;
        }
        at = found + 2;
    }
    bytes.len()
}

/// `at` is the first byte of a value; the answer is behind its last.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    match bytes.get(at) {
        None => bytes.len(),
        Some(b'"') => end_of_string(bytes, at),
        Some(b'{' | b'[') => {
            let mut depth = 0usize;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at = end_of_string(bytes, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            bytes.len()
        }
        Some(_) => {
            let rest = &bytes[at..];
            let length = rest.iter().position(|b| is_blank(*b) || matches!(b, b',' | b']' | b'}'));
            at + length.unwrap_or(rest.len())
        }
    }
}

/// The members of an object in the order of the text: the key as written (with its quotes) and the
/// value. Nothing for other kinds.
pub fn members(text: &str) -> Members<'_> {
    let start = skip_blanks(text.as_bytes(), 0);
    let at = if text.as_bytes().get(start) == Some(&b'{') { start + 1 } else { text.len() };
    Members { text, at }
}

/// See [`members`].
pub struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let key = skip_blanks(bytes, self.at);
        if bytes.get(key) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let key_end = end_of_string(bytes, key);
        let colon = skip_blanks(bytes, key_end);
        let value = skip_blanks(bytes, colon + 1);
        let value_end = end_of_value(bytes, value);
        self.at = skip_blanks(bytes, value_end) + 1;
        Some((self.text.get(key..key_end)?, self.text.get(value..value_end)?))
    }
}

/// The elements of an array. Nothing for other kinds.
pub fn elements(text: &str) -> Elements<'_> {
    let start = skip_blanks(text.as_bytes(), 0);
    let at = if text.as_bytes().get(start) == Some(&b'[') { start + 1 } else { text.len() };
    Elements { text, at }
}

/// See [`elements`].
pub struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = skip_blanks(bytes, self.at);
        if start >= bytes.len() || bytes[start] == b']' {
            self.at = bytes.len();
            return None;
        }
        let end = end_of_value(bytes, start);
        self.at = skip_blanks(bytes, end) + 1;
        self.text.get(start..end)
    }
}

/// Does the key as written (with its quotes) denote `name`?
fn key_is(raw: &str, name: &str) -> bool {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return inner == name;
    }
    unescape(raw).is_ok_and(|key| key == name)
}

/// The member of `jsonb` text with this key.
pub fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text).find(|(key, _)| key_is(key, name)).map(|(_, value)| value)
}

/// The last member of `json` text with this key: later ones hide earlier ones.
pub fn last_member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text).filter(|(key, _)| key_is(key, name)).last().map(|(_, value)| value)
}

/// The element at the index, counted from 0; a negative one counts from the end.
pub fn element(text: &str, index: i64) -> Option<&str> {
    let index = if index < 0 {
        let count = i64::try_from(elements(text).count()).ok()?;
        count.checked_add(index)?
    } else {
        index
    };
    elements(text).nth(usize::try_from(index).ok()?)
}

/// The text that a JSON string (with its quotes) denotes.
///
/// # Errors
/// `22P05` for `\u0000` and `22P02` for lone surrogates; canonical `jsonb` text has neither.
pub fn unescape(raw: &str) -> Result<Cow<'_, str>> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return Ok(Cow::Borrowed(inner));
    };
    // Whether the escapes mean something is the only thing still open.
    super::validate::validate(raw, super::validate::Escapes::Meaning)?;
    let mut out = String::with_capacity(inner.len());
    out.push_str(&inner[..first]);
    let mut rest = &inner[first..];
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (denoted, length) = escape(&rest[at..]);
        if denoted == '\0' {
            return Err(nul_escape());
        }
        out.push(denoted);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// The character of an escape and the escape's length.
fn escape(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        text.get(at..at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
    };
    match text.as_bytes().get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => match unit(2) {
            high @ 0xD800..=0xDBFF => {
                let low = unit(8).saturating_sub(0xDC00) & 0x3FF;
                let code = 0x10000 + ((high - 0xD800) << 10) + low;
                (char::from_u32(code).unwrap_or('\u{fffd}'), 12)
            }
            code => (char::from_u32(code).unwrap_or('\u{fffd}'), 6),
        },
        Some(other) if other.is_ascii() => (char::from(*other), 2),
        _ => ('\\', 1),
    }
}

/// What `->>` answers for a value: a string's text, nothing for `null`, else the value as it stands.
///
/// # Errors
/// As [`unescape`].
pub fn as_text(value: &str) -> Result<Option<Cow<'_, str>>> {
    match kind(value) {
        Kind::Null => Ok(None),
        Kind::String => unescape(trim(value)).map(Some),
        _ => Ok(Some(Cow::Borrowed(value))),
    }
}
