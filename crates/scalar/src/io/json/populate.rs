//! From a JSON value of a request to a value of a type, as `json_populate_record` does it.

use backstay_model::{Array, Error, Modifier, Result, Type, Value};

use super::scan::{self, Kind};
use crate::{Environment, io};

/// `text` is one well-formed JSON value without blanks around it.
pub(super) fn populate(
    env: &dyn Environment,
    ty: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    let kind = scan::kind(text);
    if kind == Kind::Null {
        return Ok(Value::Null);
    }
    match ty {
        Type::Domain(id) => {
            let (base, base_modifier) = env
                .types()
                .domain_base(*id)
                .ok_or_else(|| Error::internal("a domain without a base"))?;
            populate(env, base, modifier.or(base_modifier), text)
        }
        Type::Json => Ok(Value::Json(text.to_owned())),
        Type::Jsonb => Ok(Value::Jsonb(super::canonicalize(text)?)),
        Type::Array(element) if kind != Kind::String => array(env, element, modifier, text),
        Type::Composite(id) if kind != Kind::String => {
            let fields = env
                .types()
                .fields(*id)
                .ok_or_else(|| Error::internal("a composite type without fields"))?;
            if kind != Kind::Object {
                let found = if kind == Kind::Array { "an array" } else { "a scalar" };
                return Err(Error::new(
                    "22023",
                    format!("cannot call populate_composite on {found}"),
                ));
            }
            let field =
                |(name, ty, modifier): &(String, Type, Option<Modifier>)| match scan::last_member(
                    text, name,
                ) {
                    Some(member) => populate(env, ty, *modifier, member),
                    None => Ok(Value::Null),
                };
            Ok(Value::Record(fields.iter().map(field).collect::<Result<_>>()?))
        }
        _ if kind == Kind::String => io::input(env, ty, modifier, &scan::unescape(text)?),
        _ => io::input(env, ty, modifier, text),
    }
}

fn array(
    env: &dyn Environment,
    element: &Type,
    modifier: Option<Modifier>,
    text: &str,
) -> Result<Value> {
    if scan::kind(text) != Kind::Array {
        return Err(Error::new("22P02", "expected JSON array"));
    }
    // The first path down decides the number of dimensions; arrays below that are elements.
    let mut dims = Vec::new();
    let mut level = Some(text);
    while let Some(inner) = level.filter(|inner| scan::kind(inner) == Kind::Array) {
        dims.push(scan::elements(inner).count());
        level = scan::elements(inner).next();
    }
    let mut out = Array { dims, elements: Vec::new() };
    if out.dims.len() > io::nested::array::DIMENSIONS_MAX {
        return Err(io::nested::array::too_many_dimensions(out.dims.len()));
    }
    collect(env, (element, modifier), text, 0, &mut out)?;
    if out.elements.is_empty() {
        out.dims.clear();
    }
    Ok(Value::Array(out))
}

fn collect(
    env: &dyn Environment,
    element: (&Type, Option<Modifier>),
    text: &str,
    depth: usize,
    out: &mut Array,
) -> Result<()> {
    let mismatch = || {
        Error::new("22P02", "malformed JSON array")
            .with_details("Multidimensional arrays must have sub-arrays with matching dimensions.")
    };
    let last = depth + 1 == out.dims.len();
    let mut count = 0;
    for item in scan::elements(text) {
        count += 1;
        if last {
            out.elements.push(populate(env, element.0, element.1, item)?);
        } else if scan::kind(item) == Kind::Array {
            collect(env, element, item, depth + 1, out)?;
        } else {
            return Err(Error::new("22P02", "expected JSON array"));
        }
    }
    if Some(&count) == out.dims.get(depth) { Ok(()) } else { Err(mismatch()) }
}
