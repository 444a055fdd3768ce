//! What time it is.

use backstay_model::{Modifier, Result, Value};

use crate::functions::casts::instants::date_of;
use crate::io::datetime::civil::{self, Civil, SECOND};
use crate::io::datetime::zone;
use crate::{Call, Table, io};

pub(super) fn register(table: &mut Table) {
    for signature in [
        "now() timestamptz",
        "transaction_timestamp() timestamptz",
        "statement_timestamp() timestamptz",
    ] {
        table
            .function(signature)
            .stable()
            .total()
            .scalar(|call| Ok(Value::Timestamp(call.env.now_micros())));
    }
    table
        .function("clock_timestamp() timestamptz")
        .volatile()
        .total()
        .scalar(|call| Ok(Value::Timestamp(call.env.clock_micros())));
    table.function("timeofday() text").volatile().scalar(time_of_day);
    // What `current_date` and its sisters mean; the optional argument is the precision.
    table
        .function("current_date() date")
        .stable()
        .total()
        .scalar(|call| Ok(Value::Date(date_of(local_now(call)))));
    for signature in ["current_timestamp() timestamptz", "current_timestamp(integer) timestamptz"] {
        table
            .function(signature)
            .stable()
            .total()
            .scalar(|call| rounded(call, Value::Timestamp(call.env.now_micros())));
    }
    for signature in ["localtimestamp() timestamp", "localtimestamp(integer) timestamp"] {
        table
            .function(signature)
            .stable()
            .total()
            .scalar(|call| rounded(call, Value::Timestamp(local_now(call))));
    }
    for signature in ["localtime() time", "localtime(integer) time"] {
        table
            .function(signature)
            .stable()
            .scalar(|call| rounded(call, Value::Time(civil::split_days(local_now(call)).1)));
    }
    for signature in ["current_time() timetz", "current_time(integer) timetz"] {
        table.function(signature).stable().total().scalar(|call| {
            let zone = -zone::offset_at(call.env.time_zone(), call.env.now_micros());
            let micros = civil::split_days(local_now(call)).1;
            rounded(call, Value::TimeTz { micros, zone })
        });
    }
}

fn local_now(call: &Call<'_>) -> i64 {
    zone::to_local(call.env.time_zone(), call.env.now_micros())
}

fn rounded(call: &Call<'_>, value: Value) -> Result<Value> {
    if call.args.is_empty() {
        return Ok(value);
    }
    let digits = u8::try_from(call.int(0)?.clamp(0, 6)).unwrap_or(6);
    io::apply_modifier(call.env, call.result, Modifier::Fraction(digits), value, true)
}

/// `Sun Mar 01 10:00:00.000000 2026 UTC`.
fn time_of_day(call: &Call<'_>) -> Result<Value> {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let now = call.env.clock_micros();
    let zone = call.env.time_zone();
    let local = zone::to_local(zone, now);
    let civil = Civil::from_micros(local);
    let weekday = civil::day_of_week(civil::split_days(local).0);
    let pick = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("")
    };
    Ok(Value::text(format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {} {}",
        pick(&WEEKDAYS, weekday),
        pick(&MONTHS, i64::from(civil.month) - 1),
        civil.day,
        civil.hour(),
        civil.minute(),
        civil.second_micros() / SECOND,
        civil.second_micros() % SECOND,
        civil.year,
        zone::abbreviation_at(zone, now),
    )))
}
