//! Dates and times as text and as JSON shows them, appended without allocation.

use jiff::tz::TimeZone;

use super::civil::{
    Civil, DATE_INFINITY, DATE_NEGATIVE_INFINITY, HOUR, INFINITY, MINUTE, NEGATIVE_INFINITY,
    SECOND, date_from_days,
};
use super::zone;

/// What stands between date and time, and how offsets look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `2026-03-01 08:00:00+00`: PostgreSQL's text form.
    Text,
    /// `2026-03-01T08:00:00+00:00`: inside JSON.
    Json,
}

/// Appends a `date` (`2026-03-01`, `0044-03-15 BC`, `infinity`), without quotes.
pub fn write_date(out: &mut Vec<u8>, days: i32) {
    match days {
        DATE_INFINITY => out.extend_from_slice(b"infinity"),
        DATE_NEGATIVE_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let (year, month, day) = date_from_days(i64::from(days));
            write_day(out, year, month, day);
            write_era(out, year);
        }
    }
}

/// Appends a `time` (`10:00:00.5`), without quotes.
pub fn write_time(out: &mut Vec<u8>, micros: i64) {
    two_digits(out, micros / HOUR);
    out.push(b':');
    two_digits(out, micros % HOUR / MINUTE);
    out.push(b':');
    two_digits(out, micros % MINUTE / SECOND);
    write_fraction(out, micros % SECOND);
}

/// Appends a `time with time zone`; `west` is in seconds.
pub fn write_time_tz(out: &mut Vec<u8>, micros: i64, west: i32, style: Style) {
    write_time(out, micros);
    zone::write_offset(out, -west, style == Style::Json);
}

/// Appends a timestamp: without a zone as it is stored, with one shifted to it and with its offset.
pub fn write_timestamp_as(out: &mut Vec<u8>, micros: i64, zone: Option<&TimeZone>, style: Style) {
    match micros {
        INFINITY => return out.extend_from_slice(b"infinity"),
        NEGATIVE_INFINITY => return out.extend_from_slice(b"-infinity"),
        _ => {}
    }
    let east = zone.map(|zone| zone::offset_at(zone, micros));
    let local = micros.saturating_add(i64::from(east.unwrap_or(0)) * SECOND);
    let civil = Civil::from_micros(local);
    write_day(out, civil.year, civil.month, civil.day);
    out.push(if style == Style::Json { b'T' } else { b' ' });
    write_time(out, civil.micros);
    if let Some(east) = east {
        zone::write_offset(out, east, style == Style::Json);
    }
    write_era(out, civil.year);
}

/// Appends a timestamp in the form inside JSON (`2026-03-01T08:00:00+00:00`), without quotes.
pub fn write_timestamp(out: &mut Vec<u8>, micros: i64, zone: Option<&TimeZone>) {
    write_timestamp_as(out, micros, zone, Style::Json);
}

fn write_day(out: &mut Vec<u8>, year: i32, month: u8, day: u8) {
    let shown = if year > 0 { year } else { 1 - year };
    if shown < 10_000 {
        two_digits(out, i64::from(shown / 100));
        two_digits(out, i64::from(shown % 100));
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(shown).as_bytes());
    }
    out.push(b'-');
    two_digits(out, i64::from(month));
    out.push(b'-');
    two_digits(out, i64::from(day));
}

fn write_era(out: &mut Vec<u8>, year: i32) {
    if year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Appends at least two digits.
pub(in crate::io) fn two_digits(out: &mut Vec<u8>, number: i64) {
    if number < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `.5` for 500,000; nothing for none.
pub(in crate::io) fn write_fraction(out: &mut Vec<u8>, micros: i64) {
    if micros == 0 {
        return;
    }
    let mut rest = micros.unsigned_abs();
    let mut digits = *b".000000";
    for slot in digits[1..].iter_mut().rev() {
        *slot += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let cut = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    out.extend_from_slice(&digits[..digits.len() - cut]);
}
