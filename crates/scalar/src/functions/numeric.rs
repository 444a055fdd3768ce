//! Arithmetic of `numeric` with PostgreSQL's result scales.

pub(crate) mod transcendental;

use backstay_model::{Error, Numeric, Result};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

/// Significant digits that a quotient, root or logarithm has at least.
const SIGNIFICANT_DIGITS_MIN: i64 = 16;
/// Digits after the point that a quotient, root or logarithm has at most.
const DISPLAY_SCALE_MAX: i64 = 1_000;
/// Digits after the point that a product has at most.
const PRODUCT_SCALE_MAX: u32 = 16_383;
/// Digits before the point that a number has at most.
const WHOLE_DIGITS_MAX: u64 = 131_072;

/// `22012` in PostgreSQL's words.
pub(crate) fn division_by_zero() -> Error {
    Error::new("22012", "division by zero")
}

/// Refuses numbers with more than 131,072 digits before the point.
///
/// # Errors
/// `22003` `value overflows numeric format`.
pub(crate) fn check_overflow(number: Numeric) -> Result<Numeric> {
    if let Numeric::Finite { unscaled, scale } = &number {
        // A decimal digit holds more than three bits: short numbers need no counting.
        let few_bits = unscaled.bits() < 3 * WHOLE_DIGITS_MAX;
        if !few_bits && digit_count(unscaled) > WHOLE_DIGITS_MAX + u64::from(*scale) {
            return Err(Error::new("22003", "value overflows numeric format"));
        }
    }
    Ok(number)
}

/// Decimal digits of the magnitude; 0 for zero.
pub(crate) fn digit_count(number: &BigInt) -> u64 {
    if number.is_zero() {
        return 0;
    }
    match number.magnitude().to_u128() {
        Some(small) => u64::from(small.ilog10()) + 1,
        None => number.magnitude().to_string().len() as u64,
    }
}

/// Weight and value of the first digit in base 10,000, which decide PostgreSQL's scales.
fn leading(unscaled: &BigInt, scale: u16) -> (i64, i64) {
    if unscaled.is_zero() {
        return (0, 0);
    }
    let digits = i64::try_from(digit_count(unscaled)).unwrap_or(i64::MAX);
    let exponent = digits - i64::from(scale) - 1;
    let weight = exponent.div_euclid(4);
    let wanted = exponent.rem_euclid(4) + 1;
    let first = if digits >= wanted {
        let cut = u32::try_from(digits - wanted).unwrap_or(0);
        unscaled.magnitude() / Numeric::power_of_ten(cut).magnitude()
    } else {
        let pad = u32::try_from(wanted - digits).unwrap_or(0);
        unscaled.magnitude() * Numeric::power_of_ten(pad).magnitude()
    };
    (weight, first.to_i64().unwrap_or(0))
}

/// A scale within PostgreSQL's bounds.
fn clamp_scale(scale: i64, at_least: u16) -> u16 {
    let scale = scale.max(i64::from(at_least)).clamp(0, DISPLAY_SCALE_MAX);
    u16::try_from(scale).unwrap_or(0)
}

fn aligned(a: &BigInt, a_scale: u16, b: &BigInt, b_scale: u16) -> (BigInt, BigInt, u16) {
    let scale = a_scale.max(b_scale);
    let lift = |number: &BigInt, have: u16| {
        if have == scale {
            number.clone()
        } else {
            number * Numeric::power_of_ten(u32::from(scale - have))
        }
    };
    (lift(a, a_scale), lift(b, b_scale), scale)
}

/// An infinity with the sign.
fn infinity(negative: bool) -> Numeric {
    if negative { Numeric::NegativeInfinity } else { Numeric::Infinity }
}

/// The opposite.
pub(crate) fn negate(number: &Numeric) -> Numeric {
    match number {
        Numeric::NaN => Numeric::NaN,
        Numeric::Infinity => Numeric::NegativeInfinity,
        Numeric::NegativeInfinity => Numeric::Infinity,
        Numeric::Finite { unscaled, scale } => Numeric::new(-unscaled, *scale),
    }
}

