//! The referee: a database in memory that answers queries row by row in the plainest way there is.
//!
//! Property tests compare engines with it, and this room's own tests run on it. It is slow on
//! purpose: nested loops, no indexes, nothing clever. Window functions are refused (`0A000`).

mod aggregate;
mod environment;
mod from;
mod query;
mod select;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use backstay_catalog::{Catalog, ROW, Relation};
use backstay_expr::{CompareOp, CteId, Expr, Query, RelationId};
use backstay_model::{Error, Result, TypeSource, Value};
use backstay_scalar::FixedEnvironment;

use crate::eval::matches;
use crate::{Conflicting, Row, RowId, RowSource, Scope, Store, eval, truth};

pub use environment::MemoryEnvironment;

/// Tables in memory.
pub struct MemoryStore {
    catalog: Arc<Catalog>,
    env: FixedEnvironment,
    tables: RefCell<Tables>,
    savepoints: RefCell<Vec<(u32, Tables)>>,
    /// Rows of the common table expressions of the queries that are running.
    ctes: RefCell<HashMap<CteId, Vec<Row>>>,
}

type Tables = BTreeMap<RelationId, Table>;

#[derive(Debug, Clone, Default)]
struct Table {
    rows: BTreeMap<RowId, Row>,
    last_id: RowId,
}

