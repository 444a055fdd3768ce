//! Type names: from syntax to types with their modifiers.

use backstay_catalog::{Catalog, SearchPath};
use backstay_model::{Error, Modifier, Result, Type, TypeSource};
use pg_query::protobuf::TypeName;

use crate::nodes::{Located, each, integer, qualified, strings};

/// The type that a type name means, and what stood in parentheses. `%TYPE` is followed. `SETOF` is
/// the caller's to look at.
///
/// # Errors
/// `42704` `type "x" does not exist`, `22023` for a senseless length.
pub fn resolve_type(
    catalog: &Catalog,
    path: &SearchPath,
    name: &TypeName,
) -> Result<(Type, Option<Modifier>)> {
    resolve(catalog, path, name).at(name.location)
}

fn resolve(
    catalog: &Catalog,
    path: &SearchPath,
    name: &TypeName,
) -> Result<(Type, Option<Modifier>)> {
    let parts = strings(&name.names);
    if name.pct_type {
        return column_type(catalog, path, &parts);
    }
    let (schema, base) = qualified(&parts)?;
    let found = named(catalog, path, schema, base).ok_or_else(|| {
        Error::new("42704", format!("type \"{}\" does not exist", parts.join(".")))
    })?;
    let modifier = modifier(&found, &name.typmods.iter().collect::<Vec<_>>())?;
    let ty = if name.array_bounds.is_empty() { found } else { found.array_of() };
    Ok((ty, modifier))
}

fn named(catalog: &Catalog, path: &SearchPath, schema: Option<&str>, name: &str) -> Option<Type> {
    let builtin = || match name {
        // A text search configuration is known by its name.
        "regconfig" => Some(Type::Text),
        _ => Type::from_name(name),
    };
    let defined = |schema| {
        path.type_named(catalog, schema, name).map(|definition| catalog.type_of(definition.id))
    };
    match schema {
        Some("pg_catalog") => builtin(),
        // Types of extensions are built in; projects install them into these schemas.
        Some("extensions" | "public") => defined(schema).or_else(|| {
            builtin().filter(|ty| matches!(ty.element().unwrap_or(ty), Type::Citext | Type::Vector))
        }),
        Some(_) => defined(schema),
        None => builtin().or_else(|| defined(None)),
    }
    .or_else(|| {
        // `_mood` is the array type of `mood`.
        let element = name.strip_prefix('_')?;
        path.type_named(catalog, schema, element)
            .map(|definition| catalog.type_of(definition.id).array_of())
    })
}

fn column_type(
    catalog: &Catalog,
    path: &SearchPath,
    parts: &[&str],
) -> Result<(Type, Option<Modifier>)> {
    let Some((column, relation)) = parts.split_last() else {
        return Err(Error::internal("an empty type name"));
    };
    let (schema, relation) = qualified(relation)?;
    let found = path
        .relation(catalog, schema, relation)
        .ok_or_else(|| Error::new("42P01", format!("relation \"{relation}\" does not exist")))?;
    let column = found.column(column).ok_or_else(|| {
        Error::new(
            "42703",
            format!("column \"{column}\" of relation \"{relation}\" does not exist"),
        )
    })?;
    Ok((column.ty.clone(), column.modifier))
}

fn modifier(ty: &Type, written: &[&pg_query::Node]) -> Result<Option<Modifier>> {
    if written.is_empty() {
        return Ok(None);
    }
    let numbers: Vec<i32> =
        written.iter().filter_map(|node| node.node.as_ref()).filter_map(integer).collect();
    let invalid = |what: &str| Err(Error::new("22023", what.to_owned()));
    match ty {
        Type::Varchar | Type::Char | Type::Bit | Type::Varbit | Type::Vector => {
            match numbers.as_slice() {
                [length] if *length >= 1 => Ok(Some(Modifier::Length(length.unsigned_abs()))),
                _ => invalid(&format!("length for type {} must be at least 1", ty.builtin_name())),
            }
        }
        Type::Numeric => {
            let (precision, scale) = match numbers.as_slice() {
                [precision] => (*precision, 0),
                [precision, scale] => (*precision, *scale),
                _ => return invalid("invalid NUMERIC type modifier"),
            };
            if !(1..=1000).contains(&precision) {
                return invalid(&format!(
                    "NUMERIC precision {precision} must be between 1 and 1000"
                ));
            }
            match (u16::try_from(precision), i16::try_from(scale)) {
                (Ok(precision), Ok(scale)) if (-1000..=1000).contains(&scale) => {
                    Ok(Some(Modifier::Precision { precision, scale }))
                }
                _ => invalid(&format!("NUMERIC scale {scale} must be between -1000 and 1000")),
            }
        }
        Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            match numbers.as_slice() {
                [digits] => Ok(u8::try_from((*digits).min(6)).ok().map(Modifier::Fraction)),
                _ => invalid("invalid type modifier"),
            }
        }
        // `interval day` has a field mask; `interval(3)` a mask and digits.
        Type::Interval => Ok(numbers
            .get(1)
            .and_then(|digits| u8::try_from((*digits).min(6)).ok())
            .map(Modifier::Fraction)),
        _ => Err(Error::new(
            "42601",
            format!("type modifier is not allowed for type \"{}\"", ty.builtin_name()),
        )),
    }
}

/// The unit that `INTERVAL '…' DAY` gives to a bare number, if one is written.
pub(crate) fn interval_unit(name: &TypeName) -> Option<&'static str> {
    let mask = each(&name.typmods).next().and_then(integer)?;
    // PostgreSQL's INTERVAL_MASK bits; a range counts in its smallest field.
    [(12, "second"), (11, "minute"), (10, "hour"), (3, "day"), (1, "month"), (2, "year")]
        .into_iter()
        .find(|(bit, _)| mask != i32::MAX && mask & 0x7FFF != 0x7FFF && mask & (1 << bit) != 0)
        .map(|(_, unit)| unit)
}

/// Names and types of the fields of a composite type; `None` for other types.
pub(crate) fn fields_of(catalog: &Catalog, ty: &Type) -> Option<Vec<(String, Type)>> {
    match ty.base(catalog) {
        Type::Composite(id) => {
            Some(catalog.fields(id)?.into_iter().map(|(name, ty, _)| (name, ty)).collect())
        }
        _ => None,
    }
}
