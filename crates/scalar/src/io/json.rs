//! `json` and `jsonb`: input, canonical text, order, request bodies in, responses out.
//!
//! A `jsonb` value is its canonical text (keys sorted by length then bytes, one blank after `:` and
//! `,`), so output is a copy and `->` is a scan of that text: no tree is ever built.

mod canonical;
mod order;
mod populate;
pub mod scan;
mod validate;
mod write;

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;

pub use canonical::canonicalize;
pub use order::compare_text;
pub use write::{write_str, write_string};

pub(crate) use write::push_string as push_key;

/// The text as a key or string of canonical JSON, with its quotes.
pub(crate) fn write_key(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_key(text, &mut out);
    out
}

/// The order of two keys as written in canonical text.
pub(crate) fn canonical_key_order(a: &str, b: &str) -> std::cmp::Ordering {
    match (scan::unescape(a), scan::unescape(b)) {
        (Ok(a), Ok(b)) => canonical::key_order(&a, &b),
        _ => canonical::key_order(a, b),
    }
}

/// Limit: arrays and objects inside one another; deeper text is `54001`.
pub const NESTING_MAX: usize = 512;

/// The error of text that is nested too deeply.
pub(crate) fn too_deep() -> Error {
    Error::new("54001", "stack depth limit exceeded")
        .with_details(format!("JSON may be nested {NESTING_MAX} levels deep."))
}

/// Checks that `text` is one JSON value. Escapes are checked only as far as the `json` type does.
///
/// # Errors
/// `22P02` with PostgreSQL's detail; `54001` when nested too deeply.
pub fn validate(text: &str) -> Result<()> {
    validate::validate(text, validate::Escapes::Spelling)
}

pub(super) fn input(ty: &Type, text: &str) -> Result<Value> {
    if *ty == Type::Json {
        validate(text)?;
        Ok(Value::Json(text.to_owned()))
    } else {
        Ok(Value::Jsonb(canonicalize(text)?))
    }
}

pub(super) fn output(value: &Value) -> Result<String> {
    match value {
        Value::Json(text) | Value::Jsonb(text) => Ok(text.clone()),
        _ => Err(Error::internal("a value of another type where JSON was expected")),
    }
}

pub(super) fn populate(
    env: &dyn Environment,
    ty: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    validate(text)?;
    populate::populate(env, ty, modifier, scan::trim(text))
}

pub(super) fn write(
    env: &dyn Environment,
    ty: &Type,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    write::write(env, ty, value, out)
}

#[cfg(test)]
mod tests;
