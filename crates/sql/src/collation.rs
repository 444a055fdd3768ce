//! What the stored form of each type is, and the collation that orders it.

use backstay_model::{RangeKind, Type, TypeSource};

/// The storage class of a type in a strict table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are SQLite's")]
pub enum StoredClass {
    Integer,
    Real,
    Text,
    Blob,
}

impl StoredClass {
    /// As a column definition says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

/// How values of the type are stored.
pub fn stored_class(ty: &Type, types: &dyn TypeSource) -> StoredClass {
    match ty {
        Type::Bool
        | Type::Int2
        | Type::Int4
        | Type::Int8
        | Type::Oid
        | Type::Money
        | Type::Date
        | Type::Time
        | Type::Timestamp
        | Type::TimestampTz
        | Type::Enum(_) => StoredClass::Integer,
        Type::Float4 | Type::Float8 => StoredClass::Real,
        Type::Uuid | Type::Bytea | Type::TimeTz => StoredClass::Blob,
        Type::Domain(_) => match ty.base(types) {
            Type::Domain(_) => StoredClass::Text,
            base => stored_class(&base, types),
        },
        _ => StoredClass::Text,
    }
}

/// The collation under which the stored form orders as PostgreSQL orders the type; `None` where
/// the database's own order is right.
pub fn collation(ty: &Type, types: &dyn TypeSource) -> Option<&'static str> {
    Some(match ty {
        Type::Numeric => "pg_numeric",
        Type::Citext => "pg_citext",
        Type::Interval => "pg_interval",
        Type::Jsonb => "pg_jsonb",
        Type::Inet | Type::Cidr => "pg_inet",
        Type::Vector => "pg_vector",
        Type::Composite(_) | Type::Record => "pg_record",
        Type::Array(element) => match element.base(types) {
            Type::Numeric => "pg_array_numeric",
            Type::Citext => "pg_array_citext",
            Type::Interval => "pg_array_interval",
            Type::Jsonb => "pg_array_jsonb",
            Type::Float4 | Type::Float8 => "pg_array_float",
            Type::Bool => "pg_array_boolean",
            Type::Bytea => "pg_array_bytea",
            Type::TimeTz => "pg_array_timetz",
            Type::Composite(_) | Type::Record => "pg_array_record",
            Type::Range(_) => "pg_array_other",
            Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Oid
            | Type::Money
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::TimestampTz
            | Type::Enum(_) => "pg_array_integer",
            _ => "pg_array_text",
        },
        Type::Range(RangeKind::Num) => "pg_range_numeric",
        Type::Range(_) => "pg_range_integer",
        Type::Domain(_) => match ty.base(types) {
            Type::Domain(_) => return None,
            base => return collation(&base, types),
        },
        _ => return None,
    })
}
