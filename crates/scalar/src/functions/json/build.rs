//! JSON made of SQL values: `to_jsonb`, `jsonb_build_object`, `row_to_json`…

use backstay_model::{Error, Result, Type, Value};

use super::misuse;
use crate::functions::text::shown;
use crate::io::json::canonicalize;
use crate::{Call, Environment, Table, io};

/// The value as JSON text.
fn json_text(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    let mut out = Vec::new();
    io::write_json(env, ty, value, &mut out)?;
    String::from_utf8(out).map_err(|_| Error::internal("JSON that is no UTF-8"))
}

/// The value as canonical `jsonb` text.
fn to_jsonb_text(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    match value {
        Value::Jsonb(text) => Ok(text.clone()),
        _ => canonicalize(&json_text(env, ty, value)?),
    }
}

fn argument<'a>(call: &Call<'a>, index: usize) -> Result<(&'a Type, &'a Value)> {
    call.arg_types
        .get(index)
        .zip(call.args.get(index))
        .ok_or_else(|| Error::internal("an argument is missing"))
}

fn json_argument(call: &Call<'_>, index: usize) -> Result<String> {
    let (ty, value) = argument(call, index)?;
    json_text(call.env, ty, value)
}

fn jsonb_argument(call: &Call<'_>, index: usize) -> Result<String> {
    let (ty, value) = argument(call, index)?;
    to_jsonb_text(call.env, ty, value)
}

pub(super) fn register(table: &mut Table) {
    for signature in ["to_json(anyelement) json", "array_to_json(anyarray) json"] {
        table.function(signature).stable().scalar(|call| json_argument(call, 0).map(Value::Json));
    }
    table
        .function("to_jsonb(anyelement) jsonb")
        .stable()
        .scalar(|call| jsonb_argument(call, 0).map(Value::Jsonb));
    table
        .function("row_to_json(record) json")
        .stable()
        .scalar(|call| json_argument(call, 0).map(Value::Json));
    for signature in ["row_to_json(record, boolean) json", "array_to_json(anyarray, boolean) json"]
    {
        table.function(signature).stable().scalar(|call| {
            let text = json_argument(call, 0)?;
            Ok(Value::Json(if call.boolean(1)? { lines(&text) } else { text }))
        });
    }
    builders(table);
    objects(table);
}

/// Top-level members or elements on lines of their own, as the "pretty" forms have it.
fn lines(text: &str) -> String {
    use crate::io::json::scan;
    let elements: Vec<&str> = scan::elements(text).collect();
    if !elements.is_empty() {
        return format!("[{}]", elements.join(",\n "));
    }
    let members: Vec<String> =
        scan::members(text).map(|(key, value)| format!("{key}:{value}")).collect();
    if members.is_empty() { text.to_owned() } else { format!("{{{}}}", members.join(",\n ")) }
}

fn builders(table: &mut Table) {
    for signature in ["json_build_object() json", "json_build_object(variadic \"any\") json"] {
        table.function(signature).takes_nulls().stable().scalar(json_build_object);
    }
    for signature in ["jsonb_build_object() jsonb", "jsonb_build_object(variadic \"any\") jsonb"] {
        table.function(signature).takes_nulls().stable().scalar(jsonb_build_object);
    }
    for signature in ["json_build_array() json", "json_build_array(variadic \"any\") json"] {
        table.function(signature).takes_nulls().stable().scalar(|call| {
            let items: Vec<String> = (0..call.args.len())
                .map(|index| json_argument(call, index))
                .collect::<Result<_>>()?;
            Ok(Value::Json(format!("[{}]", items.join(", "))))
        });
    }
    for signature in ["jsonb_build_array() jsonb", "jsonb_build_array(variadic \"any\") jsonb"] {
        table.function(signature).takes_nulls().stable().scalar(|call| {
            let items: Vec<String> = (0..call.args.len())
                .map(|index| jsonb_argument(call, index))
                .collect::<Result<_>>()?;
            Ok(Value::Jsonb(super::array_text(items.iter().map(String::as_str))))
        });
    }
}

fn check_even(call: &Call<'_>, name: &str) -> Result<()> {
    if call.args.len().is_multiple_of(2) {
        return Ok(());
    }
    Err(misuse("argument list must have even number of elements").with_hint(format!(
        "The arguments of {name}() must consist of alternating keys and values."
    )))
}

