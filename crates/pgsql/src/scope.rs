//! What names mean at a place of a statement.

use backstay_expr::{CteId, Expr, From, RelId, RelationId};
use backstay_model::Type;
use pg_query::protobuf::WindowDef;

/// An entry of `FROM` that columns may be qualified with.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its name here.
    pub(crate) alias: String,
    /// Its schema, if it has no alias and is a relation.
    pub(crate) schema: Option<String>,
    /// Its identity; a join with an alias has none.
    pub(crate) rel: Option<RelId>,
    /// Its columns in order.
    pub(crate) columns: Vec<(String, Expr)>,
    /// The type of its whole row.
    pub(crate) row_type: Type,
    /// It is a function that gives one value a row; its whole row is that value.
    pub(crate) scalar: bool,
    /// An outer join may fill it with nulls.
    pub(crate) nullable: bool,
    /// The stored relation behind it.
    pub(crate) relation: Option<RelationId>,
}

/// What a part of `FROM` makes visible.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    /// By qualified name.
    pub(crate) tables: Vec<Table>,
    /// By bare name, in the order of `*`.
    pub(crate) columns: Vec<(String, Expr)>,
}

impl Namespace {
    /// One entry and nothing else.
    pub(crate) fn of(table: Table) -> Self {
        Self { columns: table.columns.clone(), tables: vec![table] }
    }

    /// Both.
    pub(crate) fn extend(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.columns.extend(other.columns);
    }

    /// The table with this identity.
    pub(crate) fn table(&self, rel: RelId) -> Option<&Table> {
        self.tables.iter().find(|table| table.rel == Some(rel))
    }
}

/// A common table expression in sight.
#[derive(Debug, Clone)]
pub(crate) struct CteBinding {
    pub(crate) id: CteId,
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, Type)>,
}

/// Where in a statement an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Clause {
    Select,
    Where,
    Having,
    GroupBy,
    OrderBy,
    DistinctOn,
    JoinOn,
    From,
    Limit,
    Offset,
    Values,
    Update,
    Returning,
    Window,
    Filter,
    Check,
    Domain,
    Default,
    Generated,
    Policy,
    IndexExpression,
    IndexPredicate,
    AlterUsing,
    Trigger,
}

impl Clause {
    /// How messages name the place.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Where => "WHERE",
            Self::Having => "HAVING",
            Self::GroupBy => "GROUP BY",
            Self::OrderBy => "ORDER BY",
            Self::DistinctOn => "DISTINCT ON",
            Self::JoinOn => "JOIN conditions",
            Self::From => "functions in FROM",
            Self::Limit => "LIMIT",
            Self::Offset => "OFFSET",
            Self::Values => "VALUES",
            Self::Update => "UPDATE",
            Self::Returning => "RETURNING",
            Self::Window => "window definitions",
            Self::Filter => "FILTER",
            Self::Check | Self::Domain => "check constraints",
            Self::Default => "DEFAULT expressions",
            Self::Generated => "column generation expressions",
            Self::Policy => "policy expressions",
            Self::IndexExpression => "index expressions",
            Self::IndexPredicate => "index predicates",
            Self::AlterUsing => "transform expressions",
            Self::Trigger => "trigger WHEN conditions",
        }
    }

    /// May aggregates stand here?
    pub(crate) fn allows_aggregates(self) -> bool {
        matches!(
            self,
            Self::Select | Self::Having | Self::OrderBy | Self::DistinctOn | Self::Window
        )
    }

    /// May window functions stand here?
    pub(crate) fn allows_windows(self) -> bool {
        matches!(self, Self::Select | Self::OrderBy | Self::DistinctOn)
    }

    /// May set-returning functions stand here?
    pub(crate) fn allows_sets(self) -> bool {
        matches!(self, Self::Select)
    }

    /// The message where sub-selects are refused.
    pub(crate) fn refuses_queries(self) -> Option<&'static str> {
        match self {
            Self::Check | Self::Domain => Some("cannot use subquery in check constraint"),
            Self::Default => Some("cannot use subquery in DEFAULT expression"),
            Self::Generated => Some("cannot use subquery in column generation expression"),
            Self::IndexExpression => Some("cannot use subquery in index expression"),
            Self::IndexPredicate => Some("cannot use subquery in index predicate"),
            Self::AlterUsing => Some("cannot use subquery in transform expression"),
            Self::Trigger => Some("cannot use subquery in trigger WHEN condition"),
            _ => None,
        }
    }
}

/// One query level.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) names: Namespace,
    pub(crate) ctes: Vec<CteBinding>,
    pub(crate) clause: Clause,
    /// An aggregate was bound at this level.
    pub(crate) aggregates: bool,
    /// A window function was bound at this level.
    pub(crate) windowed: bool,
    /// Inside the arguments of an aggregate.
    pub(crate) in_aggregate: bool,
    /// Set-returning functions of the select list, to be joined laterally.
    pub(crate) sets: Vec<From>,
    /// `WINDOW name AS (…)`.
    pub(crate) windows: Vec<WindowDef>,
}

impl Scope {
    pub(crate) fn new(clause: Clause) -> Self {
        Self {
            names: Namespace::default(),
            ctes: Vec::new(),
            clause,
            aggregates: false,
            windowed: false,
            in_aggregate: false,
            sets: Vec::new(),
            windows: Vec::new(),
        }
    }
}
