//! Functions and operators on text.

mod format;
mod parts;

use std::borrow::Cow;

use backstay_model::{Array, Error, Result, Type, Value, quote_identifier, quote_literal};
use md5::{Digest, Md5};
use unicode_normalization::UnicodeNormalization;

use crate::{Call, Table, io};

/// Limit: bytes of a text that a function makes longer than its arguments.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// `54000` if a text would become longer than [`TEXT_BYTES_MAX`].
pub(super) fn check_length(bytes: Option<usize>) -> Result<()> {
    match bytes {
        Some(bytes) if bytes <= TEXT_BYTES_MAX => Ok(()),
        _ => Err(Error::new("54000", "requested length too large")),
    }
}

/// A text result.
pub(super) fn text(value: impl Into<String>) -> Result<Value> {
    Ok(Value::Text(value.into()))
}

/// A count as an integer result.
pub(super) fn count(number: usize) -> Result<Value> {
    i64::try_from(number).map(Value::Int).map_err(|_| Error::new("22003", "integer out of range"))
}

/// The text form of an argument of any type; nothing for null.
pub(super) fn shown<'a>(call: &Call<'a>, index: usize) -> Result<Option<Cow<'a, str>>> {
    let (Some(value), Some(ty)) = (call.args.get(index), call.arg_types.get(index)) else {
        return Ok(None);
    };
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(Cow::Borrowed(text))),
        _ => io::output(call.env, ty, value).map(|text| Some(Cow::Owned(text))),
    }
}

/// The argument cast to text: as [`shown`], but booleans are spelt out.
fn cast_to_text<'a>(call: &Call<'a>, index: usize) -> Result<Option<Cow<'a, str>>> {
    match call.args.get(index) {
        Some(Value::Bool(truth)) => Ok(Some(Cow::Borrowed(if *truth { "true" } else { "false" }))),
        _ => shown(call, index),
    }
}

/// An array of texts.
pub(super) fn text_array(items: impl IntoIterator<Item = String>) -> Value {
    Value::Array(Array::from_elements(items.into_iter().map(Value::Text).collect()))
}

pub(super) fn register(table: &mut Table) {
    lengths(table);
    cases(table);
    joins(table);
    quoting(table);
    characters(table);
    rewriting(table);
    arrays(table);
    parts::register(table);
}

fn lengths(table: &mut Table) {
    for signature in
        ["length(text) integer", "char_length(text) integer", "character_length(text) integer"]
    {
        table.function(signature).total().scalar(|call| count(call.text(0)?.chars().count()));
    }
    table.function("octet_length(text) integer").total().scalar(|call| count(call.text(0)?.len()));
    table
        .function("bit_length(text) integer")
        .total()
        .scalar(|call| count(call.text(0)?.len() * 8));
    for signature in ["length(bit) integer", "length(bit varying) integer"] {
        table.function(signature).total().scalar(|call| count(call.text(0)?.len()));
    }
}

/// One character in lower case, as the C library maps it: never to more than one.
pub(super) fn lower_char(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(lower), None) => lower,
        _ if c == 'İ' => 'i',
        _ => c,
    }
}

fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

/// Text in lower case.
pub(super) fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(lower_char).collect() }
}

fn upper(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_uppercase() } else { text.chars().map(upper_char).collect() }
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .map(|c| {
            let shown = if inside { lower_char(c) } else { upper_char(c) };
            inside = c.is_alphanumeric();
            shown
        })
        .collect()
}

fn cases(table: &mut Table) {
    table.function("lower(text) text").total().scalar(|call| text(lower(call.text(0)?)));
    table.function("upper(text) text").total().scalar(|call| text(upper(call.text(0)?)));
    table.function("initcap(text) text").total().scalar(|call| text(initcap(call.text(0)?)));
    table
        .function("reverse(text) text")
        .total()
        .scalar(|call| text(call.text(0)?.chars().rev().collect::<String>()));
    table
        .function("normalize(text, text) text")
        .optional(1)
        .scalar(|call| normalize(call).and_then(text));
    table
        .function("is_normalized(text, text) boolean")
        .optional(1)
        .scalar(|call| Ok(Value::Bool(normalize(call)? == call.text(0)?)));
    for signature in ["unaccent(text) text", "extensions.unaccent(text) text"] {
        table.function(signature).stable().total().scalar(|call| text(unaccent(call.text(0)?)));
    }
}

fn normalize(call: &Call<'_>) -> Result<String> {
    let given = call.text(0)?;
    let form = if call.args.len() > 1 { call.text(1)? } else { "NFC" };
    match form.to_ascii_uppercase().as_str() {
        "NFC" => Ok(given.nfc().collect()),
        "NFD" => Ok(given.nfd().collect()),
        "NFKC" => Ok(given.nfkc().collect()),
        "NFKD" => Ok(given.nfkd().collect()),
        _ => Err(Error::new("22023", format!("invalid normalization form: {form}"))),
    }
}

