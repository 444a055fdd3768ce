//! `uuid` literals in every form that PostgreSQL takes.

use backstay_model::{Error, Result};

/// Reads 32 hexadecimal digits, hyphens after any group of four, braces around the whole.
pub(super) fn read(text: &str) -> Result<[u8; 16]> {
    let invalid = || Error::invalid_input("uuid", text);
    let body = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(invalid)?,
        None => text,
    };
    let mut rest = body.as_bytes();
    let mut uuid = [0_u8; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return Err(invalid()) };
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(invalid);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).map_err(|_| invalid())?;
        rest = tail;
        if index % 2 == 1 && index < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    if rest.is_empty() { Ok(uuid) } else { Err(invalid()) }
}
