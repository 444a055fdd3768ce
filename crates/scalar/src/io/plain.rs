//! Text forms of booleans, numbers, text types, `uuid` and enums.

pub mod floats;
pub mod integers;
mod modifiers;
mod money;
mod uuids;

use backstay_model::{Error, Numeric, Result, Type, Value};

use crate::Environment;

pub(super) use modifiers::apply_modifier;

/// Limit: bytes of a `name`, as PostgreSQL's `NAMEDATALEN - 1`.
const NAME_BYTES_MAX: usize = 63;

pub(super) fn input(env: &dyn Environment, ty: &Type, text: &str) -> Result<Value> {
    Ok(match ty {
        Type::Bool => Value::Bool(read_bool(text)?),
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid => Value::Int(integers::read(ty, text)?),
        Type::Float4 => Value::Float(f64::from(floats::read_float4(text)?)),
        Type::Float8 => Value::Float(floats::read_float8(text)?),
        Type::Numeric => Value::Numeric(read_numeric(text)?),
        Type::Money => Value::Int(money::read(text)?),
        Type::Char => Value::text(read_text(text)?.trim_end_matches(' ')),
        Type::Name => Value::text(cut_name(read_text(text)?)),
        Type::Uuid => Value::Uuid(uuids::read(text)?),
        Type::Enum(id) => {
            let code = env.types().enum_type(*id).and_then(|labels| labels.code(text));
            Value::Enum(code.ok_or_else(|| {
                let name = env.types().type_name(*id);
                Error::new("22P02", format!("invalid input value for enum {name}: \"{text}\""))
            })?)
        }
        _ => Value::text(read_text(text)?),
    })
}

pub(super) fn output(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    Ok(match (ty, value) {
        (Type::Money, Value::Int(cents)) => money::print(*cents),
        (_, Value::Int(number)) => itoa::Buffer::new().format(*number).to_owned(),
        (_, Value::Bool(truth)) => if *truth { "t" } else { "f" }.to_owned(),
        (Type::Float4, Value::Float(number)) => {
            let mut out = Vec::with_capacity(16);
            #[expect(clippy::cast_possible_truncation, reason = "real values hold single floats")]
            floats::write_float4(&mut out, *number as f32);
            String::from_utf8(out).unwrap_or_default()
        }
        (_, Value::Float(number)) => floats::print_float8(*number),
        (_, Value::Numeric(number)) => number.to_string(),
        (_, Value::Text(text)) => text.clone(),
        (_, Value::Uuid(bytes)) => uuid::Uuid::from_bytes(*bytes).to_string(),
        (Type::Enum(id), Value::Enum(code)) => env
            .types()
            .enum_type(*id)
            .and_then(|labels| labels.label(*code))
            .ok_or_else(|| Error::internal(format!("enum code {code} has no label")))?
            .to_owned(),
        (Type::Void, _) => String::new(),
        _ => return Err(Error::internal(format!("a value does not fit {}", ty.builtin_name()))),
    })
}

/// `boolin`: unambiguous prefixes of true, false, yes, no, on, off; 1 and 0.
fn read_bool(text: &str) -> Result<bool> {
    let word = text.trim_matches(is_space).to_ascii_lowercase();
    let is_prefix = |of: &str, at_least: usize| word.len() >= at_least && of.starts_with(&word);
    if is_prefix("true", 1) || is_prefix("yes", 1) || is_prefix("on", 2) || word == "1" {
        Ok(true)
    } else if is_prefix("false", 1) || is_prefix("no", 1) || is_prefix("off", 2) || word == "0" {
        Ok(false)
    } else {
        Err(Error::invalid_input("boolean", text))
    }
}

fn read_numeric(text: &str) -> Result<Numeric> {
    let number = text.parse().map_err(|_| {
        // A number whose exponent alone is too large overflows; anything else is no number.
        let shape = text.trim_matches(is_space);
        let mantissa_only = shape
            .split_once(['e', 'E'])
            .filter(|(_, exponent)| exponent.parse::<i64>().is_ok())
            .map(|(mantissa, _)| mantissa);
        if mantissa_only.is_some_and(|mantissa| mantissa.parse::<Numeric>().is_ok()) {
            Error::new("22003", "value overflows numeric format")
        } else {
            Error::invalid_input("numeric", text)
        }
    })?;
    crate::functions::numeric::check_overflow(number)
}

fn read_text(text: &str) -> Result<&str> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Error::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(text)
}

/// Cuts a text to the length of a `name`, at a character boundary.
pub fn cut_name(text: &str) -> &str {
    if text.len() <= NAME_BYTES_MAX {
        return text;
    }
    let mut end = NAME_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// C's `isspace`.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests;
