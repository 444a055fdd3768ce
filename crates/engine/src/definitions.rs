//! What a database can tell of its schema beyond the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use backstay_expr::{FunctionId, RelationId};
use backstay_model::TypeId;

/// What a database can tell of its schema beyond the catalogue, as statements in PostgreSQL's SQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Types that only the database knows.
    pub types: BTreeMap<TypeId, String>,
    /// What is special about tables.
    pub tables: BTreeMap<RelationId, TableForm>,
    /// Partitions, each after what it is a part of.
    pub partitions: Vec<String>,
    /// Functions.
    pub routines: BTreeMap<FunctionId, String>,
    /// Operators and aggregates: what views and indexes may use.
    pub operators: Vec<String>,
    /// Everything else, in an order in which it can be made last.
    pub others: Vec<String>,
    /// What comes with extensions.
    pub of_extensions: OfExtensions,
}

/// How a table is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableForm {
    /// `TABLE`, `UNLOGGED TABLE`, `FOREIGN TABLE`.
    pub kind: String,
    /// What stands behind its columns: `PARTITION BY …`, `INHERITS (…)`.
    pub tail: String,
}

/// Objects that come with extensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfExtensions {
    /// Relations.
    pub relations: BTreeSet<RelationId>,
    /// Types.
    pub types: BTreeSet<TypeId>,
    /// Functions.
    pub routines: BTreeSet<FunctionId>,
}
