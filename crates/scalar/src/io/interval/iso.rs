//! ISO 8601 intervals: `P1Y2M3DT4H5M6.7S` and `P0001-02-03T04:05:06`.

use super::super::datetime::decode::Fault;
use super::{Parts, Unit};

pub(super) fn decode(text: &str) -> Result<Parts, Fault> {
    let body = text.strip_prefix('P').ok_or(Fault::Format)?;
    if body.is_empty() {
        return Err(Fault::Format);
    }
    let (date, time) = match body.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (body, None),
    };
    let mut parts = Parts::default();
    section(&mut parts, date, '-', |designator| match designator {
        'Y' => Some(Unit::Year),
        'M' => Some(Unit::Month),
        'W' => Some(Unit::Week),
        'D' => Some(Unit::Day),
        _ => None,
    })?;
    if let Some(time) = time {
        section(&mut parts, time, ':', |designator| match designator {
            'H' => Some(Unit::Hour),
            'M' => Some(Unit::Minute),
            'S' => Some(Unit::Second),
            _ => None,
        })?;
    }
    Ok(parts)
}

fn section(
    parts: &mut Parts,
    text: &str,
    separator: char,
    unit_of: impl Fn(char) -> Option<Unit>,
) -> Result<(), Fault> {
    if text.is_empty() {
        return Ok(());
    }
    if !text.contains(|c: char| c.is_ascii_alphabetic()) {
        return alternative(parts, text, separator);
    }
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or(Fault::Format)?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.chars().next().and_then(&unit_of).ok_or(Fault::Format)?;
        add(parts, unit, number)?;
        rest = &tail[1..];
    }
    Ok(())
}

/// `0001-02-03` and `04:05:06`.
fn alternative(parts: &mut Parts, text: &str, separator: char) -> Result<(), Fault> {
    let units = if separator == '-' {
        [Unit::Year, Unit::Month, Unit::Day]
    } else {
        [Unit::Hour, Unit::Minute, Unit::Second]
    };
    for (index, number) in text.split(separator).enumerate() {
        let unit = units.get(index).ok_or(Fault::Format)?;
        add(parts, *unit, number)?;
    }
    Ok(())
}

fn add(parts: &mut Parts, unit: Unit, text: &str) -> Result<(), Fault> {
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, fraction) = body.split_once(['.', ',']).unwrap_or((body, ""));
    if digits.is_empty() && fraction.is_empty()
        || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return Err(Fault::Format);
    }
    let number: i64 =
        if digits.is_empty() { 0 } else { digits.parse().map_err(|_| Fault::Field)? };
    let fraction: f64 = format!("0.{fraction}0").parse().map_err(|_| Fault::Format)?;
    if negative {
        parts.add(unit, -number, -fraction);
    } else {
        parts.add(unit, number, fraction);
    }
    Ok(())
}
