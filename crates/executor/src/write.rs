//! Inserts, updates and deletes, row by row in PostgreSQL's order.
//!
//! For every row: values and defaults → `BEFORE` triggers → domains → generated columns → row security → not null →
//! checks → unique indexes; at the end of the statement foreign keys, their actions
//! and `AFTER` triggers. All rows are prepared up to the unique indexes before the first one is stored,
//! so that sub-selects in policies see the state before the statement; the first error is still the
//! one that PostgreSQL meets first. Where `BEFORE ROW` triggers fire, each row is stored before the
//! next one is looked at, since the triggers see the rows before theirs.

mod checks;
mod conflict;
mod defaults;
mod delete;
mod insert;
mod instead;
mod keys;
mod messages;
mod queue;
mod rows;
mod targets;
mod triggers;
mod truncate;
mod update;

use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_expr::{Output, RelId, RelationId, Sequence, Statement};
use backstay_model::{Array, Error, Result, Value};

use crate::{Row, RowId, RowSource, Run, Scope, Store, eval, truth};

pub use delete::{Look, delete_after};
pub use keys::finish;

/// What a statement did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// Identities of the rows that were written, in the order of the input. For a delete, those
    /// that the rows had.
    pub ids: Vec<RowId>,
    /// Rows of `RETURNING`, in the same order; all rows of a query.
    pub returning: Vec<Vec<Value>>,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated, by `ON CONFLICT` too.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// The deleted rows as they were, in the order of `ids`; empty for other statements.
    pub old_rows: Vec<Row>,
    /// The rows of a view that its `INSTEAD OF` triggers let through; such rows have no ids.
    pub view_rows: Vec<Row>,
}

/// Runs a statement that has been authorized. The scope needs a [`Run`].
///
/// On an error the caller rolls back to a savepoint of its own: rows may have been written.
///
/// # Errors
/// As PostgreSQL raises.
pub fn execute(statement: &Statement, scope: &Scope<'_>, store: &dyn Store) -> Result<Written> {
    match statement {
        Statement::Query(query) => {
            let mut written = Written::default();
            store.query(query, scope, &mut |row| {
                written.returning.push(row);
                Ok(true)
            })?;
            Ok(written)
        }
        Statement::Insert(insert) => insert::insert(insert, Cx::new(scope, store)?),
        Statement::Update(update) => update::update(update, Cx::new(scope, store)?),
        Statement::Delete(delete) => delete_after(delete, scope, store, None),
        Statement::Truncate(truncate) => truncate::truncate(truncate, &Cx::new(scope, store)?),
        Statement::Sequence(sequence) => in_order(sequence, scope, store),
    }
}

/// Runs the parts in order; each sees the rows of those before it.
fn in_order(sequence: &Sequence, scope: &Scope<'_>, store: &dyn Store) -> Result<Written> {
    let mut given: Vec<Value> = Vec::with_capacity(sequence.parts.len());
    for part in &sequence.parts {
        let done = execute(part, &Scope { parent_keys: &given, ..*scope }, store)?;
        let rows = done.returning.into_iter().map(Value::Record).collect();
        given.push(Value::Array(Array::from_elements(rows)));
    }
    execute(&sequence.last, &Scope { parent_keys: &given, ..*scope }, store)
}

/// Where a statement runs.
#[derive(Clone, Copy)]
struct Cx<'a> {
    scope: Scope<'a>,
    store: &'a dyn Store,
    run: Run<'a>,
}

impl<'a> Cx<'a> {
    fn new(scope: &Scope<'a>, store: &'a dyn Store) -> Result<Self> {
        let run = scope.run.ok_or_else(|| Error::internal("a write outside a run"))?;
        Ok(Self { scope: *scope, store, run })
    }

    /// The relation, if it has stored rows; `verb` is for the error.
    fn table(&self, id: RelationId, verb: &str) -> Result<&'a Arc<Relation>> {
        let relation = self.relation(id)?;
        if relation.view().is_some() {
            let noun = relation.noun();
            return Err(Error::new("55000", format!("cannot {verb} {noun} \"{}\"", relation.name)));
        }
        Ok(relation)
    }

    fn relation(&self, id: RelationId) -> Result<&'a Arc<Relation>> {
        let catalog = self.scope.catalog;
        catalog.relations.get(&id).ok_or_else(|| Error::internal(format!("no relation {}", id.0)))
    }

    /// Refuses a write in a read-only transaction.
    fn demand_writable(&self, verb: &str) -> Result<()> {
        if self.run.read_only {
            let message = format!("cannot execute {verb} in a read-only transaction");
            return Err(Error::new("25006", message));
        }
        Ok(())
    }

    fn eval(&self, expr: &backstay_expr::Expr, rows: &[(RelId, RowSource<'_>)]) -> Result<Value> {
        eval(expr, &self.scope.with_rows(rows), Some(self.store))
    }

    fn truth(
        &self,
        expr: &backstay_expr::Expr,
        rows: &[(RelId, RowSource<'_>)],
    ) -> Result<Option<bool>> {
        truth(expr, &self.scope.with_rows(rows), Some(self.store))
    }

    fn outputs(&self, outputs: &[Output], rows: &[(RelId, RowSource<'_>)]) -> Result<Vec<Value>> {
        outputs.iter().map(|output| self.eval(&output.expr, rows)).collect()
    }
}

/// The values of these columns.
fn key_of(relation: &Relation, columns: &[u16], row: &[Value]) -> Vec<Value> {
    columns
        .iter()
        .map(|column| relation.position(*column).and_then(|position| row.get(position)))
        .map(|value| value.cloned().unwrap_or(Value::Null))
        .collect()
}

/// Puts a value into the column of a row.
fn set_column(relation: &Relation, row: &mut [Value], column: u16, value: Value) {
    if let Some(slot) = relation.position(column).and_then(|position| row.get_mut(position)) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests;
