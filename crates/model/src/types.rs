//! PostgreSQL's types.

use serde::{Deserialize, Serialize};

use crate::quote_identifier;

/// Identifies a user-defined type (enum, domain, composite, and the row type of each relation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// The built-in range types, named by their subtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum RangeKind {
    Int4,
    Int8,
    Num,
    Date,
    Ts,
    TsTz,
}

impl RangeKind {
    /// The type of the bounds.
    pub fn subtype(self) -> Type {
        match self {
            Self::Int4 => Type::Int4,
            Self::Int8 => Type::Int8,
            Self::Num => Type::Numeric,
            Self::Date => Type::Date,
            Self::Ts => Type::Timestamp,
            Self::TsTz => Type::TimestampTz,
        }
    }

    /// `true` where `[1,5]` and `[1,6)` are the same range.
    pub fn is_discrete(self) -> bool {
        matches!(self, Self::Int4 | Self::Int8 | Self::Date)
    }
}

/// A PostgreSQL type. Length and precision stand beside it in a [`Modifier`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Varchar,
    /// `character(n)`, PostgreSQL's `bpchar`.
    Char,
    Name,
    Citext,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    Bytea,
    Inet,
    Cidr,
    Macaddr,
    Bit,
    Varbit,
    Money,
    Point,
    Xml,
    TsVector,
    TsQuery,
    Oid,
    Regclass,
    /// pgvector's `vector`.
    Vector,
    Range(RangeKind),
    Array(Box<Type>),
    Enum(TypeId),
    Domain(TypeId),
    /// A composite type, or the row type of a relation.
    Composite(TypeId),
    /// A type that only the database knows (an extension's, `pg_lsn`, multiranges); its values are
    /// texts in the database's form.
    Other(TypeId),
    /// An anonymous row.
    Record,
    Void,
    Trigger,
    /// A literal or a null whose type is not decided yet.
    Unknown,
    // Pseudo-types, in signatures only.
    Any,
    AnyElement,
    AnyArray,
    AnyNonArray,
    AnyEnum,
    AnyRange,
    AnyCompatible,
    AnyCompatibleArray,
}

/// What stands in parentheses behind a type name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Modifier {
    /// `varchar(n)`, `char(n)`, `bit(n)`, in characters.
    Length(u32),
    /// `numeric(precision, scale)`.
    Precision {
        /// Total digits.
        precision: u16,
        /// Digits after the point; may be negative.
        scale: i16,
    },
    /// `timestamp(n)`, `time(n)`, `interval(n)`: digits of the fraction of a second.
    Fraction(u8),
}

/// PostgreSQL's type categories (`pg_type.typcategory`), used by overload resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum TypeCategory {
    Array,
    Boolean,
    Composite,
    DateTime,
    Enum,
    Geometric,
    Network,
    Numeric,
    Pseudo,
    Range,
    String,
    Timespan,
    UserDefined,
    BitString,
    Unknown,
}

/// An enum type: labels in declaration order with their stored codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumType {
    /// Label and stored code, ascending by code.
    pub labels: Vec<(String, i64)>,
}

impl EnumType {
    /// The code of a label.
    pub fn code(&self, label: &str) -> Option<i64> {
        self.labels.iter().find(|(known, _)| known == label).map(|(_, code)| *code)
    }

    /// The label of a code.
    pub fn label(&self, code: i64) -> Option<&str> {
        self.labels
            .binary_search_by_key(&code, |(_, known)| *known)
            .ok()
            .map(|index| self.labels[index].0.as_str())
    }
}

/// What the rooms that know no catalogue need to know of user-defined types.
pub trait TypeSource {
    /// The schema-qualified name as `format_type` prints it (`order_state`, `shop.mood`).
    fn type_name(&self, id: TypeId) -> String;
    /// The enum behind the id.
    fn enum_type(&self, id: TypeId) -> Option<&EnumType>;
    /// The type a domain is made of (one level) with its modifier.
    fn domain_base(&self, id: TypeId) -> Option<(&Type, Option<Modifier>)>;
    /// Names and types of the fields of a composite type or row type.
    fn fields(&self, id: TypeId) -> Option<Vec<(String, Type, Option<Modifier>)>>;
}

/// A [`TypeSource`] that knows no user-defined type.
#[derive(Debug, Clone, Copy)]
pub struct NoTypes;

impl TypeSource for NoTypes {
    fn type_name(&self, id: TypeId) -> String {
        format!("type_{}", id.0)
    }
    fn enum_type(&self, _: TypeId) -> Option<&EnumType> {
        None
    }
    fn domain_base(&self, _: TypeId) -> Option<(&Type, Option<Modifier>)> {
        None
    }
    fn fields(&self, _: TypeId) -> Option<Vec<(String, Type, Option<Modifier>)>> {
        None
    }
}

