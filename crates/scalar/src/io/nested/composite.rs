//! Composite literals: `(1,"a b",)`.

use backstay_model::{Error, RangeKind, Result, Type, TypeId, Value};

use super::is_space;
use crate::{Environment, io};

fn malformed(text: &str, detail: &str) -> Error {
    Error::new("22P02", format!("malformed record literal: \"{text}\"")).with_details(detail)
}

/// Reads a composite literal.
///
/// # Errors
/// `22P02` with PostgreSQL's detail, and the fields' own.
pub fn parse(env: &dyn Environment, id: TypeId, text: &str) -> Result<Value> {
    let types =
        env.types().fields(id).ok_or_else(|| Error::internal("a composite type without fields"))?;
    let Some(mut rest) = text.trim_start_matches(is_space).strip_prefix('(') else {
        return Err(malformed(text, "Missing left parenthesis."));
    };
    let mut fields = Vec::with_capacity(types.len());
    for (index, (_, ty, modifier)) in types.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(',').ok_or_else(|| malformed(text, "Too few columns."))?;
        }
        if rest.starts_with([',', ')']) {
            fields.push(Value::Null);
            continue;
        }
        let (field, behind) =
            field(rest).ok_or_else(|| malformed(text, "Unexpected end of input."))?;
        fields.push(io::input(env, ty, *modifier, &field)?);
        rest = behind;
    }
    let Some(rest) = rest.strip_prefix(')') else {
        return Err(malformed(text, "Too many columns."));
    };
    if rest.chars().any(|c| !is_space(c)) {
        return Err(malformed(text, "Junk after right parenthesis."));
    }
    Ok(Value::Record(fields))
}

/// One field and what follows it; nothing if the text ends too early.
fn field(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | ')' if !quoted => return Some((out, &text[at..])),
            '\\' => out.push(chars.next()?.1),
            '"' if !quoted => quoted = true,
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                out.push('"');
            }
            '"' => quoted = false,
            c => out.push(c),
        }
    }
    None
}

/// Prints fields as PostgreSQL's `record_out` does.
///
/// # Errors
/// As the fields' output.
pub(crate) fn print<'a>(
    env: &dyn Environment,
    fields: impl Iterator<Item = (&'a Type, &'a Value)>,
) -> Result<String> {
    let mut out = String::from("(");
    for (index, (ty, value)) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if value.is_null() {
            continue;
        }
        let text = io::output(env, ty, value)?;
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',') || is_space(c);
        if text.is_empty() || text.contains(special) {
            push_quoted(&text, &mut out);
        } else {
            out.push_str(&text);
        }
    }
    out.push(')');
    Ok(out)
}

/// In double quotes, with quotes and backslashes doubled.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

/// The type that a field of an anonymous row is printed as: the kind of value is all there is.
pub fn type_of(value: &Value) -> Type {
    match value {
        Value::Bool(_) => Type::Bool,
        Value::Int(_) | Value::Enum(_) => Type::Int8,
        Value::Float(_) => Type::Float8,
        Value::Numeric(_) => Type::Numeric,
        Value::Null | Value::Text(_) => Type::Text,
        Value::Bytes(_) => Type::Bytea,
        Value::Uuid(_) => Type::Uuid,
        Value::Date(_) => Type::Date,
        Value::Time(_) => Type::Time,
        Value::TimeTz { .. } => Type::TimeTz,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Interval(_) => Type::Interval,
        Value::Json(_) => Type::Json,
        Value::Jsonb(_) => Type::Jsonb,
        Value::Array(array) => {
            let first = array.elements.iter().find(|element| !element.is_null());
            first.map_or(Type::Text, type_of).array_of()
        }
        Value::Range(range) => {
            let bound = range.lower.as_ref().or(range.upper.as_ref());
            Type::Range(match bound {
                Some(Value::Numeric(_)) => RangeKind::Num,
                Some(Value::Date(_)) => RangeKind::Date,
                Some(Value::Timestamp(_)) => RangeKind::Ts,
                _ => RangeKind::Int8,
            })
        }
        Value::Record(_) => Type::Record,
    }
}
