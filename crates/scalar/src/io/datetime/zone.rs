//! Time zones: the session's, named ones, abbreviations, POSIX forms and plain offsets.

mod abbreviations;

use backstay_model::{Error, Result};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::civil::{
    Civil, DAY, HOUR, INFINITY, MINUTE, NEGATIVE_INFINITY, SECOND, TIMESTAMP_END, TIMESTAMP_MIN,
    UNIX_EPOCH_MICROS, is_finite,
};

/// The calendar repeats after 400 years.
const CYCLE: i64 = 146_097 * DAY;
/// Limit: 9999-01-01, up to which the zone library counts.
const LIBRARY_END: i64 = 252_424_080_000_000_000;

/// Seconds east of UTC at an instant (UTC microseconds) in the zone.
pub fn offset_at(zone: &TimeZone, utc: i64) -> i32 {
    if let Ok(offset) = zone.to_fixed_offset() {
        return offset.seconds();
    }
    let within = within_library(utc);
    let seconds = (within - UNIX_EPOCH_MICROS).div_euclid(SECOND);
    jiff::Timestamp::from_second(seconds).map_or(0, |instant| zone.to_offset(instant).seconds())
}

/// Local microseconds of an instant. Infinity stays.
pub fn to_local(zone: &TimeZone, utc: i64) -> i64 {
    if !is_finite(utc) {
        return utc;
    }
    utc + i64::from(offset_at(zone, utc)) * SECOND
}

/// The instant of local microseconds: in a gap the offset before it counts, in a fold the one
/// after it, as PostgreSQL decides. Infinity stays; what leaves the range of timestamps becomes
/// infinite, so check with [`super::civil::is_timestamp`] where that can happen.
pub fn to_utc(zone: &TimeZone, local: i64) -> i64 {
    if !is_finite(local) {
        return local;
    }
    let utc = local.saturating_sub(i64::from(offset_of_local(zone, local)) * SECOND);
    if utc < TIMESTAMP_MIN {
        NEGATIVE_INFINITY
    } else if utc >= TIMESTAMP_END {
        INFINITY
    } else {
        utc
    }
}

/// Seconds east of UTC that hold at a local time.
pub fn offset_of_local(zone: &TimeZone, local: i64) -> i32 {
    if let Ok(offset) = zone.to_fixed_offset() {
        return offset.seconds();
    }
    let civil = Civil::from_micros(within_library(local));
    let Some(local) = library_datetime(civil) else { return 0 };
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
        AmbiguousOffset::Gap { before, .. } => before.seconds(),
        AmbiguousOffset::Fold { after, .. } => after.seconds(),
    }
}

/// The abbreviation in force (`CET`), or the numeric offset where the zone has none.
pub fn abbreviation_at(zone: &TimeZone, utc: i64) -> String {
    let seconds = (within_library(utc) - UNIX_EPOCH_MICROS).div_euclid(SECOND);
    jiff::Timestamp::from_second(seconds)
        .map(|instant| zone.to_offset_info(instant).abbreviation().to_owned())
        .unwrap_or_default()
}

fn within_library(micros: i64) -> i64 {
    if micros < LIBRARY_END {
        return micros;
    }
    micros - ((micros - LIBRARY_END) / CYCLE + 1) * CYCLE
}

fn library_datetime(civil: Civil) -> Option<DateTime> {
    let seconds = civil.second_micros() / SECOND;
    DateTime::new(
        i16::try_from(civil.year).ok()?,
        i8::try_from(civil.month).ok()?,
        i8::try_from(civil.day).ok()?,
        i8::try_from(civil.hour()).ok()?,
        i8::try_from(civil.minute()).ok()?,
        i8::try_from(seconds).ok()?,
        0,
    )
    .ok()
}

/// The zone that `AT TIME ZONE`, `SET timezone` and literals call by this name: an abbreviation,
/// an IANA name in any case, or a POSIX offset (`UTC+3` and `+3` lie **west**).
///
/// # Errors
/// `22023` unknown zone.
pub fn find(name: &str) -> Result<TimeZone> {
    let lower = name.to_ascii_lowercase();
    if let Some(seconds) = abbreviations::find(&lower) {
        return fixed(seconds);
    }
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    posix_offset(name)
        .map(|west| fixed(-west))
        .unwrap_or_else(|| Err(Error::new("22023", format!("time zone \"{name}\" not recognized"))))
}

/// Seconds east of UTC of an abbreviation in any case.
pub fn abbreviation(name: &str) -> Option<i32> {
    abbreviations::find(&name.to_ascii_lowercase())
}

/// A zone that never changes: seconds east of UTC.
///
/// # Errors
/// `22023` more than a day away.
pub fn fixed(seconds: i32) -> Result<TimeZone> {
    Offset::from_seconds(seconds)
        .map(TimeZone::fixed)
        .map_err(|_| Error::new("22023", "time zone displacement out of range"))
}

/// `UTC+3`, `<x>-5:30`, `+02`: seconds west.
fn posix_offset(name: &str) -> Option<i32> {
    let body = match name.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1,
        None => name.trim_start_matches(|c: char| c.is_ascii_alphabetic()),
    };
    let (sign, digits) = match body.as_bytes().first()? {
        b'-' => (-1, &body[1..]),
        b'+' => (1, &body[1..]),
        _ => (1, body),
    };
    let mut seconds = 0;
    let mut unit = 3_600;
    for part in digits.split(':') {
        if unit == 0 || part.is_empty() || part.len() > 3 {
            return None;
        }
        seconds += part.parse::<u16>().ok().map(i32::from)? * unit;
        unit /= 60;
    }
    (seconds <= 167 * 3_600).then_some(sign * seconds)
}

/// Reads `+02`, `-0530`, `+05:30`, `+05:30:15`: seconds **east** of UTC.
///
/// # Errors
/// `None` no offset, `Some(None)` out of range (15:59:59).
pub(crate) fn read_offset(text: &str) -> Option<Option<i32>> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => return None,
    };
    let number = |text: &str| -> Option<i32> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        text.parse().ok()
    };
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let (hours, minutes, seconds) = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) if first.len() > 2 => {
            let packed = number(first)?;
            if first.len() > 4 {
                (packed / 10_000, packed / 100 % 100, packed % 100)
            } else {
                (packed / 100, packed % 100, 0)
            }
        }
        (None, ..) => (number(first)?, 0, 0),
        (Some(minutes), None, _) => (number(first)?, number(minutes)?, 0),
        (Some(minutes), Some(seconds), None) => {
            (number(first)?, number(minutes)?, number(seconds)?)
        }
        _ => return None,
    };
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Some(None);
    }
    Some(Some(sign * (hours * 3_600 + minutes * 60 + seconds)))
}

/// Appends `+02`, `-05:30`, `+00`; with `minutes`, always `+02:00` (the JSON form).
pub(super) fn write_offset(out: &mut Vec<u8>, east: i32, minutes: bool) {
    let magnitude = i64::from(east.unsigned_abs());
    out.push(if east < 0 { b'-' } else { b'+' });
    super::print::two_digits(out, magnitude / 3_600);
    let (minute, second) = (magnitude / 60 % 60, magnitude % 60);
    if minutes || minute != 0 || second != 0 {
        out.push(b':');
        super::print::two_digits(out, minute);
    }
    if second != 0 {
        out.push(b':');
        super::print::two_digits(out, second);
    }
    debug_assert!(magnitude * SECOND <= 168 * HOUR + MINUTE);
}
