//! `@>`, `<@`, `?`, `?|`, `?&`.

use std::collections::HashSet;

use backstay_model::{Error, Result, Value};

use super::string_is;
use crate::io::json::compare_text;
use crate::io::json::scan::{self, Kind};
use crate::{Call, Table};

pub(super) fn register(table: &mut Table) {
    table
        .operator("@>(jsonb, jsonb) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(contains(call.text(0)?, call.text(1)?))));
    table
        .operator("<@(jsonb, jsonb) boolean")
        .total()
        .scalar(|call| Ok(Value::Bool(contains(call.text(1)?, call.text(0)?))));
    for signature in ["?(jsonb, text) boolean", "jsonb_exists(jsonb, text) boolean"] {
        let row = if signature.starts_with('?') {
            table.operator(signature)
        } else {
            table.function(signature)
        };
        row.total().scalar(|call| Ok(Value::Bool(exists(call.text(0)?, call.text(1)?))));
    }
    table.operator("?|(jsonb, text[]) boolean").total().scalar(|call| {
        let text = call.text(0)?;
        Ok(Value::Bool(keys(call)?.into_iter().any(|key| exists(text, key))))
    });
    table.operator("?&(jsonb, text[]) boolean").total().scalar(|call| {
        let text = call.text(0)?;
        Ok(Value::Bool(keys(call)?.into_iter().all(|key| exists(text, key))))
    });
}

fn keys<'a>(call: &Call<'a>) -> Result<Vec<&'a str>> {
    match call.args.get(1) {
        Some(Value::Array(array)) => Ok(array.elements.iter().filter_map(Value::as_str).collect()),
        _ => Err(Error::internal("keys that are no array")),
    }
}

fn exists(text: &str, key: &str) -> bool {
    match scan::kind(text) {
        Kind::Object => scan::member(text, key).is_some(),
        Kind::Array => scan::elements(text)
            .any(|element| scan::kind(element) == Kind::String && string_is(element, key)),
        Kind::String => string_is(text, key),
        _ => false,
    }
}

/// At the top an array may also hold a scalar directly.
fn contains(whole: &str, wanted: &str) -> bool {
    if scan::kind(whole) == Kind::Array && scan::kind(wanted).is_scalar() {
        return scan::elements(whole).any(|element| same_scalar(element, wanted));
    }
    deep_contains(whole, wanted)
}

fn same_scalar(a: &str, b: &str) -> bool {
    scan::kind(a) == scan::kind(b) && scan::kind(a).is_scalar() && compare_text(a, b).is_eq()
}

fn deep_contains(whole: &str, wanted: &str) -> bool {
    match (scan::kind(whole), scan::kind(wanted)) {
        (Kind::Object, Kind::Object) => object_contains(whole, wanted),
        (Kind::Array, Kind::Array) => {
            // Canonical text of strings, booleans and null is unique: a set spares the search.
            let texts: HashSet<&str> = scan::elements(whole).collect();
            scan::elements(wanted).all(|element| {
                texts.contains(element)
                    || match scan::kind(element) {
                        Kind::String | Kind::Bool | Kind::Null => false,
                        _ => scan::elements(whole).any(|have| deep_contains(have, element)),
                    }
            })
        }
        _ => same_scalar(whole, wanted),
    }
}

/// Both are in the order of keys: one pass over each.
fn object_contains(whole: &str, wanted: &str) -> bool {
    let mut have = scan::members(whole);
    scan::members(wanted).all(|(key, value)| {
        have.by_ref()
            .find(|(known, _)| *known == key)
            .is_some_and(|(_, found)| deep_contains(found, value))
    })
}
