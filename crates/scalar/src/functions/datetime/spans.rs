//! `age`, the `justify` family, and `overlaps`.

use std::cmp::Ordering;

use backstay_model::{Error, Interval, Result, Type, Value};

use crate::compare::compare;
use crate::functions::arithmetic::temporal::add_interval;
use crate::io::datetime::civil::{self, Civil, DAY, days_in_month};
use crate::io::datetime::zone;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table
        .function("age(timestamp, timestamp) interval")
        .scalar(|call| age(call.timestamp(0)?, call.timestamp(1)?).map(Value::Interval));
    table.function("age(timestamptz, timestamptz) interval").scalar(|call| {
        let local = |micros| zone::to_local(call.env.time_zone(), micros);
        age(local(call.timestamp(0)?), local(call.timestamp(1)?)).map(Value::Interval)
    });
    table
        .function("age(timestamp) interval")
        .stable()
        .scalar(|call| age(midnight(call), call.timestamp(0)?).map(Value::Interval));
    table.function("age(timestamptz) interval").stable().scalar(|call| {
        let local = zone::to_local(call.env.time_zone(), call.timestamp(0)?);
        age(midnight(call), local).map(Value::Interval)
    });
    table
        .function("justify_hours(interval) interval")
        .scalar(|call| justify_hours(call.interval(0)?).map(Value::Interval));
    table
        .function("justify_days(interval) interval")
        .scalar(|call| justify_days(call.interval(0)?).map(Value::Interval));
    table
        .function("justify_interval(interval) interval")
        .scalar(|call| justify(call.interval(0)?).map(Value::Interval));
    for signature in [
        "overlaps(timestamp, timestamp, timestamp, timestamp) boolean",
        "overlaps(timestamptz, timestamptz, timestamptz, timestamptz) boolean",
        "overlaps(time, time, time, time) boolean",
        "overlaps(timetz, timetz, timetz, timetz) boolean",
    ] {
        table.function(signature).takes_nulls().total().scalar(overlaps);
    }
    for signature in [
        "overlaps(timestamp, interval, timestamp, interval) boolean",
        "overlaps(timestamp, timestamp, timestamp, interval) boolean",
        "overlaps(timestamp, interval, timestamp, timestamp) boolean",
    ] {
        table.function(signature).takes_nulls().scalar(overlaps_spans);
    }
    for signature in [
        "overlaps(timestamptz, interval, timestamptz, interval) boolean",
        "overlaps(timestamptz, timestamptz, timestamptz, interval) boolean",
        "overlaps(timestamptz, interval, timestamptz, timestamptz) boolean",
    ] {
        table.function(signature).takes_nulls().stable().scalar(overlaps_spans);
    }
}

fn midnight(call: &Call<'_>) -> i64 {
    crate::io::datetime::today(call.env) * DAY
}

/// `a - b` in years, months and days on the calendar.
fn age(a: i64, b: i64) -> Result<Interval> {
    if !civil::is_finite(a) || !civil::is_finite(b) {
        return Err(Error::new("22008", "timestamp out of range"));
    }
    let negative = a < b;
    let (later, earlier) = if negative { (b, a) } else { (a, b) };
    let (x, y) = (Civil::from_micros(later), Civil::from_micros(earlier));
    let mut micros = x.micros - y.micros;
    let mut days = i32::from(x.day) - i32::from(y.day);
    let mut months = (x.year - y.year) * 12 + i32::from(x.month) - i32::from(y.month);
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    while days < 0 {
        // Borrow the length of the earlier date's month, or of the later one's when counting back.
        let from = if negative { &x } else { &y };
        days += i32::from(days_in_month(from.year, from.month));
        months -= 1;
    }
    let sign = if negative { -1 } else { 1 };
    Ok(Interval { months: months * sign, days: days * sign, micros: micros * i64::from(sign) })
}

fn out_of_range() -> Error {
    Error::new("22008", "interval out of range")
}

