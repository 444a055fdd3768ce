//! Type names of declarations.

use backstay_model::{Error, Modifier, Result, Type};
use pg_query::NodeEnum;

use super::Surroundings;
use super::tree::Declared;
use crate::nodes::{each, inner};
use crate::{parse_expression, resolve_type};

/// The type that a text names.
///
/// # Errors
/// `42601`, `42704`.
pub(super) fn named(around: &Surroundings<'_>, text: &str) -> Result<(Type, Option<Modifier>)> {
    let invalid = || Error::new("42601", format!("invalid type name \"{text}\""));
    let parsed = parse_expression(&format!("NULL::{text}")).map_err(|_| invalid())?;
    let NodeEnum::SelectStmt(select) = parsed else { return Err(invalid()) };
    let Some(NodeEnum::ResTarget(target)) = each(&select.target_list).next() else {
        return Err(invalid());
    };
    let Some(NodeEnum::TypeCast(cast)) = inner(target.val.as_deref()) else {
        return Err(invalid());
    };
    let name = cast.type_name.as_ref().ok_or_else(invalid)?;
    resolve_type(around.catalog, around.path, name)
        .map_err(|error| Error { position: None, ..error })
}

/// `column%TYPE` or `relation%ROWTYPE`, where the name is none of a variable.
///
/// # Errors
/// `42P01`, `42703`.
pub(super) fn of_relation(
    around: &Surroundings<'_>,
    parts: &[String],
    whole_row: bool,
) -> Result<Declared> {
    let (relation, column) = if whole_row {
        (parts, None)
    } else {
        match parts.split_last() {
            Some((column, relation)) if !relation.is_empty() => (relation, Some(column)),
            _ => {
                let name = parts.join(".");
                return Err(Error::new("42704", format!("type \"{name}%TYPE\" does not exist")));
            }
        }
    };
    let (schema, name) = match relation {
        [name] => (None, name),
        [.., schema, name] => (Some(schema.as_str()), name),
        [] => return Err(Error::internal("a type without a name")),
    };
    let found = around.path.relation(around.catalog, schema, name);
    let Some(found) = found else {
        if whole_row && let Some(ty) = around.path.type_named(around.catalog, schema, name) {
            return Ok(Declared::Typed(around.catalog.type_of(ty.id), None));
        }
        return Err(Error::new(
            "42P01",
            format!("relation \"{}\" does not exist", relation.join(".")),
        ));
    };
    let Some(column) = column else {
        return Ok(Declared::Typed(Type::Composite(found.row_type), None));
    };
    let column = found.column(column).ok_or_else(|| {
        let message = format!("column \"{column}\" of relation \"{name}\" does not exist");
        Error::new("42703", message)
    })?;
    Ok(Declared::Typed(column.ty.clone(), column.modifier))
}
