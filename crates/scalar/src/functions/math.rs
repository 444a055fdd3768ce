//! Mathematical functions of whole numbers, floats and `numeric`.

mod floats;
mod random;

use backstay_model::{Error, Numeric, Result, Value};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{ToPrimitive, Zero};

use super::arithmetic::{absolute, in_range, remainder};
use super::numeric::{self, transcendental};
use crate::{Call, Table};

/// Limit: digits that `round` and `trunc` go away from the point, as PostgreSQL's.
const RESULT_SCALE_MAX: i64 = 2_000;

pub(super) fn register(table: &mut Table) {
    floats::register(table);
    random::register(table);
    register_integers(table);
    register_rounding(table);
    register_decimals(table);
}

/// A numeric function of one argument that cannot raise.
macro_rules! plain {
    ($table:ident, $signature:literal, $function:expr) => {
        $table
            .function($signature)
            .total()
            .scalar(|call| Ok(Value::Numeric($function(call.numeric(0)?))));
    };
}

/// A numeric function of one argument that may raise.
macro_rules! partial {
    ($table:ident, $signature:literal, $function:expr) => {
        $table.function($signature).scalar(|call| $function(call.numeric(0)?).map(Value::Numeric));
    };
}

/// A numeric function of two arguments that may raise.
macro_rules! pair {
    ($table:ident, $signature:literal, $function:expr) => {
        $table
            .function($signature)
            .scalar(|call| $function(call.numeric(0)?, call.numeric(1)?).map(Value::Numeric));
    };
}

fn register_integers(table: &mut Table) {
    for signature in ["abs(smallint) smallint", "abs(integer) integer", "abs(bigint) bigint"] {
        table.function(signature).scalar(absolute);
    }
    for signature in [
        "mod(smallint, smallint) smallint",
        "mod(integer, integer) integer",
        "mod(bigint, bigint) bigint",
    ] {
        table.function(signature).scalar(remainder);
    }
    for signature in ["gcd(integer, integer) integer", "gcd(bigint, bigint) bigint"] {
        table.function(signature).scalar(|call| {
            in_range(call, BigInt::from(call.int(0)?).gcd(&BigInt::from(call.int(1)?)).to_i64())
        });
    }
    for signature in ["lcm(integer, integer) integer", "lcm(bigint, bigint) bigint"] {
        table.function(signature).scalar(|call| {
            in_range(call, BigInt::from(call.int(0)?).lcm(&BigInt::from(call.int(1)?)).to_i64())
        });
    }
    table
        .function("factorial(bigint) numeric")
        .scalar(|call| transcendental::factorial(call.int(0)?).map(Value::Numeric));
    table.function("width_bucket(numeric, numeric, numeric, integer) integer").scalar(width_bucket);
}

fn register_rounding(table: &mut Table) {
    plain!(table, "abs(numeric) numeric", numeric::absolute);
    plain!(table, "ceil(numeric) numeric", numeric::ceil);
    plain!(table, "ceiling(numeric) numeric", numeric::ceil);
    plain!(table, "floor(numeric) numeric", numeric::floor);
    plain!(table, "sign(numeric) numeric", numeric::sign);
    plain!(table, "round(numeric) numeric", |number: &Numeric| number.rescale(0));
    plain!(table, "trunc(numeric) numeric", |number: &Numeric| numeric::truncate(number, 0));
    plain!(table, "trim_scale(numeric) numeric", trim_scale);
    table
        .function("round(numeric, integer) numeric")
        .total()
        .scalar(|call| Ok(Value::Numeric(call.numeric(0)?.rescale(digits(call)?))));
    table
        .function("trunc(numeric, integer) numeric")
        .total()
        .scalar(|call| Ok(Value::Numeric(numeric::truncate(call.numeric(0)?, digits(call)?))));
    table.function("scale(numeric) integer").total().scalar(|call| Ok(scale(call.numeric(0)?)));
    table
        .function("min_scale(numeric) integer")
        .total()
        .scalar(|call| Ok(scale(&trim_scale(call.numeric(0)?))));
}

