//! Dates, times and intervals.

use backstay_model::{Error, Interval, Result, Value};
use jiff::tz::TimeZone;

use crate::functions::numeric::division_by_zero;
use crate::io::datetime::civil::{
    self, Civil, DATE_MAX, DATE_MIN, DAY, INFINITY, NEGATIVE_INFINITY, SECOND,
};
use crate::io::datetime::zone;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    register_dates(table);
    register_timestamps(table);
    register_times(table);
    register_intervals(table);
}

fn register_dates(table: &mut Table) {
    table
        .operator("+(date, integer) date")
        .scalar(|c| add_days(c.date(0)?, c.int(1)?).map(Value::Date));
    table
        .operator("+(integer, date) date")
        .scalar(|c| add_days(c.date(1)?, c.int(0)?).map(Value::Date));
    table
        .operator("-(date, integer) date")
        .scalar(|c| add_days(c.date(0)?, -c.int(1)?).map(Value::Date));
    table.operator("-(date, date) integer").scalar(|c| {
        let (a, b) = (c.date(0)?, c.date(1)?);
        if !civil::is_finite_date(a) || !civil::is_finite_date(b) {
            return Err(Error::new("22008", "cannot subtract infinite dates"));
        }
        Ok(Value::Int(i64::from(a) - i64::from(b)))
    });
    table
        .operator("+(date, interval) timestamp")
        .scalar(|c| timestamp(add_interval(date_start(c.date(0)?)?, c.interval(1)?, None)));
    table
        .operator("+(interval, date) timestamp")
        .scalar(|c| timestamp(add_interval(date_start(c.date(1)?)?, c.interval(0)?, None)));
    table.operator("-(date, interval) timestamp").scalar(|c| {
        timestamp(add_interval(date_start(c.date(0)?)?, negate(c.interval(1)?)?, None))
    });
    table
        .operator("+(date, time) timestamp")
        .scalar(|c| timestamp(add_clock(c.date(0)?, c.time(1)?)));
    table
        .operator("+(time, date) timestamp")
        .scalar(|c| timestamp(add_clock(c.date(1)?, c.time(0)?)));
    table.operator("+(date, timetz) timestamptz").scalar(|c| {
        let (micros, west) = c.time_tz(1)?;
        timestamp(add_clock(c.date(0)?, micros + i64::from(west) * SECOND))
    });
    table.operator("+(timetz, date) timestamptz").scalar(|c| {
        let (micros, west) = c.time_tz(0)?;
        timestamp(add_clock(c.date(1)?, micros + i64::from(west) * SECOND))
    });
}

fn register_timestamps(table: &mut Table) {
    table
        .operator("+(timestamp, interval) timestamp")
        .scalar(|c| timestamp(add_interval(c.timestamp(0)?, c.interval(1)?, None)));
    table
        .operator("+(interval, timestamp) timestamp")
        .scalar(|c| timestamp(add_interval(c.timestamp(1)?, c.interval(0)?, None)));
    table
        .operator("-(timestamp, interval) timestamp")
        .scalar(|c| timestamp(add_interval(c.timestamp(0)?, negate(c.interval(1)?)?, None)));
    table.operator("+(timestamptz, interval) timestamptz").stable().scalar(|c| {
        let zone = Some(c.env.time_zone());
        timestamp(add_interval(c.timestamp(0)?, c.interval(1)?, zone))
    });
    table.operator("+(interval, timestamptz) timestamptz").stable().scalar(|c| {
        let zone = Some(c.env.time_zone());
        timestamp(add_interval(c.timestamp(1)?, c.interval(0)?, zone))
    });
    table.operator("-(timestamptz, interval) timestamptz").stable().scalar(|c| {
        let zone = Some(c.env.time_zone());
        timestamp(add_interval(c.timestamp(0)?, negate(c.interval(1)?)?, zone))
    });
    for signature in ["-(timestamp, timestamp) interval", "-(timestamptz, timestamptz) interval"] {
        table
            .operator(signature)
            .scalar(|c| difference(c.timestamp(0)?, c.timestamp(1)?).map(Value::Interval));
    }
}

