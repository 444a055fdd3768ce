//! `interval`: PostgreSQL's verbose form, ISO 8601 and SQL's forms in; the `postgres` style out.

mod iso;

use backstay_model::{Error, Interval, Result, Value};

use super::datetime::civil::{DAY, HOUR, MINUTE, SECOND};
use super::datetime::decode::Fault;
use super::datetime::fields::{Field, Kind, split};
use super::datetime::print::write_fraction;

/// Parts of an interval that a literal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
}

pub(super) fn input(text: &str) -> Result<Value> {
    read(text).map(Value::Interval)
}

pub(super) fn output(value: &Value) -> Result<String> {
    let Value::Interval(interval) = value else {
        return Err(Error::internal("a value does not fit interval"));
    };
    let mut out = Vec::with_capacity(32);
    write_interval(&mut out, *interval);
    String::from_utf8(out).map_err(|_| Error::internal("an interval is no text"))
}

/// Reads an interval literal.
///
/// # Errors
/// `22007` no interval, `22015` a field out of range.
pub fn read(text: &str) -> Result<Interval> {
    let fields = split(text, |_| false);
    let decoded = match fields.ok_or(Fault::Format).and_then(|fields| decode(&fields)) {
        Err(Fault::Format) => iso::decode(text),
        other => other,
    };
    let out_of_range =
        || Error::new("22015", format!("interval field value out of range: \"{text}\""));
    decoded
        .map_err(|fault| match fault {
            Fault::Field => out_of_range(),
            fault => fault.error("interval", text),
        })?
        .finish()
        .ok_or_else(out_of_range)
}

/// Appends an interval (`1 year 2 mons 3 days 04:05:06.7`), without quotes.
pub fn write_interval(out: &mut Vec<u8>, interval: Interval) {
    let mut negative_before = false;
    let mut empty = true;
    let parts =
        [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")];
    for (number, unit) in parts.into_iter().filter(|(number, _)| *number != 0) {
        if !empty {
            out.push(b' ');
        }
        if negative_before && number > 0 {
            out.push(b'+');
        }
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if number != 1 {
            out.push(b's');
        }
        negative_before = number < 0;
        empty = false;
    }
    if !empty && interval.micros == 0 {
        return;
    }
    if !empty {
        out.push(b' ');
    }
    if interval.micros < 0 {
        out.push(b'-');
    } else if negative_before {
        out.push(b'+');
    }
    let micros = interval.micros.unsigned_abs();
    let part = |number: u64| i64::try_from(number).unwrap_or(0);
    let (hour, minute, second) =
        (part(HOUR.unsigned_abs()), part(MINUTE.unsigned_abs()), part(SECOND.unsigned_abs()));
    let whole = i128::from(micros);
    let number = |number: i128| i64::try_from(number).unwrap_or(0);
    super::datetime::print::two_digits(out, number(whole / i128::from(hour)));
    out.push(b':');
    super::datetime::print::two_digits(out, number(whole % i128::from(hour) / i128::from(minute)));
    out.push(b':');
    super::datetime::print::two_digits(
        out,
        number(whole % i128::from(minute) / i128::from(second)),
    );
    write_fraction(out, number(whole % i128::from(second)));
}

/// The unit of this name, in lower case, singular, plural or short.
pub(crate) fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" | "usecond" | "useconds" => {
            Unit::Microsecond
        }
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "msecond" | "mseconds" => {
            Unit::Millisecond
        }
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "dec" | "decs" | "decade" | "decades" => Unit::Decade,
        "c" | "cent" | "century" | "centuries" => Unit::Century,
        "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
        _ => return None,
    })
}

/// Sums of what the fields say, wide enough not to overflow.
#[derive(Debug, Default)]
struct Parts {
    months: i128,
    days: i128,
    micros: i128,
}

