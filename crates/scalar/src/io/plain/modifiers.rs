//! Lengths and precisions.

use backstay_model::{Error, Modifier, Numeric, Result, Type, Value};

/// Enforces `varchar(n)`, `char(n)`, `bit(n)`, `varbit(n)` and `numeric(p,s)`.
pub(in crate::io) fn apply_modifier(
    ty: &Type,
    modifier: Modifier,
    value: Value,
    explicit: bool,
) -> Result<Value> {
    match (ty, modifier, value) {
        (Type::Varchar | Type::Char, Modifier::Length(length), Value::Text(text)) => {
            cut_text(ty, length, text, explicit)
        }
        (Type::Bit | Type::Varbit, Modifier::Length(length), Value::Text(bits)) => {
            fit_bits(ty, length, bits, explicit)
        }
        (Type::Numeric, Modifier::Precision { precision, scale }, Value::Numeric(number)) => {
            fit_numeric(number, precision, scale).map(Value::Numeric)
        }
        (_, _, value) => Ok(value),
    }
}

fn cut_text(ty: &Type, length: u32, mut text: String, explicit: bool) -> Result<Value> {
    if text.len() > length as usize
        && let Some((end, _)) = text.char_indices().nth(length as usize)
    {
        if !explicit && text[end..].bytes().any(|b| b != b' ') {
            let name = ty.builtin_name();
            return Err(Error::new("22001", format!("value too long for type {name}({length})")));
        }
        text.truncate(end);
    }
    if *ty == Type::Char {
        text.truncate(text.trim_end_matches(' ').len());
    }
    Ok(Value::Text(text))
}

fn fit_bits(ty: &Type, length: u32, mut bits: String, explicit: bool) -> Result<Value> {
    let want = length as usize;
    if *ty == Type::Bit {
        if explicit {
            bits.truncate(want);
            bits.extend(std::iter::repeat_n('0', want - bits.len()));
        } else if bits.len() != want {
            let have = bits.len();
            return Err(Error::new(
                "22026",
                format!("bit string length {have} does not match type bit({length})"),
            ));
        }
    } else if bits.len() > want {
        if !explicit {
            return Err(Error::new(
                "22001",
                format!("bit string too long for type bit varying({length})"),
            ));
        }
        bits.truncate(want);
    }
    Ok(Value::Text(bits))
}

fn fit_numeric(number: Numeric, precision: u16, scale: i16) -> Result<Numeric> {
    let overflow =
        |details: String| Err(Error::new("22003", "numeric field overflow").with_details(details));
    match &number {
        Numeric::NaN => return Ok(number),
        Numeric::Infinity | Numeric::NegativeInfinity => {
            return overflow(format!(
                "A field with precision {precision}, scale {scale} cannot hold an infinite value."
            ));
        }
        Numeric::Finite { .. } => {}
    }
    let rounded = number.rescale(i32::from(scale));
    let digits = i32::from(precision) - i32::from(scale);
    let fits = match &rounded {
        Numeric::Finite { unscaled, .. } => {
            let shown = u32::from(scale.max(0).unsigned_abs());
            let limit = Numeric::power_of_ten((digits.max(0)).unsigned_abs() + shown);
            // A scale beyond the precision leaves only digits behind leading zeros.
            let limit =
                if digits < 0 { Numeric::power_of_ten(u32::from(precision)) } else { limit };
            *unscaled.magnitude() < *limit.magnitude()
        }
        _ => true,
    };
    if fits {
        return Ok(rounded);
    }
    let limit = if digits == 0 { "1".to_owned() } else { format!("10^{digits}") };
    overflow(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less \
         than {limit}."
    ))
}