fn register_times(table: &mut Table) {
    table
        .operator("+(time, interval) time")
        .total()
        .scalar(|c| Ok(Value::Time(turn_clock(c.time(0)?, c.interval(1)?.micros))));
    table
        .operator("+(interval, time) time")
        .total()
        .scalar(|c| Ok(Value::Time(turn_clock(c.time(1)?, c.interval(0)?.micros))));
    table
        .operator("-(time, interval) time")
        .total()
        .scalar(|c| Ok(Value::Time(turn_clock(c.time(0)?, -(c.interval(1)?.micros % DAY)))));
    table.operator("-(time, time) interval").total().scalar(|c| {
        Ok(Value::Interval(Interval { months: 0, days: 0, micros: c.time(0)? - c.time(1)? }))
    });
    table.operator("+(timetz, interval) timetz").total().scalar(|c| turn_time_tz(c, 0, 1, 1));
    table.operator("+(interval, timetz) timetz").total().scalar(|c| turn_time_tz(c, 1, 0, 1));
    table.operator("-(timetz, interval) timetz").total().scalar(|c| turn_time_tz(c, 0, 1, -1));
}

fn register_intervals(table: &mut Table) {
    table
        .operator("+(interval, interval) interval")
        .scalar(|c| add_intervals(c.interval(0)?, c.interval(1)?).map(Value::Interval));
    table.operator("-(interval, interval) interval").scalar(|c| {
        let (a, b) = (c.interval(0)?, c.interval(1)?);
        let difference = Interval {
            months: a.months.checked_sub(b.months).ok_or_else(interval_out_of_range)?,
            days: a.days.checked_sub(b.days).ok_or_else(interval_out_of_range)?,
            micros: a.micros.checked_sub(b.micros).ok_or_else(interval_out_of_range)?,
        };
        Ok(Value::Interval(difference))
    });
    table.operator("-(interval) interval").scalar(|c| negate(c.interval(0)?).map(Value::Interval));
    table
        .operator("*(interval, double precision) interval")
        .scalar(|c| multiply(c.interval(0)?, c.float(1)?).map(Value::Interval));
    table
        .operator("*(double precision, interval) interval")
        .scalar(|c| multiply(c.interval(1)?, c.float(0)?).map(Value::Interval));
    table
        .operator("/(interval, double precision) interval")
        .scalar(|c| divide(c.interval(0)?, c.float(1)?).map(Value::Interval));
}

fn timestamp(micros: Result<i64>) -> Result<Value> {
    micros.map(Value::Timestamp)
}

fn timestamp_out_of_range() -> Error {
    Error::new("22008", "timestamp out of range")
}

fn interval_out_of_range() -> Error {
    Error::new("22008", "interval out of range")
}

/// A date some days later.
///
/// # Errors
/// `22008` out of range.
pub(crate) fn add_days(date: i32, days: i64) -> Result<i32> {
    if !civil::is_finite_date(date) {
        return Ok(date);
    }
    i32::try_from(i64::from(date) + days)
        .ok()
        .filter(|date| (DATE_MIN..=DATE_MAX).contains(date))
        .ok_or_else(|| Error::new("22008", "date out of range"))
}

/// Midnight of a date as a timestamp without zone.
///
/// # Errors
/// `22008` beyond the timestamps.
pub(crate) fn date_start(date: i32) -> Result<i64> {
    match date {
        civil::DATE_INFINITY => Ok(INFINITY),
        civil::DATE_NEGATIVE_INFINITY => Ok(NEGATIVE_INFINITY),
        _ => civil::join(i64::from(date), 0)
            .ok_or_else(|| Error::new("22008", "date out of range for timestamp")),
    }
}

fn add_clock(date: i32, micros: i64) -> Result<i64> {
    let start = date_start(date)?;
    if !civil::is_finite(start) {
        return Ok(start);
    }
    start.checked_add(micros).filter(|m| civil::is_timestamp(*m)).ok_or_else(timestamp_out_of_range)
}

/// A timestamp and an interval: months first (the day cut to the month's end), then days, both on
/// the calendar of the zone if one is given, then microseconds.
///
/// # Errors
/// `22008` out of range.
pub(crate) fn add_interval(
    micros: i64,
    interval: Interval,
    zone: Option<&TimeZone>,
) -> Result<i64> {
    if !civil::is_finite(micros) {
        return Ok(micros);
    }
    let mut micros = micros;
    if interval.months != 0 || interval.days != 0 {
        let local = zone.map_or(micros, |zone| zone::to_local(zone, micros));
        let mut civil = Civil::from_micros(local);
        if interval.months != 0 {
            let months = i64::from(civil.year) * 12 + i64::from(civil.month) - 1
                + i64::from(interval.months);
            civil.year =
                i32::try_from(months.div_euclid(12)).map_err(|_| timestamp_out_of_range())?;
            civil.month = u8::try_from(months.rem_euclid(12) + 1).unwrap_or(1);
            civil.day = civil.day.min(civil::days_in_month(civil.year, civil.month));
        }
        let days =
            civil::days_from_date(civil.year, civil.month, civil.day) + i64::from(interval.days);
        let moved = civil::join(days, civil.micros).ok_or_else(timestamp_out_of_range)?;
        micros = zone.map_or(moved, |zone| zone::to_utc(zone, moved));
    }
    micros
        .checked_add(interval.micros)
        .filter(|micros| civil::is_timestamp(*micros))
        .ok_or_else(timestamp_out_of_range)
}