impl MemoryStore {
    /// No rows yet. The catalogue serves index expressions.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let env = FixedEnvironment::new().with_types(Box::new(Catalog::clone(&catalog)));
        Self {
            catalog,
            env,
            tables: RefCell::default(),
            savepoints: RefCell::default(),
            ctes: RefCell::default(),
        }
    }

    /// All rows of a relation in the order of their ids.
    pub fn rows(&self, relation: RelationId) -> Vec<(RowId, Row)> {
        self.tables.borrow().get(&relation).map_or_else(Vec::new, |table| {
            table.rows.iter().map(|(id, row)| (*id, row.clone())).collect()
        })
    }

    /// The unique index on which the row meets another than `own`.
    fn conflict(
        &self,
        relation: &Relation,
        row: &[Value],
        own: Option<RowId>,
    ) -> Result<Option<Conflicting>> {
        let others: Vec<(RowId, Row)> =
            self.rows(relation.id).into_iter().filter(|(id, _)| Some(*id) != own).collect();
        for key in relation.keys().filter(|key| !key.deferrable) {
            let columns: Vec<Expr> =
                key.columns.iter().filter_map(|number| column_of(relation, *number)).collect();
            if self.meets(relation, (&columns, None, key.nulls_not_distinct), (row, &others))? {
                let is_row_id =
                    relation.primary_key.as_ref() == Some(key) && relation.integer_key().is_some();
                let physical = if is_row_id { &relation.physical } else { &key.physical };
                return Ok(Some(Conflicting { physical: physical.clone() }));
            }
        }
        for index in relation.indexes.iter().filter(|index| index.unique) {
            let Some(physical) = index.physical.clone() else { continue };
            let keys: Vec<Expr> = index.keys.iter().map(|key| key.expr.clone()).collect();
            let predicate = index.predicate.as_ref();
            let what = (keys.as_slice(), predicate, index.nulls_not_distinct);
            if self.meets(relation, what, (row, &others))? {
                return Ok(Some(Conflicting { physical }));
            }
        }
        Ok(None)
    }

    fn meets(
        &self,
        relation: &Relation,
        (keys, predicate, nulls_equal): (&[Expr], Option<&Expr>, bool),
        (row, others): (&[Value], &[(RowId, Row)]),
    ) -> Result<bool> {
        let key_of = |row: &[Value]| -> Result<Option<Vec<Value>>> {
            let rows = [(ROW, RowSource::Stored { relation, row, id: None })];
            let scope = Scope { rows: &rows, ..Scope::new(&self.catalog, &self.env) };
            if let Some(predicate) = predicate
                && truth(predicate, &scope, None)? != Some(true)
            {
                return Ok(None);
            }
            keys.iter().map(|key| eval(key, &scope, None)).collect::<Result<Vec<_>>>().map(Some)
        };
        let Some(key) = key_of(row)? else { return Ok(false) };
        for (_, other) in others {
            let Some(other) = key_of(other)? else { continue };
            let equal = keys.iter().zip(key.iter().zip(&other)).all(|(expr, (a, b))| {
                let ty = expr.ty().base(self.catalog.as_ref() as &dyn TypeSource);
                (nulls_equal && a.is_null() && b.is_null())
                    || matches(CompareOp::Eq, &ty, a, b) == Some(true)
            });
            if equal {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn place(&self, relation: &Relation, row: &[Value], id: Option<RowId>) -> RowId {
        let mut tables = self.tables.borrow_mut();
        let table = tables.entry(relation.id).or_default();
        let key = relation
            .integer_key()
            .and_then(|column| relation.position(column.number))
            .and_then(|position| row.get(position))
            .and_then(Value::as_int);
        let id = key.or(id).unwrap_or(table.last_id + 1);
        table.last_id = table.last_id.max(id);
        table.rows.insert(id, row.to_vec());
        id
    }
}

fn column_of(relation: &Relation, number: u16) -> Option<Expr> {
    let column = relation.column_by_number(number)?;
    Some(Expr::column(ROW, number, column.ty.clone()))
}

impl Store for MemoryStore {
    fn query(
        &self,
        query: &Query,
        scope: &Scope<'_>,
        each: &mut dyn FnMut(Vec<Value>) -> Result<bool>,
    ) -> Result<()> {
        for row in self.answer(query, scope)? {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    fn get(&self, relation: &Relation, id: RowId) -> Result<Option<Row>> {
        let tables = self.tables.borrow();
        Ok(tables.get(&relation.id).and_then(|table| table.rows.get(&id)).cloned())
    }

    fn find(
        &self,
        relation: &Relation,
        columns: &[u16],
        key: &[Value],
        limit: usize,
    ) -> Result<Vec<(RowId, Row)>> {
        let fits = |row: &Row| {
            columns.iter().zip(key).all(|(number, wanted)| {
                let column = relation.column_by_number(*number);
                let value = relation.position(*number).and_then(|position| row.get(position));
                match (column, value) {
                    (Some(column), Some(value)) => {
                        let ty = column.ty.base(self.catalog.as_ref() as &dyn TypeSource);
                        matches(CompareOp::Eq, &ty, value, wanted) == Some(true)
                    }
                    _ => false,
                }
            })
        };
        Ok(self.rows(relation.id).into_iter().filter(|(_, row)| fits(row)).take(limit).collect())
    }

    fn insert(&self, relation: &Relation, row: &[Value]) -> Result<Result<RowId, Conflicting>> {
        if let Some(conflicting) = self.conflict(relation, row, None)? {
            return Ok(Err(conflicting));
        }
        Ok(Ok(self.place(relation, row, None)))
    }

    fn update(
        &self,
        relation: &Relation,
        id: RowId,
        row: &[Value],
    ) -> Result<Result<RowId, Conflicting>> {
        if let Some(conflicting) = self.conflict(relation, row, Some(id))? {
            return Ok(Err(conflicting));
        }
        self.delete(relation, id)?;
        Ok(Ok(self.place(relation, row, Some(id))))
    }

    fn delete(&self, relation: &Relation, id: RowId) -> Result<()> {
        if let Some(table) = self.tables.borrow_mut().get_mut(&relation.id) {
            table.rows.remove(&id);
        }
        Ok(())
    }

    fn clear(&self, relation: &Relation) -> Result<()> {
        if let Some(table) = self.tables.borrow_mut().get_mut(&relation.id) {
            table.rows.clear();
        }
        Ok(())
    }

    fn savepoint(&self, depth: u32) -> Result<()> {
        self.savepoints.borrow_mut().push((depth, self.tables.borrow().clone()));
        Ok(())
    }

    fn release(&self, depth: u32) -> Result<()> {
        self.savepoints.borrow_mut().retain(|(known, _)| *known < depth);
        Ok(())
    }

    fn roll_back(&self, depth: u32) -> Result<()> {
        let mut savepoints = self.savepoints.borrow_mut();
        let position = savepoints
            .iter()
            .position(|(known, _)| *known == depth)
            .ok_or_else(|| Error::internal(format!("no savepoint {depth}")))?;
        if let Some((_, tables)) = savepoints.drain(position..).next() {
            *self.tables.borrow_mut() = tables;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
