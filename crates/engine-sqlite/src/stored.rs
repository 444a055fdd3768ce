//! Values and their stored forms: what SQLite holds orders, compares and groups as PostgreSQL's
//! types do, under the collations of [`crate::collations`].

mod nested;

#[cfg(test)]
mod tests;

use backstay_model::{Error, Numeric, RangeKind, Result, Type, TypeSource, Value};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};

pub(crate) use nested::{decode_array, decode_range};

/// The stored form of a value.
///
/// # Errors
/// `0A000` for `NaN` in a floating-point type, `22P05` for a NUL in a text.
pub(crate) fn encode(value: &Value) -> Result<ToSqlOutput<'_>> {
    let text = |text: String| ToSqlOutput::Owned(Owned::Text(text));
    Ok(match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Bool(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
        Value::Int(number)
        | Value::Enum(number)
        | Value::Time(number)
        | Value::Timestamp(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Value::Date(days) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*days))),
        Value::Float(number) if number.is_nan() => {
            return Err(Error::unsupported("NaN in a floating-point type on this engine")
                .with_hint("Use numeric for values that may be NaN."));
        }
        Value::Float(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
        Value::Text(plain) | Value::Json(plain) | Value::Jsonb(plain) => {
            if plain.as_bytes().contains(&0) {
                return Err(Error::new("22P05", "unsupported Unicode escape sequence")
                    .with_details("\\u0000 cannot be converted to text."));
            }
            ToSqlOutput::Borrowed(ValueRef::Text(plain.as_bytes()))
        }
        Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::Uuid(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::Numeric(number) => text(number.to_string()),
        Value::TimeTz { micros, zone } => {
            ToSqlOutput::Owned(Owned::Blob(encode_time_tz(*micros, *zone).to_vec()))
        }
        Value::Interval(interval) => text(nested::interval_text(*interval)),
        Value::Array(array) => text(nested::encode_array(array)?),
        Value::Range(range) => text(nested::encode_range(range)?),
        Value::Record(_) => text(nested::encode_record(value)?),
    })
}

/// The stored form as a value of its own, for results of functions and packed rows.
pub(crate) fn encode_owned(value: &Value) -> Result<Owned> {
    Ok(match encode(value)? {
        ToSqlOutput::Borrowed(borrowed) => borrowed.try_into().map_err(|_| unfit("text"))?,
        ToSqlOutput::Owned(owned) => owned,
        _ => return Err(unfit("value")),
    })
}

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// UTC time, then the zone, both so that bytes order as numbers.
fn encode_time_tz(micros: i64, zone: i32) -> [u8; 12] {
    let mut bytes = [0; 12];
    let utc = (micros + i64::from(zone) * SECOND) ^ i64::MIN;
    bytes[..8].copy_from_slice(&utc.to_be_bytes());
    bytes[8..].copy_from_slice(&(zone ^ i32::MIN).to_be_bytes());
    bytes
}

fn decode_time_tz(bytes: &[u8]) -> Option<Value> {
    let utc = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?) ^ i64::MIN;
    let zone = i32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?) ^ i32::MIN;
    Some(Value::TimeTz { micros: utc - i64::from(zone) * SECOND, zone })
}

fn unfit(what: &str) -> Error {
    Error::internal(format!("a stored {what} does not fit its type"))
}

/// The value behind a stored form of the type.
///
/// # Errors
/// `XX000` if the stored form is none of the type's.
pub(crate) fn decode(ty: &Type, stored: ValueRef<'_>, types: &dyn TypeSource) -> Result<Value> {
    match stored {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => decode_integer(ty, number, types),
        ValueRef::Real(number) => match ty {
            Type::Numeric => {
                number.to_string().parse().map(Value::Numeric).map_err(|_| unfit("real"))
            }
            _ => Ok(Value::Float(number)),
        },
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| unfit("text"))?;
            decode_text(ty, text, types)
        }
        ValueRef::Blob(bytes) => match ty {
            Type::Uuid => bytes.try_into().map(Value::Uuid).map_err(|_| unfit("uuid")),
            Type::TimeTz => decode_time_tz(bytes).ok_or_else(|| unfit("time")),
            Type::Domain(_) => decode_base(ty, stored, types),
            _ => Ok(Value::Bytes(bytes.to_vec())),
        },
    }
}

fn decode_base(ty: &Type, stored: ValueRef<'_>, types: &dyn TypeSource) -> Result<Value> {
    match ty.base(types) {
        Type::Domain(_) => Err(unfit("domain")),
        base => decode(&base, stored, types),
    }
}

fn decode_integer(ty: &Type, number: i64, types: &dyn TypeSource) -> Result<Value> {
    #[expect(clippy::cast_precision_loss, reason = "a whole number in a place for a float")]
    Ok(match ty {
        Type::Bool => Value::Bool(number != 0),
        Type::Date => Value::Date(i32::try_from(number).map_err(|_| unfit("date"))?),
        Type::Time => Value::Time(number),
        Type::Timestamp | Type::TimestampTz => Value::Timestamp(number),
        Type::Enum(_) => Value::Enum(number),
        Type::Float4 | Type::Float8 => Value::Float(number as f64),
        Type::Numeric => Value::Numeric(Numeric::from(number)),
        Type::Domain(_) => return decode_base(ty, ValueRef::Integer(number), types),
        _ => Value::Int(number),
    })
}

fn decode_text(ty: &Type, text: &str, types: &dyn TypeSource) -> Result<Value> {
    Ok(match ty {
        Type::Numeric => Value::Numeric(text.parse().map_err(|_| unfit("numeric"))?),
        Type::Json => Value::Json(text.to_owned()),
        Type::Jsonb => Value::Jsonb(text.to_owned()),
        Type::Interval => Value::Interval(backstay_scalar::io::interval::read(text)?),
        Type::Array(element) => Value::Array(decode_array(element, text, types)?),
        Type::Range(kind) => Value::Range(Box::new(decode_range(*kind, text)?)),
        Type::Composite(_) | Type::Record => nested::decode_record(text)?,
        Type::Domain(_) => return decode_base(ty, ValueRef::Text(text.as_bytes()), types),
        _ => Value::Text(text.to_owned()),
    })
}

/// The type that the bounds of a range are stored as, for its collation.
pub(crate) fn numeric_range() -> RangeKind {
    RangeKind::Num
}
