//! Names, JSON paths, fields, and the paths of embeds in parameter keys.

use backstay_model::Result;

use super::{Cursor, FIELD_NAME, is_blank};
use crate::settings::Limits;
use crate::{Field, PathKey, PathStep};

fn is_ident_char(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | ' ' | '$')
}

/// `quoted | ident ("-" ident)*`.
pub(crate) fn name(cursor: &mut Cursor<'_>) -> Result<String> {
    if let Some(text) = quoted(cursor)? {
        return Ok(text);
    }
    dashed(cursor, is_ident_char, FIELD_NAME)
}

/// `ident`: without dashes and quotes.
pub(crate) fn ident(cursor: &mut Cursor<'_>) -> Result<String> {
    let start = cursor.position();
    let text = cursor.take_while(is_ident_char).trim();
    if text.is_empty() {
        cursor.return_to(start);
        return Err(cursor.fail("letter, digit, \"_\" or \"$\""));
    }
    Ok(text.to_owned())
}

/// A double-quoted text, if one begins here; a backslash takes the next character literally.
fn quoted(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if !cursor.eat("\"") {
        return Ok(None);
    }
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|c| c != '"' && c != '\\'));
        match cursor.bump() {
            Some('"') => return Ok(Some(text)),
            Some(_) => match cursor.bump() {
                Some(escaped) => text.push(escaped),
                None => return Err(cursor.fail("any character")),
            },
            None => return Err(cursor.fail("\"\\\"\"")),
        }
    }
}

/// Runs of characters with single dashes between them; blanks around each run do not count.
fn dashed(
    cursor: &mut Cursor<'_>,
    is_part: impl Fn(char) -> bool + Copy,
    expecting: &str,
) -> Result<String> {
    let mut text = String::new();
    loop {
        let start = cursor.position();
        let part = cursor.take_while(is_part).trim();
        if part.is_empty() {
            cursor.return_to(start);
            return Err(cursor.fail(expecting));
        }
        text.push_str(part);
        if cursor.peek() != Some('-') || cursor.peek_second() == Some('>') {
            return Ok(text);
        }
        cursor.bump();
        text.push('-');
    }
}

/// `name jsonpath`.
pub(crate) fn field(cursor: &mut Cursor<'_>) -> Result<Field> {
    let name = name(cursor)?;
    let path = json_path(cursor)?;
    Ok(Field { name, path })
}

/// `(("->>" | "->") (index | key))*`.
pub(crate) fn json_path(cursor: &mut Cursor<'_>) -> Result<Vec<PathStep>> {
    let mut path = Vec::new();
    loop {
        let as_text = cursor.eat("->>");
        if !as_text && !cursor.eat("->") {
            return Ok(path);
        }
        let key = match json_index(cursor) {
            Some(index) => PathKey::Index(index),
            None => PathKey::Key(json_key(cursor)?),
        };
        path.push(PathStep { as_text, key });
        let limit = cursor.limits().json_depth;
        if path.len() > limit {
            return Err(cursor.over_limit("longer paths", limit, "limits.json_depth"));
        }
    }
}

/// An array index, only where nothing follows that would make it the start of a key.
fn json_index(cursor: &mut Cursor<'_>) -> Option<i64> {
    let start = cursor.position();
    let negative = cursor.eat("-");
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let rest = cursor.rest().trim_start_matches(is_blank);
    let ends = rest.is_empty() || ["->", "::", ".", ",", ")"].iter().any(|t| rest.starts_with(t));
    if digits.is_empty() || !ends {
        cursor.return_to(start);
        return None;
    }
    // No array is long enough for the numbers that do not fit.
    let index = digits.parse().unwrap_or(i64::MAX);
    Some(if negative { -index } else { index })
}

fn json_key(cursor: &mut Cursor<'_>) -> Result<String> {
    if let Some(text) = quoted(cursor)? {
        return Ok(text);
    }
    let is_part = |c| !matches!(c, '(' | '-' | ':' | '.' | ',' | '>' | ')');
    dashed(cursor, is_part, "\"-\", digit or any non reserved character different from: .,>()")
}

/// The key of a filter: the names of embeds, then the field.
pub(crate) fn tree_path(key: &str, limits: &Limits) -> Result<(Vec<String>, Field)> {
    let cursor = &mut Cursor::new("tree path", key, limits);
    let mut path = Vec::new();
    loop {
        let name = name(cursor)?;
        cursor.skip_blanks();
        if cursor.eat(".") {
            path.push(name);
            cursor.check_list(path.len())?;
            continue;
        }
        let steps = json_path(cursor)?;
        cursor.expect_end("\".\", \"->\", \"->>\" or end of input")?;
        return Ok((path, Field { name, path: steps }));
    }
}

/// The names of the embeds before the last segment (`order`, `limit`, `or`, …) of a key.
pub(crate) fn embed_path(
    what: &'static str,
    key: &str,
    limits: &Limits,
) -> Result<(Vec<String>, String)> {
    let cursor = &mut Cursor::new(what, key, limits);
    let mut path = Vec::new();
    loop {
        let name = name(cursor)?;
        cursor.skip_blanks();
        if !cursor.eat(".") {
            cursor.expect_end("\".\" or end of input")?;
            return Ok((path, name));
        }
        path.push(name);
        cursor.check_list(path.len())?;
    }
}

/// `name ("," name)*` of `columns` and `on_conflict`; each name once, in the order given.
pub(crate) fn names(what: &'static str, text: &str, limits: &Limits) -> Result<Vec<String>> {
    let cursor = &mut Cursor::new(what, text, limits);
    let list = cursor.comma_list(name)?;
    cursor.expect_end("\",\" or end of input")?;
    let unique: indexmap::IndexSet<String> = list.into_iter().collect();
    Ok(unique.into_iter().collect())
}
