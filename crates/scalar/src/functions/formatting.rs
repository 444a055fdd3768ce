//! `to_char`, `to_number`, `to_date`, `to_timestamp` with PostgreSQL's templates.

mod names;
mod numbers;
mod print_dates;
mod read_dates;
mod template;

use backstay_model::{Error, Result, Value};

use crate::io::datetime::civil;
use crate::io::datetime::zone;
use crate::{Call, Table};
use print_dates::Moment;

pub(super) fn register(table: &mut Table) {
    numbers::register(table);
    table.function("to_char(timestamp, text) text").stable().scalar(|call| {
        let micros = call.timestamp(0)?;
        if !civil::is_finite(micros) {
            return Ok(Value::Null);
        }
        print(call, &Moment::local(micros, None))
    });
    table.function("to_char(timestamptz, text) text").stable().scalar(|call| {
        let micros = call.timestamp(0)?;
        if !civil::is_finite(micros) {
            return Ok(Value::Null);
        }
        let zone = call.env.time_zone();
        let east = zone::offset_at(zone, micros);
        let name = zone::abbreviation_at(zone, micros);
        print(call, &Moment::local(zone::to_local(zone, micros), Some((east, name))))
    });
    table
        .function("to_char(interval, text) text")
        .stable()
        .scalar(|call| print(call, &Moment::span(call.interval(0)?)));
    table.function("to_date(text, text) date").stable().scalar(|call| {
        let text = call.text(0)?;
        let parsed = read_dates::read(text, call.text(1)?)?;
        let days = civil::days_from_date(parsed.year, parsed.month, parsed.day);
        let known = i64::from(civil::DATE_MIN)..=i64::from(civil::DATE_MAX);
        if !known.contains(&days) {
            return Err(Error::new("22008", format!("date out of range: \"{text}\"")));
        }
        Ok(Value::Date(i32::try_from(days).unwrap_or(civil::DATE_MAX)))
    });
    table.function("to_timestamp(text, text) timestamptz").stable().scalar(to_timestamp);
}

fn print(call: &Call<'_>, moment: &Moment) -> Result<Value> {
    let template = call.text(1)?;
    if template.is_empty() {
        return Ok(Value::Null);
    }
    print_dates::print(moment, template).map(Value::text)
}

fn to_timestamp(call: &Call<'_>) -> Result<Value> {
    let parsed = read_dates::read(call.text(0)?, call.text(1)?)?;
    let days = civil::days_from_date(parsed.year, parsed.month, parsed.day);
    let out_of_range = || Error::new("22008", "timestamp out of range");
    let local = civil::join(days, parsed.micros).ok_or_else(out_of_range)?;
    let utc = match parsed.east {
        Some(east) => local - i64::from(east) * civil::SECOND,
        None => zone::to_utc(call.env.time_zone(), local),
    };
    if civil::is_timestamp(utc) { Ok(Value::Timestamp(utc)) } else { Err(out_of_range()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn templates_answer_as_postgresql() {
        crate::functions::cases::check(include_str!("cases/formatting.txt"));
    }
}
