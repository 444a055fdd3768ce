//! Functions that return rows.

use backstay_model::{Array, Error, Interval, Numeric, Result, Type, Value};

use super::arithmetic::temporal::add_interval;
use super::json::{part, part_text};
use super::patterns::{regexp_matches, regexp_split_to_table};
use super::text::split_call;
use crate::io::json::scan::{self, Kind};
use crate::{Call, Table};

/// Limit: rows that one call makes.
const ROWS_MAX: usize = 1_000_000;

type Rows = Vec<Vec<Value>>;

pub(super) fn register(table: &mut Table) {
    series(table);
    arrays(table);
    elements(table);
    members(table);
    texts(table);
}

fn misuse(message: impl Into<String>) -> Error {
    Error::new("22023", message.into())
}

/// Collects rows up to the limit.
fn bounded(values: impl Iterator<Item = Result<Value>>) -> Result<Rows> {
    let mut rows = Vec::new();
    for value in values {
        if rows.len() == ROWS_MAX {
            return Err(Error::new(
                "54000",
                format!("a function may not return more than {ROWS_MAX} rows"),
            ));
        }
        rows.push(vec![value?]);
    }
    Ok(rows)
}

fn series(table: &mut Table) {
    for signature in [
        "generate_series(integer, integer) integer",
        "generate_series(integer, integer, integer) integer",
        "generate_series(bigint, bigint) bigint",
        "generate_series(bigint, bigint, bigint) bigint",
    ] {
        table.set_returning(signature).set(integers);
    }
    for signature in [
        "generate_series(numeric, numeric) numeric",
        "generate_series(numeric, numeric, numeric) numeric",
    ] {
        table.set_returning(signature).set(numerics);
    }
    table
        .set_returning("generate_series(timestamp, timestamp, interval) timestamp")
        .set(timestamps);
    table
        .set_returning("generate_series(timestamptz, timestamptz, interval) timestamptz")
        .stable()
        .set(timestamps);
}

fn zero_step() -> Error {
    misuse("step size cannot equal zero")
}

fn integers(call: &Call<'_>) -> Result<Rows> {
    let (start, stop) = (call.int(0)?, call.int(1)?);
    let step = if call.args.len() > 2 { call.int(2)? } else { 1 };
    if step == 0 {
        return Err(zero_step());
    }
    let inside = |number: &i64| if step > 0 { *number <= stop } else { *number >= stop };
    let first = Some(start).filter(inside);
    bounded(
        std::iter::successors(first, |number| number.checked_add(step).filter(inside))
            .map(|number| Ok(Value::Int(number))),
    )
}

fn numerics(call: &Call<'_>) -> Result<Rows> {
    let one = Numeric::from(1);
    let (start, stop) = (call.numeric(0)?, call.numeric(1)?);
    let step = if call.args.len() > 2 { call.numeric(2)? } else { &one };
    for (name, number) in [("start", start), ("stop", stop), ("step size", step)] {
        let what = match number {
            Numeric::NaN => "NaN",
            Numeric::Infinity | Numeric::NegativeInfinity => "infinity",
            Numeric::Finite { .. } => continue,
        };
        let name = if name == "step size" { name.to_owned() } else { format!("{name} value") };
        return Err(misuse(format!("{name} cannot be {what}")));
    }
    if step.is_zero() {
        return Err(zero_step());
    }
    let inside =
        |number: &Numeric| if step.is_negative() { number >= stop } else { number <= stop };
    let first = Some(start.clone()).filter(inside);
    bounded(
        std::iter::successors(first, |number| add(number, step).filter(inside))
            .map(|number| Ok(Value::Numeric(number))),
    )
}

/// The sum of two finite numbers, with the larger scale.
fn add(a: &Numeric, b: &Numeric) -> Option<Numeric> {
    let scale = |number: &Numeric| match number {
        Numeric::Finite { scale, .. } => *scale,
        _ => 0,
    };
    let scale = scale(a).max(scale(b));
    match (a.rescale(scale.into()), b.rescale(scale.into())) {
        (Numeric::Finite { unscaled: a, .. }, Numeric::Finite { unscaled: b, .. }) => {
            Some(Numeric::new(a + b, scale))
        }
        _ => None,
    }
}

