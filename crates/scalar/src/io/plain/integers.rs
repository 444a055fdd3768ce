//! Whole numbers as text.

use backstay_model::{Error, Result, Type};

use super::is_space;

/// Reads an `int2`, `int4`, `int8` or `oid` literal.
///
/// # Errors
/// `22P02` no number, `22003` out of range.
pub fn read(ty: &Type, text: &str) -> Result<i64> {
    let name = ty.builtin_name();
    let out_of_range =
        || Error::new("22003", format!("value \"{text}\" is out of range for type {name}"));
    let trimmed = text.trim_matches(is_space);
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let mut number: i64 = 0;
    for digit in digits.bytes().take(length) {
        let digit = i64::from(digit - b'0');
        // Counting downwards reaches the least number too.
        number =
            number.checked_mul(10).and_then(|n| n.checked_sub(digit)).ok_or_else(out_of_range)?;
    }
    if !negative {
        number = number.checked_neg().ok_or_else(out_of_range)?;
    }
    if length == 0 || (length < digits.len() && in_range(ty, number)) {
        return Err(Error::invalid_input(name, text));
    }
    if !in_range(ty, number) {
        return Err(out_of_range());
    }
    if *ty == Type::Oid && number < 0 {
        return Ok(number + (1 << 32));
    }
    Ok(number)
}

fn in_range(ty: &Type, number: i64) -> bool {
    match ty {
        Type::Int2 => i16::try_from(number).is_ok(),
        Type::Int4 => i32::try_from(number).is_ok(),
        Type::Oid => i32::try_from(number).is_ok() || u32::try_from(number).is_ok(),
        _ => true,
    }
}
