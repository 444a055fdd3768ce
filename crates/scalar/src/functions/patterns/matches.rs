//! `regexp_match`, `regexp_replace` and their sisters.

use backstay_model::{Array, Error, Result, Value};
use regex::{Captures, Regex};

use super::{Flags, compile};
use crate::functions::text::{check_length, count, text, text_array};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in ["regexp_match(text, text) text[]", "regexp_match(text, text, text) text[]"] {
        table.function(signature).scalar(regexp_match);
    }
    for signature in
        ["regexp_replace(text, text, text) text", "regexp_replace(text, text, text, text) text"]
    {
        table.function(signature).scalar(regexp_replace);
    }
    for signature in [
        "regexp_replace(text, text, text, integer) text",
        "regexp_replace(text, text, text, integer, integer) text",
        "regexp_replace(text, text, text, integer, integer, text) text",
    ] {
        table.function(signature).scalar(regexp_replace_from);
    }
    for signature in [
        "regexp_split_to_array(text, text) text[]",
        "regexp_split_to_array(text, text, text) text[]",
    ] {
        table.function(signature).scalar(|call| Ok(text_array(split(call)?)));
    }
    table.function("regexp_like(text, text, text) boolean").optional(1).scalar(|call| {
        let flags = no_global(flags(call, 2)?, "regexp_like")?;
        Ok(Value::Bool(compile(call.text(1)?, flags)?.is_match(call.text(0)?)))
    });
    table
        .function("regexp_count(text, text, integer, text) integer")
        .optional(2)
        .scalar(regexp_count);
    table
        .function("regexp_substr(text, text, integer, integer, text, integer) text")
        .optional(4)
        .scalar(regexp_substr);
    table
        .function("regexp_instr(text, text, integer, integer, integer, text, integer) integer")
        .optional(5)
        .scalar(regexp_instr);
    table.function("substring(text, text) text").scalar(|call| {
        let regex = compile(call.text(1)?, Flags::default())?;
        let Some(found) = regex.captures(call.text(0)?) else { return Ok(Value::Null) };
        let group = usize::from(found.len() > 1);
        Ok(found.get(group).map_or(Value::Null, |found| Value::text(found.as_str())))
    });
}

fn flags(call: &Call<'_>, index: usize) -> Result<Flags> {
    if call.args.len() > index { Flags::parse(call.text(index)?) } else { Ok(Flags::default()) }
}

fn no_global(flags: Flags, name: &str) -> Result<Flags> {
    if !flags.global {
        return Ok(flags);
    }
    let error = Error::new("22023", format!("{name}() does not support the \"global\" option"));
    Err(if name == "regexp_match" {
        error.with_hint("Use the regexp_matches function instead.")
    } else {
        error
    })
}

/// Runs over the matches as PostgreSQL does: behind an empty match the search moves on by one
/// character, and an empty match may follow another match directly.
struct Matches<'r, 't> {
    regex: &'r Regex,
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Matches<'_, 't> {
    type Item = Captures<'t>;

    fn next(&mut self) -> Option<Captures<'t>> {
        if self.at > self.text.len() {
            return None;
        }
        let found = self.regex.captures_at(self.text, self.at)?;
        let whole = found.get(0)?;
        self.at = whole.end();
        if whole.is_empty() {
            let rest = &self.text[whole.end()..];
            self.at += rest.chars().next().map_or(1, char::len_utf8);
        }
        Some(found)
    }
}

fn groups(found: &Captures<'_>) -> Value {
    let value = |group: Option<regex::Match<'_>>| {
        group.map_or(Value::Null, |group| Value::text(group.as_str()))
    };
    let elements = if found.len() == 1 {
        vec![value(found.get(0))]
    } else {
        found.iter().skip(1).map(value).collect()
    };
    Value::Array(Array::from_elements(elements))
}

fn regexp_match(call: &Call<'_>) -> Result<Value> {
    let flags = no_global(flags(call, 2)?, "regexp_match")?;
    let regex = compile(call.text(1)?, flags)?;
    Ok(regex.captures(call.text(0)?).map_or(Value::Null, |found| groups(&found)))
}

/// The rows of `regexp_matches`.
pub(in crate::functions) fn regexp_matches(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let flags = flags(call, 2)?;
    let regex = compile(call.text(1)?, flags)?;
    let wanted = if flags.global { usize::MAX } else { 1 };
    let matches = Matches { regex: &regex, text: call.text(0)?, at: 0 };
    Ok(matches.take(wanted).map(|found| vec![groups(&found)]).collect())
}

fn split(call: &Call<'_>) -> Result<Vec<String>> {
    let flags = no_global(flags(call, 2)?, "regexp_split_to_array")?;
    let regex = compile(call.text(1)?, flags)?;
    let given = call.text(0)?;
    let mut parts = Vec::new();
    let mut behind = 0;
    for found in (Matches { regex: &regex, text: given, at: 0 }) {
        // Empty matches at the end and directly behind another match split nothing.
        let Some(whole) = found.get(0) else { continue };
        if whole.start() < given.len() && whole.end() > behind {
            parts.push(given[behind..whole.start()].to_owned());
            behind = whole.end();
        }
    }
    parts.push(given[behind..].to_owned());
    Ok(parts)
}

