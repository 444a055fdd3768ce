//! The executor's [`Store`] over one connection.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_executor::{Conflicting, Row, RowId, Scope, Store};
use backstay_expr::Query;
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::Environment;
use backstay_sql::quote;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, ErrorCode};

use crate::connection::Connection;
use crate::frame::Frame;
use crate::table_sql::Wanted;
use crate::{failure, stored};

/// Rows of one connection within its transaction.
pub(crate) struct SqliteStore<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) catalog: &'c Arc<Catalog>,
    /// What the functions of expression indexes see.
    pub(crate) env: &'c dyn Environment,
}

impl SqliteStore<'_> {
    fn bind(&self, statement: &mut CachedStatement<'_>, row: &[Value]) -> Result<()> {
        for (index, value) in row.iter().enumerate() {
            statement
                .raw_bind_parameter(index + 1, stored::encode(value)?)
                .map_err(|error| failure::translate(&error))?;
        }
        Ok(())
    }

    fn prepare_find(
        &self,
        relation: &Relation,
        columns: &[u16],
        wanted: Wanted,
    ) -> Result<CachedStatement<'_>> {
        let table = self.connection.table(self.catalog, relation);
        let sql = table
            .find(relation, columns, wanted)
            .ok_or_else(|| Error::internal(format!("a key of {} lacks a column", relation.name)))?;
        self.connection.prepare(&sql)
    }

    fn row(&self, types: &[Type], row: &rusqlite::Row<'_>) -> Result<(RowId, Row)> {
        let id = row.get(0).map_err(|error| failure::translate(&error))?;
        let values = types
            .iter()
            .enumerate()
            .map(|(index, ty)| stored::decode(ty, column(row, index + 1), self.catalog.as_ref()));
        Ok((id, values.collect::<Result<_>>()?))
    }

    /// Runs a write; a unique index that is in the way is no error.
    fn write(
        &self,
        relation: &Relation,
        statement: &mut CachedStatement<'_>,
    ) -> Result<Result<(), Conflicting>> {
        match self.execute(statement) {
            Ok(()) => Ok(Ok(())),
            Err(rusqlite::Error::SqliteFailure(failure, Some(message)))
                if failure.code == ErrorCode::ConstraintViolation =>
            {
                conflict(relation, &message).map(Err)
            }
            Err(error) => Err(failure::translate(&error)),
        }
    }

    /// Runs a statement that may compute the keys of expression indexes.
    pub(crate) fn execute(&self, statement: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        let scope = Scope::new(self.catalog, self.env);
        Frame::new(&scope, self, &[]).enter(|| statement.raw_execute()).map(|_| ())
    }
}

/// A column of the current row; null if there is none.
pub(crate) fn column<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> ValueRef<'r> {
    row.get_ref(index).unwrap_or(ValueRef::Null)
}

/// Which index SQLite means: it names the columns, or the index where that has expressions.
fn conflict(relation: &Relation, message: &str) -> Result<Conflicting> {
    let named = message
        .strip_prefix("UNIQUE constraint failed: ")
        .ok_or_else(|| failure::internal("a constraint that no table of ours has", message))?;
    if let Some(index) = named.strip_prefix("index '") {
        return Ok(Conflicting::on(index.trim_end_matches('\'').to_owned()));
    }
    let spelt = |columns: &mut dyn Iterator<Item = u16>| {
        let columns: Vec<String> = columns
            .filter_map(|number| relation.column_by_number(number))
            .map(|column| format!("{}.{}", relation.physical, column.physical))
            .collect();
        columns.join(", ")
    };
    if let Some(key) = relation.integer_key()
        && named == spelt(&mut std::iter::once(key.number))
    {
        return Ok(Conflicting::on(relation.physical.clone()));
    }
    for key in relation.keys() {
        if named == spelt(&mut key.columns.iter().copied()) {
            return Ok(Conflicting::on(key.physical.clone()));
        }
    }
    for index in relation.indexes.iter().filter(|index| index.unique) {
        let mut columns = index.keys.iter().filter_map(|key| match key.expr {
            backstay_expr::Expr::Column { column, .. } => Some(column),
            _ => None,
        });
        if let (true, Some(physical)) = (named == spelt(&mut columns), &index.physical) {
            return Ok(Conflicting::on(physical.clone()));
        }
    }
    Err(failure::internal("a unique index that the catalogue does not know", message))
}

