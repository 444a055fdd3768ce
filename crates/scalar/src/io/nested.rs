//! Text forms of the types with parts or with a syntax of their own: arrays, ranges, composites,
//! binary strings, network addresses, bit strings, points, vectors, text search.

pub mod array;
pub mod bits;
pub mod bytea;
pub mod composite;
pub mod network;
pub mod point;
pub mod range;
pub mod tsquery;
pub mod tsvector;
pub mod vector;

use backstay_model::{Error, Modifier, Result, Type, Value};

use crate::Environment;

pub(super) fn input(env: &dyn Environment, ty: &Type, text: &str) -> Result<Value> {
    match ty {
        Type::Array(element) => array::parse(env, element, None, text).map(Value::Array),
        Type::Range(kind) => {
            range::parse(env, *kind, text).map(|range| Value::Range(Box::new(range)))
        }
        Type::Composite(id) => composite::parse(env, *id, text),
        Type::Record => {
            Err(Error::new("0A000", "input of anonymous composite types is not implemented"))
        }
        Type::Bytea => bytea::parse(text).map(Value::Bytes),
        Type::Inet => network::parse(text, false).map(|address| Value::text(address.to_string())),
        Type::Cidr => network::parse(text, true).map(|address| Value::text(address.to_string())),
        Type::Macaddr => network::parse_mac(text).map(Value::Text),
        Type::Bit | Type::Varbit => bits::parse(text).map(Value::Text),
        Type::Point => point::parse(text).map(Value::Text),
        Type::Xml | Type::Regclass | Type::Other(_) | Type::Trigger | Type::Unknown => {
            super::plain::input(env, &Type::Text, text)
        }
        Type::TsVector => {
            tsvector::TsVector::parse(text).map(|vector| Value::text(vector.to_string()))
        }
        Type::TsQuery => tsquery::TsQuery::parse(text).map(|query| Value::text(query.to_string())),
        Type::Vector => vector::parse(text).map(Value::Text),
        Type::Void => Ok(Value::text("")),
        _ => Err(Error::new(
            "0A000",
            format!("cannot accept a value of type {}", ty.name(env.types())),
        )),
    }
}

pub(super) fn output(env: &dyn Environment, ty: &Type, value: &Value) -> Result<String> {
    match (ty, value) {
        (Type::Array(element), Value::Array(array)) => array::print(env, element, array),
        (Type::Range(kind), Value::Range(range)) => range::print(env, *kind, range),
        (Type::Composite(id), Value::Record(fields)) => {
            let types = env
                .types()
                .fields(*id)
                .ok_or_else(|| Error::internal("a composite type without fields"))?;
            composite::print(env, types.iter().map(|(_, ty, _)| ty).zip(fields))
        }
        (Type::Record, Value::Record(fields)) => {
            let types: Vec<Type> = fields.iter().map(composite::type_of).collect();
            composite::print(env, types.iter().zip(fields))
        }
        (Type::Bytea, Value::Bytes(bytes)) => Ok(bytea::print(bytes)),
        (_, Value::Text(text)) => Ok(text.clone()),
        _ => Err(Error::internal(format!(
            "a value of another type where {} was expected",
            ty.name(env.types())
        ))),
    }
}

pub(super) fn apply_modifier(
    env: &dyn Environment,
    element: &Type,
    modifier: Modifier,
    value: Value,
    explicit: bool,
) -> Result<Value> {
    let Value::Array(mut array) = value else { return Ok(value) };
    for item in &mut array.elements {
        if !item.is_null() {
            let taken = std::mem::replace(item, Value::Null);
            *item = super::apply_modifier(env, element, modifier, taken, explicit)?;
        }
    }
    Ok(Value::Array(array))
}

/// The blanks that PostgreSQL's input functions skip.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

#[cfg(test)]
mod tests;
