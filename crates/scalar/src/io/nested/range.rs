//! Range literals, and the one way to make a range: canonical, bounds in order.

use std::cmp::Ordering;

use backstay_model::{Error, Range, RangeKind, Result, Type, Value};

use super::is_space;
use crate::compare::compare;
use crate::{Environment, io};

fn malformed(text: &str, detail: &str) -> Error {
    Error::new("22P02", format!("malformed range literal: \"{text}\"")).with_details(detail)
}

/// The empty range.
pub fn empty() -> Range {
    Range { empty: true, lower: None, upper: None, lower_inclusive: false, upper_inclusive: false }
}

/// Makes a range: discrete ones become `[lower,upper)`, those that hold nothing become `empty`.
///
/// # Errors
/// `22000` if the lower bound is greater than the upper; `22003`/`22008` if the step beyond an
/// inclusive upper bound leaves the type.
pub fn make(kind: RangeKind, range: Range) -> Result<Range> {
    let subtype = kind.subtype();
    let mut range = check(&subtype, range)?;
    if range.empty || !kind.is_discrete() {
        return Ok(range);
    }
    if let Some(lower) = range.lower.take() {
        let moved = !range.lower_inclusive && is_finite(&lower);
        range.lower = Some(if moved { next(kind, lower)? } else { lower });
        range.lower_inclusive |= moved;
    }
    if let Some(upper) = range.upper.take() {
        let moved = range.upper_inclusive && is_finite(&upper);
        range.upper = Some(if moved { next(kind, upper)? } else { upper });
        range.upper_inclusive &= !moved;
    }
    check(&subtype, range)
}

fn check(subtype: &Type, mut range: Range) -> Result<Range> {
    if range.empty {
        return Ok(empty());
    }
    range.lower_inclusive &= range.lower.is_some();
    range.upper_inclusive &= range.upper.is_some();
    let (Some(lower), Some(upper)) = (&range.lower, &range.upper) else { return Ok(range) };
    match compare(subtype, lower, upper) {
        Ordering::Greater => Err(Error::new(
            "22000",
            "range lower bound must be less than or equal to range upper bound",
        )),
        Ordering::Equal if !(range.lower_inclusive && range.upper_inclusive) => Ok(empty()),
        _ => Ok(range),
    }
}

fn is_finite(bound: &Value) -> bool {
    !matches!(bound, Value::Date(i32::MIN | i32::MAX))
}

fn next(kind: RangeKind, bound: Value) -> Result<Value> {
    match bound {
        Value::Int(number) => {
            let limit = if kind == RangeKind::Int4 { i64::from(i32::MAX) } else { i64::MAX };
            let name = if kind == RangeKind::Int4 { "integer" } else { "bigint" };
            if number >= limit {
                return Err(Error::new("22003", format!("{name} out of range")));
            }
            Ok(Value::Int(number + 1))
        }
        // The last day of the type, 5874897-12-31, in days since 2000-01-01.
        Value::Date(day) if day >= 2_145_031_948 => Err(Error::new("22008", "date out of range")),
        Value::Date(day) => Ok(Value::Date(day + 1)),
        other => Ok(other),
    }
}

/// Reads a range literal.
///
/// # Errors
/// `22P02` with PostgreSQL's detail, those of [`make`], and the bounds' own.
pub fn parse(env: &dyn Environment, kind: RangeKind, text: &str) -> Result<Range> {
    let trimmed = text.trim_start_matches(is_space);
    if let Some(rest) = trimmed.get(..5).filter(|word| word.eq_ignore_ascii_case("empty")) {
        if trimmed[rest.len()..].chars().any(|c| !is_space(c)) {
            return Err(malformed(text, "Junk after \"empty\" key word."));
        }
        return Ok(empty());
    }
    let (lower_inclusive, rest) = match trimmed.as_bytes().first() {
        Some(b'[') => (true, &trimmed[1..]),
        Some(b'(') => (false, &trimmed[1..]),
        _ => return Err(malformed(text, "Missing left parenthesis or bracket.")),
    };
    let (lower, rest) = bound(text, rest)?;
    let Some(rest) = rest.strip_prefix(',') else {
        return Err(malformed(text, "Missing comma after lower bound."));
    };
    let (upper, rest) = bound(text, rest)?;
    let upper_inclusive = match rest.as_bytes().first() {
        Some(b']') => true,
        Some(b')') => false,
        _ => return Err(malformed(text, "Too many commas.")),
    };
    if rest[1..].chars().any(|c| !is_space(c)) {
        return Err(malformed(text, "Junk after right parenthesis or bracket."));
    }
    let subtype = kind.subtype();
    let read = |bound: Option<String>| {
        bound.map(|bound| io::input(env, &subtype, None, &bound)).transpose()
    };
    let (lower, upper) = (read(lower)?, read(upper)?);
    make(kind, Range { empty: false, lower, upper, lower_inclusive, upper_inclusive })
}

/// One bound (nothing for an open one) and what follows it.
fn bound<'a>(whole: &str, text: &'a str) -> Result<(Option<String>, &'a str)> {
    if text.starts_with([',', ')', ']']) {
        return Ok((None, text));
    }
    let mut out = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | ')' | ']' if !quoted => return Ok((Some(out), &text[at..])),
            '\\' => match chars.next() {
                Some((_, escaped)) => out.push(escaped),
                None => break,
            },
            '"' if !quoted => quoted = true,
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                out.push('"');
            }
            '"' => quoted = false,
            c => out.push(c),
        }
    }
    Err(malformed(whole, "Unexpected end of input."))
}

/// Prints a range as PostgreSQL does.
///
/// # Errors
/// As the bounds' output.
pub fn print(env: &dyn Environment, kind: RangeKind, range: &Range) -> Result<String> {
    if range.empty {
        return Ok("empty".to_owned());
    }
    let subtype = kind.subtype();
    let mut out = String::new();
    out.push(if range.lower_inclusive { '[' } else { '(' });
    if let Some(lower) = &range.lower {
        push_bound(&io::output(env, &subtype, lower)?, &mut out);
    }
    out.push(',');
    if let Some(upper) = &range.upper {
        push_bound(&io::output(env, &subtype, upper)?, &mut out);
    }
    out.push(if range.upper_inclusive { ']' } else { ')' });
    Ok(out)
}

fn push_bound(text: &str, out: &mut String) {
    let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || is_space(c);
    if !text.is_empty() && !text.contains(special) {
        out.push_str(text);
        return;
    }
    super::composite::push_quoted(text, out);
}
