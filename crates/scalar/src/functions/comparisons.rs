//! `= <> < <= > >=`: for which types they exist.
//!
//! Engines compare natively; the rows serve overload resolution and the interpreter.

use std::cmp::Ordering;

use backstay_model::{Result, Type, Value};

use crate::compare::compare;
use crate::io::datetime::civil::{self, DAY};
use crate::io::datetime::zone;
use crate::{Call, Table};

/// A symbol, its verdict, and the pairs of types that have it.
type Operator = (fn(&Call<'_>) -> Result<Value>, &'static [&'static str]);

/// Every operator with its signatures.
const OPERATORS: &[Operator] = &[
    (
        equal,
        &[
            "=(boolean, boolean) boolean",
            "=(smallint, smallint) boolean",
            "=(integer, integer) boolean",
            "=(bigint, bigint) boolean",
            "=(real, real) boolean",
            "=(double precision, double precision) boolean",
            "=(numeric, numeric) boolean",
            "=(text, text) boolean",
            "=(character, character) boolean",
            "=(name, name) boolean",
            "=(citext, citext) boolean",
            "=(uuid, uuid) boolean",
            "=(date, date) boolean",
            "=(time, time) boolean",
            "=(timetz, timetz) boolean",
            "=(timestamp, timestamp) boolean",
            "=(timestamptz, timestamptz) boolean",
            "=(interval, interval) boolean",
            "=(jsonb, jsonb) boolean",
            "=(bytea, bytea) boolean",
            "=(inet, inet) boolean",
            "=(macaddr, macaddr) boolean",
            "=(bit, bit) boolean",
            "=(varbit, varbit) boolean",
            "=(money, money) boolean",
            "=(tsvector, tsvector) boolean",
            "=(tsquery, tsquery) boolean",
            "=(oid, oid) boolean",
            "=(vector, vector) boolean",
            "=(anyarray, anyarray) boolean",
            "=(anyenum, anyenum) boolean",
            "=(anyrange, anyrange) boolean",
            "=(record, record) boolean",
            "=(smallint, integer) boolean",
            "=(smallint, bigint) boolean",
            "=(integer, smallint) boolean",
            "=(integer, bigint) boolean",
            "=(bigint, smallint) boolean",
            "=(bigint, integer) boolean",
            "=(real, double precision) boolean",
            "=(double precision, real) boolean",
            "=(name, text) boolean",
            "=(text, name) boolean",
            "=(date, timestamp) boolean",
            "=(date, timestamptz) boolean",
            "=(timestamp, date) boolean",
            "=(timestamp, timestamptz) boolean",
            "=(timestamptz, date) boolean",
            "=(timestamptz, timestamp) boolean",
        ],
    ),
    (
        unequal,
        &[
            "<>(boolean, boolean) boolean",
            "<>(smallint, smallint) boolean",
            "<>(integer, integer) boolean",
            "<>(bigint, bigint) boolean",
            "<>(real, real) boolean",
            "<>(double precision, double precision) boolean",
            "<>(numeric, numeric) boolean",
            "<>(text, text) boolean",
            "<>(character, character) boolean",
            "<>(name, name) boolean",
            "<>(citext, citext) boolean",
            "<>(uuid, uuid) boolean",
            "<>(date, date) boolean",
            "<>(time, time) boolean",
            "<>(timetz, timetz) boolean",
            "<>(timestamp, timestamp) boolean",
            "<>(timestamptz, timestamptz) boolean",
            "<>(interval, interval) boolean",
            "<>(jsonb, jsonb) boolean",
            "<>(bytea, bytea) boolean",
            "<>(inet, inet) boolean",
            "<>(macaddr, macaddr) boolean",
            "<>(bit, bit) boolean",
            "<>(varbit, varbit) boolean",
            "<>(money, money) boolean",
            "<>(tsvector, tsvector) boolean",
            "<>(tsquery, tsquery) boolean",
            "<>(oid, oid) boolean",
            "<>(vector, vector) boolean",
            "<>(anyarray, anyarray) boolean",
            "<>(anyenum, anyenum) boolean",
            "<>(anyrange, anyrange) boolean",
            "<>(record, record) boolean",
            "<>(smallint, integer) boolean",
            "<>(smallint, bigint) boolean",
            "<>(integer, smallint) boolean",
            "<>(integer, bigint) boolean",
            "<>(bigint, smallint) boolean",
            "<>(bigint, integer) boolean",
            "<>(real, double precision) boolean",
            "<>(double precision, real) boolean",
            "<>(name, text) boolean",
            "<>(text, name) boolean",
            "<>(date, timestamp) boolean",
            "<>(date, timestamptz) boolean",
            "<>(timestamp, date) boolean",
            "<>(timestamp, timestamptz) boolean",
            "<>(timestamptz, date) boolean",
            "<>(timestamptz, timestamp) boolean",
        ],
    ),
    (
        less,
        &[
            "<(boolean, boolean) boolean",
            "<(smallint, smallint) boolean",
            "<(integer, integer) boolean",
            "<(bigint, bigint) boolean",
            "<(real, real) boolean",
            "<(double precision, double precision) boolean",
            "<(numeric, numeric) boolean",
            "<(text, text) boolean",
            "<(character, character) boolean",
            "<(name, name) boolean",
            "<(citext, citext) boolean",
            "<(uuid, uuid) boolean",
            "<(date, date) boolean",
            "<(time, time) boolean",
            "<(timetz, timetz) boolean",
            "<(timestamp, timestamp) boolean",
            "<(timestamptz, timestamptz) boolean",
            "<(interval, interval) boolean",
            "<(jsonb, jsonb) boolean",
            "<(bytea, bytea) boolean",
            "<(inet, inet) boolean",
            "<(macaddr, macaddr) boolean",
            "<(bit, bit) boolean",
            "<(varbit, varbit) boolean",
            "<(money, money) boolean",
            "<(tsvector, tsvector) boolean",
            "<(tsquery, tsquery) boolean",
            "<(oid, oid) boolean",
            "<(vector, vector) boolean",
            "<(anyarray, anyarray) boolean",
            "<(anyenum, anyenum) boolean",
            "<(anyrange, anyrange) boolean",
            "<(record, record) boolean",
            "<(smallint, integer) boolean",
            "<(smallint, bigint) boolean",
            "<(integer, smallint) boolean",
            "<(integer, bigint) boolean",
            "<(bigint, smallint) boolean",
            "<(bigint, integer) boolean",
            "<(real, double precision) boolean",
            "<(double precision, real) boolean",
            "<(name, text) boolean",
            "<(text, name) boolean",
            "<(date, timestamp) boolean",
            "<(date, timestamptz) boolean",
            "<(timestamp, date) boolean",
            "<(timestamp, timestamptz) boolean",
            "<(timestamptz, date) boolean",
            "<(timestamptz, timestamp) boolean",
        ],
    ),
    (
        less_or_equal,
        &[
            "<=(boolean, boolean) boolean",
            "<=(smallint, smallint) boolean",
            "<=(integer, integer) boolean",
            "<=(bigint, bigint) boolean",
            "<=(real, real) boolean",
            "<=(double precision, double precision) boolean",
            "<=(numeric, numeric) boolean",
            "<=(text, text) boolean",
            "<=(character, character) boolean",
            "<=(name, name) boolean",
            "<=(citext, citext) boolean",
            "<=(uuid, uuid) boolean",
            "<=(date, date) boolean",
            "<=(time, time) boolean",
            "<=(timetz, timetz) boolean",
            "<=(timestamp, timestamp) boolean",
            "<=(timestamptz, timestamptz) boolean",
            "<=(interval, interval) boolean",
            "<=(jsonb, jsonb) boolean",
            "<=(bytea, bytea) boolean",
            "<=(inet, inet) boolean",
            "<=(macaddr, macaddr) boolean",
            "<=(bit, bit) boolean",
            "<=(varbit, varbit) boolean",
            "<=(money, money) boolean",
            "<=(tsvector, tsvector) boolean",
            "<=(tsquery, tsquery) boolean",
            "<=(oid, oid) boolean",
            "<=(vector, vector) boolean",
            "<=(anyarray, anyarray) boolean",
            "<=(anyenum, anyenum) boolean",
            "<=(anyrange, anyrange) boolean",
            "<=(record, record) boolean",
            "<=(smallint, integer) boolean",
            "<=(smallint, bigint) boolean",
            "<=(integer, smallint) boolean",
            "<=(integer, bigint) boolean",
            "<=(bigint, smallint) boolean",
            "<=(bigint, integer) boolean",
            "<=(real, double precision) boolean",
            "<=(double precision, real) boolean",
            "<=(name, text) boolean",
            "<=(text, name) boolean",
            "<=(date, timestamp) boolean",
            "<=(date, timestamptz) boolean",
            "<=(timestamp, date) boolean",
            "<=(timestamp, timestamptz) boolean",
            "<=(timestamptz, date) boolean",
            "<=(timestamptz, timestamp) boolean",
        ],
    ),
    (
        greater,
        &[
            ">(boolean, boolean) boolean",
            ">(smallint, smallint) boolean",
            ">(integer, integer) boolean",
            ">(bigint, bigint) boolean",
            ">(real, real) boolean",
            ">(double precision, double precision) boolean",
            ">(numeric, numeric) boolean",
            ">(text, text) boolean",
            ">(character, character) boolean",
            ">(name, name) boolean",
            ">(citext, citext) boolean",
            ">(uuid, uuid) boolean",
            ">(date, date) boolean",
            ">(time, time) boolean",
            ">(timetz, timetz) boolean",
            ">(timestamp, timestamp) boolean",
            ">(timestamptz, timestamptz) boolean",
            ">(interval, interval) boolean",
            ">(jsonb, jsonb) boolean",
            ">(bytea, bytea) boolean",
            ">(inet, inet) boolean",
            ">(macaddr, macaddr) boolean",
            ">(bit, bit) boolean",
            ">(varbit, varbit) boolean",
            ">(money, money) boolean",
            ">(tsvector, tsvector) boolean",
            ">(tsquery, tsquery) boolean",
            ">(oid, oid) boolean",
            ">(vector, vector) boolean",
            ">(anyarray, anyarray) boolean",
            ">(anyenum, anyenum) boolean",
            ">(anyrange, anyrange) boolean",
            ">(record, record) boolean",
            ">(smallint, integer) boolean",
            ">(smallint, bigint) boolean",
            ">(integer, smallint) boolean",
            ">(integer, bigint) boolean",
            ">(bigint, smallint) boolean",
            ">(bigint, integer) boolean",
            ">(real, double precision) boolean",
            ">(double precision, real) boolean",
            ">(name, text) boolean",
            ">(text, name) boolean",
            ">(date, timestamp) boolean",
            ">(date, timestamptz) boolean",
            ">(timestamp, date) boolean",
            ">(timestamp, timestamptz) boolean",
            ">(timestamptz, date) boolean",
            ">(timestamptz, timestamp) boolean",
        ],
    ),
    (
        greater_or_equal,
        &[
            ">=(boolean, boolean) boolean",
            ">=(smallint, smallint) boolean",
            ">=(integer, integer) boolean",
            ">=(bigint, bigint) boolean",
            ">=(real, real) boolean",
            ">=(double precision, double precision) boolean",
            ">=(numeric, numeric) boolean",
            ">=(text, text) boolean",
            ">=(character, character) boolean",
            ">=(name, name) boolean",
            ">=(citext, citext) boolean",
            ">=(uuid, uuid) boolean",
            ">=(date, date) boolean",
            ">=(time, time) boolean",
            ">=(timetz, timetz) boolean",
            ">=(timestamp, timestamp) boolean",
            ">=(timestamptz, timestamptz) boolean",
            ">=(interval, interval) boolean",
            ">=(jsonb, jsonb) boolean",
            ">=(bytea, bytea) boolean",
            ">=(inet, inet) boolean",
            ">=(macaddr, macaddr) boolean",
            ">=(bit, bit) boolean",
            ">=(varbit, varbit) boolean",
            ">=(money, money) boolean",
            ">=(tsvector, tsvector) boolean",
            ">=(tsquery, tsquery) boolean",
            ">=(oid, oid) boolean",
            ">=(vector, vector) boolean",
            ">=(anyarray, anyarray) boolean",
            ">=(anyenum, anyenum) boolean",
            ">=(anyrange, anyrange) boolean",
            ">=(record, record) boolean",
            ">=(smallint, integer) boolean",
            ">=(smallint, bigint) boolean",
            ">=(integer, smallint) boolean",
            ">=(integer, bigint) boolean",
            ">=(bigint, smallint) boolean",
            ">=(bigint, integer) boolean",
            ">=(real, double precision) boolean",
            ">=(double precision, real) boolean",
            ">=(name, text) boolean",
            ">=(text, name) boolean",
            ">=(date, timestamp) boolean",
            ">=(date, timestamptz) boolean",
            ">=(timestamp, date) boolean",
            ">=(timestamp, timestamptz) boolean",
            ">=(timestamptz, date) boolean",
            ">=(timestamptz, timestamp) boolean",
        ],
    ),
];

pub(super) fn register(table: &mut Table) {
    for (run, signatures) in OPERATORS {
        for signature in *signatures {
            let row = table.operator(signature).total();
            // A zone decides where a day begins.
            let zoned = signature.contains("timestamptz")
                && !signature.contains("(timestamptz, timestamptz)");
            if zoned { row.stable().scalar(*run) } else { row.scalar(*run) }
        }
    }
}

fn equal(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_eq()))
}

fn unequal(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_ne()))
}

