//! From values to JSON, as `to_json` does it.

use backstay_model::{Array, Error, Result, Type, Value};

use crate::io::datetime::print::Style;
use crate::{Environment, io};

/// Appends the text as a JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_str(text, out);
    out.push(b'"');
}

/// Appends the inside of a JSON string; one copy if nothing needs an escape.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => 0,
        };
        if short == 0 {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// [`write_string`] for text that is being built.
pub(crate) fn push_string(text: &str, out: &mut String) {
    if !text.bytes().any(|b| b < 0x20 || matches!(b, b'"' | b'\\')) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut bytes = Vec::with_capacity(text.len() + 8);
    write_string(text, &mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes));
}

/// Appends the value.
pub(super) fn write(
    env: &dyn Environment,
    ty: &Type,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    match (ty, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (Type::Domain(_), _) => return write(env, &ty.base(env.types()), value, out),
        (_, Value::Bool(truth)) => {
            out.extend_from_slice(if *truth { b"true" } else { b"false" });
        }
        (Type::Int2 | Type::Int4 | Type::Int8, Value::Int(number)) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        (_, Value::Json(text) | Value::Jsonb(text)) => out.extend_from_slice(text.as_bytes()),
        (Type::Float4 | Type::Float8 | Type::Numeric, _) => {
            let text = io::output(env, ty, value)?;
            if text.starts_with(|c: char| c.is_ascii_digit())
                || text.strip_prefix('-').is_some_and(|rest| !rest.starts_with('I'))
            {
                out.extend_from_slice(text.as_bytes());
            } else {
                write_string(&text, out);
            }
        }
        (Type::Array(element), Value::Array(array)) => write_array(env, element, array, out)?,
        (Type::Composite(id), Value::Record(fields)) => {
            let names = env
                .types()
                .fields(*id)
                .ok_or_else(|| Error::internal("a composite type without fields"))?;
            let named = names.iter().map(|(name, ty, _)| (name.as_str(), ty)).zip(fields);
            write_record(env, named, out)?;
        }
        (_, Value::Record(fields)) => {
            let names: Vec<_> = fields
                .iter()
                .enumerate()
                .map(|(index, field)| {
                    (format!("f{}", index + 1), io::nested::composite::type_of(field))
                })
                .collect();
            let named = names.iter().map(|(name, ty)| (name.as_str(), ty)).zip(fields);
            write_record(env, named, out)?;
        }
        (_, Value::Date(days)) => quoted(out, |out| io::datetime::write_date(out, *days)),
        (_, Value::Time(micros)) => quoted(out, |out| io::datetime::write_time(out, *micros)),
        (_, Value::TimeTz { micros, zone }) => {
            quoted(out, |out| io::datetime::write_time_tz(out, *micros, *zone, Style::Text));
        }
        (_, Value::Timestamp(micros)) => {
            let zone = (*ty == Type::TimestampTz).then(|| env.time_zone());
            quoted(out, |out| io::datetime::write_timestamp(out, *micros, zone));
        }
        (_, Value::Text(text)) if !matches!(ty, Type::Char | Type::Citext) => {
            write_string(text, out);
        }
        _ => write_string(&io::output(env, ty, value)?, out),
    }
    Ok(())
}

/// What needs no escapes, in quotes.
fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn write_array(
    env: &dyn Environment,
    element: &Type,
    array: &Array,
    out: &mut Vec<u8>,
) -> Result<()> {
    if array.dims.is_empty() {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    let mut elements = array.elements.iter();
    write_dimension(env, element, &array.dims, &mut elements, out)
}

fn write_dimension(
    env: &dyn Environment,
    element: &Type,
    dims: &[usize],
    elements: &mut std::slice::Iter<'_, Value>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some((length, inner)) = dims.split_first() else {
        let value = elements.next().ok_or_else(|| Error::internal("an array too short"))?;
        return write(env, element, value, out);
    };
    out.push(b'[');
    for index in 0..*length {
        if index > 0 {
            out.push(b',');
        }
        write_dimension(env, element, inner, elements, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_record<'a>(
    env: &dyn Environment,
    fields: impl Iterator<Item = ((&'a str, &'a Type), &'a Value)>,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.push(b'{');
    for (index, ((name, ty), value)) in fields.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write(env, ty, value, out)?;
    }
    out.push(b'}');
    Ok(())
}