/// `a - b` in days and hours.
///
/// # Errors
/// `22008` for infinities.
pub(crate) fn difference(a: i64, b: i64) -> Result<Interval> {
    if !civil::is_finite(a) || !civil::is_finite(b) {
        return Err(Error::new("22008", "cannot subtract infinite timestamps"));
    }
    let micros = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    let days = i32::try_from(micros / DAY).map_err(|_| interval_out_of_range())?;
    Ok(Interval { months: 0, days, micros: micros % DAY })
}

fn turn_clock(time: i64, micros: i64) -> i64 {
    (time + micros % DAY).rem_euclid(DAY)
}

fn turn_time_tz(call: &Call<'_>, time: usize, interval: usize, sign: i64) -> Result<Value> {
    let (micros, zone) = call.time_tz(time)?;
    let turn = call.interval(interval)?.micros % DAY * sign;
    Ok(Value::TimeTz { micros: turn_clock(micros, turn), zone })
}

/// The opposite interval.
///
/// # Errors
/// `22008` out of range.
pub(crate) fn negate(interval: Interval) -> Result<Interval> {
    Ok(Interval {
        months: interval.months.checked_neg().ok_or_else(interval_out_of_range)?,
        days: interval.days.checked_neg().ok_or_else(interval_out_of_range)?,
        micros: interval.micros.checked_neg().ok_or_else(interval_out_of_range)?,
    })
}

/// The sum of intervals, part by part.
///
/// # Errors
/// `22008` out of range.
pub(crate) fn add_intervals(a: Interval, b: Interval) -> Result<Interval> {
    Ok(Interval {
        months: a.months.checked_add(b.months).ok_or_else(interval_out_of_range)?,
        days: a.days.checked_add(b.days).ok_or_else(interval_out_of_range)?,
        micros: a.micros.checked_add(b.micros).ok_or_else(interval_out_of_range)?,
    })
}

/// Each part times the factor; broken months become days of a 30-day month, broken days hours.
fn multiply(interval: Interval, factor: f64) -> Result<Interval> {
    scale(interval, |part| part * factor)
}

/// Each part through the divisor, as [`multiply`].
pub(crate) fn divide(interval: Interval, divisor: f64) -> Result<Interval> {
    if divisor == 0.0 {
        return Err(division_by_zero());
    }
    scale(interval, |part| part / divisor)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "ranges are checked; PostgreSQL computes in double precision too"
)]
fn scale(interval: Interval, by: impl Fn(f64) -> f64) -> Result<Interval> {
    const SECONDS_PER_DAY: f64 = 86_400.0;
    let whole = |number: f64| {
        if number.is_nan() || number > f64::from(i32::MAX) || number < f64::from(i32::MIN) {
            return Err(interval_out_of_range());
        }
        Ok(number as i32)
    };
    // Rounds to microseconds, so that noise does not become a part of its own.
    let steady = |number: f64| (number * 1e6).round_ties_even() / 1e6;
    let (months, days) = (by(f64::from(interval.months)), by(f64::from(interval.days)));
    let mut result = Interval { months: whole(months)?, days: whole(days)?, micros: 0 };
    let month_days = steady((months - f64::from(result.months)) * 30.0);
    let mut seconds =
        steady((days - f64::from(result.days) + month_days - month_days.trunc()) * SECONDS_PER_DAY);
    if seconds.abs() >= SECONDS_PER_DAY {
        let extra = (seconds / SECONDS_PER_DAY).trunc();
        result.days += extra as i32;
        seconds -= extra * SECONDS_PER_DAY;
    }
    result.days = result.days.checked_add(month_days as i32).ok_or_else(interval_out_of_range)?;
    let micros = (by(interval.micros as f64) + seconds * 1e6).round_ties_even();
    if micros.is_nan() || micros.abs() >= 9.223_372_036_854_775e18 {
        return Err(interval_out_of_range());
    }
    result.micros = micros as i64;
    Ok(result)
}
