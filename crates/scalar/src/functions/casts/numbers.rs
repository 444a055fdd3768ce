//! Casts among numbers: `numeric` rounds half away from zero, floats half to even.

use backstay_model::{Error, Numeric, Result, Type, Value};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::CastContext::{Assignment, Implicit};
use crate::functions::arithmetic::{fit, in_range};
use crate::functions::numeric;
use crate::io::plain::floats;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in [
        "::(smallint) integer",
        "::(smallint) bigint",
        "::(integer) bigint",
        "::(smallint) oid",
        "::(integer) oid",
    ] {
        table.cast(Implicit, signature).total().scalar(widen);
    }
    table.cast(Implicit, "::(bigint) oid").scalar(|call| {
        let number = call.int(0)?;
        if u32::try_from(number).is_err() {
            return Err(Error::new("22003", "OID out of range"));
        }
        Ok(Value::Int(number))
    });
    table.cast(Assignment, "::(oid) bigint").total().scalar(|c| Ok(Value::Int(c.int(0)?)));
    table.cast(Assignment, "::(oid) integer").total().scalar(|call| {
        #[expect(clippy::cast_possible_truncation, reason = "a binary cast keeps the bits")]
        let bits = call.int(0)? as i32;
        Ok(Value::Int(i64::from(bits)))
    });
    for signature in ["::(integer) smallint", "::(bigint) smallint", "::(bigint) integer"] {
        table.cast(Assignment, signature).scalar(|c| in_range(c, Some(c.int(0)?)));
    }
    register_floats(table);
    register_numerics(table);
    register_money(table);
}

fn register_floats(table: &mut Table) {
    for signature in [
        "::(smallint) real",
        "::(smallint) double precision",
        "::(integer) real",
        "::(integer) double precision",
        "::(bigint) real",
        "::(bigint) double precision",
    ] {
        table.cast(Implicit, signature).total().scalar(int_to_float);
    }
    table
        .cast(Implicit, "::(real) double precision")
        .total()
        .scalar(|c| Ok(Value::Float(c.float(0)?)));
    table.cast(Assignment, "::(double precision) real").scalar(|call| {
        let number = call.float(0)?;
        crate::functions::arithmetic::checked(call, number, number.is_infinite(), number == 0.0)
    });
    for signature in [
        "::(real) smallint",
        "::(real) integer",
        "::(real) bigint",
        "::(double precision) smallint",
        "::(double precision) integer",
        "::(double precision) bigint",
    ] {
        table.cast(Assignment, signature).scalar(float_to_int);
    }
}

fn register_numerics(table: &mut Table) {
    for signature in ["::(smallint) numeric", "::(integer) numeric", "::(bigint) numeric"] {
        table
            .cast(Implicit, signature)
            .total()
            .scalar(|c| Ok(Value::Numeric(Numeric::from(c.int(0)?))));
    }
    table
        .cast(Assignment, "::(real) numeric")
        .total()
        .scalar(|c| Ok(Value::Numeric(numeric::from_float(c.float(0)?, 6))));
    table
        .cast(Assignment, "::(double precision) numeric")
        .total()
        .scalar(|c| Ok(Value::Numeric(numeric::from_float(c.float(0)?, 15))));
    for signature in ["::(numeric) smallint", "::(numeric) integer", "::(numeric) bigint"] {
        table.cast(Assignment, signature).scalar(|c| numeric_to_int(c.result, c.numeric(0)?));
    }
    table
        .cast(Implicit, "::(numeric) double precision")
        .scalar(|c| Ok(Value::Float(floats::read_float8(&c.numeric(0)?.to_string())?)));
    table.cast(Implicit, "::(numeric) real").scalar(|call| {
        let number = floats::read_float4(&call.numeric(0)?.to_string())?;
        Ok(Value::Float(f64::from(number)))
    });
}

fn register_money(table: &mut Table) {
    for signature in ["::(integer) money", "::(bigint) money"] {
        table
            .cast(Assignment, signature)
            .stable()
            .scalar(|call| cents(call.int(0)?.checked_mul(100)));
    }
    table.cast(Assignment, "::(numeric) money").scalar(|call| cents(hundredfold(call.numeric(0)?)));
    table
        .cast(Assignment, "::(money) numeric")
        .stable()
        .total()
        .scalar(|call| Ok(Value::Numeric(Numeric::new(BigInt::from(call.int(0)?), 2))));
}

fn widen(call: &Call<'_>) -> Result<Value> {
    let number = call.int(0)?;
    // A negative number becomes the `oid` with the same bits.
    Ok(Value::Int(if *call.result == Type::Oid { number & 0xFFFF_FFFF } else { number }))
}

#[expect(clippy::cast_precision_loss, reason = "the nearest float is the result")]
fn int_to_float(call: &Call<'_>) -> Result<Value> {
    let number = call.int(0)?;
    Ok(Value::Float(match call.result {
        Type::Float4 => f64::from(number as f32),
        _ => number as f64,
    }))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn float_to_int(call: &Call<'_>) -> Result<Value> {
    let number = call.float(0)?.round_ties_even();
    let whole = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&number)
        .then_some(number as i64);
    in_range(call, whole)
}

/// The whole number nearest to a numeric, half away from zero.
///
/// # Errors
/// `22003` out of range, `0A000` for `NaN` and infinities.
pub(crate) fn numeric_to_int(ty: &Type, number: &Numeric) -> Result<Value> {
    let special = match number {
        Numeric::NaN => "NaN",
        Numeric::Infinity | Numeric::NegativeInfinity => "infinity",
        Numeric::Finite { .. } => return fit(ty, number.to_i64_rounded()),
    };
    Err(Error::new("0A000", format!("cannot convert {special} to {}", ty.builtin_name())))
}

fn hundredfold(number: &Numeric) -> Option<i64> {
    match number.rescale(2) {
        Numeric::Finite { unscaled, .. } => unscaled.to_i64(),
        _ => None,
    }
}

fn cents(number: Option<i64>) -> Result<Value> {
    number.map(Value::Int).ok_or_else(|| Error::new("22003", "money out of range"))
}
