//! Parts of texts: substrings, trimming, padding, positions.

use backstay_model::{Error, Result, Value};

use super::{check_length, count, text};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in
        ["substr(text, integer, integer) text", "substring(text, integer, integer) text"]
    {
        table.function(signature).scalar(substring);
    }
    for signature in ["substr(text, integer) text", "substring(text, integer) text"] {
        table.function(signature).total().scalar(substring);
    }
    table.function("left(text, integer) text").total().scalar(|call| {
        let given = call.text(0)?;
        text(&given[..offset(given, kept(given, call.int(1)?))])
    });
    table.function("right(text, integer) text").total().scalar(|call| {
        let given = call.text(0)?;
        let skipped = given.chars().count() - kept(given, call.int(1)?);
        text(&given[offset(given, skipped)..])
    });
    for (signature, ends) in [
        ("btrim(text) text", trim as fn(&Call<'_>) -> Result<Value>),
        ("btrim(text, text) text", trim),
        ("ltrim(text) text", trim_left),
        ("ltrim(text, text) text", trim_left),
        ("rtrim(text) text", trim_right),
        ("rtrim(text, text) text", trim_right),
    ] {
        table.function(signature).total().scalar(ends);
    }
    for signature in ["lpad(text, integer) text", "lpad(text, integer, text) text"] {
        table.function(signature).scalar(|call| {
            let (given, padding) = pad(call)?;
            text(padding + given)
        });
    }
    for signature in ["rpad(text, integer) text", "rpad(text, integer, text) text"] {
        table.function(signature).scalar(|call| {
            let (given, padding) = pad(call)?;
            text(given.to_owned() + &padding)
        });
    }
    for signature in ["position(text, text) integer", "strpos(text, text) integer"] {
        table.function(signature).total().scalar(|call| {
            let given = call.text(0)?;
            count(given.find(call.text(1)?).map_or(0, |at| given[..at].chars().count() + 1))
        });
    }
    table.function("split_part(text, text, integer) text").scalar(split_part);
    for signature in
        ["overlay(text, text, integer, integer) text", "overlay(text, text, integer) text"]
    {
        table.function(signature).scalar(overlay);
    }
}

/// Byte offset of the n-th character; the end if there are fewer.
fn offset(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

/// How many characters `left` and `right` keep: all but `-n` when negative.
fn kept(text: &str, wanted: i64) -> usize {
    let length = text.chars().count();
    if wanted < 0 {
        length.saturating_sub(usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        length.min(usize::try_from(wanted).unwrap_or(usize::MAX))
    }
}

fn substring(call: &Call<'_>) -> Result<Value> {
    let start = call.int(1)?;
    let length = if call.args.len() > 2 { Some(call.int(2)?) } else { None };
    text(slice(call.text(0)?, start, length)?)
}

/// Characters from `start` (counted from 1).
fn slice(given: &str, start: i64, length: Option<i64>) -> Result<&str> {
    let end = match length {
        Some(length) if length < 0 => {
            return Err(Error::new("22011", "negative substring length not allowed"));
        }
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let first = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
    let behind = usize::try_from(end.max(1) - 1).unwrap_or(usize::MAX);
    let from = offset(given, first);
    let rest = &given[from..];
    Ok(&rest[..offset(rest, behind.saturating_sub(first))])
}

fn trim_set(call: &Call<'_>) -> Result<Vec<char>> {
    Ok(if call.args.len() > 1 { call.text(1)?.chars().collect() } else { vec![' '] })
}

fn trim(call: &Call<'_>) -> Result<Value> {
    let set = trim_set(call)?;
    text(call.text(0)?.trim_matches(set.as_slice()))
}

fn trim_left(call: &Call<'_>) -> Result<Value> {
    let set = trim_set(call)?;
    text(call.text(0)?.trim_start_matches(set.as_slice()))
}

fn trim_right(call: &Call<'_>) -> Result<Value> {
    let set = trim_set(call)?;
    text(call.text(0)?.trim_end_matches(set.as_slice()))
}

/// What is kept of the text, and what fills it up to the wanted length.
fn pad<'a>(call: &Call<'a>) -> Result<(&'a str, String)> {
    let given: &'a str = match call.args.first() {
        Some(Value::Text(given)) => given,
        _ => return Err(Error::internal("padding of something that is no text")),
    };
    let fill = if call.args.len() > 2 { call.text(2)? } else { " " };
    let wanted = usize::try_from(call.int(1)?.max(0)).unwrap_or(usize::MAX);
    check_length(wanted.checked_mul(4))?;
    let kept = &given[..offset(given, wanted)];
    let missing = wanted - kept.chars().count();
    Ok((kept, fill.chars().cycle().take(if fill.is_empty() { 0 } else { missing }).collect()))
}

fn split_part(call: &Call<'_>) -> Result<Value> {
    let (given, separator, field) = (call.text(0)?, call.text(1)?, call.int(2)?);
    if field == 0 {
        return Err(Error::new("22023", "field position must not be zero"));
    }
    let from_end = field < 0;
    let skipped = usize::try_from(field.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let part = if separator.is_empty() {
        (skipped == 0).then_some(given)
    } else if from_end {
        given.rsplit(separator).nth(skipped)
    } else {
        given.split(separator).nth(skipped)
    };
    text(part.unwrap_or_default())
}

fn overlay(call: &Call<'_>) -> Result<Value> {
    let (given, placed, start) = (call.text(0)?, call.text(1)?, call.int(2)?);
    let length = if call.args.len() > 3 {
        call.int(3)?
    } else {
        i64::try_from(placed.chars().count()).unwrap_or(i64::MAX)
    };
    if start <= 0 {
        return Err(Error::new("22011", "negative substring length not allowed"));
    }
    let head = slice(given, 1, Some(start - 1))?;
    let tail = slice(given, start.saturating_add(length), None)?;
    text(format!("{head}{placed}{tail}"))
}
