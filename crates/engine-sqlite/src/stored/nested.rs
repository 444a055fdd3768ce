//! Stored forms of arrays, ranges, intervals and rows: text, with the elements in a form that needs
//! no session to read.

use backstay_model::{Array, Error, Interval, Range, RangeKind, Result, Type, TypeSource, Value};
use backstay_scalar::io;
use serde_json::Value as Json;

/// PostgreSQL's form of an interval.
pub(crate) fn interval_text(interval: Interval) -> String {
    let mut out = Vec::with_capacity(32);
    io::interval::write_interval(&mut out, interval);
    String::from_utf8_lossy(&out).into_owned()
}

fn unfit() -> Error {
    Error::internal("a stored array or range does not fit its type")
}

/// An array as JSON: numbers, booleans and texts as they are, dates and times as numbers.
pub(crate) fn encode_array(array: &Array) -> Result<String> {
    let mut out = Vec::with_capacity(array.elements.len() * 8 + 2);
    let mut elements = array.elements.iter();
    write_dimension(&array.dims, &mut elements, &mut out)?;
    String::from_utf8(out).map_err(|_| unfit())
}

fn write_dimension(
    dims: &[usize],
    elements: &mut std::slice::Iter<'_, Value>,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.push(b'[');
    if let Some((count, inner)) = dims.split_first() {
        for index in 0..*count {
            if index > 0 {
                out.push(b',');
            }
            if inner.is_empty() {
                write_element(elements.next().ok_or_else(unfit)?, out)?;
            } else {
                write_dimension(inner, elements, out)?;
            }
        }
    }
    out.push(b']');
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    io::json::write_string(text, out);
}

fn write_element(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(number)
        | Value::Enum(number)
        | Value::Time(number)
        | Value::Timestamp(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        Value::Date(days) => out.extend_from_slice(itoa::Buffer::new().format(*days).as_bytes()),
        Value::Float(number) if number.is_finite() => {
            out.extend_from_slice(format!("{number:?}").as_bytes());
        }
        Value::Float(number) => write_string(&number.to_string(), out),
        Value::Numeric(number) => {
            let text = number.to_string();
            if matches!(number, backstay_model::Numeric::Finite { .. }) {
                out.extend_from_slice(text.as_bytes());
            } else {
                write_string(&text, out);
            }
        }
        Value::Text(text) | Value::Json(text) | Value::Jsonb(text) => write_string(text, out),
        Value::Uuid(bytes) => write_string(&uuid_text(bytes), out),
        Value::Bytes(bytes) => write_string(&io::nested::bytea::print(bytes), out),
        Value::TimeTz { micros, zone } => write_string(&format!("{micros} {zone}"), out),
        Value::Interval(interval) => write_string(&interval_text(*interval), out),
        Value::Range(range) => write_string(&encode_range(range)?, out),
        Value::Record(_) => write_string(&encode_record(value)?, out),
        Value::Array(_) => return Err(unfit()),
    }
    Ok(())
}

/// Lower-case hexadecimal with hyphens.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    out
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
    let mut bytes = [0_u8; 16];
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// The array behind its stored form.
///
/// # Errors
/// `XX000` if it is none.
pub(crate) fn decode_array(element: &Type, text: &str, types: &dyn TypeSource) -> Result<Array> {
    let parsed: Json = serde_json::from_str(text).map_err(|_| unfit())?;
    let element = element.base(types);
    let mut array = Array::default();
    read_dimension(&element, parsed, 0, &mut array, types)?;
    if array.elements.is_empty() {
        array.dims.clear();
    }
    Ok(array)
}

fn read_dimension(
    element: &Type,
    json: Json,
    depth: usize,
    array: &mut Array,
    types: &dyn TypeSource,
) -> Result<()> {
    let Json::Array(items) = json else { return Err(unfit()) };
    if array.dims.len() == depth {
        array.dims.push(items.len());
    }
    for item in items {
        if matches!(item, Json::Array(_)) {
            read_dimension(element, item, depth + 1, array, types)?;
        } else {
            array.elements.push(read_element(element, item, types)?);
        }
    }
    Ok(())
}

fn read_element(element: &Type, json: Json, types: &dyn TypeSource) -> Result<Value> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(truth) => Ok(Value::Bool(truth)),
        Json::Number(number) => read_number(element, &number.to_string(), types),
        Json::String(text) => read_string(element, text, types),
        Json::Array(_) | Json::Object(_) => Err(unfit()),
    }
}

fn read_number(element: &Type, text: &str, types: &dyn TypeSource) -> Result<Value> {
    match element {
        Type::Numeric => text.parse().map(Value::Numeric).map_err(|_| unfit()),
        Type::Float4 | Type::Float8 => text.parse().map(Value::Float).map_err(|_| unfit()),
        _ => super::decode_integer(element, text.parse().map_err(|_| unfit())?, types),
    }
}

fn read_string(element: &Type, text: String, types: &dyn TypeSource) -> Result<Value> {
    Ok(match element {
        Type::Uuid => Value::Uuid(uuid_bytes(&text).ok_or_else(unfit)?),
        Type::Bytea => Value::Bytes(io::nested::bytea::parse(&text)?),
        Type::Float4 | Type::Float8 => Value::Float(text.parse().map_err(|_| unfit())?),
        Type::TimeTz => {
            let (micros, zone) = text.split_once(' ').ok_or_else(unfit)?;
            Value::TimeTz {
                micros: micros.parse().map_err(|_| unfit())?,
                zone: zone.parse().map_err(|_| unfit())?,
            }
        }
        Type::Bool => Value::Bool(text == "true"),
        _ => super::decode_text(element, &text, types)?,
    })
}

/// A range in PostgreSQL's notation, with dates and times as numbers.
pub(crate) fn encode_range(range: &Range) -> Result<String> {
    if range.empty {
        return Ok("empty".to_owned());
    }
    let bound = |bound: &Option<Value>| -> Result<String> {
        let mut out = Vec::new();
        if let Some(value) = bound {
            write_element(value, &mut out)?;
        }
        let text = String::from_utf8(out).map_err(|_| unfit())?;
        Ok(text.trim_matches('"').to_owned())
    };
    let open = if range.lower_inclusive { '[' } else { '(' };
    let close = if range.upper_inclusive { ']' } else { ')' };
    Ok(format!("{open}{},{}{close}", bound(&range.lower)?, bound(&range.upper)?))
}

/// The range behind its stored form.
///
/// # Errors
/// `XX000` if it is none.
pub(crate) fn decode_range(kind: RangeKind, text: &str) -> Result<Range> {
    if text == "empty" {
        return Ok(io::nested::range::empty());
    }
    let (open, rest) = text.split_at_checked(1).ok_or_else(unfit)?;
    let (inner, close) = rest.split_at_checked(rest.len().saturating_sub(1)).ok_or_else(unfit)?;
    let (lower, upper) = inner.split_once(',').ok_or_else(unfit)?;
    let subtype = kind.subtype();
    let bound = |text: &str| -> Result<Option<Value>> {
        if text.is_empty() {
            return Ok(None);
        }
        read_number(&subtype, text, &backstay_model::types::NoTypes).map(Some)
    };
    Ok(Range {
        empty: false,
        lower: bound(lower)?,
        upper: bound(upper)?,
        lower_inclusive: open == "[",
        upper_inclusive: close == "]",
    })
}

/// A row: its values with their kinds.
pub(crate) fn encode_record(value: &Value) -> Result<String> {
    serde_json::to_string(value).map_err(|_| unfit())
}

/// The row behind its stored form.
pub(crate) fn decode_record(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|_| unfit())
}
