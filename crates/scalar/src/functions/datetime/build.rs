//! Dates and times from their parts, and between zones.

use backstay_model::{Error, Interval, Result, Type, Value};
use jiff::tz::TimeZone;

use crate::functions::casts::instants::displacement;
use crate::io::datetime::civil::{
    self, DATE_MAX, DATE_MIN, HOUR, INFINITY, MINUTE, NEGATIVE_INFINITY, SECOND, UNIX_EPOCH_MICROS,
};
use crate::io::datetime::zone;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    register_makers(table);
    register_zones(table);
    table.function("to_timestamp(double precision) timestamptz").scalar(from_epoch);
    for signature in ["isfinite(timestamp) boolean", "isfinite(timestamptz) boolean"] {
        table
            .function(signature)
            .total()
            .scalar(|call| Ok(Value::Bool(civil::is_finite(call.timestamp(0)?))));
    }
    table
        .function("isfinite(date) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(civil::is_finite_date(call.date(0)?))));
    table.function("isfinite(interval) boolean").total().scalar(|_| Ok(Value::Bool(true)));
}

fn register_makers(table: &mut Table) {
    table
        .function("make_date(integer, integer, integer) date")
        .names(&["year", "month", "day"])
        .scalar(|call| make_date(call).map(Value::Date));
    table
        .function("make_time(integer, integer, double precision) time")
        .names(&["hour", "min", "sec"])
        .scalar(|call| make_time(call, 0).map(Value::Time));
    table
        .function(
            "make_timestamp(integer, integer, integer, integer, integer, double precision) \
             timestamp",
        )
        .names(&["year", "month", "mday", "hour", "min", "sec"])
        .scalar(|call| make_timestamp(call).map(Value::Timestamp));
    table
        .function(
            "make_timestamptz(integer, integer, integer, integer, integer, double precision) \
             timestamptz",
        )
        .names(&["year", "month", "mday", "hour", "min", "sec"])
        .stable()
        .scalar(|call| in_utc(call.env.time_zone(), make_timestamp(call)?));
    table
        .function(
            "make_timestamptz(integer, integer, integer, integer, integer, double precision, \
             text) timestamptz",
        )
        .names(&["year", "month", "mday", "hour", "min", "sec", "timezone"])
        .stable()
        .scalar(|call| {
            let name = call.text(6)?;
            // A numeric offset counts east here, as in a literal.
            let zone = match zone::read_offset(name) {
                Some(Some(east)) => zone::fixed(east)?,
                _ => zone::find(name)?,
            };
            in_utc(&zone, make_timestamp(call)?)
        });
    table
        .function(
            "make_interval(integer, integer, integer, integer, integer, integer, double \
             precision) interval",
        )
        .names(&["years", "months", "weeks", "days", "hours", "mins", "secs"])
        .optional(7)
        .scalar(|call| make_interval(call).map(Value::Interval));
}

fn register_zones(table: &mut Table) {
    table
        .function("timezone(text, timestamptz) timestamp")
        .scalar(|call| local(&zone::find(call.text(0)?)?, call.timestamp(1)?));
    table
        .function("timezone(text, timestamp) timestamptz")
        .scalar(|call| in_utc(&zone::find(call.text(0)?)?, call.timestamp(1)?));
    table
        .function("timezone(text, timetz) timetz")
        .stable()
        .scalar(|call| turn(call, &zone::find(call.text(0)?)?));
    table
        .function("timezone(interval, timestamptz) timestamp")
        .scalar(|call| local(&offset(call)?, call.timestamp(1)?));
    table
        .function("timezone(interval, timestamp) timestamptz")
        .scalar(|call| in_utc(&offset(call)?, call.timestamp(1)?));
    table.function("timezone(interval, timetz) timetz").scalar(|call| turn(call, &offset(call)?));
}

fn offset(call: &Call<'_>) -> Result<TimeZone> {
    let interval = call.interval(0)?;
    let shown = crate::io::output(call.env, &Type::Interval, &Value::Interval(interval))?;
    zone::fixed(displacement(interval, &shown)?)
}

fn out_of_range() -> Error {
    Error::new("22008", "timestamp out of range")
}

fn local(zone: &TimeZone, utc: i64) -> Result<Value> {
    let local = zone::to_local(zone, utc);
    if civil::is_finite(utc) && !civil::is_timestamp(local) {
        return Err(out_of_range());
    }
    Ok(Value::Timestamp(local))
}

