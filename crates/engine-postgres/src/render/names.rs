//! Names: identifiers, relations, functions, types.

use backstay_catalog::{Catalog, Relation, Routine};
use backstay_model::{Modifier, RangeKind, Type, TypeId};

/// An identifier, always quoted.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name with its schema.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A relation.
pub(crate) fn relation(relation: &Relation) -> String {
    qualified(&relation.schema, &relation.name)
}

/// A function.
pub(super) fn routine(routine: &Routine) -> String {
    qualified(&routine.schema, &routine.name)
}

/// A type with its length or precision, as a cast names it.
pub(super) fn type_with(catalog: &Catalog, ty: &Type, modifier: Option<Modifier>) -> String {
    if let Type::Array(element) = ty {
        return format!("{}[]", type_with(catalog, element, modifier));
    }
    let name = type_name(catalog, ty);
    match modifier {
        None => name,
        Some(Modifier::Length(length)) => format!("{name}({length})"),
        Some(Modifier::Precision { precision, scale }) => format!("{name}({precision},{scale})"),
        Some(Modifier::Fraction(digits)) => format!("{name}({digits})"),
    }
}

/// A type without length or precision.
pub(crate) fn type_name(catalog: &Catalog, ty: &Type) -> String {
    match ty {
        Type::Array(element) => format!("{}[]", type_name(catalog, element)),
        Type::Enum(id) | Type::Domain(id) | Type::Composite(id) | Type::Other(id) => {
            defined(catalog, *id)
        }
        Type::Citext => extension(catalog, "citext", "citext"),
        Type::Vector => extension(catalog, "vector", "vector"),
        _ => format!("pg_catalog.{}", builtin(ty)),
    }
}

fn defined(catalog: &Catalog, id: TypeId) -> String {
    catalog.types.get(&id).map_or_else(
        || "pg_catalog.text".to_owned(),
        |definition| qualified(&definition.schema, &definition.name),
    )
}

/// A type of an extension, wherever that was created.
fn extension(catalog: &Catalog, extension: &str, name: &str) -> String {
    match catalog.extensions.get(extension) {
        Some(schema) => qualified(schema, name),
        None => quoted(name),
    }
}

/// `pg_type.typname`.
fn builtin(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int2 => "int2",
        Type::Int4 => "int4",
        Type::Int8 => "int8",
        Type::Float4 => "float4",
        Type::Float8 => "float8",
        Type::Varchar => "varchar",
        Type::Char => "bpchar",
        Type::TimeTz => "timetz",
        Type::Time => "time",
        Type::Timestamp => "timestamp",
        Type::TimestampTz => "timestamptz",
        Type::Varbit => "varbit",
        Type::Range(kind) => match kind {
            RangeKind::Int4 => "int4range",
            RangeKind::Int8 => "int8range",
            RangeKind::Num => "numrange",
            RangeKind::Date => "daterange",
            RangeKind::Ts => "tsrange",
            RangeKind::TsTz => "tstzrange",
        },
        // The others are called as `format_type` prints them.
        _ => ty.builtin_name(),
    }
}