/// The rows of `regexp_split_to_table`.
pub(in crate::functions) fn regexp_split_to_table(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    Ok(split(call)?.into_iter().map(|part| vec![Value::Text(part)]).collect())
}

fn regexp_replace(call: &Call<'_>) -> Result<Value> {
    let letters = if call.args.len() > 3 { call.text(3)? } else { "" };
    if let Some(digit) = letters.chars().next().filter(char::is_ascii_digit) {
        return Err(Error::new(
            "22023",
            format!("invalid regular expression option: \"{digit}\""),
        )
        .with_hint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly."));
    }
    let flags = Flags::parse(letters)?;
    replace(call, flags, (0, if flags.global { 0 } else { 1 }))
}

fn regexp_replace_from(call: &Call<'_>) -> Result<Value> {
    let start = at_least(call, 3, "start", 1)?;
    let wanted = if call.args.len() > 4 { at_least(call, 4, "n", 0)? } else { 1 };
    let flags = flags(call, 5)?;
    let wanted = if call.args.len() <= 4 && flags.global { 0 } else { wanted };
    replace(call, flags, (start - 1, wanted))
}

/// An integer argument with its least value.
fn at_least(call: &Call<'_>, index: usize, name: &str, least: i64) -> Result<usize> {
    let number = call.int(index)?;
    if number < least {
        return Err(Error::new(
            "22023",
            format!("invalid value for parameter \"{name}\": {number}"),
        ));
    }
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// Byte offset of a character.
fn offset(given: &str, chars: usize) -> usize {
    given.char_indices().nth(chars).map_or(given.len(), |(at, _)| at)
}

/// Replaces from a character on: the n-th match, or all if n is 0.
fn replace(call: &Call<'_>, flags: Flags, (skipped, wanted): (usize, usize)) -> Result<Value> {
    let (given, replacement) = (call.text(0)?, call.text(2)?);
    let regex = compile(call.text(1)?, flags)?;
    let mut out = String::new();
    let mut behind = 0;
    let matches = Matches { regex: &regex, text: given, at: offset(given, skipped) };
    for (index, found) in matches.enumerate() {
        if wanted != 0 && index + 1 != wanted {
            continue;
        }
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&given[behind..whole.start()]);
        expand(replacement, &found, &mut out);
        check_length(Some(out.len()))?;
        behind = whole.end();
        if wanted != 0 {
            break;
        }
    }
    out.push_str(&given[behind..]);
    text(out)
}

/// `\1` to `\9`, `\&` for the whole match, `\\`.
fn expand(replacement: &str, found: &Captures<'_>, out: &mut String) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        let group = match (c, chars.peek()) {
            ('\\', Some('&')) => 0,
            ('\\', Some(digit @ '1'..='9')) => digit.to_digit(10).unwrap_or(0),
            ('\\', Some('\\')) => {
                chars.next();
                out.push('\\');
                continue;
            }
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        let group = usize::try_from(group).ok().and_then(|group| found.get(group));
        out.push_str(group.map_or("", |group| group.as_str()));
    }
}

fn regexp_count(call: &Call<'_>) -> Result<Value> {
    let start = if call.args.len() > 2 { at_least(call, 2, "start", 1)? } else { 1 };
    let flags = no_global(flags(call, 3)?, "regexp_count")?;
    let regex = compile(call.text(1)?, flags)?;
    let given = call.text(0)?;
    count(Matches { regex: &regex, text: given, at: offset(given, start - 1) }.count())
}

/// The n-th match from `start` on, and the byte range of its group.
fn nth_group(
    call: &Call<'_>,
    name: &str,
    flags_index: usize,
) -> Result<Option<std::ops::Range<usize>>> {
    let start = if call.args.len() > 2 { at_least(call, 2, "start", 1)? } else { 1 };
    let wanted = if call.args.len() > 3 { at_least(call, 3, "n", 1)? } else { 1 };
    let group_index = flags_index + 1;
    let group =
        if call.args.len() > group_index { at_least(call, group_index, "subexpr", 0)? } else { 0 };
    let flags = no_global(flags(call, flags_index)?, name)?;
    let regex = compile(call.text(1)?, flags)?;
    let given = call.text(0)?;
    let mut matches = Matches { regex: &regex, text: given, at: offset(given, start - 1) };
    let found = matches.nth(wanted - 1);
    Ok(found.and_then(|found| found.get(group).map(|group| group.range())))
}

fn regexp_substr(call: &Call<'_>) -> Result<Value> {
    let found = nth_group(call, "regexp_substr", 4)?;
    let given = call.text(0)?;
    Ok(found.map_or(Value::Null, |range| Value::text(&given[range])))
}

fn regexp_instr(call: &Call<'_>) -> Result<Value> {
    let end = if call.args.len() > 4 { call.int(4)? } else { 0 };
    if !(0..=1).contains(&end) {
        return Err(Error::new(
            "22023",
            format!("invalid value for parameter \"endoption\": {end}"),
        ));
    }
    let found = nth_group(call, "regexp_instr", 5)?;
    let given = call.text(0)?;
    count(found.map_or(0, |range| {
        let at = if end == 1 { range.end } else { range.start };
        given[..at].chars().count() + 1
    }))
}
