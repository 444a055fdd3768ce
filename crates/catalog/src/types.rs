//! Types that are not built in.

use backstay_expr::{Expr, RelationId};
use backstay_model::{EnumType, Modifier, Type, TypeId};
use serde::{Deserialize, Serialize};

use crate::{Acl, CheckConstraint};

/// An enum, domain, composite type, the row type of a relation, or a type that only the database knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeDefinition {
    /// Identity; never reused.
    pub id: TypeId,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: TypeKind,
    /// Owner.
    pub owner: String,
    /// Grants.
    pub acl: Acl,
    /// `COMMENT ON`.
    pub comment: Option<String>,
}

/// What a user-defined type is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TypeKind {
    /// `CREATE TYPE … AS ENUM`.
    Enum(EnumType),
    /// `CREATE DOMAIN`.
    Domain(Box<Domain>),
    /// `CREATE TYPE … AS (…)`.
    Composite(Vec<(String, Type, Option<Modifier>)>),
    /// The row type of a relation.
    Row(RelationId),
    /// A type that only the database knows ([`Type::Other`]).
    Other {
        /// `pg_type.typcategory`.
        category: char,
    },
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The type it is made of.
    pub base: Type,
    /// Its length or precision.
    pub modifier: Option<Modifier>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// `DEFAULT`.
    pub default: Option<Expr>,
    /// Its text.
    #[serde(default)]
    pub default_text: Option<String>,
    /// Checks; `VALUE` is column 1 of [`crate::ROW`].
    pub checks: Vec<CheckConstraint>,
}
