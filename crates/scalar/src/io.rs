//! Text and JSON forms of every type: PostgreSQL's input and output functions.
//!
//! [`input`] reads a literal as PostgreSQL would (errors and texts alike), [`output`] prints one,
//! [`apply_modifier`] enforces length and precision, [`from_json`] takes a member of a request body,
//! [`write_json`] writes a value as a response shows it.

pub mod datetime;
pub mod interval;
pub mod json;
pub mod nested;
pub mod plain;

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;

/// Reads `text` as a literal of the type: `input('12', integer)`. A domain reads as its base (its
/// checks are the executor's). The modifier applies as on storing.
///
/// # Errors
/// `22P02`, `22003`, `22007`, `22008`, `22001`… with PostgreSQL's messages.
pub fn input(
    env: &dyn Environment,
    ty: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    let value = match ty {
        Type::Domain(id) => {
            let (base, base_modifier) = env
                .types()
                .domain_base(*id)
                .ok_or_else(|| Error::internal("a domain without a base"))?;
            return input(env, base, modifier.or(base_modifier), text);
        }
        Type::Bool
        | Type::Int2
        | Type::Int4
        | Type::Int8
        | Type::Oid
        | Type::Float4
        | Type::Float8
        | Type::Numeric
        | Type::Money
        | Type::Text
        | Type::Varchar
        | Type::Char
        | Type::Name
        | Type::Citext
        | Type::Uuid
        | Type::Enum(_)
        | Type::Unknown => plain::input(env, ty, text)?,
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            datetime::input(env, ty, text)?
        }
        Type::Interval => interval::input(text)?,
        Type::Json | Type::Jsonb => json::input(ty, text)?,
        _ => nested::input(env, ty, text)?,
    };
    match modifier {
        Some(modifier) => apply_modifier(env, ty, modifier, value, false),
        None => Ok(value),
    }
}

/// PostgreSQL's text form of a value that is not null.
///
/// # Errors
/// `XX000` if the value does not fit the type.
pub fn output(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    match ty {
        Type::Domain(_) => output(env, &ty.base(env.types()), value),
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            datetime::output(env, ty, value)
        }
        Type::Interval => interval::output(value),
        Type::Json | Type::Jsonb => json::output(value),
        Type::Array(_)
        | Type::Range(_)
        | Type::Composite(_)
        | Type::Record
        | Type::Bytea
        | Type::Inet
        | Type::Cidr
        | Type::Macaddr
        | Type::Bit
        | Type::Varbit
        | Type::Point
        | Type::Xml
        | Type::TsVector
        | Type::TsQuery
        | Type::Vector
        | Type::Other(_)
        | Type::Regclass => nested::output(env, ty, value),
        _ => plain::output(env, ty, value),
    }
}

/// Enforces a length or precision as an assignment (`explicit` false: `22001` when too long) or an
/// explicit cast (`explicit` true: cuts) does.
///
/// # Errors
/// `22001` too long, `22003` numeric field overflow.
pub fn apply_modifier(
    env: &dyn Environment,
    ty: &Type,
    modifier: Modifier,
    value: Value,
    explicit: bool,
) -> Result<Value> {
    match ty {
        Type::Domain(_) => apply_modifier(env, &ty.base(env.types()), modifier, value, explicit),
        Type::Array(element) => nested::apply_modifier(env, element, modifier, value, explicit),
        Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz | Type::Interval => {
            datetime::apply_modifier(modifier, value)
        }
        Type::Bit | Type::Varbit => nested::bits::apply_modifier(ty, modifier, value, explicit),
        Type::Vector => nested::vector::apply_modifier(modifier, value),
        _ => plain::apply_modifier(ty, modifier, value, explicit),
    }
}

/// Takes a JSON value of a request body into a column or argument of the type, as
/// `json_populate_record` does: strings go through [`input`], numbers and booleans through their
/// text, `null` is null, objects and arrays serve json, arrays, composites.
/// `text` is one JSON value with blanks around it allowed.
///
/// # Errors
/// As [`input`].
pub fn from_json(
    env: &dyn Environment,
    ty: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    json::populate(env, ty, modifier, text)
}

/// Appends the value as `to_json` shows it: numbers bare, booleans, dates in ISO form, arrays and
/// composites nested, null as `null`.
///
/// # Errors
/// As [`output`].
pub fn write_json(
    env: &dyn Environment,
    ty: &Type,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    json::write(env, ty, value, out)
}
