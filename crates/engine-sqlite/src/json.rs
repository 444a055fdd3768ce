//! Stored values as JSON and CSV, written straight into the answer.

use backstay_catalog::Catalog;
use backstay_model::{Error, Result, Type, TypeSource};
use backstay_scalar::{Environment, io};
use rusqlite::types::ValueRef;

use crate::stored;

/// What writing a value may ask.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    /// Labels of enums, fields of rows.
    pub(crate) catalog: &'a Catalog,
    /// Time zone and the like.
    pub(crate) env: &'a dyn Environment,
}

impl Writing<'_> {
    /// Appends the stored value of the type as `to_json` shows it.
    ///
    /// # Errors
    /// `XX000` for a stored form that is none of the type's.
    pub(crate) fn json(&self, ty: &Type, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        match value {
            ValueRef::Null => out.extend_from_slice(b"null"),
            ValueRef::Integer(number) => return self.integer(ty, number, out),
            ValueRef::Text(bytes) => return self.text(ty, bytes, out),
            ValueRef::Blob(bytes) if *ty == Type::Uuid => {
                out.push(b'"');
                push_uuid(bytes, out);
                out.push(b'"');
            }
            ValueRef::Real(_) | ValueRef::Blob(_) => return self.through_value(ty, value, out),
        }
        Ok(())
    }

    fn integer(&self, ty: &Type, number: i64, out: &mut Vec<u8>) -> Result<()> {
        match ty {
            Type::Bool => out.extend_from_slice(if number != 0 { b"true" } else { b"false" }),
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid => {
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Type::Enum(id) => {
                let labels = self.catalog.enum_type(*id);
                let label = labels
                    .and_then(|labels| labels.label(number))
                    .ok_or_else(|| Error::internal(format!("an enum has no label for {number}")))?;
                io::json::write_string(label, out);
            }
            Type::TimestampTz => {
                out.push(b'"');
                io::datetime::write_timestamp(out, number, Some(self.env.time_zone()));
                out.push(b'"');
            }
            Type::Timestamp => {
                out.push(b'"');
                io::datetime::write_timestamp(out, number, None);
                out.push(b'"');
            }
            _ => return self.through_value(ty, ValueRef::Integer(number), out),
        }
        Ok(())
    }

    fn text(&self, ty: &Type, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match ty {
            Type::Text | Type::Varchar | Type::Citext | Type::Name => push_string(bytes, out),
            Type::Json | Type::Jsonb => out.extend_from_slice(bytes),
            Type::Numeric if bytes.last().is_some_and(u8::is_ascii_digit) => {
                out.extend_from_slice(bytes);
            }
            // Arrays of plain kinds are stored as they are shown; a quote in an array of numbers
            // is one that is no finite number.
            Type::Array(element) if is_shown_as_stored(element, bytes) => {
                out.extend_from_slice(bytes);
            }
            _ => return self.through_value(ty, ValueRef::Text(bytes), out),
        }
        Ok(())
    }

    fn through_value(&self, ty: &Type, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let value = stored::decode(ty, value, self.catalog)?;
        io::write_json(self.env, ty, &value, out)
    }

    /// Appends the stored value as one field of CSV.
    ///
    /// # Errors
    /// As [`Writing::json`].
    pub(crate) fn csv(&self, ty: &Type, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let value = stored::decode(ty, value, self.catalog)?;
        if !value.is_null() {
            push_csv_field(&io::output(self.env, ty, &value)?, out);
        }
        Ok(())
    }
}

fn is_shown_as_stored(element: &Type, bytes: &[u8]) -> bool {
    match element {
        Type::Text
        | Type::Varchar
        | Type::Uuid
        | Type::Bool
        | Type::Int2
        | Type::Int4
        | Type::Int8 => true,
        Type::Numeric => !bytes.contains(&b'"'),
        _ => false,
    }
}

/// Appends text as a JSON string; text without a byte to escape is one copy.
fn push_string(bytes: &[u8], out: &mut Vec<u8>) {
    // SQLite holds what was bound, and only valid UTF-8 is bound as text.
    match std::str::from_utf8(bytes) {
        Ok(text) => io::json::write_string(text, out),
        Err(_) => io::json::write_string(&String::from_utf8_lossy(bytes), out),
    }
}

fn push_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Appends text as a field of CSV in the form of PostgreSQL's rows.
pub(crate) fn push_csv_field(text: &str, out: &mut Vec<u8>) {
    let plain = !text.is_empty()
        && !text
            .bytes()
            .any(|b| matches!(b, b'"' | b'\\' | b'(' | b')' | b',') || b.is_ascii_whitespace());
    if plain {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}