fn in_utc(zone: &TimeZone, local: i64) -> Result<Value> {
    let utc = zone::to_utc(zone, local);
    if civil::is_finite(local) && !civil::is_finite(utc) {
        return Err(out_of_range());
    }
    Ok(Value::Timestamp(utc))
}

fn turn(call: &Call<'_>, zone: &TimeZone) -> Result<Value> {
    let (micros, west) = call.time_tz(1)?;
    let east = zone::offset_at(zone, call.env.now_micros());
    let turned = micros + (i64::from(west) + i64::from(east)) * SECOND;
    Ok(Value::TimeTz { micros: turned.rem_euclid(civil::DAY), zone: -east })
}

fn make_date(call: &Call<'_>) -> Result<i32> {
    let (year, month, day) = (call.int(0)?, call.int(1)?, call.int(2)?);
    let wrong = || {
        Error::new("22008", format!("date field value out of range: {year}-{month:02}-{day:02}"))
    };
    // Negative years are BC; there is no year zero.
    let astronomical = match year {
        0 => return Err(wrong()),
        year if year < 0 => year + 1,
        year => year,
    };
    let valid = || {
        let year = i32::try_from(astronomical).ok()?;
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        civil::is_date(year, month, day).then(|| civil::days_from_date(year, month, day))
    };
    let days = valid().ok_or_else(wrong)?;
    i32::try_from(days).ok().filter(|days| (DATE_MIN..=DATE_MAX).contains(days)).ok_or_else(|| {
        Error::new("22008", format!("date out of range: {year}-{month:02}-{day:02}"))
    })
}

fn make_time(call: &Call<'_>, first: usize) -> Result<i64> {
    let (hour, minute, second) = (call.int(first)?, call.int(first + 1)?, call.float(first + 2)?);
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    let micros = (second * 1e6).round_ties_even() as i64;
    let valid = (0..=24).contains(&hour)
        && (0..=59).contains(&minute)
        && (0.0..=60.0).contains(&second)
        && (hour < 24 || minute == 0 && micros == 0);
    if !valid {
        return Err(Error::new(
            "22008",
            format!("time field value out of range: {hour}:{minute:02}:{}", seconds_text(second)),
        ));
    }
    Ok(hour * HOUR + minute * MINUTE + micros)
}

/// Two digits before the point, as PostgreSQL's `%02g`.
fn seconds_text(second: f64) -> String {
    let text = crate::io::plain::floats::print_float8(second);
    if text.len() < 2 { format!("0{text}") } else { text }
}

fn make_timestamp(call: &Call<'_>) -> Result<i64> {
    let date = i64::from(make_date(call)?);
    let clock = make_time(call, 3)?;
    civil::join(date, clock).ok_or_else(out_of_range)
}

fn make_interval(call: &Call<'_>) -> Result<Interval> {
    let out_of_range = || Error::new("22008", "interval out of range");
    let part = |index: usize| if index < call.args.len() { call.int(index) } else { Ok(0) };
    let months = part(0)? * 12 + part(1)?;
    let days = part(2)? * 7 + part(3)?;
    let seconds = if call.args.len() > 6 { call.float(6)? } else { 0.0 };
    let micros = (seconds * 1e6).round_ties_even();
    if !micros.is_finite() || micros.abs() > 9e18 {
        return Err(out_of_range());
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    let micros = micros as i64;
    Ok(Interval {
        months: i32::try_from(months).map_err(|_| out_of_range())?,
        days: i32::try_from(days).map_err(|_| out_of_range())?,
        micros: (part(4)? * HOUR + part(5)? * MINUTE)
            .checked_add(micros)
            .ok_or_else(out_of_range)?,
    })
}

fn from_epoch(call: &Call<'_>) -> Result<Value> {
    let seconds = call.float(0)?;
    let wrong = || {
        let shown = crate::io::plain::floats::print_float8(seconds);
        Error::new("22008", format!("timestamp out of range: \"{shown}\""))
    };
    if seconds.is_nan() {
        return Err(Error::new("22008", "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(Value::Timestamp(if seconds > 0.0 { INFINITY } else { NEGATIVE_INFINITY }));
    }
    #[expect(clippy::cast_precision_loss, reason = "PostgreSQL computes in floats too")]
    let since_2000 = seconds - (-UNIX_EPOCH_MICROS / SECOND) as f64;
    let micros = (since_2000 * 1e6).round_ties_even();
    if micros.abs() > 9.3e18 {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    let micros = micros as i64;
    if civil::is_timestamp(micros) { Ok(Value::Timestamp(micros)) } else { Err(wrong()) }
}