fn register_decimals(table: &mut Table) {
    partial!(table, "sqrt(numeric) numeric", transcendental::sqrt);
    partial!(table, "exp(numeric) numeric", transcendental::exp);
    partial!(table, "ln(numeric) numeric", transcendental::ln);
    partial!(table, "log(numeric) numeric", log10);
    partial!(table, "log10(numeric) numeric", log10);
    pair!(table, "log(numeric, numeric) numeric", transcendental::log);
    pair!(table, "power(numeric, numeric) numeric", transcendental::power);
    pair!(table, "pow(numeric, numeric) numeric", transcendental::power);
    pair!(table, "mod(numeric, numeric) numeric", numeric::remainder);
    pair!(table, "div(numeric, numeric) numeric", numeric::whole_quotient);
    pair!(table, "gcd(numeric, numeric) numeric", gcd);
    pair!(table, "lcm(numeric, numeric) numeric", lcm);
}

fn digits(call: &Call<'_>) -> Result<i32> {
    let digits = call.int(1)?.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX);
    Ok(i32::try_from(digits).unwrap_or(0))
}

fn log10(number: &Numeric) -> Result<Numeric> {
    transcendental::log(&Numeric::from(10), number)
}

fn scale(number: &Numeric) -> Value {
    match number {
        Numeric::Finite { scale, .. } => Value::Int(i64::from(*scale)),
        _ => Value::Null,
    }
}

fn trim_scale(number: &Numeric) -> Numeric {
    let Numeric::Finite { unscaled, scale } = number else { return number.clone() };
    let (mut unscaled, mut scale) = (unscaled.clone(), *scale);
    let ten = BigInt::from(10);
    while scale > 0 {
        let (quotient, rest) = unscaled.div_rem(&ten);
        if !rest.is_zero() {
            break;
        }
        unscaled = quotient;
        scale -= 1;
    }
    Numeric::new(unscaled, scale)
}

/// Both numbers as whole counts of the finer of their units.
fn whole(a: &Numeric, b: &Numeric) -> Option<(BigInt, BigInt, u16)> {
    let (Numeric::Finite { scale: x, .. }, Numeric::Finite { scale: y, .. }) = (a, b) else {
        return None;
    };
    let scale = *x.max(y);
    let (Numeric::Finite { unscaled: a, .. }, Numeric::Finite { unscaled: b, .. }) =
        (a.rescale(i32::from(scale)), b.rescale(i32::from(scale)))
    else {
        return None;
    };
    Some((a, b, scale))
}

#[expect(clippy::unnecessary_wraps, reason = "has the shape of its sisters")]
fn gcd(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    Ok(whole(a, b).map_or(Numeric::NaN, |(a, b, scale)| Numeric::new(a.gcd(&b), scale)))
}

fn lcm(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    whole(a, b).map_or(Ok(Numeric::NaN), |(a, b, scale)| {
        numeric::check_overflow(Numeric::new(a.lcm(&b), scale))
    })
}

/// `2201G` in PostgreSQL's words.
fn bucket_error(message: &str) -> Error {
    Error::new("2201G", message)
}

fn width_bucket(call: &Call<'_>) -> Result<Value> {
    let (operand, low, high) = (call.numeric(0)?, call.numeric(1)?, call.numeric(2)?);
    let count = call.int(3)?;
    if count <= 0 {
        return Err(bucket_error("count must be greater than zero"));
    }
    if [operand, low, high].iter().any(|number| matches!(number, Numeric::NaN)) {
        return Err(bucket_error("operand, lower bound, and upper bound cannot be NaN"));
    }
    let is_finite = |number: &Numeric| matches!(number, Numeric::Finite { .. });
    if !is_finite(low) || !is_finite(high) {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    let ascending = low < high;
    let below = if ascending { operand < low } else { operand > low };
    let beyond = if ascending { operand >= high } else { operand <= high };
    if below {
        return Ok(Value::Int(0));
    }
    if beyond {
        return in_range(call, count.checked_add(1));
    }
    let distance = numeric::subtract(operand, low)?;
    let steps = numeric::multiply(&distance, &Numeric::from(count))?;
    let bucket = numeric::whole_quotient(&steps, &numeric::subtract(high, low)?)?;
    in_range(call, bucket.to_i64_rounded().and_then(|bucket| bucket.checked_add(1)))
}
