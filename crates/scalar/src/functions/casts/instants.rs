//! Casts among dates, times and intervals; those with a zone on one side use the session's.

use backstay_model::{Error, Interval, Result, Value};

use crate::CastContext::{Assignment, Implicit};
use crate::functions::arithmetic::temporal::date_start;
use crate::io::datetime::civil::{self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, SECOND};
use crate::io::datetime::zone;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table
        .cast(Implicit, "::(date) timestamp")
        .scalar(|c| Ok(Value::Timestamp(date_start(c.date(0)?)?)));
    table
        .cast(Implicit, "::(date) timestamptz")
        .stable()
        .scalar(|c| Ok(Value::Timestamp(zone::to_utc(c.env.time_zone(), date_start(c.date(0)?)?))));
    table
        .cast(Implicit, "::(timestamp) timestamptz")
        .stable()
        .total()
        .scalar(|c| Ok(Value::Timestamp(zone::to_utc(c.env.time_zone(), c.timestamp(0)?))));
    table
        .cast(Assignment, "::(timestamptz) timestamp")
        .stable()
        .total()
        .scalar(|c| Ok(Value::Timestamp(local(c)?)));
    table
        .cast(Assignment, "::(timestamp) date")
        .total()
        .scalar(|c| Ok(Value::Date(date_of(c.timestamp(0)?))));
    table
        .cast(Assignment, "::(timestamptz) date")
        .stable()
        .total()
        .scalar(|c| Ok(Value::Date(date_of(local(c)?))));
    table.cast(Assignment, "::(timestamp) time").total().scalar(|c| Ok(time_of(c.timestamp(0)?)));
    table
        .cast(Assignment, "::(timestamptz) time")
        .stable()
        .total()
        .scalar(|c| Ok(time_of(local(c)?)));
    table.cast(Assignment, "::(timestamptz) timetz").stable().total().scalar(|c| {
        let instant = c.timestamp(0)?;
        if !civil::is_finite(instant) {
            return Ok(Value::Null);
        }
        let zone = -zone::offset_at(c.env.time_zone(), instant);
        Ok(Value::TimeTz { micros: civil::split_days(local(c)?).1, zone })
    });
    table
        .cast(Implicit, "::(time) interval")
        .total()
        .scalar(|c| Ok(Value::Interval(Interval { months: 0, days: 0, micros: c.time(0)? })));
    table.cast(Implicit, "::(time) timetz").stable().total().scalar(|c| {
        // Today's offset counts.
        let micros = c.time(0)?;
        let now = crate::io::datetime::today(c.env) * DAY + micros;
        Ok(Value::TimeTz { micros, zone: -zone::offset_of_local(c.env.time_zone(), now) })
    });
    table
        .cast(Assignment, "::(interval) time")
        .total()
        .scalar(|c| Ok(Value::Time(c.interval(0)?.micros.rem_euclid(DAY))));
    table.cast(Assignment, "::(timetz) time").total().scalar(|c| Ok(Value::Time(c.time_tz(0)?.0)));
}

fn local(call: &Call<'_>) -> Result<i64> {
    Ok(zone::to_local(call.env.time_zone(), call.timestamp(0)?))
}

/// The day of a timestamp without zone.
pub(crate) fn date_of(micros: i64) -> i32 {
    match micros {
        civil::INFINITY => DATE_INFINITY,
        civil::NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
        _ => i32::try_from(civil::split_days(micros).0).unwrap_or(DATE_INFINITY),
    }
}

fn time_of(micros: i64) -> Value {
    if civil::is_finite(micros) { Value::Time(civil::split_days(micros).1) } else { Value::Null }
}

/// Reads a `timezone` displacement given as an interval: seconds east.
///
/// # Errors
/// `22023` if it holds months or days.
pub(crate) fn displacement(interval: Interval, text: &str) -> Result<i32> {
    if interval.months != 0 || interval.days != 0 {
        return Err(Error::new(
            "22023",
            format!("interval time zone \"{text}\" must not include months or days"),
        ));
    }
    i32::try_from(interval.micros / SECOND)
        .map_err(|_| Error::new("22023", "time zone displacement out of range"))
}