impl Type {
    /// The array type with this element type.
    #[must_use]
    pub fn array_of(self) -> Self {
        Self::Array(Box::new(self))
    }

    /// The element type of an array.
    pub fn element(&self) -> Option<&Self> {
        if let Self::Array(element) = self { Some(element) } else { None }
    }

    /// The type under all domains.
    pub fn base(&self, types: &dyn TypeSource) -> Self {
        let mut current = self.clone();
        while let Self::Domain(id) = current {
            match types.domain_base(id) {
                Some((base, _)) => current = base.clone(),
                None => break,
            }
        }
        current
    }

    /// The built-in name that `format_type` prints; user-defined types ask `types`.
    pub fn name(&self, types: &dyn TypeSource) -> String {
        match self {
            Self::Array(element) => format!("{}[]", element.name(types)),
            Self::Enum(id) | Self::Domain(id) | Self::Composite(id) | Self::Other(id) => {
                types.type_name(*id)
            }
            _ => self.builtin_name().to_owned(),
        }
    }

    /// The name with its modifier: `character varying(160)`, `numeric(10,2)`, `timestamp(3) with time zone`.
    pub fn name_with(&self, modifier: Option<Modifier>, types: &dyn TypeSource) -> String {
        let Some(modifier) = modifier else { return self.name(types) };
        if let Self::Array(element) = self {
            return format!("{}[]", element.name_with(Some(modifier), types));
        }
        let inside = match modifier {
            Modifier::Length(n) => n.to_string(),
            Modifier::Precision { precision, scale } => format!("{precision},{scale}"),
            Modifier::Fraction(n) => n.to_string(),
        };
        match self {
            Self::Timestamp | Self::TimestampTz | Self::Time | Self::TimeTz => {
                let name = self.builtin_name();
                let (head, tail) = name.split_once(' ').unwrap_or((name, ""));
                format!("{head}({inside}) {tail}")
            }
            _ => format!("{}({inside})", self.name(types)),
        }
    }

