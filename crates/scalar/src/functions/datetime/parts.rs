//! `extract` and `date_part`.

use backstay_model::{Interval, Numeric, Result, Type, Value};
use num_bigint::BigInt;

use super::units::{Unit, unit, unsupported};
use crate::functions::arithmetic::temporal::date_start;
use crate::io::datetime::civil::{
    self, Civil, HOUR, MINUTE, SECOND, UNIX_EPOCH_MICROS, day_of_week, day_of_year, iso_week,
};
use crate::io::datetime::zone;
use crate::{Call, Table};

/// Julian day of 2000-01-01.
const EPOCH_JULIAN: i64 = 2_451_545;

pub(super) fn register(table: &mut Table) {
    for signature in [
        "extract(text, date) numeric",
        "extract(text, time) numeric",
        "extract(text, timetz) numeric",
        "extract(text, timestamp) numeric",
        "extract(text, interval) numeric",
    ] {
        table.function(signature).scalar(extract);
    }
    table.function("extract(text, timestamptz) numeric").stable().scalar(extract);
    for signature in [
        "date_part(text, time) double precision",
        "date_part(text, timetz) double precision",
        "date_part(text, timestamp) double precision",
        "date_part(text, interval) double precision",
    ] {
        table.function(signature).scalar(date_part);
    }
    // Of a date, `date_part` takes it for midnight; `extract` refuses parts of the clock.
    table.function("date_part(text, date) double precision").scalar(|call| {
        let args = [call.arg(0)?.clone(), Value::Timestamp(date_start(call.date(1)?)?)];
        date_part(&Call { args: &args, arg_types: &[Type::Text, Type::Timestamp], ..*call })
    });
    table.function("date_part(text, timestamptz) double precision").stable().scalar(date_part);
}

/// A part: a count of `10^-scale`.
enum Part {
    Number(i128, u16),
    /// Of an infinite timestamp: infinite too, or unknown.
    Infinite(bool),
    Unknown,
}

fn whole(number: i64) -> Part {
    Part::Number(i128::from(number), 0)
}

fn extract(call: &Call<'_>) -> Result<Value> {
    Ok(match part(call)? {
        Part::Number(number, scale) => Value::Numeric(Numeric::new(BigInt::from(number), scale)),
        Part::Infinite(negative) => {
            Value::Numeric(if negative { Numeric::NegativeInfinity } else { Numeric::Infinity })
        }
        Part::Unknown => Value::Null,
    })
}