/// `a + b`.
///
/// # Errors
/// `22003` too many digits.
pub(crate) fn add(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    match (a, b) {
        (
            Numeric::Finite { unscaled: x, scale: xs },
            Numeric::Finite { unscaled: y, scale: ys },
        ) => {
            let (x, y, scale) = aligned(x, *xs, y, *ys);
            check_overflow(Numeric::new(x + y, scale))
        }
        (Numeric::NaN, _)
        | (_, Numeric::NaN)
        | (Numeric::Infinity, Numeric::NegativeInfinity)
        | (Numeric::NegativeInfinity, Numeric::Infinity) => Ok(Numeric::NaN),
        (Numeric::Finite { .. }, special) | (special, _) => Ok(special.clone()),
    }
}

/// `a - b`.
///
/// # Errors
/// `22003` too many digits.
pub(crate) fn subtract(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    add(a, &negate(b))
}

/// `a * b`.
///
/// # Errors
/// `22003` too many digits.
pub(crate) fn multiply(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    match (a, b) {
        (
            Numeric::Finite { unscaled: x, scale: xs },
            Numeric::Finite { unscaled: y, scale: ys },
        ) => {
            let scale = u32::from(*xs) + u32::from(*ys);
            let product = x * y;
            let number = match u16::try_from(scale) {
                Ok(scale) if u32::from(scale) <= PRODUCT_SCALE_MAX => Numeric::new(product, scale),
                _ => {
                    let cut = scale - PRODUCT_SCALE_MAX;
                    let limit = u16::try_from(PRODUCT_SCALE_MAX).unwrap_or(u16::MAX);
                    Numeric::new(round_div(&product, &Numeric::power_of_ten(cut)), limit)
                }
            };
            check_overflow(number)
        }
        (Numeric::NaN, _) | (_, Numeric::NaN) => Ok(Numeric::NaN),
        _ if a.is_zero() || b.is_zero() => Ok(Numeric::NaN),
        _ => Ok(infinity(a.is_negative() != b.is_negative())),
    }
}

/// The quotient of whole numbers, half away from zero.
pub(crate) fn round_div(a: &BigInt, b: &BigInt) -> BigInt {
    let (quotient, remainder) = a.div_rem(b);
    if remainder.magnitude() * 2u8 < *b.magnitude() {
        return quotient;
    }
    if a.is_negative() == b.is_negative() { quotient + 1 } else { quotient - 1 }
}

/// `a / b` where neither is special: the scale that PostgreSQL's `select_div_scale` chooses.
///
/// # Errors
/// `22012` division by zero, `22003` too many digits.
pub(crate) fn divide(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    let (x, xs, y, ys) = match (a, b) {
        (
            Numeric::Finite { unscaled: x, scale: xs },
            Numeric::Finite { unscaled: y, scale: ys },
        ) => (x, *xs, y, *ys),
        (Numeric::NaN, _) | (_, Numeric::NaN) => return Ok(Numeric::NaN),
        (_, divisor) if divisor.is_zero() => return Err(division_by_zero()),
        (Numeric::Finite { .. }, _) => return Ok(Numeric::from(0)),
        (_, Numeric::Finite { .. }) => return Ok(infinity(a.is_negative() != b.is_negative())),
        _ => return Ok(Numeric::NaN),
    };
    if y.is_zero() {
        return Err(division_by_zero());
    }
    let ((weight_a, first_a), (weight_b, first_b)) = (leading(x, xs), leading(y, ys));
    let weight = weight_a - weight_b - i64::from(first_a <= first_b);
    let scale = clamp_scale(SIGNIFICANT_DIGITS_MIN - weight * 4, xs.max(ys));
    check_overflow(Numeric::new(quotient((x, xs), (y, ys), scale), scale))
}

