//! The little that a database must offer to the executor.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_expr::{Query, RelId};
use backstay_model::{Result, Value};
use backstay_scalar::Environment;

use crate::Run;

/// The engine's identity of a stored row.
pub type RowId = i64;

/// The values of a stored row, one for each of [`Relation::columns`], in that order.
pub type Row = Vec<Value>;

/// An insert or update met an existing row on a unique index; nothing was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflicting {
    /// Physical name of the index; the relation's own name for the integer primary key.
    pub physical: String,
    /// The keys of the row that an `EXCLUDE` constraint does not want beside it.
    pub beside: Option<Row>,
}

impl Conflicting {
    /// An existing row has the same key on this index.
    pub fn on(physical: String) -> Self {
        Self { physical, beside: None }
    }
}

/// What expressions may refer to beside the columns of their own query.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The catalogue of the transaction.
    pub catalog: &'a Arc<Catalog>,
    /// The request.
    pub env: &'a dyn Environment,
    /// Values of [`backstay_expr::Expr::Param`].
    pub params: &'a [Value],
    /// Rows of [`backstay_expr::Source::Payload`].
    pub payload: &'a [Vec<Option<Value>>],
    /// Values of [`backstay_expr::Expr::ParentKey`].
    pub parent_keys: &'a [Value],
    /// Values of [`backstay_expr::Expr::Argument`].
    pub arguments: &'a [Value],
    /// Rows in memory that columns may refer to, innermost last.
    pub rows: &'a [(RelId, RowSource<'a>)],
    /// What writes and calls of the project's functions need; `None` where neither can occur.
    pub run: Option<Run<'a>>,
}

impl<'a> Scope<'a> {
    /// A scope without literals, rows or a run: for expressions that stand by themselves.
    pub fn new(catalog: &'a Arc<Catalog>, env: &'a dyn Environment) -> Self {
        Self {
            catalog,
            env,
            params: &[],
            payload: &[],
            parent_keys: &[],
            arguments: &[],
            rows: &[],
            run: None,
        }
    }

    /// The same with these rows only.
    #[must_use]
    pub fn with_rows<'b>(&self, rows: &'b [(RelId, RowSource<'b>)]) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope { rows, ..*self }
    }
}

/// A row in memory. One without values is the missing side of an outer join: null throughout.
#[derive(Clone, Copy)]
pub enum RowSource<'a> {
    /// A row of a stored relation: attribute numbers are looked up in it; 0 is the row id.
    Stored {
        /// The relation.
        relation: &'a Relation,
        /// Its values.
        row: &'a [Value],
        /// Its row id, if it has one yet.
        id: Option<RowId>,
    },
    /// Any other row: by position, from 1.
    Plain(&'a [Value]),
}

/// Rows in a database, within one transaction.
///
/// Every method may fail with whatever the database reports (`53100` disk full, `57014` time out…).
pub trait Store {
    /// Runs a query that has been authorized (its scans carry their policies); `each` gets every row and says whether to go on.
    ///
    /// # Errors
    /// What the query or `each` raises.
    fn query(
        &self,
        query: &Query,
        scope: &Scope<'_>,
        each: &mut dyn FnMut(Vec<Value>) -> Result<bool>,
    ) -> Result<()>;

    /// The row with this id.
    ///
    /// # Errors
    /// As the database reports.
    fn get(&self, relation: &Relation, id: RowId) -> Result<Option<Row>>;

    /// Rows whose columns equal the key (nulls never match), at most `limit`.
    ///
    /// # Errors
    /// As the database reports.
    fn find(
        &self,
        relation: &Relation,
        columns: &[u16],
        key: &[Value],
        limit: usize,
    ) -> Result<Vec<(RowId, Row)>>;

    /// Is there a row whose columns equal the key?
    ///
    /// # Errors
    /// As the database reports.
    fn holds(&self, relation: &Relation, columns: &[u16], key: &[Value]) -> Result<bool> {
        Ok(!self.find(relation, columns, key, 1)?.is_empty())
    }

    /// Stores a new row; tests unique indexes and nothing else. Indexes with predicates or
    /// expressions are tested by the store as well.
    ///
    /// # Errors
    /// As the database reports; a conflict is no error.
    fn insert(&self, relation: &Relation, row: &[Value]) -> Result<Result<RowId, Conflicting>>;

    /// Replaces a row.
    ///
    /// # Errors
    /// As the database reports; a conflict is no error.
    fn update(
        &self,
        relation: &Relation,
        id: RowId,
        row: &[Value],
    ) -> Result<Result<RowId, Conflicting>>;

    /// Deletes a row.
    ///
    /// # Errors
    /// As the database reports.
    fn delete(&self, relation: &Relation, id: RowId) -> Result<()>;

    /// Deletes all rows.
    ///
    /// # Errors
    /// As the database reports.
    fn clear(&self, relation: &Relation) -> Result<()>;

    /// Has the statement run too long? Loops in bodies ask.
    ///
    /// # Errors
    /// `57014`.
    fn check_time(&self) -> Result<()> {
        Ok(())
    }

    /// Opens a savepoint of this depth.
    ///
    /// # Errors
    /// As the database reports.
    fn savepoint(&self, depth: u32) -> Result<()>;

    /// Keeps what was done since the savepoint.
    ///
    /// # Errors
    /// As the database reports.
    fn release(&self, depth: u32) -> Result<()>;

    /// Undoes what was done since the savepoint, and closes it.
    ///
    /// # Errors
    /// As the database reports.
    fn roll_back(&self, depth: u32) -> Result<()>;
}