fn justify_hours(interval: Interval) -> Result<Interval> {
    let carried = i32::try_from(interval.micros / DAY).map_err(|_| out_of_range())?;
    let mut micros = interval.micros % DAY;
    let mut days = interval.days.checked_add(carried).ok_or_else(out_of_range)?;
    if days > 0 && micros < 0 {
        micros += DAY;
        days -= 1;
    } else if days < 0 && micros > 0 {
        micros -= DAY;
        days += 1;
    }
    Ok(Interval { months: interval.months, days, micros })
}

fn justify_days(interval: Interval) -> Result<Interval> {
    let mut days = interval.days % 30;
    let mut months = interval.months.checked_add(interval.days / 30).ok_or_else(out_of_range)?;
    if months > 0 && days < 0 {
        days += 30;
        months -= 1;
    } else if months < 0 && days > 0 {
        days -= 30;
        months += 1;
    }
    Ok(Interval { months, days, micros: interval.micros })
}

fn justify(interval: Interval) -> Result<Interval> {
    let carried = i32::try_from(interval.micros / DAY).map_err(|_| out_of_range())?;
    let mut micros = interval.micros % DAY;
    let all_days = interval.days.checked_add(carried).ok_or_else(out_of_range)?;
    let mut months = interval.months.checked_add(all_days / 30).ok_or_else(out_of_range)?;
    let mut days = all_days % 30;
    if months > 0 && (days < 0 || days == 0 && micros < 0) {
        days += 30;
        months -= 1;
    } else if months < 0 && (days > 0 || days == 0 && micros > 0) {
        days -= 30;
        months += 1;
    }
    if days > 0 && micros < 0 {
        micros += DAY;
        days -= 1;
    } else if days < 0 && micros > 0 {
        micros -= DAY;
        days += 1;
    }
    Ok(Interval { months, days, micros })
}

/// An interval stands for the moment that much after the start before it.
fn overlaps_spans(call: &Call<'_>) -> Result<Value> {
    let mut args = call.args.to_vec();
    let zoned = call.arg_types.first() == Some(&Type::TimestampTz);
    let zone = zoned.then(|| call.env.time_zone());
    for index in [1, 3] {
        if let (Value::Timestamp(start), Value::Interval(span)) = (&args[index - 1], &args[index]) {
            args[index] = Value::Timestamp(add_interval(*start, *span, zone)?);
        } else if matches!(args[index], Value::Interval(_)) {
            args[index] = Value::Null;
        }
    }
    overlaps(&Call { args: &args, ..*call })
}

/// SQL's rules for periods with unknown ends.
fn overlaps(call: &Call<'_>) -> Result<Value> {
    let ty = call.arg_types.first().unwrap_or(&Type::Unknown);
    let order = |a: &Value, b: &Value| compare(ty, a, b);
    // The earlier end first; a period needs at least one end.
    let period = |from: usize| -> Result<Option<(Value, Value)>> {
        let (start, end) = (call.arg(from)?.clone(), call.arg(from + 1)?.clone());
        Ok(match (start.is_null(), end.is_null()) {
            (true, true) => None,
            (true, false) => Some((end, start)),
            (false, true) => Some((start, end)),
            (false, false) if order(&start, &end).is_gt() => Some((end, start)),
            (false, false) => Some((start, end)),
        })
    };
    let (Some(a), Some(b)) = (period(0)?, period(2)?) else { return Ok(Value::Null) };
    let within = |start: &Value, end: &Value| {
        if end.is_null() {
            return Value::Null;
        }
        if order(start, end).is_lt() { Value::Bool(true) } else { Value::Bool(false) }
    };
    Ok(match order(&a.0, &b.0) {
        Ordering::Greater => match within(&a.0, &b.1) {
            Value::Bool(false) if a.1.is_null() => Value::Null,
            answer => answer,
        },
        Ordering::Less => match within(&b.0, &a.1) {
            Value::Bool(false) if b.1.is_null() => Value::Null,
            answer => answer,
        },
        Ordering::Equal if a.1.is_null() || b.1.is_null() => Value::Null,
        Ordering::Equal => Value::Bool(true),
    })
}
