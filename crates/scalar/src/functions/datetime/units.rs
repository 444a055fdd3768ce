//! Names of the parts of dates and times.

use backstay_model::{Error, Result, Type};

/// A part that `extract`, `date_part` and `date_trunc` know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    IsoYear,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Epoch,
    Julian,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

/// The part of this name; case does not matter.
///
/// # Errors
/// `22023` unknown name.
pub(crate) fn unit(name: &str, ty: &Type) -> Result<Unit> {
    let lower = name.to_ascii_lowercase();
    let part = match lower.as_str() {
        "quarter" | "qtr" => Unit::Quarter,
        "isoyear" => Unit::IsoYear,
        "dow" => Unit::DayOfWeek,
        "isodow" => Unit::IsoDayOfWeek,
        "doy" => Unit::DayOfYear,
        "epoch" => Unit::Epoch,
        "julian" | "jd" | "j" => Unit::Julian,
        "timezone" => Unit::Timezone,
        "timezone_hour" => Unit::TimezoneHour,
        "timezone_minute" | "timezone_m" => Unit::TimezoneMinute,
        other => return interval_unit(other).ok_or_else(|| unknown(&lower, ty)),
    };
    Ok(part)
}

fn interval_unit(name: &str) -> Option<Unit> {
    use crate::io::interval::Unit as Interval;
    Some(match crate::io::interval::unit(name)? {
        Interval::Microsecond => Unit::Microseconds,
        Interval::Millisecond => Unit::Milliseconds,
        Interval::Second => Unit::Second,
        Interval::Minute => Unit::Minute,
        Interval::Hour => Unit::Hour,
        Interval::Day => Unit::Day,
        Interval::Week => Unit::Week,
        Interval::Month => Unit::Month,
        Interval::Year => Unit::Year,
        Interval::Decade => Unit::Decade,
        Interval::Century => Unit::Century,
        Interval::Millennium => Unit::Millennium,
    })
}

fn unknown(name: &str, ty: &Type) -> Error {
    Error::new("22023", format!("unit \"{name}\" not recognized for type {}", ty.builtin_name()))
}

/// The part of this name that `date_trunc` may cut to.
///
/// # Errors
/// `22023` unknown name, or a part that is no length.
pub(crate) fn length(name: &str, ty: &Type) -> Result<Unit> {
    match unit(name, ty)? {
        Unit::DayOfWeek | Unit::IsoDayOfWeek | Unit::DayOfYear | Unit::Epoch => {
            Err(unknown(&name.to_ascii_lowercase(), ty))
        }
        unit => Ok(unit),
    }
}

/// `0A000`: the part exists, but not of this type.
pub(crate) fn unsupported(name: &str, ty: &Type) -> Error {
    let name = name.to_ascii_lowercase();
    Error::new("0A000", format!("unit \"{name}\" not supported for type {}", ty.builtin_name()))
}