fn timestamps(call: &Call<'_>) -> Result<Rows> {
    let (start, stop, step) = (call.timestamp(0)?, call.timestamp(1)?, call.interval(2)?);
    let zone = (call.arg_types.first() == Some(&Type::TimestampTz)).then(|| call.env.time_zone());
    let span = crate::compare::span(step);
    if span == 0 {
        return Err(zero_step());
    }
    let inside = |at: &i64| if span > 0 { *at <= stop } else { *at >= stop };
    let next = |at: i64, step: Interval| add_interval(at, step, zone);
    let mut current = Some(start).filter(inside);
    bounded(std::iter::from_fn(|| {
        let at = current?;
        current = match next(at, step) {
            // An endless bound is never passed; stop where time stands still.
            Ok(later) => Some(later).filter(|later| inside(later) && *later != at),
            Err(error) => {
                current = None;
                return Some(Err(error));
            }
        };
        Some(Ok(Value::Timestamp(at)))
    }))
}

fn arrays(table: &mut Table) {
    table
        .set_returning("unnest(anyarray) anyelement")
        .total()
        .set(|call| Ok(call.array(0)?.elements.iter().map(|item| vec![item.clone()]).collect()));
    for signature in [
        "generate_subscripts(anyarray, integer) integer",
        "generate_subscripts(anyarray, integer, boolean) integer",
    ] {
        table.set_returning(signature).total().set(|call| {
            let dimension = usize::try_from(call.int(1)?).ok().and_then(|n| n.checked_sub(1));
            let length = dimension.and_then(|n| call.array(0).ok()?.dims.get(n).copied());
            let length = i64::try_from(length.unwrap_or(0)).unwrap_or(0);
            let reverse = call.args.len() > 2 && call.boolean(2)?;
            let row = |number: i64| vec![Value::Int(number)];
            Ok(if reverse {
                (1..=length).rev().map(row).collect()
            } else {
                (1..=length).map(row).collect()
            })
        });
    }
}

/// The rows of an array's elements, or the error of the function with this name.
fn array_rows(
    call: &Call<'_>,
    name: &str,
    row: impl Fn(&Value, &str) -> Result<Value>,
) -> Result<Rows> {
    let whole = call.arg(0)?;
    let text = call.text(0)?;
    let is_json = name.starts_with("json_");
    match scan::kind(text) {
        Kind::Array => scan::elements(text).map(|item| Ok(vec![row(whole, item)?])).collect(),
        Kind::Object if is_json => Err(misuse(format!("cannot call {name} on a non-array"))),
        _ if is_json => Err(misuse(format!("cannot call {name} on a scalar"))),
        Kind::Object => Err(misuse("cannot extract elements from an object")),
        _ => Err(misuse("cannot extract elements from a scalar")),
    }
}

fn elements(table: &mut Table) {
    table
        .set_returning("jsonb_array_elements(jsonb) jsonb")
        .set(|call| array_rows(call, "jsonb_array_elements", |whole, item| Ok(part(whole, item))));
    table
        .set_returning("json_array_elements(json) json")
        .set(|call| array_rows(call, "json_array_elements", |whole, item| Ok(part(whole, item))));
    table
        .set_returning("jsonb_array_elements_text(jsonb) text")
        .set(|call| array_rows(call, "jsonb_array_elements_text", |_, item| part_text(item)));
    table
        .set_returning("json_array_elements_text(json) text")
        .set(|call| array_rows(call, "json_array_elements_text", |_, item| part_text(item)));
}

