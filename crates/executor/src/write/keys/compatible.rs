//! Keys whose two sides have different types.

use backstay_catalog::Relation;
use backstay_expr::CompareOp;
use backstay_model::{Result, Type, Value};
use backstay_scalar::{Call, table};

use super::Cx;
use crate::eval::matches;

/// A relation and some of its columns.
type Side<'a> = (&'a Relation, &'a [u16]);

/// The key of one side as values of the other side's columns; `None` if no such values exist
/// (1.5 among integers).
pub(super) fn converted(
    cx: &Cx<'_>,
    (from, to): (Side<'_>, Side<'_>),
    values: Vec<Value>,
) -> Result<Option<Vec<Value>>> {
    let mut result = Vec::with_capacity(values.len());
    for ((source, target), value) in
        types_of(cx, from).into_iter().zip(types_of(cx, to)).zip(values)
    {
        match convert(cx, &source, &target, value)? {
            Some(value) => result.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(result))
}

fn types_of(cx: &Cx<'_>, (relation, columns): Side<'_>) -> Vec<Type> {
    let types = cx.scope.env.types();
    columns
        .iter()
        .map(|number| {
            relation.column_by_number(*number).map_or(Type::Unknown, |column| column.ty.base(types))
        })
        .collect()
}

fn convert(cx: &Cx<'_>, source: &Type, target: &Type, value: Value) -> Result<Option<Value>> {
    let there = cast(cx, source, target, &value)?;
    let Some(there) = there else { return Ok(Some(value)) };
    match cast(cx, target, source, &there)? {
        Some(back) if matches(CompareOp::Eq, source, &back, &value) != Some(true) => Ok(None),
        _ => Ok(Some(there)),
    }
}

/// The value as the other type; `None` if both have the same form or there is no such cast.
fn cast(cx: &Cx<'_>, source: &Type, target: &Type, value: &Value) -> Result<Option<Value>> {
    let types = cx.scope.env.types();
    if form(source) == form(target) || value.is_null() {
        return Ok(None);
    }
    let symbol = format!("::({},{})", source.name(types), target.name(types));
    let Some(function) = table().get(&symbol) else { return Ok(None) };
    let call = Call {
        env: cx.scope.env,
        args: std::slice::from_ref(value),
        arg_types: std::slice::from_ref(source),
        result: target,
    };
    function.call(&call).map(Some)
}

/// One type of each group whose values have one form.
fn form(ty: &Type) -> Type {
    match ty {
        Type::Int2 | Type::Int4 | Type::Oid => Type::Int8,
        Type::Varchar | Type::Char | Type::Name | Type::Citext => Type::Text,
        Type::Float4 => Type::Float8,
        other => other.clone(),
    }
}
