//! Whole numbers: every operation is checked against the range of its result type.

use backstay_model::{Error, Result, Type, Value};

use crate::functions::numeric::division_by_zero;
use crate::{Call, Table};

type Checked = fn(i64, i64) -> Option<i64>;

pub(super) fn register(table: &mut Table) {
    for signature in [
        "+(smallint, smallint) smallint",
        "+(integer, integer) integer",
        "+(bigint, bigint) bigint",
        "+(smallint, integer) integer",
        "+(integer, smallint) integer",
        "+(smallint, bigint) bigint",
        "+(bigint, smallint) bigint",
        "+(integer, bigint) bigint",
        "+(bigint, integer) bigint",
    ] {
        table.operator(signature).scalar(|call| binary(call, i64::checked_add));
    }
    for signature in [
        "-(smallint, smallint) smallint",
        "-(integer, integer) integer",
        "-(bigint, bigint) bigint",
        "-(smallint, integer) integer",
        "-(integer, smallint) integer",
        "-(smallint, bigint) bigint",
        "-(bigint, smallint) bigint",
        "-(integer, bigint) bigint",
        "-(bigint, integer) bigint",
    ] {
        table.operator(signature).scalar(|call| binary(call, i64::checked_sub));
    }
    for signature in [
        "*(smallint, smallint) smallint",
        "*(integer, integer) integer",
        "*(bigint, bigint) bigint",
        "*(smallint, integer) integer",
        "*(integer, smallint) integer",
        "*(smallint, bigint) bigint",
        "*(bigint, smallint) bigint",
        "*(integer, bigint) bigint",
        "*(bigint, integer) bigint",
    ] {
        table.operator(signature).scalar(|call| binary(call, i64::checked_mul));
    }
    for signature in [
        "/(smallint, smallint) smallint",
        "/(integer, integer) integer",
        "/(bigint, bigint) bigint",
        "/(smallint, integer) integer",
        "/(integer, smallint) integer",
        "/(smallint, bigint) bigint",
        "/(bigint, smallint) bigint",
        "/(integer, bigint) bigint",
        "/(bigint, integer) bigint",
    ] {
        table.operator(signature).scalar(|call| {
            nonzero(call)?;
            binary(call, i64::checked_div)
        });
    }
    for signature in [
        "%(smallint, smallint) smallint",
        "%(integer, integer) integer",
        "%(bigint, bigint) bigint",
    ] {
        table.operator(signature).scalar(remainder);
    }
    register_signs(table);
    register_bits(table);
}

fn register_signs(table: &mut Table) {
    for signature in ["-(smallint) smallint", "-(integer) integer", "-(bigint) bigint"] {
        table.operator(signature).scalar(|call| in_range(call, call.int(0)?.checked_neg()));
    }
    for signature in ["+(smallint) smallint", "+(integer) integer", "+(bigint) bigint"] {
        table.operator(signature).total().scalar(|call| Ok(Value::Int(call.int(0)?)));
    }
    for signature in ["@(smallint) smallint", "@(integer) integer", "@(bigint) bigint"] {
        table.operator(signature).scalar(absolute);
    }
}

fn register_bits(table: &mut Table) {
    for signature in [
        "&(smallint, smallint) smallint",
        "&(integer, integer) integer",
        "&(bigint, bigint) bigint",
    ] {
        table.operator(signature).total().scalar(|c| Ok(Value::Int(c.int(0)? & c.int(1)?)));
    }
    for signature in [
        "|(smallint, smallint) smallint",
        "|(integer, integer) integer",
        "|(bigint, bigint) bigint",
    ] {
        table.operator(signature).total().scalar(|c| Ok(Value::Int(c.int(0)? | c.int(1)?)));
    }
    for signature in [
        "#(smallint, smallint) smallint",
        "#(integer, integer) integer",
        "#(bigint, bigint) bigint",
    ] {
        table.operator(signature).total().scalar(|c| Ok(Value::Int(c.int(0)? ^ c.int(1)?)));
    }
    for signature in ["~(smallint) smallint", "~(integer) integer", "~(bigint) bigint"] {
        table.operator(signature).total().scalar(|c| Ok(Value::Int(!c.int(0)?)));
    }
    for signature in [
        "<<(smallint, integer) smallint",
        "<<(integer, integer) integer",
        "<<(bigint, integer) bigint",
    ] {
        table.operator(signature).total().scalar(shift_left);
    }
    for signature in [
        ">>(smallint, integer) smallint",
        ">>(integer, integer) integer",
        ">>(bigint, integer) bigint",
    ] {
        table.operator(signature).total().scalar(shift_right);
    }
}

fn binary(call: &Call<'_>, operation: Checked) -> Result<Value> {
    in_range(call, operation(call.int(0)?, call.int(1)?))
}

/// The number if it fits the result type of the call.
pub(crate) fn in_range(call: &Call<'_>, number: Option<i64>) -> Result<Value> {
    fit(call.result, number)
}

/// The number if it fits the type; `22003` otherwise.
pub(crate) fn fit(ty: &Type, number: Option<i64>) -> Result<Value> {
    let fits = |number: &i64| match ty {
        Type::Int2 => i16::try_from(*number).is_ok(),
        Type::Int4 => i32::try_from(*number).is_ok(),
        _ => true,
    };
    number
        .filter(fits)
        .map(Value::Int)
        .ok_or_else(|| Error::new("22003", format!("{} out of range", ty.builtin_name())))
}

fn nonzero(call: &Call<'_>) -> Result<()> {
    if call.int(1)? == 0 { Err(division_by_zero()) } else { Ok(()) }
}

/// The remainder with the sign of the dividend; dividing by -1 never overflows.
pub(crate) fn remainder(call: &Call<'_>) -> Result<Value> {
    nonzero(call)?;
    Ok(Value::Int(call.int(0)?.wrapping_rem(call.int(1)?)))
}

/// The magnitude.
pub(crate) fn absolute(call: &Call<'_>) -> Result<Value> {
    in_range(call, call.int(0)?.checked_abs())
}

/// Shift distances wrap at the width of the processor's registers, as PostgreSQL's do.
fn distance(call: &Call<'_>) -> Result<u32> {
    let width = if *call.result == Type::Int8 { 64 } else { 32 };
    Ok(u32::try_from(call.int(1)?.rem_euclid(width)).unwrap_or(0))
}

#[expect(clippy::cast_possible_truncation, reason = "bits shifted out are lost")]
fn shift_left(call: &Call<'_>) -> Result<Value> {
    let (number, distance) = (call.int(0)?, distance(call)?);
    Ok(Value::Int(match call.result {
        Type::Int2 => i64::from(((number as i32) << distance) as i16),
        Type::Int4 => i64::from((number as i32) << distance),
        _ => number << distance,
    }))
}

fn shift_right(call: &Call<'_>) -> Result<Value> {
    Ok(Value::Int(call.int(0)? >> distance(call)?))
}
