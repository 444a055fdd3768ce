//! `LIKE` and `ILIKE`.

use backstay_model::{Error, Result, Value};

use crate::Call;
use crate::functions::text::{lower, text};

pub(super) fn like(call: &Call<'_>) -> Result<bool> {
    matches(call.text(0)?.as_bytes(), call.text(1)?.as_bytes(), true)
}

pub(super) fn like_bytes(call: &Call<'_>) -> Result<bool> {
    matches(call.bytes(0)?, call.bytes(1)?, false)
}

pub(super) fn ilike(call: &Call<'_>) -> Result<bool> {
    let (given, pattern) = (lower(call.text(0)?), lower(call.text(1)?));
    matches(given.as_bytes(), pattern.as_bytes(), true)
}

/// Length of the character that starts with this byte.
fn width(first: u8, utf8: bool) -> usize {
    match first {
        0xF0.. if utf8 => 4,
        0xE0.. if utf8 => 3,
        0xC0.. if utf8 => 2,
        _ => 1,
    }
}

/// Only the last `%` is ever tried again, so the time is at most the product of the lengths.
fn matches(given: &[u8], pattern: &[u8], utf8: bool) -> Result<bool> {
    let (mut at, mut p) = (0, 0);
    // Behind the last `%`, and where in the text its match was tried to end.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'%') => {
                p += 1;
                if p == pattern.len() {
                    return Ok(true);
                }
                retry = Some((p, at));
                continue;
            }
            None => (at == given.len()).then_some((0, 0)),
            Some(b'_') => given.get(at).map(|first| (width(*first, utf8), 1)),
            Some(b'\\') => {
                let Some(escaped) = pattern.get(p + 1) else {
                    // PostgreSQL complains only if matching gets this far into the text.
                    if at == given.len() && retry.is_none() {
                        return Ok(false);
                    }
                    return Err(Error::new(
                        "22025",
                        "LIKE pattern must not end with escape character",
                    ));
                };
                (given.get(at) == Some(escaped)).then_some((1, 2))
            }
            Some(byte) => (given.get(at) == Some(byte)).then_some((1, 1)),
        };
        match (step, retry) {
            (Some((0, 0)), _) => return Ok(true),
            (Some((bytes, pattern_bytes)), _) => {
                at += bytes;
                p += pattern_bytes;
            }
            (None, Some((behind, tried))) if tried < given.len() => {
                let mut next = tried + width(given[tried], utf8);
                // Jump to the next place where the literal behind `%` can start.
                if let Some(literal) = pattern.get(behind).filter(|b| !b"%_\\".contains(b)) {
                    match given.get(next..).and_then(|rest| memchr::memchr(*literal, rest)) {
                        Some(skipped) => next += skipped,
                        None => return Ok(false),
                    }
                }
                retry = Some((behind, next));
                (p, at) = (behind, next);
            }
            (None, _) => return Ok(false),
        }
    }
}

/// Rewrites a pattern with another escape character to one with the backslash.
pub(super) fn like_escape(call: &Call<'_>) -> Result<Value> {
    let (pattern, escape) = (call.text(0)?, call.text(1)?);
    let mut escapes = escape.chars();
    let escape = match (escapes.next(), escapes.next()) {
        (None, _) => return text(pattern.replace('\\', "\\\\")),
        (Some(escape), None) => escape,
        _ => {
            return Err(Error::new("22025", "invalid escape string")
                .with_hint("Escape string must be empty or one character."));
        }
    };
    if escape == '\\' {
        return text(pattern);
    }
    let mut out = String::with_capacity(pattern.len());
    let mut after_escape = false;
    for c in pattern.chars() {
        if c == escape && !after_escape {
            out.push('\\');
            after_escape = true;
            continue;
        }
        if c == '\\' && !after_escape {
            out.push('\\');
        }
        out.push(c);
        after_escape = false;
    }
    text(out)
}