/// A key as JSON text.
fn key(call: &Call<'_>, index: usize, null: impl Fn() -> Error) -> Result<String> {
    let (ty, value) = argument(call, index)?;
    if matches!(ty, Type::Array(_) | Type::Composite(_) | Type::Record | Type::Json | Type::Jsonb)
        && !value.is_null()
    {
        return Err(misuse("key value must be scalar, not array, composite, or json"));
    }
    let text = match value {
        Value::Bool(truth) => truth.to_string().into(),
        _ => shown(call, index)?.ok_or_else(null)?,
    };
    let mut out = String::new();
    io::json::push_key(&text, &mut out);
    Ok(out)
}

fn json_build_object(call: &Call<'_>) -> Result<Value> {
    check_even(call, "json_build_object")?;
    let mut out = String::from("{");
    for index in (0..call.args.len()).step_by(2) {
        if index > 0 {
            out.push_str(", ");
        }
        let null = || {
            misuse(format!("argument {} cannot be null", index + 1))
                .with_hint("Object keys should be text.")
        };
        out.push_str(&key(call, index, null)?);
        out.push_str(" : ");
        out.push_str(&json_argument(call, index + 1)?);
    }
    out.push('}');
    Ok(Value::Json(out))
}

fn jsonb_build_object(call: &Call<'_>) -> Result<Value> {
    check_even(call, "jsonb_build_object")?;
    let mut out = String::from("{");
    for index in (0..call.args.len()).step_by(2) {
        if index > 0 {
            out.push(',');
        }
        let null = || misuse(format!("argument {}: key must not be null", index + 1));
        out.push_str(&key(call, index, null)?);
        out.push(':');
        out.push_str(&jsonb_argument(call, index + 1)?);
    }
    out.push('}');
    canonicalize(&out).map(Value::Jsonb)
}

fn objects(table: &mut Table) {
    table
        .function("json_object(text[]) json")
        .scalar(|call| pairs(call).map(|pairs| Value::Json(object(&pairs, " : "))));
    table
        .function("json_object(text[], text[]) json")
        .scalar(|call| pairs_of_two(call).map(|pairs| Value::Json(object(&pairs, " : "))));
    table
        .function("jsonb_object(text[]) jsonb")
        .scalar(|call| canonicalize(&object(&pairs(call)?, ":")).map(Value::Jsonb));
    table
        .function("jsonb_object(text[], text[]) jsonb")
        .scalar(|call| canonicalize(&object(&pairs_of_two(call)?, ":")).map(Value::Jsonb));
}

type Pair<'a> = (&'a str, Option<&'a str>);

fn object(pairs: &[Pair<'_>], colon: &str) -> String {
    let mut out = String::from("{");
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        io::json::push_key(key, &mut out);
        out.push_str(colon);
        match value {
            Some(value) => io::json::push_key(value, &mut out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    out
}

fn null_key() -> Error {
    Error::new("22004", "null value not allowed for object key")
}

fn subscripts(message: &str) -> Error {
    Error::new("2202E", message.to_owned())
}

/// `{k1,v1,k2,v2}` or `{{k1,v1},{k2,v2}}`.
fn pairs<'a>(call: &Call<'a>) -> Result<Vec<Pair<'a>>> {
    let Some(Value::Array(array)) = call.args.first() else { return Ok(Vec::new()) };
    match array.dims.as_slice() {
        [] => {}
        [count] if count.is_multiple_of(2) => {}
        [_] => return Err(subscripts("array must have even number of elements")),
        [_, 2] => {}
        [_, _] => return Err(subscripts("array must have two columns")),
        _ => return Err(subscripts("wrong number of array subscripts")),
    }
    array
        .elements
        .chunks_exact(2)
        .map(|pair| Ok((pair[0].as_str().ok_or_else(null_key)?, pair[1].as_str())))
        .collect()
}

fn pairs_of_two<'a>(call: &Call<'a>) -> Result<Vec<Pair<'a>>> {
    let (Some(Value::Array(keys)), Some(Value::Array(values))) =
        (call.args.first(), call.args.get(1))
    else {
        return Ok(Vec::new());
    };
    if keys.dims.len() > 1 || values.dims.len() > 1 {
        return Err(subscripts("wrong number of array subscripts"));
    }
    if keys.elements.len() != values.elements.len() {
        return Err(subscripts("mismatched array dimensions"));
    }
    keys.elements
        .iter()
        .zip(&values.elements)
        .map(|(key, value)| Ok((key.as_str().ok_or_else(null_key)?, value.as_str())))
        .collect()
}
