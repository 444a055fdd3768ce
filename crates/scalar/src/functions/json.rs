//! Functions, operators and casts on `json` and `jsonb`.

mod access;
mod build;
mod casts;
mod change;
mod contains;
mod populate;

use backstay_model::{Error, Result, Value};

use crate::io::json::canonicalize;
use crate::io::json::scan::{self, Kind};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    access::register(table);
    build::register(table);
    casts::register(table);
    change::register(table);
    contains::register(table);
    populate::register(table);
    facts(table);
}

/// `22023`.
fn misuse(message: impl Into<String>) -> Error {
    Error::new("22023", message.into())
}

/// A path as given: nothing where an element is null.
fn path<'a>(call: &Call<'a>, index: usize) -> Result<Vec<Option<&'a str>>> {
    let Some(Value::Array(array)) = call.args.get(index) else {
        return Err(Error::internal("a path that is no array"));
    };
    Ok(array.elements.iter().map(Value::as_str).collect())
}

/// Does a string (with its quotes) denote the text?
fn string_is(raw: &str, wanted: &str) -> bool {
    scan::unescape(raw).is_ok_and(|text| text == wanted)
}

/// The value on its own or the elements of an array.
fn elements_or_self(text: &str) -> Vec<&str> {
    match scan::kind(text) {
        Kind::Array => scan::elements(text).collect(),
        _ => vec![text],
    }
}

/// Canonical text of an array.
fn array_text<'a>(elements: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::from("[");
    for element in elements {
        if out.len() > 1 {
            out.push_str(", ");
        }
        out.push_str(element);
    }
    out.push(']');
    out
}

/// Canonical text of an object whose keys (as written, with quotes) are in order.
fn object_text<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (key, value) in members {
        if out.len() > 1 {
            out.push_str(", ");
        }
        out.push_str(key);
        out.push_str(": ");
        out.push_str(value);
    }
    out.push('}');
    out
}

fn facts(table: &mut Table) {
    for signature in ["jsonb_typeof(jsonb) text", "json_typeof(json) text"] {
        table
            .function(signature)
            .total()
            .scalar(|call| Ok(Value::text(scan::kind(call.text(0)?).name())));
    }
    for signature in ["jsonb_array_length(jsonb) integer", "json_array_length(json) integer"] {
        table.function(signature).scalar(|call| {
            let text = call.text(0)?;
            match scan::kind(text) {
                Kind::Array => super::text::count(scan::elements(text).count()),
                Kind::Object => Err(misuse("cannot get array length of a non-array")),
                _ => Err(misuse("cannot get array length of a scalar")),
            }
        });
    }
    table.function("jsonb_pretty(jsonb) text").total().scalar(|call| {
        let mut out = String::new();
        pretty(call.text(0)?, 0, &mut out);
        Ok(Value::Text(out))
    });
    table.function("jsonb_strip_nulls(jsonb) jsonb").total().scalar(|call| {
        let mut out = String::new();
        strip_nulls(call.text(0)?, ": ", ", ", &mut out);
        Ok(Value::Jsonb(out))
    });
    table.function("json_strip_nulls(json) json").total().scalar(|call| {
        let mut out = String::new();
        strip_nulls(call.text(0)?, ":", ",", &mut out);
        Ok(Value::Json(out))
    });
}

fn indent(levels: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", levels));
}

fn pretty(text: &str, level: usize, out: &mut String) {
    match scan::kind(text) {
        Kind::Array => {
            out.push('[');
            for (index, element) in scan::elements(text).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(level + 1, out);
                pretty(element, level + 1, out);
            }
            indent(level, out);
            out.push(']');
        }
        Kind::Object => {
            out.push('{');
            for (index, (key, value)) in scan::members(text).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                indent(level + 1, out);
                out.push_str(key);
                out.push_str(": ");
                pretty(value, level + 1, out);
            }
            indent(level, out);
            out.push('}');
        }
        _ => out.push_str(text),
    }
}

fn strip_nulls(text: &str, colon: &str, comma: &str, out: &mut String) {
    match scan::kind(text) {
        Kind::Array => {
            out.push('[');
            for (index, element) in scan::elements(text).enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                strip_nulls(element, colon, comma, out);
            }
            out.push(']');
        }
        Kind::Object => {
            out.push('{');
            let kept = scan::members(text).filter(|(_, value)| scan::kind(value) != Kind::Null);
            for (index, (key, value)) in kept.enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                out.push_str(key);
                out.push_str(colon);
                strip_nulls(value, colon, comma, out);
            }
            out.push('}');
        }
        _ => out.push_str(scan::trim(text)),
    }
}

/// A part of a value in the same type.
pub(super) fn part(whole: &Value, text: &str) -> Value {
    match whole {
        Value::Json(_) => Value::Json(text.to_owned()),
        _ => Value::Jsonb(text.to_owned()),
    }
}

/// What `->>` gives for a part.
pub(super) fn part_text(text: &str) -> Result<Value> {
    Ok(scan::as_text(text)?.map_or(Value::Null, |text| Value::Text(text.into_owned())))
}

/// `json` to `jsonb`.
fn to_canonical(call: &Call<'_>) -> Result<Value> {
    canonicalize(call.text(0)?).map(Value::Jsonb)
}

#[cfg(test)]
mod tests;
