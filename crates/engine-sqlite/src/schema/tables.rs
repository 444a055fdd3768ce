//! Tables, columns and indexes.

use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use backstay_sql::quote;
use backstay_sql::schema::{self, ROW_ID};
use rusqlite::ErrorCode;

use super::Applying;
use crate::failure;

impl Applying<'_> {
    pub(super) fn create_table(&self, id: RelationId) -> Result<()> {
        let relation = self.relation(id)?;
        self.execute(&schema::create_table(self.after, &relation, &relation.physical))?;
        self.create_missing_indexes(&relation)
    }

    pub(super) fn rename_table(&self, from: &str, to: &str) -> Result<()> {
        if from == to {
            return Ok(());
        }
        // SQLite takes names that differ in case for the same one.
        let between = format!("_backstay_renamed_{to}");
        self.execute(&format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(&between)))?;
        self.execute(&format!("ALTER TABLE {} RENAME TO {}", quote(&between), quote(to)))?;
        self.connection.unfit();
        Ok(())
    }

    pub(super) fn add_column(&self, id: RelationId, number: u16) -> Result<()> {
        let relation = self.relation(id)?;
        let column = relation
            .column_by_number(number)
            .ok_or_else(|| Error::internal(format!("{} has no column {number}", relation.name)))?;
        if self.columns(&relation.physical)?.contains(&column.physical) {
            return Ok(());
        }
        let definition = schema::column_definition(self.after, column);
        let table = quote(&relation.physical);
        self.connection.unfit();
        self.execute(&format!("ALTER TABLE {table} ADD COLUMN {definition}"))
    }

    pub(super) fn drop_column(&self, id: RelationId, physical: &str) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.unfit();
        self.drop_indexes_but(&relation, &schema::index_names(&relation))?;
        if self.row_id(&relation.physical)?.as_deref() == Some(physical) {
            return self.rebuild(id);
        }
        if !self.columns(&relation.physical)?.iter().any(|column| column == physical) {
            return Ok(());
        }
        let (table, column) = (quote(&relation.physical), quote(physical));
        self.execute(&format!("ALTER TABLE {table} DROP COLUMN {column}"))
    }

    pub(super) fn rename_column(&self, id: RelationId, (from, to): (&str, &str)) -> Result<()> {
        let relation = self.relation(id)?;
        if from == to {
            return Ok(());
        }
        self.connection.unfit();
        let (table, from, to) = (quote(&relation.physical), quote(from), quote(to));
        self.execute(&format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"))
    }

    pub(super) fn create_index(&self, id: RelationId, physical: &str) -> Result<()> {
        let relation = self.relation(id)?;
        if self.indexes(&relation.physical)?.iter().any(|known| known == physical) {
            return Ok(());
        }
        let wanted = schema::index_names(&relation).contains(&physical);
        if !wanted {
            // The integer primary key is the row id itself.
            return Ok(());
        }
        let (sql, functions) = schema::create_index(self.after, &relation, physical)?;
        self.connection.ensure(&functions)?;
        let scope = self.scope();
        let store = self.store();
        let frame = crate::frame::Frame::new(&scope, &store, &[]);
        let done = frame.enter(|| self.connection.raw().execute_batch(&sql));
        done.map_err(|error| match &error {
            rusqlite::Error::SqliteFailure(found, _)
                if found.code == ErrorCode::ConstraintViolation =>
            {
                let name = relation
                    .keys()
                    .find(|key| key.physical == physical)
                    .map(|key| key.name.as_str())
                    .or_else(|| {
                        let index = relation
                            .indexes
                            .iter()
                            .find(|index| index.physical.as_deref() == Some(physical));
                        index.map(|index| index.name.as_str())
                    });
                let name = name.unwrap_or(physical);
                Error::new("23505", format!("could not create unique index \"{name}\""))
            }
            _ => frame.take_raised().unwrap_or_else(|| failure::translate(&error)),
        })
    }

    pub(super) fn create_missing_indexes(&self, relation: &Arc<Relation>) -> Result<()> {
        for physical in schema::index_names(relation) {
            self.create_index(relation.id, physical)?;
        }
        Ok(())
    }

    /// Drops the table's indexes whose names are not among these.
    pub(super) fn drop_indexes_but(&self, relation: &Relation, kept: &[&str]) -> Result<()> {
        for index in self.indexes(&relation.physical)? {
            if !kept.contains(&index.as_str()) {
                self.execute(&format!("DROP INDEX {}", quote(&index)))?;
            }
        }
        Ok(())
    }

    fn names(&self, sql: &str, table: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([table], |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(|error| failure::translate(&error))
    }

    fn indexes(&self, table: &str) -> Result<Vec<String>> {
        self.names(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
            table,
        )
    }

    /// Physical names of the table's columns.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<String>> {
        self.names("SELECT name FROM pragma_table_info(?1)", table)
    }

    /// The column that is the table's row id now.
    pub(super) fn row_id(&self, table: &str) -> Result<Option<String>> {
        let found = self.names("SELECT name FROM pragma_table_info(?1) WHERE pk = 1", table)?;
        Ok(found.into_iter().next())
    }

    /// Makes the table anew with another row id; rows keep theirs, unless the key is it now.
    pub(super) fn rebuild(&self, id: RelationId) -> Result<()> {
        let relation = self.relation(id)?;
        self.connection.unfit();
        let old = relation.physical.clone();
        let new = format!("_backstay_rebuilt_{}", id.0);
        let present = self.columns(&old)?;
        let old_id = self.row_id(&old)?.unwrap_or_else(|| "rowid".to_owned());
        self.execute(&schema::create_table(self.after, &relation, &new))?;
        let kept = relation.columns.iter().map(|column| &column.physical);
        let kept: Vec<String> =
            kept.filter(|column| present.contains(column)).map(|column| quote(column)).collect();
        let (mut into, mut from) = (kept.clone(), kept);
        if relation.integer_key().is_none() {
            into.insert(0, quote(ROW_ID));
            from.insert(0, quote(&old_id));
        }
        let (into, from) = (into.join(", "), from.join(", "));
        let (old, quoted) = (quote(&old), quote(&new));
        self.execute(&format!(
            "INSERT INTO {quoted} ({into}) SELECT {from} FROM {old} ORDER BY {}",
            quote(&old_id)
        ))
        .map_err(|error| duplicate(&relation, error))?;
        self.execute(&format!("DROP TABLE {old}"))?;
        self.execute(&format!("ALTER TABLE {quoted} RENAME TO {old}"))?;
        self.create_missing_indexes(&relation)
    }
}

/// A key that became the row id met a value twice.
fn duplicate(relation: &Relation, error: Error) -> Error {
    match &relation.primary_key {
        Some(key) if error.message.contains("UNIQUE constraint failed") => {
            Error::new("23505", format!("could not create unique index \"{}\"", key.name))
        }
        _ => error,
    }
}
