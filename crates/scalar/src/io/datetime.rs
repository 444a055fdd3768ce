//! Dates and times: every input form of PostgreSQL (date order month, day, year), ISO output.

pub mod civil;
pub(in crate::io) mod decode;
pub(in crate::io) mod fields;
pub mod print;
pub mod zone;

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;
use civil::{
    DATE_INFINITY, DATE_MAX, DATE_MIN, DATE_NEGATIVE_INFINITY, DAY, INFINITY, NEGATIVE_INFINITY,
    SECOND, UNIX_EPOCH_DAYS, UNIX_EPOCH_MICROS,
};
use decode::{Decoded, Fault, Special, decode, part};
use print::Style;

pub use print::{write_date, write_time, write_time_tz, write_timestamp};

pub(super) fn input(env: &dyn Environment, ty: &Type, text: &str) -> Result<Value> {
    let time_only = matches!(ty, Type::Time | Type::TimeTz);
    // PostgreSQL's own messages use the short names here.
    let name = match ty {
        Type::Time => "time",
        Type::Timestamp => "timestamp",
        _ => ty.builtin_name(),
    };
    let decoded = decode(text, time_only).map_err(|fault| fault.error(name, text))?;
    let bad_format = || Fault::Format.error(name, text);
    match ty {
        Type::Date => read_date(env, &decoded, text)?.map(Value::Date).ok_or_else(bad_format),
        Type::Time | Type::TimeTz => read_time(env, ty, &decoded).ok_or_else(bad_format),
        _ => read_timestamp(env, ty, &decoded, text)?.map(Value::Timestamp).ok_or_else(bad_format),
    }
}

pub(super) fn output(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    let mut out = Vec::with_capacity(32);
    match value {
        Value::Date(days) => print::write_date(&mut out, *days),
        Value::Time(micros) => print::write_time(&mut out, *micros),
        Value::TimeTz { micros, zone } => {
            print::write_time_tz(&mut out, *micros, *zone, Style::Text);
        }
        Value::Timestamp(micros) => {
            let zone = (*ty == Type::TimestampTz).then(|| env.time_zone());
            print::write_timestamp_as(&mut out, *micros, zone, Style::Text);
        }
        _ => return Err(Error::internal(format!("a value does not fit {}", ty.builtin_name()))),
    }
    String::from_utf8(out).map_err(|_| Error::internal("a date is no text"))
}

/// Rounds the fraction of a second to the digits of `timestamp(n)`.
pub(super) fn apply_modifier(modifier: Modifier, value: Value) -> Result<Value> {
    let Modifier::Fraction(digits) = modifier else { return Ok(value) };
    let unit = 10_i64.pow(6 - u32::from(digits.min(6)));
    let round = |micros: i64| {
        // Half away from zero, as PostgreSQL's AdjustTimestampForTypmod.
        let half = unit / 2;
        let shifted =
            if micros >= 0 { micros.saturating_add(half) } else { micros.saturating_sub(half) };
        shifted / unit * unit
    };
    Ok(match value {
        Value::Timestamp(micros) if civil::is_finite(micros) => Value::Timestamp(round(micros)),
        Value::Time(micros) => Value::Time(round(micros)),
        Value::TimeTz { micros, zone } => Value::TimeTz { micros: round(micros), zone },
        Value::Interval(mut interval) => {
            interval.micros = round(interval.micros);
            Value::Interval(interval)
        }
        other => other,
    })
}

/// Today in the session's zone, as days.
pub fn today(env: &dyn Environment) -> i64 {
    civil::split_days(zone::to_local(env.time_zone(), env.now_micros())).0
}

fn read_date(env: &dyn Environment, decoded: &Decoded, text: &str) -> Result<Option<i32>> {
    let days = match decoded.special {
        Some(Special::Now) => today(env),
        Some(Special::Day(offset)) => today(env) + offset,
        Some(Special::Epoch) => i64::from(UNIX_EPOCH_DAYS),
        Some(Special::Infinity) => return Ok(Some(DATE_INFINITY)),
        Some(Special::NegativeInfinity) => return Ok(Some(DATE_NEGATIVE_INFINITY)),
        None if decoded.seen & part::DATE == part::DATE => days(decoded),
        None => return Ok(None),
    };
    i32::try_from(days)
        .ok()
        .filter(|days| (DATE_MIN..=DATE_MAX).contains(days))
        .map(Some)
        .ok_or_else(|| Error::new("22008", format!("date out of range: \"{text}\"")))
}

fn days(decoded: &Decoded) -> i64 {
    let narrow = |number: i32| u8::try_from(number).unwrap_or(1);
    civil::days_from_date(decoded.year, narrow(decoded.month), narrow(decoded.day))
}

fn read_timestamp(
    env: &dyn Environment,
    ty: &Type,
    decoded: &Decoded,
    text: &str,
) -> Result<Option<i64>> {
    let with_zone = *ty == Type::TimestampTz;
    let session = env.time_zone();
    let day = match decoded.special {
        Some(Special::Now) if with_zone => return Ok(Some(env.now_micros())),
        Some(Special::Now) => return Ok(Some(zone::to_local(session, env.now_micros()))),
        Some(Special::Epoch) => return Ok(Some(UNIX_EPOCH_MICROS)),
        Some(Special::Infinity) => return Ok(Some(INFINITY)),
        Some(Special::NegativeInfinity) => return Ok(Some(NEGATIVE_INFINITY)),
        Some(Special::Day(offset)) => today(env) + offset,
        None if decoded.seen & part::DATE == part::DATE => days(decoded),
        None => return Ok(None),
    };
    let out_of_range = || Error::new("22008", format!("timestamp out of range: \"{text}\""));
    let local = i128::from(day) * i128::from(DAY) + i128::from(decoded.clock());
    let local = i64::try_from(local).map_err(|_| out_of_range())?;
    let micros = if with_zone {
        // A day of room on both sides: the offset may bring it back into range.
        let zone = decoded.zone.as_ref().unwrap_or(session);
        local.checked_sub(i64::from(zone::offset_of_local(zone, local)) * SECOND)
    } else {
        Some(local)
    };
    micros.filter(|micros| civil::is_timestamp(*micros)).map(Some).ok_or_else(out_of_range)
}

fn read_time(env: &dyn Environment, ty: &Type, decoded: &Decoded) -> Option<Value> {
    let session = env.time_zone();
    let now = env.now_micros();
    let micros = match decoded.special {
        Some(Special::Now) => civil::split_days(zone::to_local(session, now)).1,
        Some(_) => return None,
        None if decoded.seen & part::TIME != 0 => decoded.clock(),
        None => return None,
    };
    if *ty == Type::Time {
        return Some(Value::Time(micros));
    }
    // A zone with changing offsets needs a date: the literal's, else today.
    let day = if decoded.seen & part::DATE == part::DATE { days(decoded) } else { today(env) };
    let zone = decoded.zone.as_ref().unwrap_or(session);
    let east = zone::offset_of_local(zone, day * DAY + micros);
    Some(Value::TimeTz { micros, zone: -east })
}

#[cfg(test)]
mod tests;
