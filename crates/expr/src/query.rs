//! Queries: what reads rows.

use backstay_model::Type;
use serde::{Deserialize, Serialize};

use crate::{Expr, RelId, RelationId};

/// A common table expression; unique within a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CteId(pub u32);

/// `WITH … body ORDER BY … LIMIT … OFFSET …`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// Common table expressions in order.
    pub with: Vec<Cte>,
    /// What is selected.
    pub body: Body,
    /// Sort keys. For a `SELECT` any expression over its `FROM`; for a set operation
    /// [`Expr::OutputColumn`].
    pub order: Vec<SortKey>,
    /// Greatest number of rows.
    pub limit: Option<Expr>,
    /// Rows left out at the start.
    pub offset: Option<Expr>,
}

/// One common table expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cte {
    /// Its identity.
    pub id: CteId,
    /// Its name, for messages.
    pub name: String,
    /// Names of its columns, as many as the query's outputs.
    pub columns: Vec<String>,
    /// The query; refers to its own id when recursive.
    pub query: Box<Query>,
    /// `WITH RECURSIVE`, and it does refer to itself.
    pub recursive: bool,
    /// `MATERIALIZED` (true), `NOT MATERIALIZED` (false), or nothing said.
    pub materialized: Option<bool>,
}

/// The core of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// `SELECT …`.
    Select(Box<Select>),
    /// `VALUES (…), (…)`; all rows have one width and one type a column.
    Values(Vec<Vec<Expr>>),
    /// `left UNION [ALL] right` and the like; both sides have the same types.
    SetOperation {
        /// Which.
        op: SetOperator,
        /// `ALL`.
        all: bool,
        /// Left side.
        left: Box<Query>,
        /// Right side.
        right: Box<Query>,
    },
}

/// A set operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

/// `SELECT … FROM … WHERE … GROUP BY … HAVING …`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Select {
    /// `DISTINCT`.
    pub distinct: Distinct,
    /// What is returned, `*` expanded.
    pub outputs: Vec<Output>,
    /// Comma-separated entries, joined as cross joins.
    pub from: Vec<From>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `GROUP BY`; with `grouped` false and no aggregates there is no grouping at all.
    pub group: Vec<Expr>,
    /// `HAVING`.
    pub having: Option<Expr>,
}

/// `DISTINCT`, `DISTINCT ON (…)` or neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Distinct {
    /// Neither.
    No,
    /// `DISTINCT`.
    Rows,
    /// `DISTINCT ON (…)`.
    On(Vec<Expr>),
}

/// One output column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its expression.
    pub expr: Expr,
}

/// `expr ASC|DESC NULLS FIRST|LAST`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SortKey {
    /// What is sorted by.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST` (PostgreSQL's default when descending).
    pub nulls_first: bool,
}

/// An entry of `FROM`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum From {
    /// A relation of the catalogue.
    Relation(RelationScan),
    /// A sub-select, or an expanded view.
    Query {
        /// Its identity.
        rel: RelId,
        /// The query.
        query: Box<Query>,
        /// May refer to entries on its left.
        lateral: bool,
    },
    /// A set-returning or other function; implicitly lateral.
    Function(FunctionScan),
    /// A common table expression.
    Cte {
        /// Its identity here.
        rel: RelId,
        /// Which.
        cte: CteId,
    },
    /// A join.
    Join {
        /// Kind.
        kind: JoinKind,
        /// Left side.
        left: Box<From>,
        /// Right side.
        right: Box<From>,
        /// The condition (`USING` and `NATURAL` are rewritten); `None` for a cross join.
        on: Option<Expr>,
    },
}

/// A relation of the catalogue in `FROM`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelationScan {
    /// Its identity here.
    pub rel: RelId,
    /// Which relation.
    pub relation: RelationId,
    /// The row policies of whoever reads, over `rel`; only `policy` sets it. `None`: all rows.
    pub policy: Option<Box<Expr>>,
}

/// A function in `FROM`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionScan {
    /// Its identity.
    pub rel: RelId,
    /// [`Expr::Call`] or [`Expr::UserCall`].
    pub call: Expr,
    /// Names and types of the columns it gives.
    pub columns: Vec<(String, Type)>,
    /// `WITH ORDINALITY`: one more column, `bigint`, counted in `columns`.
    pub ordinality: bool,
}

/// A kind of join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

impl Query {
    /// A query that is just this `SELECT`.
    pub fn select(select: Select) -> Self {
        Self {
            with: Vec::new(),
            body: Body::Select(Box::new(select)),
            order: Vec::new(),
            limit: None,
            offset: None,
        }
    }

    /// Names and types of the output columns (`VALUES` names them `column1`…).
    pub fn columns(&self) -> Vec<(String, Type)> {
        match &self.body {
            Body::Select(select) => select
                .outputs
                .iter()
                .map(|output| (output.name.clone(), output.expr.ty()))
                .collect(),
            Body::Values(rows) => rows.first().map_or_else(Vec::new, |row| {
                row.iter()
                    .enumerate()
                    .map(|(index, expr)| (format!("column{}", index + 1), expr.ty()))
                    .collect()
            }),
            Body::SetOperation { left, .. } => left.columns(),
        }
    }

    /// The relation and the column of it that an output (from 0) is, if it is nothing else.
    pub fn origin(&self, output: usize) -> Option<(RelationId, u16)> {
        let Body::Select(select) = &self.body else { return None };
        let Expr::Column { rel, column, .. } = &select.outputs.get(output)?.expr else {
            return None;
        };
        match select.from.iter().find_map(|from| from.entry(*rel))? {
            From::Relation(scan) => Some((scan.relation, *column)),
            From::Query { query, .. } => query.origin(usize::from(*column).checked_sub(1)?),
            From::Function(_) | From::Cte { .. } | From::Join { .. } => None,
        }
    }
}

impl Select {
    /// A `SELECT` of these outputs from these entries, nothing else.
    pub fn new(outputs: Vec<Output>, from: Vec<From>) -> Self {
        Self {
            distinct: Distinct::No,
            outputs,
            from,
            filter: None,
            group: Vec::new(),
            having: None,
        }
    }

    /// Adds a condition to `WHERE`.
    pub fn narrow(&mut self, condition: Expr) {
        self.filter = Expr::all_of(self.filter.take().into_iter().chain([condition]));
    }
}

impl From {
    /// The identity of the entry; `None` for a join.
    pub fn rel(&self) -> Option<RelId> {
        match self {
            Self::Relation(scan) => Some(scan.rel),
            Self::Query { rel, .. } | Self::Cte { rel, .. } => Some(*rel),
            Self::Function(scan) => Some(scan.rel),
            Self::Join { .. } => None,
        }
    }

    /// The entry with this identity: this one, or one that it joins.
    fn entry(&self, rel: RelId) -> Option<&Self> {
        match self {
            Self::Join { left, right, .. } => left.entry(rel).or_else(|| right.entry(rel)),
            _ => (self.rel() == Some(rel)).then_some(self),
        }
    }
}