impl Parts {
    fn add(&mut self, unit: Unit, whole: i64, fraction: f64) {
        let whole = i128::from(whole);
        match unit {
            Unit::Microsecond => self.add_micros(whole, fraction, 1),
            Unit::Millisecond => self.add_micros(whole, fraction, 1_000),
            Unit::Second => self.add_micros(whole, fraction, SECOND),
            Unit::Minute => self.add_micros(whole, fraction, MINUTE),
            Unit::Hour => self.add_micros(whole, fraction, HOUR),
            Unit::Day => {
                self.days += whole;
                self.add_micros(0, fraction, DAY);
            }
            Unit::Week => self.add_days(whole * 7, fraction * 7.0),
            Unit::Month => {
                self.months += whole;
                self.add_days(0, fraction * 30.0);
            }
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Millennium => self.add_years(whole, fraction, 1_000),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a fraction times a small unit")]
    fn add_years(&mut self, whole: i128, fraction: f64, years: i32) {
        self.months += whole * 12 * i128::from(years);
        self.months += (fraction * f64::from(years) * 12.0).round_ties_even() as i128;
    }

    #[expect(clippy::cast_possible_truncation, reason = "a fraction of at most a month")]
    fn add_days(&mut self, whole: i128, fraction: f64) {
        let extra = fraction.trunc();
        self.days += whole + extra as i128;
        self.add_micros(0, fraction - extra, DAY);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a fraction of at most a day"
    )]
    fn add_micros(&mut self, whole: i128, fraction: f64, unit: i64) {
        let scaled = fraction * unit as f64;
        let mut extra = scaled.trunc();
        let rest = scaled - extra;
        if rest > 0.5 {
            extra += 1.0;
        } else if rest < -0.5 {
            extra -= 1.0;
        }
        self.micros += whole * i128::from(unit) + extra as i128;
    }

    fn finish(self) -> Option<Interval> {
        Some(Interval {
            months: self.months.try_into().ok()?,
            days: self.days.try_into().ok()?,
            micros: self.micros.try_into().ok()?,
        })
    }
}

/// Reads fields from the last to the first: a unit stands behind its number.
fn decode(fields: &[Field]) -> Result<Parts, Fault> {
    let mut parts = Parts::default();
    let mut current: Option<Unit> = None;
    let mut seen: u16 = 0;
    let mut ago = false;
    for field in fields.iter().rev() {
        let mut set: u16 = 0;
        match field.kind {
            Kind::Time => {
                parts.micros += i128::from(clock(&field.text)?);
                current = Some(Unit::Day);
                set = CLOCK;
            }
            Kind::Offset if field.text.contains(':') => {
                let micros = clock(&field.text[1..])?;
                parts.micros +=
                    i128::from(if field.text.starts_with('-') { -micros } else { micros });
                current = Some(Unit::Day);
                set = CLOCK;
            }
            Kind::Offset | Kind::Date | Kind::Number => {
                set = number_field(&mut parts, &mut current, &field.text)?;
            }
            Kind::Word | Kind::SignedWord if field.text == "ago" => ago = true,
            Kind::Word | Kind::SignedWord if field.text == "at" => {}
            Kind::Word | Kind::SignedWord => {
                current = Some(unit(&field.text).ok_or(Fault::Format)?);
            }
        }
        if set & seen != 0 {
            return Err(Fault::Format);
        }
        seen |= set;
    }
    if seen == 0 {
        return Err(Fault::Format);
    }
    if ago {
        parts = Parts { months: -parts.months, days: -parts.days, micros: -parts.micros };
    }
    Ok(parts)
}

/// Hours, minutes and seconds in one field.
const CLOCK: u16 = 0b1_1100;

fn number_field(parts: &mut Parts, current: &mut Option<Unit>, text: &str) -> Result<u16, Fault> {
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = |number: i64| if negative { -number } else { number };
    if let Some((years, months)) = body.split_once('-') {
        let years: i64 = whole(years)?;
        let months: i64 = whole(months)?;
        if months >= 12 {
            return Err(Fault::Field);
        }
        *current = Some(Unit::Month);
        let all = years.checked_mul(12).and_then(|all| all.checked_add(months));
        parts.add(Unit::Month, signed(all.ok_or(Fault::Field)?), 0.0);
        return Ok(bit(Unit::Month));
    }
    let (digits, fraction) = body.split_once('.').unwrap_or((body, ""));
    if digits.is_empty() && fraction.is_empty() {
        return Err(Fault::Format);
    }
    let number = if digits.is_empty() { 0 } else { whole(digits)? };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    let fraction: f64 = format!("0.{fraction}0").parse().map_err(|_| Fault::Format)?;
    let unit = *current.get_or_insert(Unit::Second);
    parts.add(unit, signed(number), if negative { -fraction } else { fraction });
    Ok(bit(unit))
}

fn bit(unit: Unit) -> u16 {
    1 << (unit as u16)
}

fn whole(digits: &str) -> Result<i64, Fault> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    digits.parse().map_err(|_| Fault::Field)
}

/// `04:05:06.7`, `04:05`, `05:06.7` (minutes and seconds); hours may be many.
fn clock(text: &str) -> Result<i64, Fault> {
    let (body, fraction) = match text.split_once('.') {
        Some((body, fraction)) => (body, Some(fraction)),
        None => (text, None),
    };
    let mut numbers = Vec::with_capacity(3);
    for piece in body.split(':') {
        numbers.push(if piece.is_empty() { 0 } else { whole(piece)? });
    }
    let (hours, minutes, seconds) = match (numbers.as_slice(), fraction) {
        ([minutes, seconds], Some(_)) => (0, *minutes, *seconds),
        ([hours, minutes], None) => (*hours, *minutes, 0),
        ([hours, minutes, seconds], _) => (*hours, *minutes, *seconds),
        _ => return Err(Fault::Format),
    };
    let micros = match fraction {
        Some(digits) => super::datetime::decode::read_fraction(digits)?,
        None => 0,
    };
    if minutes > 59 || seconds > 60 {
        return Err(Fault::Field);
    }
    hours
        .checked_mul(HOUR)
        .and_then(|sum| sum.checked_add(minutes * MINUTE + seconds * SECOND + micros))
        .ok_or(Fault::Field)
}

#[cfg(test)]
mod tests;
