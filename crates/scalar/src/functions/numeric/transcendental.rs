//! Roots, powers, exponentials and logarithms of `numeric`, in fixed-point whole numbers.

use backstay_model::{Error, Numeric, Result};
use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::{
    SIGNIFICANT_DIGITS_MIN, check_overflow, clamp_scale, digit_count, division_by_zero, leading,
    multiply, negate, round_div,
};

/// Digits computed beyond those shown.
const GUARD_DIGITS: u32 = 24;
/// Limit: natural logarithm of a result that is not an exact power, as PostgreSQL's.
const EXPONENT_MAX: f64 = 6_000.0;
/// Limit: digits behind the point up to which a power is computed exactly.
const EXACT_SCALE_MAX: u64 = 2_000;
/// log10(e).
const LOG10_E: f64 = std::f64::consts::LOG10_E;
/// Limit: decimal digits of a power before it is refused, a little above `numeric`'s own.
const POWER_DIGITS_MAX: f64 = 140_000.0;

fn overflow() -> Error {
    Error::new("22003", "value overflows numeric format")
}

/// A number as a whole count of `10^-digits`.
fn fixed(unscaled: &BigInt, scale: u16, digits: u32) -> BigInt {
    let scale = u32::from(scale);
    if digits >= scale {
        unscaled * Numeric::power_of_ten(digits - scale)
    } else {
        round_div(unscaled, &Numeric::power_of_ten(scale - digits))
    }
}

/// Back from fixed point, rounded to the scale.
fn shown(number: &BigInt, digits: u32, scale: u16) -> Numeric {
    let cut = digits.saturating_sub(u32::from(scale));
    Numeric::new(round_div(number, &Numeric::power_of_ten(cut)), scale)
}

/// Square root.
///
/// # Errors
/// `2201F` for a negative number.
pub(crate) fn sqrt(number: &Numeric) -> Result<Numeric> {
    if number.is_negative() {
        return Err(Error::new("2201F", "cannot take square root of a negative number"));
    }
    let Numeric::Finite { unscaled, scale } = number else { return Ok(number.clone()) };
    let (weight, _) = leading(unscaled, *scale);
    let weight = (weight + 1) * 4 / 2 - 1;
    let result_scale = clamp_scale(SIGNIFICANT_DIGITS_MIN - weight, *scale);
    Ok(sqrt_to(number, result_scale))
}

/// Square root of a number that is not negative, with `result_scale` digits after the point.
pub(crate) fn sqrt_to(number: &Numeric, result_scale: u16) -> Numeric {
    let Numeric::Finite { unscaled, scale } = number else { return number.clone() };
    let digits = u32::from(result_scale) + GUARD_DIGITS;
    shown(&fixed(unscaled, *scale, 2 * digits).sqrt(), digits, result_scale)
}

/// e to the power.
///
/// # Errors
/// `22003` if the result is too large.
pub(crate) fn exp(number: &Numeric) -> Result<Numeric> {
    let (unscaled, scale) = match number {
        Numeric::NegativeInfinity => return Ok(Numeric::from(0)),
        Numeric::Infinity | Numeric::NaN => return Ok(number.clone()),
        Numeric::Finite { unscaled, scale } => (unscaled, *scale),
    };
    let value = number.to_f64();
    if value >= EXPONENT_MAX {
        return Err(overflow());
    }
    let magnitude = value * LOG10_E;
    let result_scale = scale_for(magnitude, scale);
    if magnitude < -2_000.0 {
        return Ok(Numeric::new(BigInt::zero(), result_scale));
    }
    let digits = u32::from(result_scale) + whole_digits(magnitude) + GUARD_DIGITS;
    let result = exp_fixed(&fixed(unscaled, scale, digits), digits);
    check_overflow(shown(&result, digits, result_scale))
}

