//! Statements: queries and what changes rows.

use backstay_model::{Type, Value};
use serde::{Deserialize, Serialize};

use crate::{Cte, Expr, From, Output, Query, RelId, RelationId};

/// A statement of a migration, a seed, a function body or a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Statement {
    /// Reads.
    Query(Box<Query>),
    /// Inserts.
    Insert(Box<Insert>),
    /// Updates.
    Update(Box<Update>),
    /// Deletes.
    Delete(Box<Delete>),
    /// Empties tables.
    Truncate(Truncate),
    /// Several in order, as one.
    Sequence(Box<Sequence>),
}

/// `WITH name AS (INSERT …) …`: statements that run in order, later ones reading the rows of earlier
/// ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Those before the last. The rows that the n-th gives are the n-th [`Expr::ParentKey`] of those
    /// behind it, as an array of records.
    pub parts: Vec<Statement>,
    /// Gives the result.
    pub last: Statement,
}

/// `TRUNCATE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncate {
    /// The tables, those included that `CASCADE` reaches.
    pub relations: Vec<RelationId>,
    /// `RESTART IDENTITY`: sequences (`"schema"."name"`) with their starts.
    pub restart: Vec<(String, i64)>,
}

impl Statement {
    /// Names and types of the columns that it gives.
    pub fn columns(&self) -> Vec<(String, Type)> {
        let of = |outputs: &[Output]| {
            outputs.iter().map(|output| (output.name.clone(), output.expr.ty())).collect()
        };
        match self {
            Self::Query(query) => query.columns(),
            Self::Insert(insert) => of(&insert.returning),
            Self::Update(update) => of(&update.returning),
            Self::Delete(delete) => of(&delete.returning),
            Self::Truncate(_) => Vec::new(),
            Self::Sequence(sequence) => sequence.last.columns(),
        }
    }
}

/// `INSERT INTO relation (columns) source ON CONFLICT … RETURNING …`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insert {
    /// Common table expressions that `source` may use.
    pub with: Vec<Cte>,
    /// The table.
    pub relation: RelationId,
    /// The row as stored, in `returning`, policies and the update branch (there: the existing row).
    pub rel: RelId,
    /// The proposed row, in the update branch (`excluded`).
    pub excluded: RelId,
    /// Attribute numbers of the columns that `source` fills, in its order.
    pub columns: Vec<u16>,
    /// The rows.
    pub source: Source,
    /// `OVERRIDING … VALUE`.
    pub overriding: Option<Overriding>,
    /// `ON CONFLICT`.
    pub conflict: Option<Conflict>,
    /// `RETURNING`.
    pub returning: Vec<Output>,
    /// The row policies of whoever writes; only `policy` fills it.
    pub policy: WritePolicy,
}

/// Where inserted rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// `DEFAULT VALUES`.
    Defaults,
    /// `VALUES`; [`Expr::Default`] may stand for a value. Already coerced to the columns' types.
    Values(Vec<Vec<Expr>>),
    /// A query, outputs already coerced to the columns' types.
    Query(Box<Query>),
    /// Rows of a request's body: `None` is the column's default. The values are of the columns'
    /// types with their modifiers applied.
    Rows(Vec<Vec<Option<Value>>>),
    /// The same, travelling beside the tree.
    Payload,
}

/// `OVERRIDING SYSTEM VALUE` or `OVERRIDING USER VALUE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Overriding {
    System,
    User,
}

/// `ON CONFLICT target action`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which conflicts.
    pub target: ConflictTarget,
    /// What to do.
    pub action: ConflictAction,
}

/// The conflicts that are handled; others stay errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConflictTarget {
    /// Any unique constraint or index (`DO NOTHING` only).
    Any,
    /// The unique constraint or index over exactly these attribute numbers.
    Columns(Vec<u16>),
}

/// What happens on a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConflictAction {
    /// Skip the row.
    Nothing,
    /// Update the existing row.
    Update {
        /// `SET`, over `rel` (existing) and `excluded` (proposed).
        set: Vec<Assignment>,
        /// `WHERE`: rows that fail it are left as they are.
        filter: Option<Expr>,
    },
}

/// `column = value`; the value is coerced to the column's type, or is [`Expr::Default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Attribute number.
    pub column: u16,
    /// The new value.
    pub value: Expr,
}

/// `UPDATE relation SET … FROM … WHERE … RETURNING …`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Common table expressions.
    pub with: Vec<Cte>,
    /// The table.
    pub relation: RelationId,
    /// Its row: the old one in `set` and `filter`, the new one in `returning` and `policy.update_check`.
    pub rel: RelId,
    /// New values.
    pub set: Vec<Assignment>,
    /// Other relations.
    pub from: Vec<From>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// `RETURNING`.
    pub returning: Vec<Output>,
    /// The row policies of whoever writes; only `policy` fills it.
    pub policy: WritePolicy,
}

/// `DELETE FROM relation USING … WHERE … RETURNING …`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    /// Common table expressions.
    pub with: Vec<Cte>,
    /// The table.
    pub relation: RelationId,
    /// Its row.
    pub rel: RelId,
    /// Other relations.
    pub using: Vec<From>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// `RETURNING`.
    pub returning: Vec<Output>,
    /// The row policies of whoever writes; only `policy` fills it.
    pub policy: WritePolicy,
}

/// What row security demands of a write. Empty where the writer bypasses it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WritePolicy {
    /// Update and delete: rows for which this is not true are invisible to the statement (`USING`
    /// of the command and, if the statement reads, of `SELECT`).
    pub row_filter: Option<Expr>,
    /// Every new row of an insert must pass these, in order.
    pub insert_checks: Vec<PolicyCheck>,
    /// Every new row of an update (or of the update branch of an upsert) must pass these.
    pub update_checks: Vec<PolicyCheck>,
    /// The existing row of an upsert's update branch must pass these, else an error (never skipped).
    pub conflict_checks: Vec<PolicyCheck>,
    /// Does row security bind the writer? Then error details leave values out.
    pub binds: bool,
}

/// A condition that row security puts on a written row; null and false refuse (`42501`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyCheck {
    /// The restrictive policy's name, where the message gives one.
    pub policy: Option<String>,
    /// Tests the existing row (`… (USING expression) …` in the message) rather than the new one.
    pub using: bool,
    /// Over the statement's `rel`.
    pub expr: Expr,
}
