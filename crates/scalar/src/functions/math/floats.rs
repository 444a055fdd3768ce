//! Functions of `double precision`.

use backstay_model::{Error, Result, Value};

use super::bucket_error;
use crate::functions::arithmetic::{checked, power, square_root};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    register_plain(table);
    register_checked(table);
    register_trigonometry(table);
}

/// A function of one float that cannot raise.
macro_rules! plain {
    ($table:ident, $signature:literal, $function:expr) => {
        $table.function($signature).total().scalar(|call| {
            let function: fn(f64) -> f64 = $function;
            Ok(Value::Float(function(call.float(0)?)))
        });
    };
}

/// A function of one float that is defined where the second function says so.
macro_rules! within {
    ($table:ident, $signature:literal, $function:expr, $domain:expr) => {
        $table.function($signature).scalar(|call| {
            let (function, domain): (fn(f64) -> f64, fn(f64) -> bool) = ($function, $domain);
            let number = call.float(0)?;
            if !number.is_nan() && !domain(number) {
                return Err(Error::new("22003", "input is out of range"));
            }
            Ok(Value::Float(function(number)))
        });
    };
}

fn register_plain(table: &mut Table) {
    plain!(table, "abs(real) real", f64::abs);
    plain!(table, "abs(double precision) double precision", f64::abs);
    plain!(table, "ceil(double precision) double precision", f64::ceil);
    plain!(table, "ceiling(double precision) double precision", f64::ceil);
    plain!(table, "floor(double precision) double precision", f64::floor);
    plain!(table, "round(double precision) double precision", f64::round_ties_even);
    plain!(table, "trunc(double precision) double precision", f64::trunc);
    plain!(table, "cbrt(double precision) double precision", f64::cbrt);
    plain!(table, "sign(double precision) double precision", |number| {
        if number > 0.0 {
            1.0
        } else if number < 0.0 {
            -1.0
        } else {
            number.abs()
        }
    });
    plain!(table, "radians(double precision) double precision", |n| n
        * (std::f64::consts::PI / 180.0));
    table
        .function("pi() double precision")
        .total()
        .scalar(|_| Ok(Value::Float(std::f64::consts::PI)));
}

fn register_checked(table: &mut Table) {
    table.function("sqrt(double precision) double precision").scalar(square_root);
    for signature in [
        "power(double precision, double precision) double precision",
        "pow(double precision, double precision) double precision",
    ] {
        table.function(signature).scalar(power);
    }
    table.function("exp(double precision) double precision").scalar(|call| {
        let number = call.float(0)?;
        let special = number.is_infinite();
        checked(call, number.exp(), special, special)
    });
    table.function("ln(double precision) double precision").scalar(|call| logarithm(call, f64::ln));
    for signature in
        ["log(double precision) double precision", "log10(double precision) double precision"]
    {
        table.function(signature).scalar(|call| logarithm(call, f64::log10));
    }
    table.function("degrees(double precision) double precision").scalar(|call| {
        let number = call.float(0)?;
        let degrees = number / (std::f64::consts::PI / 180.0);
        checked(call, degrees, number.is_infinite(), number == 0.0)
    });
    table
        .function(
            "width_bucket(double precision, double precision, double precision, integer) integer",
        )
        .scalar(width_bucket);
}

fn register_trigonometry(table: &mut Table) {
    within!(table, "sin(double precision) double precision", f64::sin, f64::is_finite);
    within!(table, "cos(double precision) double precision", f64::cos, f64::is_finite);
    within!(table, "tan(double precision) double precision", f64::tan, f64::is_finite);
    within!(table, "cot(double precision) double precision", |n| 1.0 / n.tan(), f64::is_finite);
    within!(table, "asin(double precision) double precision", f64::asin, |n| n.abs() <= 1.0);
    within!(table, "acos(double precision) double precision", f64::acos, |n| n.abs() <= 1.0);
    within!(table, "acosh(double precision) double precision", f64::acosh, |n| n >= 1.0);
    within!(table, "atanh(double precision) double precision", f64::atanh, |n| n.abs() <= 1.0);
    plain!(table, "atan(double precision) double precision", f64::atan);
    plain!(table, "sinh(double precision) double precision", f64::sinh);
    plain!(table, "cosh(double precision) double precision", f64::cosh);
    plain!(table, "tanh(double precision) double precision", f64::tanh);
    plain!(table, "asinh(double precision) double precision", f64::asinh);
    table
        .function("atan2(double precision, double precision) double precision")
        .total()
        .scalar(|call| Ok(Value::Float(call.float(0)?.atan2(call.float(1)?))));
}

fn logarithm(call: &Call<'_>, function: fn(f64) -> f64) -> Result<Value> {
    let number = call.float(0)?;
    if number == 0.0 {
        return Err(Error::new("2201E", "cannot take logarithm of zero"));
    }
    if number < 0.0 {
        return Err(Error::new("2201E", "cannot take logarithm of a negative number"));
    }
    Ok(Value::Float(function(number)))
}

fn width_bucket(call: &Call<'_>) -> Result<Value> {
    let (operand, low, high) = (call.float(0)?, call.float(1)?, call.float(2)?);
    let count = call.int(3)?;
    if count <= 0 {
        return Err(bucket_error("count must be greater than zero"));
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return Err(bucket_error("operand, lower bound, and upper bound cannot be NaN"));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    let sign = if low < high { 1.0 } else { -1.0 };
    let (operand, low, high) = (operand * sign, low * sign, high * sign);
    let bucket = if operand < low {
        Some(0)
    } else if operand >= high {
        count.checked_add(1)
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "between 0 and count"
        )]
        let steps = ((operand - low) / (high - low) * count as f64) as i64;
        Some(steps.min(count - 1) + 1)
    };
    crate::functions::arithmetic::in_range(call, bucket)
}