impl Store for SqliteStore<'_> {
    fn query(
        &self,
        query: &Query,
        scope: &Scope<'_>,
        each: &mut dyn FnMut(Vec<Value>) -> Result<bool>,
    ) -> Result<()> {
        let program = self.connection.program(scope.catalog, query)?;
        program.run(self.connection, scope, self, &mut |row| {
            let values =
                program.types.iter().enumerate().map(|(index, ty)| {
                    stored::decode(ty, column(row, index), scope.catalog.as_ref())
                });
            each(values.collect::<Result<_>>()?)
        })
    }

    fn get(&self, relation: &Relation, id: RowId) -> Result<Option<Row>> {
        let table = self.connection.table(self.catalog, relation);
        let mut statement = self.connection.prepare(&table.get)?;
        statement.raw_bind_parameter(1, id).map_err(|error| failure::translate(&error))?;
        let mut rows = statement.raw_query();
        match rows.next().map_err(|error| failure::translate(&error))? {
            Some(row) => self.row(&table.types, row).map(|(_, row)| Some(row)),
            None => Ok(None),
        }
    }

    fn find(
        &self,
        relation: &Relation,
        columns: &[u16],
        key: &[Value],
        limit: usize,
    ) -> Result<Vec<(RowId, Row)>> {
        let table = self.connection.table(self.catalog, relation);
        let mut statement = self.prepare_find(relation, columns, Wanted::Rows(limit))?;
        self.bind(&mut statement, key)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| failure::translate(&error))? {
            found.push(self.row(&table.types, row)?);
        }
        Ok(found)
    }

    fn holds(&self, relation: &Relation, columns: &[u16], key: &[Value]) -> Result<bool> {
        let mut statement = self.prepare_find(relation, columns, Wanted::Any)?;
        self.bind(&mut statement, key)?;
        let found = statement.raw_query().next().map(|row| row.is_some());
        found.map_err(|error| failure::translate(&error))
    }

    fn insert(&self, relation: &Relation, row: &[Value]) -> Result<Result<RowId, Conflicting>> {
        if self.connection.is_late() {
            return Err(failure::timed_out());
        }
        let table = self.connection.table(self.catalog, relation);
        let mut statement = self.connection.prepare(&table.insert)?;
        self.bind(&mut statement, row)?;
        let written = self.write(relation, &mut statement)?;
        Ok(written.map(|()| self.connection.raw().last_insert_rowid()))
    }

    fn update(
        &self,
        relation: &Relation,
        id: RowId,
        row: &[Value],
    ) -> Result<Result<RowId, Conflicting>> {
        if self.connection.is_late() {
            return Err(failure::timed_out());
        }
        let table = self.connection.table(self.catalog, relation);
        let mut statement = self.connection.prepare(&table.update)?;
        self.bind(&mut statement, row)?;
        statement
            .raw_bind_parameter(row.len() + 1, id)
            .map_err(|error| failure::translate(&error))?;
        let key = relation.integer_key().and_then(|key| relation.position(key.number));
        let moved = key.and_then(|key| row.get(key)).and_then(Value::as_int).unwrap_or(id);
        Ok(self.write(relation, &mut statement)?.map(|()| moved))
    }

    fn delete(&self, relation: &Relation, id: RowId) -> Result<()> {
        if self.connection.is_late() {
            return Err(failure::timed_out());
        }
        let table = self.connection.table(self.catalog, relation);
        let mut statement = self.connection.prepare(&table.delete)?;
        statement.raw_bind_parameter(1, id).map_err(|error| failure::translate(&error))?;
        self.execute(&mut statement).map_err(|error| failure::translate(&error))
    }

    fn check_time(&self) -> Result<()> {
        if self.connection.is_late() { Err(failure::timed_out()) } else { Ok(()) }
    }

    fn clear(&self, relation: &Relation) -> Result<()> {
        let sql = format!("DELETE FROM {}", quote(&relation.physical));
        let mut statement = self.connection.prepare(&sql)?;
        self.execute(&mut statement).map_err(|error| failure::translate(&error))
    }

    fn savepoint(&self, depth: u32) -> Result<()> {
        self.connection.execute(&format!("SAVEPOINT s{depth}"))
    }

    fn release(&self, depth: u32) -> Result<()> {
        self.connection.execute(&format!("RELEASE s{depth}"))
    }

    fn roll_back(&self, depth: u32) -> Result<()> {
        self.connection.execute(&format!("ROLLBACK TO s{depth}"))?;
        self.connection.execute(&format!("RELEASE s{depth}"))
    }
}
