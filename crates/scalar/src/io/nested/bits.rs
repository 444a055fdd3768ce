//! `bit` and `bit varying`: texts of `0` and `1`.

use backstay_model::{Error, Modifier, Result, Type, Value};

/// Reads `0101`, `b0101` or `x5`.
///
/// # Errors
/// `22P02` for another digit.
pub fn parse(text: &str) -> Result<String> {
    if let Some(digits) = text.strip_prefix(['x', 'X']) {
        let mut out = String::with_capacity(digits.len() * 4);
        for c in digits.chars() {
            let digit = c.to_digit(16).ok_or_else(|| {
                Error::new("22P02", format!("\"{c}\" is not a valid hexadecimal digit"))
            })?;
            out.push_str(&format!("{digit:04b}"));
        }
        return Ok(out);
    }
    let digits = text.strip_prefix(['b', 'B']).unwrap_or(text);
    match digits.chars().find(|c| !matches!(c, '0' | '1')) {
        Some(c) => Err(Error::new("22P02", format!("\"{c}\" is not a valid binary digit"))),
        None => Ok(digits.to_owned()),
    }
}

/// Enforces the declared length; an explicit cast cuts and pads.
///
/// # Errors
/// `22026` another length than `bit(n)`, `22001` longer than `bit varying(n)`.
pub fn apply_modifier(
    ty: &Type,
    modifier: Modifier,
    value: Value,
    explicit: bool,
) -> Result<Value> {
    let (Modifier::Length(wanted), Value::Text(mut bits)) = (modifier, value) else {
        return Err(Error::internal("a length for something that is no bit string"));
    };
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let have = bits.len();
    if explicit {
        bits.truncate(wanted);
        if *ty == Type::Bit && have < wanted {
            bits.extend(std::iter::repeat_n('0', wanted - have));
        }
    } else if *ty == Type::Bit && have != wanted {
        return Err(Error::new(
            "22026",
            format!("bit string length {have} does not match type bit({wanted})"),
        ));
    } else if have > wanted {
        return Err(Error::new(
            "22001",
            format!("bit string too long for type bit varying({wanted})"),
        ));
    }
    Ok(Value::Text(bits))
}