    /// The name that `format_type` prints for a built-in type; `???` for arrays and user-defined types.
    pub fn builtin_name(&self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Varchar => "character varying",
            Self::Char => "character",
            Self::Name => "name",
            Self::Citext => "citext",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Time => "time without time zone",
            Self::TimeTz => "time with time zone",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampTz => "timestamp with time zone",
            Self::Interval => "interval",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Bytea => "bytea",
            Self::Inet => "inet",
            Self::Cidr => "cidr",
            Self::Macaddr => "macaddr",
            Self::Bit => "bit",
            Self::Varbit => "bit varying",
            Self::Money => "money",
            Self::Point => "point",
            Self::Xml => "xml",
            Self::TsVector => "tsvector",
            Self::TsQuery => "tsquery",
            Self::Oid => "oid",
            Self::Regclass => "regclass",
            Self::Vector => "vector",
            Self::Range(RangeKind::Int4) => "int4range",
            Self::Range(RangeKind::Int8) => "int8range",
            Self::Range(RangeKind::Num) => "numrange",
            Self::Range(RangeKind::Date) => "daterange",
            Self::Range(RangeKind::Ts) => "tsrange",
            Self::Range(RangeKind::TsTz) => "tstzrange",
            Self::Record => "record",
            Self::Void => "void",
            Self::Trigger => "trigger",
            Self::Unknown => "unknown",
            Self::Any => "\"any\"",
            Self::AnyElement => "anyelement",
            Self::AnyArray => "anyarray",
            Self::AnyNonArray => "anynonarray",
            Self::AnyEnum => "anyenum",
            Self::AnyRange => "anyrange",
            Self::AnyCompatible => "anycompatible",
            Self::AnyCompatibleArray => "anycompatiblearray",
            Self::Array(_)
            | Self::Enum(_)
            | Self::Domain(_)
            | Self::Composite(_)
            | Self::Other(_) => "???",
        }
    }

    /// The built-in type that SQL calls `name` (internal names and aliases included, lower case,
    /// without schema, modifier or brackets): `int4`, `integer`, `bool`, `timestamptz`, `_text`…
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int2" | "smallint" => Self::Int2,
            "int4" | "integer" | "int" => Self::Int4,
            "int8" | "bigint" => Self::Int8,
            "float4" | "real" => Self::Float4,
            "float8" | "double precision" | "float" => Self::Float8,
            "numeric" | "decimal" | "dec" => Self::Numeric,
            "text" => Self::Text,
            "varchar" | "character varying" => Self::Varchar,
            "bpchar" | "char" | "character" => Self::Char,
            "name" => Self::Name,
            "citext" => Self::Citext,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time,
            "timetz" | "time with time zone" => Self::TimeTz,
            "timestamp" | "timestamp without time zone" => Self::Timestamp,
            "timestamptz" | "timestamp with time zone" => Self::TimestampTz,
            "interval" => Self::Interval,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "bytea" => Self::Bytea,
            "inet" => Self::Inet,
            "cidr" => Self::Cidr,
            "macaddr" => Self::Macaddr,
            "bit" => Self::Bit,
            "varbit" | "bit varying" => Self::Varbit,
            "money" => Self::Money,
            "point" => Self::Point,
            "xml" => Self::Xml,
            "tsvector" => Self::TsVector,
            "tsquery" => Self::TsQuery,
            "oid" => Self::Oid,
            "regclass" => Self::Regclass,
            "vector" => Self::Vector,
            "int4range" => Self::Range(RangeKind::Int4),
            "int8range" => Self::Range(RangeKind::Int8),
            "numrange" => Self::Range(RangeKind::Num),
            "daterange" => Self::Range(RangeKind::Date),
            "tsrange" => Self::Range(RangeKind::Ts),
            "tstzrange" => Self::Range(RangeKind::TsTz),
            "record" => Self::Record,
            "void" => Self::Void,
            "trigger" => Self::Trigger,
            "unknown" => Self::Unknown,
            "any" => Self::Any,
            "anyelement" => Self::AnyElement,
            "anyarray" => Self::AnyArray,
            "anynonarray" => Self::AnyNonArray,
            "anyenum" => Self::AnyEnum,
            "anyrange" => Self::AnyRange,
            "anycompatible" => Self::AnyCompatible,
            "anycompatiblearray" => Self::AnyCompatibleArray,
            _ => return name.strip_prefix('_').and_then(Self::from_name).map(Self::array_of),
        })
    }

    /// `pg_type.typcategory`. A domain has its base's: pass the base.
    pub fn category(&self) -> TypeCategory {
        match self {
            Self::Bool => TypeCategory::Boolean,
            Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Float4
            | Self::Float8
            | Self::Numeric
            | Self::Money
            | Self::Oid
            | Self::Regclass => TypeCategory::Numeric,
            Self::Text | Self::Varchar | Self::Char | Self::Name | Self::Citext => {
                TypeCategory::String
            }
            Self::Date | Self::Time | Self::TimeTz | Self::Timestamp | Self::TimestampTz => {
                TypeCategory::DateTime
            }
            Self::Interval => TypeCategory::Timespan,
            Self::Inet | Self::Cidr => TypeCategory::Network,
            Self::Bit | Self::Varbit => TypeCategory::BitString,
            Self::Point => TypeCategory::Geometric,
            Self::Range(_) => TypeCategory::Range,
            Self::Array(_) => TypeCategory::Array,
            Self::Enum(_) => TypeCategory::Enum,
            Self::Composite(_) | Self::Record => TypeCategory::Composite,
            Self::Unknown => TypeCategory::Unknown,
            Self::Void
            | Self::Trigger
            | Self::Any
            | Self::AnyElement
            | Self::AnyArray
            | Self::AnyNonArray
            | Self::AnyEnum
            | Self::AnyRange
            | Self::AnyCompatible
            | Self::AnyCompatibleArray => TypeCategory::Pseudo,
            Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Bytea
            | Self::Macaddr
            | Self::Xml
            | Self::TsVector
            | Self::TsQuery
            | Self::Vector
            | Self::Domain(_)
            | Self::Other(_) => TypeCategory::UserDefined,
        }
    }

    /// `pg_type.typispreferred`.
    pub fn is_preferred(&self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::Float8
                | Self::Oid
                | Self::Text
                | Self::TimestampTz
                | Self::Interval
                | Self::Inet
                | Self::Varbit
        )
    }

    /// Does only the database know what operators do with it: an [`Type::Other`], or an array of it?
    /// A domain is what its base is: pass the base.
    pub fn is_other(&self) -> bool {
        matches!(self.element().unwrap_or(self), Self::Other(_))
    }

    /// `true` for the pseudo-types that stand in signatures for "whatever the argument is".
    pub fn is_polymorphic(&self) -> bool {
        matches!(
            self,
            Self::AnyElement
                | Self::AnyArray
                | Self::AnyNonArray
                | Self::AnyEnum
                | Self::AnyRange
                | Self::AnyCompatible
                | Self::AnyCompatibleArray
        )
    }
}

/// A name as `format_type` prints it: `name` for `public` and `pg_catalog`, else `schema.name`, quoted.
pub fn display_name(schema: &str, name: &str) -> String {
    if schema == "public" || schema == "pg_catalog" {
        quote_identifier(name)
    } else {
        format!("{}.{}", quote_identifier(schema), quote_identifier(name))
    }
}
