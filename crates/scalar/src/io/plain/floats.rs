//! Floating-point numbers as text: the shortest form that reads back exactly.

use backstay_model::{Error, Result};

use super::is_space;

/// Digits from which PostgreSQL prints an exponent (`DBL_DIG`, `FLT_DIG`).
const DOUBLE_DIGITS: i32 = 15;
const SINGLE_DIGITS: i32 = 6;

/// Reads a `double precision` literal.
///
/// # Errors
/// `22P02` no number, `22003` out of range.
pub fn read_float8(text: &str) -> Result<f64> {
    let (number, body) = read(text, "double precision")?;
    let number: f64 = number.ok_or_else(|| Error::invalid_input("double precision", text))?;
    check_range(number.is_infinite(), number == 0.0, body, "double precision")?;
    Ok(number)
}

/// Reads a `real` literal.
///
/// # Errors
/// `22P02` no number, `22003` out of range.
pub fn read_float4(text: &str) -> Result<f32> {
    let (number, body) = read(text, "real")?;
    let number: f32 = number.ok_or_else(|| Error::invalid_input("real", text))?;
    check_range(number.is_infinite(), number == 0.0, body, "real")?;
    Ok(number)
}

fn read<'t, F: std::str::FromStr>(text: &'t str, name: &str) -> Result<(Option<F>, &'t str)> {
    let body = text.trim_matches(is_space);
    let unsigned = body.strip_prefix(['+', '-']).unwrap_or(body);
    let is_word = ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    let digits = unsigned.bytes().any(|b| b.is_ascii_digit());
    let letters =
        unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !(is_word || digits && letters) {
        return Err(Error::invalid_input(name, text));
    }
    Ok((body.parse().ok(), body))
}

/// Infinity or zero from a literal that says neither means that the number did not fit.
fn check_range(infinite: bool, zero: bool, body: &str, name: &str) -> Result<()> {
    let says_infinity = body.contains(['n', 'N']);
    let mantissa = body.split(['e', 'E']).next().unwrap_or(body);
    let says_zero = !mantissa.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if infinite && !says_infinity || zero && !says_zero {
        return Err(Error::new("22003", format!("\"{body}\" is out of range for type {name}")));
    }
    Ok(())
}

/// The text of a `double precision`.
pub fn print_float8(number: f64) -> String {
    let mut out = Vec::with_capacity(24);
    write_float8(&mut out, number);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends a `double precision` as PostgreSQL prints it (`1e+20`, `0.1`, `NaN`, `-Infinity`).
pub fn write_float8(out: &mut Vec<u8>, number: f64) {
    if write_special(out, number) {
        return;
    }
    write_shortest(out, ryu::Buffer::new().format_finite(number), DOUBLE_DIGITS);
}

/// Appends a `real` as PostgreSQL prints it.
pub fn write_float4(out: &mut Vec<u8>, number: f32) {
    if write_special(out, f64::from(number)) {
        return;
    }
    write_shortest(out, ryu::Buffer::new().format_finite(number), SINGLE_DIGITS);
}

fn write_special(out: &mut Vec<u8>, number: f64) -> bool {
    let word: &[u8] = if number.is_nan() {
        b"NaN"
    } else if number == f64::INFINITY {
        b"Infinity"
    } else if number == f64::NEG_INFINITY {
        b"-Infinity"
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

/// Rewrites the shortest digits (`1.5e-7`, `12.0`) in PostgreSQL's layout.
fn write_shortest(out: &mut Vec<u8>, shortest: &str, exponent_from: i32) {
    let (negative, body) = match shortest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, shortest),
    };
    let (mantissa, exponent) = match body.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (body, 0_i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = [0_u8; 40];
    let mut length = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if let Some(slot) = digits.get_mut(length) {
            *slot = digit;
            length += 1;
        }
    }
    let leading = digits[..length].iter().take_while(|digit| **digit == b'0').count();
    let trailing = digits[leading..length].iter().rev().take_while(|digit| **digit == b'0').count();
    let significant = &digits[leading..length - trailing];
    if negative {
        out.push(b'-');
    }
    if significant.is_empty() {
        out.push(b'0');
        return;
    }
    // The exponent of the first significant digit.
    let shift = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(leading).unwrap_or(0);
    write_digits(out, significant, exponent + shift - 1, exponent_from);
}

fn write_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i32, exponent_from: i32) {
    if exponent < -4 || exponent >= exponent_from {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        let magnitude = exponent.unsigned_abs();
        if magnitude < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(magnitude).as_bytes());
        return;
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-exponent - 1).unsigned_abs() as usize));
        out.extend_from_slice(digits);
        return;
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}