#[expect(clippy::cast_precision_loss, reason = "the result is a float")]
fn date_part(call: &Call<'_>) -> Result<Value> {
    Ok(match part(call)? {
        Part::Number(number, scale) => Value::Float(number as f64 / 10_f64.powi(i32::from(scale))),
        Part::Infinite(negative) => {
            Value::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        Part::Unknown => Value::Null,
    })
}

fn part(call: &Call<'_>) -> Result<Part> {
    let name = call.text(0)?;
    let ty = call.arg_types.get(1).unwrap_or(&Type::Unknown);
    let unit = unit(name, ty)?;
    let found = match call.arg(1)? {
        Value::Date(days) => date(unit, *days),
        Value::Timestamp(micros) if *ty == Type::TimestampTz => {
            let east = zone::offset_at(call.env.time_zone(), *micros);
            instant(unit, *micros, Some(east))
        }
        Value::Timestamp(micros) => instant(unit, *micros, None),
        Value::Time(micros) => match unit {
            Unit::Epoch => Some(Part::Number(i128::from(*micros), 6)),
            _ => clock(unit, *micros),
        },
        Value::TimeTz { micros, zone } => match unit {
            Unit::Epoch => Some(Part::Number(i128::from(micros + i64::from(*zone) * SECOND), 6)),
            Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute => {
                Some(displacement(unit, -*zone))
            }
            _ => clock(unit, *micros),
        },
        Value::Interval(interval) => span(unit, *interval),
        _ => None,
    };
    found.ok_or_else(|| unsupported(name, ty))
}

fn date(unit: Unit, days: i32) -> Option<Part> {
    if !civil::is_finite_date(days) {
        return infinite(unit, days < 0).filter(|_| !is_clock(unit));
    }
    if is_clock(unit) {
        return None;
    }
    let days = i64::from(days);
    match unit {
        // Whole seconds and whole days: a date has no clock.
        Unit::Epoch => Some(whole((days - i64::from(civil::UNIX_EPOCH_DAYS)) * 86_400)),
        Unit::Julian => Some(whole(days + EPOCH_JULIAN)),
        _ => {
            let (year, month, day) = civil::date_from_days(days);
            calendar(unit, days, Civil { year, month, day, micros: 0 })
        }
    }
}

fn is_clock(unit: Unit) -> bool {
    matches!(
        unit,
        Unit::Microseconds
            | Unit::Milliseconds
            | Unit::Second
            | Unit::Minute
            | Unit::Hour
            | Unit::Timezone
            | Unit::TimezoneHour
            | Unit::TimezoneMinute
    )
}

fn infinite(unit: Unit, negative: bool) -> Option<Part> {
    Some(match unit {
        Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium
        | Unit::Julian
        | Unit::IsoYear
        | Unit::Epoch => Part::Infinite(negative),
        _ => Part::Unknown,
    })
}

/// `east` is the offset of a timestamp with time zone.
fn instant(unit: Unit, micros: i64, east: Option<i32>) -> Option<Part> {
    if !civil::is_finite(micros) {
        return infinite(unit, micros < 0);
    }
    if matches!(unit, Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute) && east.is_none()
    {
        return None;
    }
    let local = micros + i64::from(east.unwrap_or(0)) * SECOND;
    let (days, clock_micros) = civil::split_days(local);
    match unit {
        Unit::Epoch => Some(Part::Number(i128::from(micros) - i128::from(UNIX_EPOCH_MICROS), 6)),
        Unit::Julian => {
            // Twenty significant digits behind the day, as a division in `numeric` gives.
            let fraction = Numeric::new(BigInt::from(clock_micros), 0);
            let day = Numeric::new(BigInt::from(civil::DAY), 0);
            let fraction = crate::functions::numeric::divide(&fraction, &day).ok()?;
            let whole = Numeric::from(days + EPOCH_JULIAN);
            match crate::functions::numeric::add(&whole, &fraction).ok()? {
                Numeric::Finite { unscaled, scale } => {
                    Some(Part::Number(num_traits::ToPrimitive::to_i128(&unscaled)?, scale))
                }
                _ => None,
            }
        }
        Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute => {
            Some(displacement(unit, east.unwrap_or(0)))
        }
        _ => clock(unit, clock_micros).or_else(|| calendar(unit, days, Civil::from_micros(local))),
    }
}

fn displacement(unit: Unit, east: i32) -> Part {
    whole(i64::from(match unit {
        Unit::TimezoneHour => east / 3_600,
        Unit::TimezoneMinute => east % 3_600 / 60,
        _ => east,
    }))
}

fn clock(unit: Unit, micros: i64) -> Option<Part> {
    let second = i128::from(micros % MINUTE);
    Some(match unit {
        Unit::Microseconds => Part::Number(second, 0),
        Unit::Milliseconds => Part::Number(second, 3),
        Unit::Second => Part::Number(second, 6),
        Unit::Minute => whole(micros % HOUR / MINUTE),
        Unit::Hour => whole(micros / HOUR),
        _ => return None,
    })
}

fn calendar(unit: Unit, days: i64, civil: Civil) -> Option<Part> {
    let year = i64::from(civil.year);
    // There is no year zero: 1 BC is -1.
    let shown = |year: i64| if year > 0 { year } else { year - 1 };
    Some(whole(match unit {
        Unit::Day => i64::from(civil.day),
        Unit::Month => i64::from(civil.month),
        Unit::Quarter => (i64::from(civil.month) - 1) / 3 + 1,
        Unit::Week => iso_week(days).1,
        Unit::Year => shown(year),
        Unit::IsoYear => shown(i64::from(iso_week(days).0)),
        Unit::Decade => year.div_euclid(10),
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => -((99 - (year - 1)) / 100),
        Unit::Millennium if year > 0 => (year + 999) / 1_000,
        Unit::Millennium => -((999 - (year - 1)) / 1_000),
        Unit::DayOfWeek => day_of_week(days),
        Unit::IsoDayOfWeek => (day_of_week(days) + 6) % 7 + 1,
        Unit::DayOfYear => day_of_year(civil.year, civil.month, civil.day),
        _ => return None,
    }))
}

fn span(unit: Unit, interval: Interval) -> Option<Part> {
    let months = i64::from(interval.months);
    let years = months / 12;
    Some(match unit {
        Unit::Day => whole(i64::from(interval.days)),
        Unit::Month => whole(months % 12),
        Unit::Quarter => whole(months % 12 / 3 + 1),
        Unit::Year => whole(years),
        Unit::Decade => whole(years / 10),
        Unit::Century => whole(years / 100),
        Unit::Millennium => whole(years / 1_000),
        Unit::Epoch => {
            // A year has 365.25 days, a month beyond it 30.
            let days = i128::from(years) * 1_461 * 6
                + i128::from(months % 12) * 30 * 24
                + i128::from(interval.days) * 24;
            Part::Number(days * i128::from(HOUR) + i128::from(interval.micros), 6)
        }
        _ => return clock(unit, interval.micros),
    })
}
