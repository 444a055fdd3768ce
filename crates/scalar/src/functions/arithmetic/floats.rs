//! Floating-point numbers: overflow, underflow and division by zero raise.

use backstay_model::{Error, Result, Type, Value};

use crate::functions::numeric::division_by_zero;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    for signature in [
        "+(real, real) real",
        "+(double precision, double precision) double precision",
        "+(real, double precision) double precision",
        "+(double precision, real) double precision",
    ] {
        table.operator(signature).scalar(|call| {
            let (a, b) = (call.float(0)?, call.float(1)?);
            checked(call, a + b, a.is_infinite() || b.is_infinite(), true)
        });
    }
    for signature in [
        "-(real, real) real",
        "-(double precision, double precision) double precision",
        "-(real, double precision) double precision",
        "-(double precision, real) double precision",
    ] {
        table.operator(signature).scalar(|call| {
            let (a, b) = (call.float(0)?, call.float(1)?);
            checked(call, a - b, a.is_infinite() || b.is_infinite(), true)
        });
    }
    for signature in [
        "*(real, real) real",
        "*(double precision, double precision) double precision",
        "*(real, double precision) double precision",
        "*(double precision, real) double precision",
    ] {
        table.operator(signature).scalar(|call| {
            let (a, b) = (call.float(0)?, call.float(1)?);
            checked(call, a * b, a.is_infinite() || b.is_infinite(), a == 0.0 || b == 0.0)
        });
    }
    for signature in [
        "/(real, real) real",
        "/(double precision, double precision) double precision",
        "/(real, double precision) double precision",
        "/(double precision, real) double precision",
    ] {
        table.operator(signature).scalar(divide);
    }
    for signature in ["-(real) real", "-(double precision) double precision"] {
        table.operator(signature).total().scalar(|call| Ok(Value::Float(-call.float(0)?)));
    }
    for signature in ["+(real) real", "+(double precision) double precision"] {
        table.operator(signature).total().scalar(|call| Ok(Value::Float(call.float(0)?)));
    }
    for signature in ["@(real) real", "@(double precision) double precision"] {
        table.operator(signature).total().scalar(|call| Ok(Value::Float(call.float(0)?.abs())));
    }
    table.operator("^(double precision, double precision) double precision").scalar(power);
    table.operator("|/(double precision) double precision").scalar(square_root);
    table
        .operator("||/(double precision) double precision")
        .total()
        .scalar(|call| Ok(Value::Float(call.float(0)?.cbrt())));
}

/// Rounds to the result type and raises where a finite result became infinite or zero.
pub(crate) fn checked(
    call: &Call<'_>,
    number: f64,
    may_be_infinite: bool,
    may_be_zero: bool,
) -> Result<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision")]
    let number = if *call.result == Type::Float4 { f64::from(number as f32) } else { number };
    if number.is_infinite() && !may_be_infinite {
        return Err(Error::new("22003", "value out of range: overflow"));
    }
    if number == 0.0 && !may_be_zero {
        return Err(Error::new("22003", "value out of range: underflow"));
    }
    Ok(Value::Float(number))
}

fn divide(call: &Call<'_>) -> Result<Value> {
    let (a, b) = (call.float(0)?, call.float(1)?);
    if b == 0.0 && !a.is_nan() {
        return Err(division_by_zero());
    }
    checked(call, a / b, a.is_infinite(), a == 0.0 || b.is_infinite())
}

/// Square root of a float.
pub(crate) fn square_root(call: &Call<'_>) -> Result<Value> {
    let number = call.float(0)?;
    if number < 0.0 {
        return Err(Error::new("2201F", "cannot take square root of a negative number"));
    }
    Ok(Value::Float(number.sqrt()))
}

/// A float to the power of another.
pub(crate) fn power(call: &Call<'_>) -> Result<Value> {
    let (a, b) = (call.float(0)?, call.float(1)?);
    if a == 0.0 && b < 0.0 {
        return Err(Error::new("2201F", "zero raised to a negative power is undefined"));
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 {
        return Err(Error::new(
            "2201F",
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    let special = a.is_infinite() || b.is_infinite();
    checked(call, a.powf(b), special, special || a == 0.0)
}
