//! PostgreSQL's `numeric`: exact decimals with a display scale, `NaN` and infinities.
//!
//! Only the value, its text form, its order and its parts live here; arithmetic with PostgreSQL's
//! result scales lives in `scalar`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal. Order and equality are by value (`1.5 = 1.50`), as PostgreSQL's; `NaN` equals
/// itself and is greater than everything else.
#[derive(Debug, Clone)]
pub enum Numeric {
    /// `-Infinity`.
    NegativeInfinity,
    /// `unscaled / 10^scale`.
    Finite {
        /// The digits as a whole number.
        unscaled: BigInt,
        /// Digits after the point that are shown.
        scale: u16,
    },
    /// `Infinity`.
    Infinity,
    /// `NaN`.
    NaN,
}

/// The text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNumeric;

/// Limit: digits before the point, as PostgreSQL's (131,072).
const DIGITS_BEFORE_POINT_MAX: i64 = 131_072;
/// Limit: digits after the point, as PostgreSQL's (16,383).
const DIGITS_AFTER_POINT_MAX: i64 = 16_383;

impl Numeric {
    /// A finite number.
    pub fn new(unscaled: BigInt, scale: u16) -> Self {
        Self::Finite { unscaled, scale }
    }

    /// Ten to the power of `exponent`.
    pub fn power_of_ten(exponent: u32) -> BigInt {
        num_traits::pow(BigInt::from(10), exponent as usize)
    }

    /// Is it zero?
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Finite { unscaled, .. } if unscaled.is_zero())
    }

    /// Is it below zero?
    pub fn is_negative(&self) -> bool {
        match self {
            Self::NegativeInfinity => true,
            Self::Finite { unscaled, .. } => unscaled.is_negative(),
            Self::Infinity | Self::NaN => false,
        }
    }

    /// Rounds to `scale` digits after the point, half away from zero; a negative scale rounds
    /// before the point. A larger scale pads with zeros.
    #[must_use]
    pub fn rescale(&self, scale: i32) -> Self {
        let Self::Finite { unscaled, scale: have } = self else { return self.clone() };
        let shift = scale - i32::from(*have);
        let shown = scale.max(0);
        let Ok(shown) = u16::try_from(shown) else { return self.clone() };
        if shift >= 0 {
            return Self::new(unscaled * Self::power_of_ten(shift.unsigned_abs()), shown);
        }
        let divisor = Self::power_of_ten(shift.unsigned_abs());
        let (mut quotient, remainder) = num_integer::Integer::div_rem(unscaled, &divisor);
        if remainder.magnitude() * 2u8 >= *divisor.magnitude() {
            quotient += if unscaled.sign() == Sign::Minus { -1 } else { 1 };
        }
        if scale < 0 {
            quotient *= Self::power_of_ten(scale.unsigned_abs());
        }
        Self::new(quotient, shown)
    }

    /// The nearest `f64`.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::NegativeInfinity => f64::NEG_INFINITY,
            Self::Infinity => f64::INFINITY,
            Self::NaN => f64::NAN,
            Self::Finite { .. } => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The whole number nearest to it (half away from zero), if it is finite and fits.
    pub fn to_i64_rounded(&self) -> Option<i64> {
        match self.rescale(0) {
            Self::Finite { unscaled, .. } => unscaled.to_i64(),
            _ => None,
        }
    }
}

impl From<i64> for Numeric {
    fn from(number: i64) -> Self {
        Self::new(BigInt::from(number), 0)
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |number: &Self| match number {
            Self::NegativeInfinity => 0,
            Self::Finite { .. } => 1,
            Self::Infinity => 2,
            Self::NaN => 3,
        };
        let (Self::Finite { unscaled: a, scale: sa }, Self::Finite { unscaled: b, scale: sb }) =
            (self, other)
        else {
            return rank(self).cmp(&rank(other));
        };
        match sa.cmp(sb) {
            Ordering::Equal => a.cmp(b),
            Ordering::Less => (a * Self::power_of_ten(u32::from(sb - sa))).cmp(b),
            Ordering::Greater => a.cmp(&(b * Self::power_of_ten(u32::from(sa - sb)))),
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unscaled, scale) = match self {
            Self::NegativeInfinity => return f.write_str("-Infinity"),
            Self::Infinity => return f.write_str("Infinity"),
            Self::NaN => return f.write_str("NaN"),
            Self::Finite { unscaled, scale } => (unscaled, usize::from(*scale)),
        };
        let digits = unscaled.magnitude().to_string();
        if unscaled.is_negative() {
            f.write_str("-")?;
        }
        if scale == 0 {
            return f.write_str(&digits);
        }
        if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            write!(f, "{whole}.{fraction}")
        } else {
            write!(f, "0.{digits:0>scale$}")
        }
    }
}

impl FromStr for Numeric {
    type Err = NotNumeric;

    /// PostgreSQL's decimal input: blanks around, sign, digits, point, exponent, `NaN`, `inf`.
    /// Hexadecimal and underscores (PostgreSQL 16) are refused.
    fn from_str(text: &str) -> Result<Self, NotNumeric> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if body.eq_ignore_ascii_case("nan") && body.len() == text.len() {
            return Ok(Self::NaN);
        }
        if body.eq_ignore_ascii_case("infinity") || body.eq_ignore_ascii_case("inf") {
            return Ok(if negative { Self::NegativeInfinity } else { Self::Infinity });
        }
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (&body[..at], body[at + 1..].parse::<i64>().map_err(|_| NotNumeric)?),
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty()
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(NotNumeric);
        }
        let digits = format!("{whole}{fraction}");
        let scale = i64::try_from(fraction.len()).map_err(|_| NotNumeric)? - exponent;
        if scale > DIGITS_AFTER_POINT_MAX || -scale > DIGITS_BEFORE_POINT_MAX {
            return Err(NotNumeric);
        }
        let mut unscaled: BigInt = digits.parse().map_err(|_| NotNumeric)?;
        if scale < 0 {
            unscaled *= Self::power_of_ten(u32::try_from(-scale).map_err(|_| NotNumeric)?);
        }
        if negative {
            unscaled = -unscaled;
        }
        Ok(Self::new(unscaled, u16::try_from(scale.max(0)).map_err(|_| NotNumeric)?))
    }
}

impl Serialize for Numeric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|NotNumeric| serde::de::Error::custom("not a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, shown: &str) {
        assert_eq!(
            input.parse::<Numeric>().map(|n| n.to_string()),
            Ok(shown.to_owned()),
            "{input}"
        );
    }

    #[test]
    fn text_form_keeps_the_scale() {
        check("1.50", "1.50");
        check(" -0.05 ", "-0.05");
        check("1e3", "1000");
        check("1.25e1", "12.5");
        check("12e-3", "0.012");
        check("-0.0", "0.0");
        check("nan", "NaN");
        check("-inf", "-Infinity");
        assert!("12abc".parse::<Numeric>().is_err());
        assert!("".parse::<Numeric>().is_err());
        assert!(".".parse::<Numeric>().is_err());
    }

    #[test]
    fn equality_is_by_value_and_rounding_is_half_away_from_zero() {
        let n = |text: &str| text.parse::<Numeric>().expect(text);
        assert_eq!(n("1.5"), n("1.50"));
        assert!(n("NaN") > n("Infinity"));
        assert_eq!(n("2.345").rescale(2).to_string(), "2.35");
        assert_eq!(n("-2.5").rescale(0).to_string(), "-3");
        assert_eq!(n("1251").rescale(-2).to_string(), "1300");
    }
}
