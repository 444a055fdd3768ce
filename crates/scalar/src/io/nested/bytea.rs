//! `bytea`: hexadecimal and escape form.

use backstay_model::{Error, Result};

/// Reads either form.
///
/// # Errors
/// `22023` bad hexadecimal digits, `22P02` a bad escape.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(digits) => parse_hex(digits),
        None => parse_escape(text),
    }
}

/// Reads pairs of hexadecimal digits with blanks between pairs.
///
/// # Errors
/// `22023`.
pub fn parse_hex(text: &str) -> Result<Vec<u8>> {
    let digit = |c: char| {
        c.to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| Error::new("22023", format!("invalid hexadecimal digit: \"{c}\"")))
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars();
    while let Some(high) = chars.next() {
        if matches!(high, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = digit(high)?;
        let low = chars
            .next()
            .ok_or_else(|| Error::new("22023", "invalid hexadecimal data: odd number of digits"))?;
        out.push(high << 4 | digit(low)?);
    }
    Ok(out)
}

/// Reads the escape form: bytes as they are, `\\` and `\ooo`.
///
/// # Errors
/// `22P02`.
pub fn parse_escape(text: &str) -> Result<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'\\' {
            out.push(*byte);
            at += 1;
            continue;
        }
        match (bytes.get(at + 1), bytes.get(at + 2), bytes.get(at + 3)) {
            (Some(a @ b'0'..=b'3'), Some(b @ b'0'..=b'7'), Some(c @ b'0'..=b'7')) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                at += 4;
            }
            (Some(b'\\'), ..) => {
                out.push(b'\\');
                at += 2;
            }
            _ => return Err(Error::new("22P02", "invalid input syntax for type bytea")),
        }
    }
    Ok(out)
}

/// Prints the hexadecimal form.
pub fn print(bytes: &[u8]) -> String {
    format!("\\x{}", hex::encode(bytes))
}

/// Prints the escape form.
pub fn print_escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0x01..=0x7e => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}
