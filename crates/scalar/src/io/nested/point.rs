//! `point`: `(x,y)`.

use backstay_model::{Error, Result};

/// Reads a point and gives its canonical text.
///
/// # Errors
/// `22P02`.
pub fn parse(text: &str) -> Result<String> {
    let (x, y) = coordinates(text).ok_or_else(|| Error::invalid_input("point", text))?;
    Ok(format!("({},{})", print_float(x), print_float(y)))
}

/// The coordinates of a point's text.
pub fn coordinates(text: &str) -> Option<(f64, f64)> {
    let text = text.trim();
    let inner = match text.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')')?,
        None => text,
    };
    let (x, y) = inner.split_once(',')?;
    Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
}

/// A float as `double precision` prints: shortest digits, exponent with sign and two digits from
/// 15 digits before or 4 zeros after the point.
pub fn print_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    shorten(&format!("{number:e}"))
}

/// [`print_float`] in single precision.
pub fn print_float4(number: f32) -> String {
    if !number.is_finite() {
        return print_float(f64::from(number));
    }
    // `real` has six certain digits: the exponent form starts earlier.
    let text = format!("{number:e}");
    let exponent = text.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
    if (-5..6).contains(&exponent) { shorten(&text) } else { exponential(&text) }
}

fn shorten(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-5..15).contains(&exponent) {
        return exponential(text);
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let point = exponent + 1;
    let Ok(whole) = usize::try_from(point) else {
        let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    };
    if whole == 0 {
        format!("{sign}0.{digits}")
    } else if digits.len() <= whole {
        format!("{sign}{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
    }
}

fn exponential(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}
