//! `money` in the C locale: dollars and cents.

use backstay_model::{Error, Result};

use super::is_space;

/// Reads `$1,234.56`, `-5`, `(3.10)`; the result is in cents, rounded half away from zero.
pub(super) fn read(text: &str) -> Result<i64> {
    let invalid = || Error::invalid_input("money", text);
    let out_of_range =
        || Error::new("22003", format!("value \"{text}\" is out of range for type money"));
    let mut body = text.trim_matches(is_space);
    let mut negative = false;
    if let Some(inner) = body.strip_prefix('(') {
        negative = true;
        body = inner.strip_suffix(')').ok_or_else(invalid)?;
    }
    loop {
        let Some(first) = body.chars().next() else { return Err(invalid()) };
        match first {
            '-' => negative = true,
            '+' | '$' | ' ' => {}
            _ => break,
        }
        body = &body[1..];
    }
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let mut cents: i64 = 0;
    let mut digits = 0;
    for c in whole.chars().filter(|c| *c != ',').chain(fraction.chars().take(2)) {
        let digit = i64::from(c.to_digit(10).ok_or_else(invalid)?);
        cents =
            cents.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or_else(out_of_range)?;
        digits += 1;
    }
    let cut = fraction.chars().skip(2);
    if digits == 0 || cut.clone().any(|c| !c.is_ascii_digit()) {
        return Err(invalid());
    }
    for _ in fraction.len().min(2)..2 {
        cents = cents.checked_mul(10).ok_or_else(out_of_range)?;
    }
    if cut.clone().next().is_some_and(|c| c >= '5') {
        cents = cents.checked_add(1).ok_or_else(out_of_range)?;
    }
    Ok(if negative { -cents } else { cents })
}

/// Prints cents as `-$1,234.56`.
pub(super) fn print(cents: i64) -> String {
    let magnitude = cents.unsigned_abs();
    let whole = (magnitude / 100).to_string();
    let mut grouped = String::with_capacity(whole.len() + 8);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${grouped}.{:02}", magnitude % 100)
}
