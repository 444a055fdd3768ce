//! Functions on `bytea`, hashes, passwords, random values, network addresses.

mod crypto;
mod network;

use backstay_model::{Error, Result, Value};
use base64::Engine;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::text::{count, text};
use crate::io::nested::bytea;
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    bytes(table);
    encodings(table);
    hashes(table);
    crypto::register(table);
    network::register(table);
}

fn bytes(table: &mut Table) {
    for signature in ["length(bytea) integer", "octet_length(bytea) integer"] {
        table.function(signature).total().scalar(|call| count(call.bytes(0)?.len()));
    }
    table
        .function("bit_length(bytea) integer")
        .total()
        .scalar(|call| count(call.bytes(0)?.len() * 8));
    table
        .operator("||(bytea, bytea) bytea")
        .total()
        .scalar(|call| Ok(Value::Bytes([call.bytes(0)?, call.bytes(1)?].concat())));
    table.function("get_byte(bytea, integer) integer").scalar(|call| {
        let at = checked_index(call)?;
        Ok(Value::Int(call.bytes(0)?.get(at).copied().unwrap_or(0).into()))
    });
    table.function("set_byte(bytea, integer, integer) bytea").scalar(|call| {
        let at = checked_index(call)?;
        let mut bytes = call.bytes(0)?.to_vec();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = u8::try_from(call.int(2)? & 0xff).unwrap_or(0);
        }
        Ok(Value::Bytes(bytes))
    });
    for signature in ["substring(bytea, integer) bytea", "substr(bytea, integer) bytea"] {
        table.function(signature).total().scalar(substring);
    }
    for signature in
        ["substring(bytea, integer, integer) bytea", "substr(bytea, integer, integer) bytea"]
    {
        table.function(signature).scalar(substring);
    }
    table.function("position(bytea, bytea) integer").total().scalar(|call| {
        let found = memchr::memmem::find(call.bytes(0)?, call.bytes(1)?);
        count(found.map_or(0, |at| at + 1))
    });
}

fn checked_index(call: &Call<'_>) -> Result<usize> {
    let (length, index) = (call.bytes(0)?.len(), call.int(1)?);
    usize::try_from(index).ok().filter(|at| *at < length).ok_or_else(|| {
        let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
        Error::new("2202E", format!("index {index} out of valid range, 0..{last}"))
    })
}

fn substring(call: &Call<'_>) -> Result<Value> {
    let (bytes, start) = (call.bytes(0)?, call.int(1)?);
    let end = match call.args.get(2) {
        None => i64::MAX,
        Some(_) => match call.int(2)? {
            length if length < 0 => {
                return Err(Error::new("22011", "negative substring length not allowed"));
            }
            length => start.saturating_add(length),
        },
    };
    let limit =
        |position: i64| usize::try_from(position.max(1) - 1).unwrap_or(usize::MAX).min(bytes.len());
    let (from, to) = (limit(start), limit(end));
    Ok(Value::Bytes(bytes.get(from..to).unwrap_or_default().to_vec()))
}

fn encodings(table: &mut Table) {
    table.function("encode(bytea, text) text").scalar(|call| {
        let bytes = call.bytes(0)?;
        match call.text(1)?.to_ascii_lowercase().as_str() {
            "hex" => text(hex::encode(bytes)),
            "escape" => text(bytea::print_escape(bytes)),
            "base64" => text(encode_base64(bytes)),
            _ => Err(unknown_encoding(call.text(1)?)),
        }
    });
    table.function("decode(text, text) bytea").scalar(|call| {
        let given = call.text(0)?;
        match call.text(1)?.to_ascii_lowercase().as_str() {
            "hex" => bytea::parse_hex(given),
            "escape" => bytea::parse_escape(given),
            "base64" => decode_base64(given),
            _ => Err(unknown_encoding(call.text(1)?)),
        }
        .map(Value::Bytes)
    });
    table.function("convert_to(text, name) bytea").stable().scalar(|call| {
        check_utf8(call.text(1)?, "destination")?;
        Ok(Value::Bytes(call.text(0)?.as_bytes().to_vec()))
    });
    table.function("convert_from(bytea, name) text").stable().scalar(|call| {
        check_utf8(call.text(1)?, "source")?;
        let bytes = call.bytes(0)?;
        let invalid = |at: usize| {
            let shown = bytes.get(at..).unwrap_or_default().first().copied().unwrap_or(0);
            Error::new(
                "22021",
                format!("invalid byte sequence for encoding \"UTF8\": 0x{shown:02x}"),
            )
        };
        let decoded = std::str::from_utf8(bytes).map_err(|error| invalid(error.valid_up_to()))?;
        match decoded.find('\0') {
            Some(at) => Err(invalid(at)),
            None => text(decoded),
        }
    });
}

fn unknown_encoding(name: &str) -> Error {
    Error::new("22023", format!("unrecognized encoding: \"{name}\""))
}

fn check_utf8(name: &str, which: &str) -> Result<()> {
    if matches!(name.to_ascii_lowercase().replace(['-', '_'], "").as_str(), "utf8" | "unicode") {
        return Ok(());
    }
    Err(Error::new("22023", format!("invalid {which} encoding name \"{name}\"")))
}

/// PostgreSQL breaks base64 into lines of 76 characters.
fn encode_base64(bytes: &[u8]) -> String {
    let plain = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = String::with_capacity(plain.len() + plain.len() / 76);
    for (index, c) in plain.chars().enumerate() {
        if index > 0 && index % 76 == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out
}

fn decode_base64(given: &str) -> Result<Vec<u8>> {
    let symbols: String =
        given.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')).collect();
    let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    if let Some(bad) = symbols.chars().find(|c| !known(c)) {
        return Err(Error::new(
            "22023",
            format!("invalid symbol \"{bad}\" found while decoding base64 sequence"),
        ));
    }
    base64::engine::general_purpose::STANDARD.decode(symbols).map_err(|_| {
        Error::new("22023", "invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted.")
    })
}

fn hashes(table: &mut Table) {
    fn hash<D: Digest>(call: &Call<'_>) -> Result<Value> {
        Ok(Value::Bytes(D::digest(call.bytes(0)?).to_vec()))
    }
    table.function("sha224(bytea) bytea").total().scalar(hash::<Sha224>);
    table.function("sha256(bytea) bytea").total().scalar(hash::<Sha256>);
    table.function("sha384(bytea) bytea").total().scalar(hash::<Sha384>);
    table.function("sha512(bytea) bytea").total().scalar(hash::<Sha512>);
}

#[cfg(test)]
mod tests {
    #[test]
    fn binary_functions_answer_as_postgresql() {
        super::super::cases::check(include_str!("cases/binary.txt"));
    }
}