#[expect(clippy::cast_possible_truncation, reason = "clamped before")]
fn scale_for(magnitude: f64, at_least: u16) -> u16 {
    clamp_scale(SIGNIFICANT_DIGITS_MIN - magnitude.clamp(-2_000.0, 2_000.0) as i64, at_least)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
fn whole_digits(magnitude: f64) -> u32 {
    magnitude.clamp(0.0, POWER_DIGITS_MAX) as u32
}

fn exp_fixed(x: &BigInt, digits: u32) -> BigInt {
    let one = Numeric::power_of_ten(digits);
    // Halve until small, sum the series, square back; each squaring costs a bit.
    let halvings = x.bits().saturating_sub(one.bits()) + 8;
    let extra = u32::try_from(halvings / 3 + 2).unwrap_or(0);
    let lift = Numeric::power_of_ten(extra);
    let unit = &one * &lift;
    let small = (x * &lift) >> halvings;
    let mut sum = unit.clone();
    let mut term = unit.clone();
    let mut n = 1_u32;
    loop {
        term = &term * &small / &unit / n;
        if term.is_zero() || term == -BigInt::one() {
            break;
        }
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        sum = &sum * &sum / &unit;
    }
    sum / lift
}

/// Natural logarithm of a positive fixed-point number.
fn ln_fixed(x: &BigInt, digits: u32) -> BigInt {
    let one = Numeric::power_of_ten(digits);
    // Roots bring it near one, where the series is short.
    let mut root = x.clone();
    let mut doublings = 0_u32;
    let near = &one / 100;
    while (&root - &one).abs() > near {
        root = (&root * &one).sqrt();
        doublings += 1;
    }
    let ratio = (&root - &one) * &one / (&root + &one);
    let square = &ratio * &ratio / &one;
    let mut sum = ratio.clone();
    let mut power = ratio;
    let mut n = 3_u32;
    loop {
        power = &power * &square / &one;
        let term = &power / n;
        if term.is_zero() {
            break;
        }
        sum += term;
        n += 2;
    }
    sum << (doublings + 1)
}

/// PostgreSQL's estimate of the decimal weight of the logarithm.
#[expect(clippy::cast_possible_truncation, reason = "a small estimate")]
fn ln_weight(number: &Numeric) -> i64 {
    let Numeric::Finite { unscaled, scale } = number else { return 0 };
    let value = number.to_f64();
    if (0.9..=1.1).contains(&value) {
        let rest = unscaled - Numeric::power_of_ten(u32::from(*scale));
        if rest.is_zero() {
            return 0;
        }
        let (weight, first) = leading(&rest, *scale);
        return weight * 4 + i64::from(first.unsigned_abs().max(1).ilog10());
    }
    decimal_logarithm(unscaled, *scale)
        .map_or(0, |log| (log * std::f64::consts::LN_10).abs().log10() as i64)
}

/// log10 of a positive number, for estimates.
fn decimal_logarithm(unscaled: &BigInt, scale: u16) -> Option<f64> {
    let count = digit_count(unscaled);
    if count == 0 {
        return None;
    }
    let cut = u32::try_from(count.saturating_sub(16)).ok()?;
    let head = unscaled.magnitude() / Numeric::power_of_ten(cut).magnitude();
    Some(head.to_f64()?.log10() + f64::from(cut) - f64::from(scale))
}

/// The digits of a number whose logarithm exists, or PostgreSQL's error.
fn positive(number: &Numeric) -> Result<()> {
    if number.is_negative() {
        return Err(Error::new("2201E", "cannot take logarithm of a negative number"));
    }
    if number.is_zero() {
        return Err(Error::new("2201E", "cannot take logarithm of zero"));
    }
    Ok(())
}

/// Natural logarithm.
///
/// # Errors
/// `2201E` for zero and negative numbers.
pub(crate) fn ln(number: &Numeric) -> Result<Numeric> {
    positive(number)?;
    let Numeric::Finite { unscaled, scale } = number else { return Ok(number.clone()) };
    let result_scale = clamp_scale(SIGNIFICANT_DIGITS_MIN - ln_weight(number), *scale);
    let digits = working_digits(unscaled, *scale, result_scale);
    Ok(shown(&ln_fixed(&fixed(unscaled, *scale, digits), digits), digits, result_scale))
}

/// Enough digits that a small number does not lose its leading ones.
fn working_digits(unscaled: &BigInt, scale: u16, result_scale: u16) -> u32 {
    let leading_zeros = u64::from(scale).saturating_sub(digit_count(unscaled));
    u32::from(result_scale.max(scale)) + u32::try_from(leading_zeros).unwrap_or(0) + GUARD_DIGITS
}

/// Logarithm to any base.
///
/// # Errors
/// `2201E` for zero and negative numbers, `22012` for base one.
pub(crate) fn log(base: &Numeric, number: &Numeric) -> Result<Numeric> {
    if matches!(base, Numeric::NaN) || matches!(number, Numeric::NaN) {
        return Ok(Numeric::NaN);
    }
    positive(base)?;
    positive(number)?;
    let (
        Numeric::Finite { unscaled: b, scale: b_scale },
        Numeric::Finite { unscaled: n, scale: n_scale },
    ) = (base, number)
    else {
        return Ok(match (base, number) {
            (Numeric::Infinity, Numeric::Infinity) => Numeric::NaN,
            (Numeric::Infinity, _) => Numeric::from(0),
            _ => Numeric::Infinity,
        });
    };
    let weight = ln_weight(number) - ln_weight(base);
    let scale = clamp_scale(SIGNIFICANT_DIGITS_MIN - weight, (*b_scale).max(*n_scale));
    let digits = working_digits(b, *b_scale, scale).max(working_digits(n, *n_scale, scale));
    let ln_base = ln_fixed(&fixed(b, *b_scale, digits), digits);
    if ln_base.is_zero() {
        return Err(division_by_zero());
    }
    let ln_number = ln_fixed(&fixed(n, *n_scale, digits), digits);
    let quotient = ln_number * Numeric::power_of_ten(digits) / ln_base;
    Ok(shown(&quotient, digits, scale))
}

/// `base ^ exponent`.
///
/// # Errors
/// `2201F` zero to a negative power or a negative number to a broken one, `22003` too large.
pub(crate) fn power(base: &Numeric, exponent: &Numeric) -> Result<Numeric> {
    if let Some(special) = special_power(base, exponent)? {
        return Ok(special);
    }
    let (
        Numeric::Finite { unscaled: b, scale: b_scale },
        Numeric::Finite { unscaled: e, scale: e_scale },
    ) = (base, exponent)
    else {
        return Ok(Numeric::NaN);
    };
    let is_whole = (e % Numeric::power_of_ten(u32::from(*e_scale))).is_zero();
    let whole =
        is_whole.then(|| (e / Numeric::power_of_ten(u32::from(*e_scale))).to_i32()).flatten();
    if let Some(whole) = whole {
        return whole_power((b, *b_scale), whole);
    }
    let negative = b.is_negative();
    if negative && !is_whole {
        return Err(Error::new(
            "2201F",
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    if b.is_zero() {
        return Ok(Numeric::new(BigInt::zero(), 16));
    }
    let magnitude = decimal_logarithm(b, *b_scale).unwrap_or(0.0) * exponent.to_f64();
    if magnitude > EXPONENT_MAX * LOG10_E {
        return Err(overflow());
    }
    let scale = scale_for(magnitude, (*b_scale).max(*e_scale));
    if magnitude < -2_000.0 {
        return Ok(Numeric::new(BigInt::zero(), scale));
    }
    let digits = working_digits(b, *b_scale, scale)
        + u32::from(*e_scale)
        + 2 * whole_digits(magnitude.abs())
        + u32::try_from(digit_count(e)).unwrap_or(0);
    let ln_base = ln_fixed(&fixed(&b.abs(), *b_scale, digits), digits);
    let one = Numeric::power_of_ten(digits);
    let product = ln_base * fixed(e, *e_scale, digits) / &one;
    let result = check_overflow(shown(&exp_fixed(&product, digits), digits, scale))?;
    let odd = e.bit(0);
    Ok(if negative && odd { negate(&result) } else { result })
}

fn special_power(base: &Numeric, exponent: &Numeric) -> Result<Option<Numeric>> {
    let one = Numeric::from(1);
    let is_one = *base == one;
    if matches!(base, Numeric::NaN) || matches!(exponent, Numeric::NaN) {
        let yields_one = exponent.is_zero() || is_one;
        return Ok(Some(if yields_one { one } else { Numeric::NaN }));
    }
    if base.is_zero() && exponent.is_negative() {
        return Err(Error::new("2201F", "zero raised to a negative power is undefined"));
    }
    if matches!((base, exponent), (Numeric::Finite { .. }, Numeric::Finite { .. })) {
        return Ok(None);
    }
    if is_one || exponent.is_zero() {
        return Ok(Some(one));
    }
    if matches!(exponent, Numeric::Finite { .. }) {
        if exponent.is_negative() {
            return Ok(Some(Numeric::from(0)));
        }
        let odd = super::remainder(exponent, &Numeric::from(2))? == one;
        return Ok(Some(super::infinity(base.is_negative() && odd)));
    }
    let grows = super::absolute(base) > one;
    Ok(Some(if *base == Numeric::from(-1) {
        one
    } else if grows != exponent.is_negative() {
        Numeric::Infinity
    } else {
        Numeric::from(0)
    }))
}

/// An exact power, rounded to PostgreSQL's scale.
fn whole_power(base: (&BigInt, u16), exponent: i32) -> Result<Numeric> {
    let (unscaled, scale) = base;
    if exponent == 0 {
        return Ok(Numeric::from(1).rescale(16));
    }
    if unscaled.is_zero() {
        return Ok(Numeric::new(BigInt::zero(), clamp_scale(SIGNIFICANT_DIGITS_MIN, scale)));
    }
    let magnitude = decimal_logarithm(unscaled, scale).unwrap_or(0.0) * f64::from(exponent);
    if magnitude > POWER_DIGITS_MAX {
        return Err(overflow());
    }
    let result_scale = clamp_scale(SIGNIFICANT_DIGITS_MIN, scale);
    if magnitude < -1_002.0 {
        return Ok(Numeric::new(BigInt::zero(), result_scale));
    }
    if let Some(power) = exact_power(unscaled, scale, exponent) {
        return check_overflow(power.rescale(i32::from(result_scale)));
    }
    // Working digits bound the cost of powers with many digits after the point.
    let digits = u32::from(result_scale) + 2 * whole_digits(magnitude.abs()) + GUARD_DIGITS;
    let one = Numeric::power_of_ten(digits);
    let mut result = one.clone();
    let mut square = fixed(unscaled, scale, digits);
    if exponent < 0 {
        square = round_div(&(&one * &one), &square);
    }
    let mut rest = exponent.unsigned_abs();
    while rest > 0 {
        if rest & 1 == 1 {
            result = round_div(&(&result * &square), &one);
        }
        rest >>= 1;
        if rest > 0 {
            square = round_div(&(&square * &square), &one);
        }
    }
    check_overflow(shown(&result, digits, result_scale))
}

/// A power with all its digits, if they are not too many behind the point.
fn exact_power(unscaled: &BigInt, scale: u16, exponent: i32) -> Option<Numeric> {
    let exponent = u32::try_from(exponent).ok()?;
    let digits = u64::from(scale) * u64::from(exponent);
    if digits > EXACT_SCALE_MAX {
        return None;
    }
    Some(Numeric::new(unscaled.pow(exponent), u16::try_from(digits).ok()?))
}

/// `n!`.
///
/// # Errors
/// `22003` for negative and for too large numbers.
pub(crate) fn factorial(n: i64) -> Result<Numeric> {
    if n < 0 {
        return Err(Error::new("22003", "factorial of a negative number is undefined"));
    }
    if n > 32_177 {
        return Err(overflow());
    }
    let mut product = Numeric::from(1);
    for factor in 2..=n {
        product = multiply(&product, &Numeric::from(factor))?;
    }
    Ok(product)
}