/// The digits of `a / b` with `scale` digits after the point, rounded half away from zero.
pub(crate) fn quotient(a: (&BigInt, u16), b: (&BigInt, u16), scale: u16) -> BigInt {
    let shift = i64::from(scale) + i64::from(b.1) - i64::from(a.1);
    let power = Numeric::power_of_ten(u32::try_from(shift.unsigned_abs()).unwrap_or(0));
    if shift >= 0 { round_div(&(a.0 * power), b.0) } else { round_div(a.0, &(b.0 * power)) }
}

/// `div(a, b)`: the whole part of the quotient.
///
/// # Errors
/// `22012` division by zero.
pub(crate) fn whole_quotient(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    let (Numeric::Finite { unscaled: x, scale: xs }, Numeric::Finite { unscaled: y, scale: ys }) =
        (a, b)
    else {
        return divide(a, b);
    };
    if y.is_zero() {
        return Err(division_by_zero());
    }
    let (x, y, _) = aligned(x, *xs, y, *ys);
    Ok(Numeric::new(x / y, 0))
}

/// `a % b`, with the sign of `a`.
///
/// # Errors
/// `22012` division by zero.
pub(crate) fn remainder(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    match (a, b) {
        (Numeric::NaN, _) | (_, Numeric::NaN) => Ok(Numeric::NaN),
        (_, divisor) if divisor.is_zero() => Err(division_by_zero()),
        (
            Numeric::Finite { unscaled: x, scale: xs },
            Numeric::Finite { unscaled: y, scale: ys },
        ) => {
            let (x, y, scale) = aligned(x, *xs, y, *ys);
            Ok(Numeric::new(x % y, scale))
        }
        (Numeric::Finite { .. }, _) => Ok(a.clone()),
        _ => Ok(Numeric::NaN),
    }
}

/// Cuts digits after `scale`; a negative scale cuts before the point.
pub(crate) fn truncate(number: &Numeric, scale: i32) -> Numeric {
    let Numeric::Finite { unscaled, scale: have } = number else { return number.clone() };
    let shift = scale - i32::from(*have);
    if shift >= 0 {
        return number.rescale(scale);
    }
    let power = Numeric::power_of_ten(shift.unsigned_abs());
    let cut = unscaled / &power;
    if scale >= 0 {
        return Numeric::new(cut, u16::try_from(scale).unwrap_or(0));
    }
    Numeric::new(cut * Numeric::power_of_ten(scale.unsigned_abs()), 0)
}

/// The greatest whole number not above it.
pub(crate) fn floor(number: &Numeric) -> Numeric {
    let Numeric::Finite { unscaled, scale } = number else { return number.clone() };
    Numeric::new(unscaled.div_floor(&Numeric::power_of_ten(u32::from(*scale))), 0)
}

/// The least whole number not below it.
pub(crate) fn ceil(number: &Numeric) -> Numeric {
    negate(&floor(&negate(number)))
}

/// Without its sign.
pub(crate) fn absolute(number: &Numeric) -> Numeric {
    if number.is_negative() { negate(number) } else { number.clone() }
}

/// -1, 0 or 1.
pub(crate) fn sign(number: &Numeric) -> Numeric {
    match number {
        Numeric::NaN => Numeric::NaN,
        Numeric::Infinity => Numeric::from(1),
        Numeric::NegativeInfinity => Numeric::from(-1),
        Numeric::Finite { unscaled, .. } => Numeric::from(match unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }),
    }
}

/// The numeric of a float as its cast gives it: 15 significant digits (`real`: 6).
pub(crate) fn from_float(number: f64, digits: usize) -> Numeric {
    if number.is_nan() {
        return Numeric::NaN;
    }
    if number.is_infinite() {
        return infinity(number < 0.0);
    }
    let text = format!("{number:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    // As C's `%g`: without trailing zeros.
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    format!("{mantissa}e{exponent}").parse().unwrap_or(Numeric::NaN)
}