fn less(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_lt()))
}

fn less_or_equal(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_le()))
}

fn greater(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_gt()))
}

fn greater_or_equal(call: &Call<'_>) -> Result<Value> {
    order(call).map(|order| Value::Bool(order.is_ge()))
}

fn order(call: &Call<'_>) -> Result<Ordering> {
    let (left, right) = (call.arg(0)?, call.arg(1)?);
    let ty = |index: usize| call.arg_types.get(index).unwrap_or(&Type::Unknown);
    if ty(0) == ty(1) {
        return Ok(compare(ty(0), left, right));
    }
    let is_instant = |value: &Value| matches!(value, Value::Date(_) | Value::Timestamp(_));
    if is_instant(left) && is_instant(right) {
        let zoned = *ty(0) == Type::TimestampTz || *ty(1) == Type::TimestampTz;
        return Ok(instant(call, ty(0), left, zoned).cmp(&instant(call, ty(1), right, zoned)));
    }
    Ok(compare(if *ty(0) == Type::Unknown { ty(1) } else { ty(0) }, left, right))
}

/// A date or timestamp as microseconds, in UTC if the other side has a zone. Days beyond the
/// timestamps stay on their side of every timestamp.
fn instant(call: &Call<'_>, ty: &Type, value: &Value, zoned: bool) -> i64 {
    let local = match value {
        Value::Date(civil::DATE_INFINITY) => civil::INFINITY,
        Value::Date(civil::DATE_NEGATIVE_INFINITY) => civil::NEGATIVE_INFINITY,
        Value::Date(days) => i64::from(*days).saturating_mul(DAY).min(civil::INFINITY - 1),
        Value::Timestamp(micros) => *micros,
        _ => 0,
    };
    let fits = civil::is_timestamp(local);
    if zoned && *ty != Type::TimestampTz && fits {
        zone::to_utc(call.env.time_zone(), local)
    } else {
        local
    }
}