/// The rows of an object's members, or the error of the function with this name.
fn object_rows(
    call: &Call<'_>,
    name: &str,
    row: impl Fn(&Value, &str) -> Result<Value>,
) -> Result<Rows> {
    let whole = call.arg(0)?;
    let text = call.text(0)?;
    match scan::kind(text) {
        Kind::Object => scan::members(text)
            .map(|(key, value)| {
                let key = scan::unescape(key)?.into_owned();
                Ok(vec![Value::Text(key), row(whole, value)?])
            })
            .collect(),
        _ if name.starts_with("jsonb_") => {
            Err(misuse(format!("cannot call {name} on a non-object")))
        }
        Kind::Array => Err(misuse("cannot deconstruct an array as an object")),
        _ => Err(misuse("cannot deconstruct a scalar")),
    }
}

fn keys(call: &Call<'_>, name: &str) -> Result<Rows> {
    let text = call.text(0)?;
    match scan::kind(text) {
        Kind::Object => scan::members(text)
            .map(|(key, _)| Ok(vec![Value::Text(scan::unescape(key)?.into_owned())]))
            .collect(),
        Kind::Array => Err(misuse(format!("cannot call {name} on an array"))),
        _ => Err(misuse(format!("cannot call {name} on a scalar"))),
    }
}

fn members(table: &mut Table) {
    let columns = |value: Type| vec![("key", Type::Text), ("value", value)];
    table
        .set_returning("jsonb_each(jsonb) record")
        .columns(columns(Type::Jsonb))
        .set(|call| object_rows(call, "jsonb_each", |whole, value| Ok(part(whole, value))));
    table
        .set_returning("json_each(json) record")
        .columns(columns(Type::Json))
        .set(|call| object_rows(call, "json_each", |whole, value| Ok(part(whole, value))));
    table
        .set_returning("jsonb_each_text(jsonb) record")
        .columns(columns(Type::Text))
        .set(|call| object_rows(call, "jsonb_each_text", |_, value| part_text(value)));
    table
        .set_returning("json_each_text(json) record")
        .columns(columns(Type::Text))
        .set(|call| object_rows(call, "json_each_text", |_, value| part_text(value)));
    table
        .set_returning("jsonb_object_keys(jsonb) text")
        .set(|call| keys(call, "jsonb_object_keys"));
    table.set_returning("json_object_keys(json) text").set(|call| keys(call, "json_object_keys"));
}

fn texts(table: &mut Table) {
    for signature in
        ["regexp_matches(text, text) text[]", "regexp_matches(text, text, text) text[]"]
    {
        table.set_returning(signature).set(regexp_matches);
    }
    for signature in
        ["regexp_split_to_table(text, text) text", "regexp_split_to_table(text, text, text) text"]
    {
        table.set_returning(signature).set(regexp_split_to_table);
    }
    for signature in ["string_to_table(text, text) text", "string_to_table(text, text, text) text"]
    {
        table.set_returning(signature).takes_nulls().set(|call| {
            let parts = split_call(call)?.unwrap_or_default();
            Ok(parts.into_iter().map(|part| vec![part]).collect())
        });
    }
    table
        .set_returning("unnest(tsvector) record")
        .columns(vec![
            ("lexeme", Type::Text),
            ("positions", Type::Int2.array_of()),
            ("weights", Type::Text.array_of()),
        ])
        .set(lexemes);
}

fn lexemes(call: &Call<'_>) -> Result<Rows> {
    use crate::io::nested::tsvector::TsVector;
    let array = |values: Vec<Value>| match values.is_empty() {
        true => Value::Null,
        false => Value::Array(Array::from_elements(values)),
    };
    let vector = TsVector::parse(call.text(0)?)?;
    let row = |(lexeme, positions): (String, Vec<_>)| {
        let weight = |weight: u8| Value::text(["D", "C", "B", "A"][usize::from(weight & 3)]);
        let positions: Vec<crate::io::nested::tsvector::Position> = positions;
        let places = positions.iter().map(|position| Value::Int(position.at.into())).collect();
        let weights = positions.iter().map(|position| weight(position.weight)).collect();
        vec![Value::Text(lexeme), array(places), array(weights)]
    };
    Ok(vector.lexemes.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn set_functions_answer_as_postgresql() {
        super::super::cases::check(include_str!("cases/sets.txt"));
    }
}