/// Letters without their marks, as the rules of PostgreSQL's `unaccent` have it for Latin, Greek
/// and Cyrillic letters and the usual typographic signs.
fn unaccent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x7f' => out.push(c),
            'ß' => out.push_str("ss"),
            'ẞ' => out.push_str("SS"),
            'Æ' => out.push_str("AE"),
            'æ' => out.push_str("ae"),
            'Œ' => out.push_str("OE"),
            'œ' => out.push_str("oe"),
            'Þ' => out.push_str("TH"),
            'þ' => out.push_str("th"),
            'Ø' => out.push('O'),
            'ø' => out.push('o'),
            'Ł' => out.push('L'),
            'ł' => out.push('l'),
            'Đ' | 'Ð' => out.push('D'),
            'đ' | 'ð' => out.push('d'),
            'Ħ' => out.push('H'),
            'ħ' => out.push('h'),
            'ı' => out.push('i'),
            'Ŧ' => out.push('T'),
            'ŧ' => out.push('t'),
            '‘' | '’' | '‛' | '′' => out.push('\''),
            '‚' => out.push(','),
            '“' | '”' | '‟' => out.push('"'),
            '„' => out.push_str(",,"),
            '«' => out.push_str("<<"),
            '»' => out.push_str(">>"),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => out.push('-'),
            '…' => out.push_str("..."),
            '©' => out.push_str("(C)"),
            '®' => out.push_str("(R)"),
            '¼' => out.push_str("1/4"),
            '½' => out.push_str("1/2"),
            '¾' => out.push_str("3/4"),
            '×' => out.push('*'),
            '÷' => out.push('/'),
            '№' => out.push_str("No"),
            'ﬀ'..='ﬆ' => out.extend(std::iter::once(c).nfkd()),
            // Marks stand alone in decomposed text; they go as those of composed letters do.
            '\u{300}'..='\u{362}' => {}
            _ => out.extend(
                std::iter::once(c).nfd().filter(|part| !('\u{300}'..='\u{362}').contains(part)),
            ),
        }
    }
    out
}

fn joins(table: &mut Table) {
    table.operator("||(text, text) text").total().scalar(|call| {
        let (a, b) = (call.text(0)?, call.text(1)?);
        let mut out = String::with_capacity(a.len() + b.len());
        out.push_str(a);
        out.push_str(b);
        text(out)
    });
    for signature in ["||(text, anynonarray) text", "||(anynonarray, text) text"] {
        table.operator(signature).stable().total().scalar(|call| {
            let (a, b) = (cast_to_text(call, 0)?, cast_to_text(call, 1)?);
            text(a.unwrap_or_default() + &*b.unwrap_or_default())
        });
    }
    table
        .function("textcat(text, text) text")
        .total()
        .scalar(|call| text(format!("{}{}", call.text(0)?, call.text(1)?)));
    table.function("concat(variadic \"any\") text").takes_nulls().stable().total().scalar(|call| {
        let mut out = String::new();
        for index in 0..call.args.len() {
            out.push_str(&shown(call, index)?.unwrap_or_default());
        }
        text(out)
    });
    table.function("concat_ws(text, variadic \"any\") text").takes_nulls().stable().total().scalar(
        |call| {
            let Some(separator) = shown(call, 0)? else { return Ok(Value::Null) };
            let mut items = Vec::new();
            for index in 1..call.args.len() {
                items.extend(shown(call, index)?);
            }
            text(items.join(&separator))
        },
    );
    table.function("format(text) text").takes_nulls().stable().scalar(format::format);
    table
        .function("format(text, variadic \"any\") text")
        .takes_nulls()
        .stable()
        .scalar(format::format);
}

fn quoting(table: &mut Table) {
    table
        .function("quote_ident(text) text")
        .total()
        .scalar(|call| text(quote_identifier(call.text(0)?)));
    table
        .function("quote_literal(text) text")
        .total()
        .scalar(|call| text(quote_literal(call.text(0)?)));
    table
        .function("quote_literal(anyelement) text")
        .stable()
        .total()
        .scalar(|call| text(quote_literal(&cast_to_text(call, 0)?.unwrap_or_default())));
    table.function("quote_nullable(text) text").takes_nulls().total().scalar(quote_nullable);
    table
        .function("quote_nullable(anyelement) text")
        .takes_nulls()
        .stable()
        .total()
        .scalar(quote_nullable);
    table
        .function("md5(text) text")
        .total()
        .scalar(|call| text(hex::encode(Md5::digest(call.text(0)?.as_bytes()))));
    table
        .function("md5(bytea) text")
        .total()
        .scalar(|call| text(hex::encode(Md5::digest(call.bytes(0)?))));
}

fn quote_nullable(call: &Call<'_>) -> Result<Value> {
    let shown = cast_to_text(call, 0)?;
    text(shown.map_or_else(|| "NULL".to_owned(), |shown| quote_literal(&shown)))
}

