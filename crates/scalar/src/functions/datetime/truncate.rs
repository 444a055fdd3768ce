//! `date_trunc` and `date_bin`.

use backstay_model::{Error, Interval, Result, Type, Value};
use jiff::tz::TimeZone;

use super::units::{Unit, length, unsupported};
use crate::io::datetime::civil::{self, Civil, DAY, HOUR, MINUTE, SECOND};
use crate::io::datetime::zone;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table.function("date_trunc(text, timestamp) timestamp").scalar(|call| {
        let micros = call.timestamp(1)?;
        let unit = length(call.text(0)?, &Type::Timestamp)?;
        if !civil::is_finite(micros) {
            return Ok(Value::Timestamp(micros));
        }
        truncated(call, unit, micros, &Type::Timestamp).map(Value::Timestamp)
    });
    table
        .function("date_trunc(text, timestamptz) timestamptz")
        .stable()
        .scalar(|call| in_zone(call, call.env.time_zone()));
    table.function("date_trunc(text, timestamptz, text) timestamptz").stable().scalar(|call| {
        let zone = zone::find(call.text(2)?)?;
        in_zone(call, &zone)
    });
    table.function("date_trunc(text, interval) interval").scalar(|call| {
        let interval = call.interval(1)?;
        let unit = length(call.text(0)?, &Type::Interval)?;
        span(unit, interval).map(Value::Interval).ok_or_else(|| {
            let error = unsupported(call.text(0).unwrap_or_default(), &Type::Interval);
            if unit == Unit::Week {
                error.with_details("Months usually have fractional weeks.")
            } else {
                error
            }
        })
    });
    for signature in [
        "date_bin(interval, timestamp, timestamp) timestamp",
        "date_bin(interval, timestamptz, timestamptz) timestamptz",
    ] {
        table.function(signature).scalar(bin);
    }
}

fn in_zone(call: &Call<'_>, zone: &TimeZone) -> Result<Value> {
    let micros = call.timestamp(1)?;
    let unit = length(call.text(0)?, &Type::TimestampTz)?;
    if !civil::is_finite(micros) {
        return Ok(Value::Timestamp(micros));
    }
    let east = i64::from(zone::offset_at(zone, micros)) * SECOND;
    let local = truncated(call, unit, micros + east, &Type::TimestampTz)?;
    // Within an hour the offset cannot have changed; a day may begin with another one.
    let keeps_offset = matches!(
        unit,
        Unit::Microseconds | Unit::Milliseconds | Unit::Second | Unit::Minute | Unit::Hour
    );
    Ok(Value::Timestamp(if keeps_offset { local - east } else { zone::to_utc(zone, local) }))
}

fn truncated(call: &Call<'_>, unit: Unit, local: i64, ty: &Type) -> Result<i64> {
    let cut = |step: i64| Some(local - local.rem_euclid(step));
    let civil = Civil::from_micros(local);
    let year_start = |year: i32| civil::join(civil::days_from_date(year, 1, 1), 0);
    let month_start = |month: u8| civil::join(civil::days_from_date(civil.year, month, 1), 0);
    let truncated = match unit {
        Unit::Microseconds => Some(local),
        Unit::Milliseconds => cut(1_000),
        Unit::Second => cut(SECOND),
        Unit::Minute => cut(MINUTE),
        Unit::Hour => cut(HOUR),
        Unit::Day => cut(DAY),
        Unit::Week => {
            let days = civil::split_days(local).0;
            civil::join(days - (civil::day_of_week(days) + 6) % 7, 0)
        }
        Unit::Month => month_start(civil.month),
        Unit::Quarter => month_start((civil.month - 1) / 3 * 3 + 1),
        Unit::Year => year_start(civil.year),
        Unit::Decade => year_start(civil.year.div_euclid(10) * 10),
        // Centuries and millennia begin with a year one.
        Unit::Century => year_start((civil.year - 1).div_euclid(100) * 100 + 1),
        Unit::Millennium => year_start((civil.year - 1).div_euclid(1_000) * 1_000 + 1),
        _ => return Err(unsupported(call.text(0)?, ty)),
    };
    truncated.ok_or_else(|| Error::new("22008", "timestamp out of range"))
}

fn span(unit: Unit, interval: Interval) -> Option<Interval> {
    let Interval { months, days, micros } = interval;
    let of_months = |step: i32| Interval { months: months / step * step, days: 0, micros: 0 };
    let of_micros = |step: i64| Interval { months, days, micros: micros / step * step };
    Some(match unit {
        Unit::Millennium => of_months(12_000),
        Unit::Century => of_months(1_200),
        Unit::Decade => of_months(120),
        Unit::Year => of_months(12),
        Unit::Quarter => of_months(3),
        Unit::Month => of_months(1),
        Unit::Day => Interval { months, days, micros: 0 },
        Unit::Hour => of_micros(HOUR),
        Unit::Minute => of_micros(MINUTE),
        Unit::Second => of_micros(SECOND),
        Unit::Milliseconds => of_micros(1_000),
        Unit::Microseconds => interval,
        _ => return None,
    })
}

fn bin(call: &Call<'_>) -> Result<Value> {
    let (stride, source, origin) = (call.interval(0)?, call.timestamp(1)?, call.timestamp(2)?);
    if !civil::is_finite(source) {
        return Ok(Value::Timestamp(source));
    }
    if !civil::is_finite(origin) {
        return Err(Error::new("22008", "origin out of range"));
    }
    if stride.months != 0 {
        return Err(Error::new(
            "0A000",
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let out_of_range = || Error::new("22008", "interval out of range");
    let step = i64::from(stride.days)
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(stride.micros))
        .ok_or_else(out_of_range)?;
    if step <= 0 {
        return Err(Error::new("22008", "stride must be greater than zero"));
    }
    let distance = source.checked_sub(origin).ok_or_else(out_of_range)?;
    source
        .checked_sub(distance.rem_euclid(step))
        .filter(|start| civil::is_timestamp(*start))
        .map(Value::Timestamp)
        .ok_or_else(|| Error::new("22008", "timestamp out of range"))
}