fn characters(table: &mut Table) {
    table.function("ascii(text) integer").total().scalar(|call| {
        let first = call.text(0)?.chars().next();
        Ok(Value::Int(first.map_or(0, |c| i64::from(u32::from(c)))))
    });
    table.function("chr(integer) text").scalar(|call| {
        let code = call.int(0)?;
        let refused = |message: String| Err(Error::new("54000", message));
        match u32::try_from(code) {
            Err(_) => Err(Error::new("22023", "character number must be positive")),
            Ok(0) => refused("null character not permitted".to_owned()),
            Ok(code) if code > 0x10_FFFF => {
                refused(format!("requested character too large for encoding: {code}"))
            }
            Ok(code) => match char::from_u32(code) {
                Some(c) => text(c),
                None => refused(format!("requested character not valid for encoding: {code}")),
            },
        }
    });
    table.function("to_hex(integer) text").total().scalar(|call| {
        let number =
            i32::try_from(call.int(0)?).map_err(|_| Error::new("22003", "integer out of range"))?;
        text(format!("{number:x}"))
    });
    table
        .function("to_hex(bigint) text")
        .total()
        .scalar(|call| text(format!("{:x}", call.int(0)?)));
}

fn rewriting(table: &mut Table) {
    table.function("repeat(text, integer) text").scalar(|call| {
        let given = call.text(0)?;
        let times = usize::try_from(call.int(1)?.max(0)).unwrap_or(usize::MAX);
        check_length(given.len().checked_mul(times))?;
        text(given.repeat(times))
    });
    table.function("replace(text, text, text) text").scalar(|call| {
        let (given, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
        if from.is_empty() {
            return text(given);
        }
        if to.len() > from.len() {
            let growth = given.matches(from).count().checked_mul(to.len() - from.len());
            check_length(growth.and_then(|growth| growth.checked_add(given.len())))?;
        }
        text(given.replace(from, to))
    });
    table.function("translate(text, text, text) text").total().scalar(|call| {
        let (from, to) = (call.text(1)?, call.text(2)?);
        let to: Vec<char> = to.chars().collect();
        let mapped =
            call.text(0)?.chars().filter_map(|c| match from.chars().position(|known| known == c) {
                None => Some(c),
                Some(index) => to.get(index).copied(),
            });
        text(mapped.collect::<String>())
    });
    table
        .function("starts_with(text, text) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(call.text(0)?.starts_with(call.text(1)?))));
    table
        .operator("^@(text, text) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(call.text(0)?.starts_with(call.text(1)?))));
}

fn arrays(table: &mut Table) {
    table.function("array_to_string(anyarray, text) text").stable().total().scalar(array_to_string);
    table
        .function("array_to_string(anyarray, text, text) text")
        .takes_nulls()
        .stable()
        .total()
        .scalar(array_to_string);
    table
        .function("string_to_array(text, text) text[]")
        .takes_nulls()
        .total()
        .scalar(string_to_array);
    table
        .function("string_to_array(text, text, text) text[]")
        .takes_nulls()
        .total()
        .scalar(string_to_array);
}

fn array_to_string(call: &Call<'_>) -> Result<Value> {
    if call.arg(0)?.is_null() || call.arg(1)?.is_null() {
        return Ok(Value::Null);
    }
    let element = call
        .arg_types
        .first()
        .and_then(Type::element)
        .ok_or_else(|| Error::internal("array_to_string of something that is no array"))?;
    let null_shown = if call.args.len() > 2 { shown(call, 2)? } else { None };
    let mut items = Vec::new();
    for value in &call.array(0)?.elements {
        if value.is_null() {
            items.extend(null_shown.as_ref().map(|shown| shown.clone().into_owned()));
        } else {
            items.push(io::output(call.env, element, value)?);
        }
    }
    text(items.join(call.text(1)?))
}

/// The parts of a text between separators; characters if the separator is null.
pub(super) fn split(given: &str, separator: Option<&str>) -> Vec<String> {
    if given.is_empty() {
        return Vec::new();
    }
    match separator {
        None => given.chars().map(String::from).collect(),
        Some("") => vec![given.to_owned()],
        Some(separator) => given.split(separator).map(str::to_owned).collect(),
    }
}

/// The parts that `string_to_array` and `string_to_table` give.
pub(super) fn split_call(call: &Call<'_>) -> Result<Option<Vec<Value>>> {
    if call.arg(0)?.is_null() {
        return Ok(None);
    }
    let separator = if call.arg(1)?.is_null() { None } else { Some(call.text(1)?) };
    let null_text = match call.args.get(2) {
        None | Some(Value::Null) => None,
        Some(_) => Some(call.text(2)?),
    };
    let value = |part: String| {
        if Some(part.as_str()) == null_text { Value::Null } else { Value::Text(part) }
    };
    Ok(Some(split(call.text(0)?, separator).into_iter().map(value).collect()))
}

fn string_to_array(call: &Call<'_>) -> Result<Value> {
    Ok(split_call(call)?.map_or(Value::Null, |parts| Value::Array(Array::from_elements(parts))))
}

#[cfg(test)]
mod tests;
