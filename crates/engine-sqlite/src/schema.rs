//! Physical work of a change of the catalogue, within its transaction.

mod fill;
mod tables;
mod validate;

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation, Work};
use backstay_executor::{Scope, WriteState};
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use backstay_scalar::Environment;
use backstay_sql::quote;

use crate::bodies::SessionBodies;
use crate::connection::Connection;
use crate::sequences::{Position, Sequences, unknown};
use crate::store::SqliteStore;

/// A change that is being applied.
pub(crate) struct Applying<'a> {
    pub(crate) connection: &'a Connection,
    /// The catalogue before the change.
    pub(crate) before: &'a Arc<Catalog>,
    /// The catalogue afterwards.
    pub(crate) after: &'a Arc<Catalog>,
    pub(crate) env: &'a dyn Environment,
    pub(crate) bodies: &'a SessionBodies,
    pub(crate) state: &'a WriteState,
    pub(crate) sequences: &'a Sequences,
    /// Columns that this change has retyped already: they hold their new form.
    pub(crate) retyped: Vec<(RelationId, u16)>,
}

impl Applying<'_> {
    /// Does one piece of work.
    ///
    /// # Errors
    /// `23502`, `23503`, `23505`, `23514` where rows do not fit; as expressions raise.
    pub(crate) fn work(&mut self, work: &Work) -> Result<()> {
        match work {
            Work::CreateTable(id) => self.create_table(*id),
            Work::DropTable { physical } => {
                self.execute(&format!("DROP TABLE IF EXISTS {}", quote(physical)))
            }
            Work::RenameTable { from, to } => self.rename_table(from, to),
            Work::AddColumn { relation, column } => self.add_column(*relation, *column),
            Work::DropColumn { relation, physical } => self.drop_column(*relation, physical),
            Work::RenameColumn { relation, from, to } => self.rename_column(*relation, (from, to)),
            Work::Fill { relation, column, value } => self.fill(*relation, *column, value),
            Work::Retype { relation, column, value } => self.retype(*relation, *column, value),
            Work::CreateIndex { relation, physical } => self.create_index(*relation, physical),
            Work::DropIndex { physical } => {
                self.execute(&format!("DROP INDEX IF EXISTS {}", quote(physical)))
            }
            Work::Rebuild(id) => self.rebuild(*id),
            Work::ValidateNotNull { relation, column } => {
                self.validate_not_null(*relation, *column)
            }
            Work::ValidateCheck { relation, name } => self.validate_check(*relation, name),
            Work::ValidateForeignKey { relation, name } => {
                self.validate_foreign_key(*relation, name)
            }
            Work::CreateSequence { schema, name } => self.create_sequence(schema, name),
            Work::DropSequence { schema, name } => {
                self.sequences.take(&(schema.clone(), name.clone()));
                Ok(())
            }
            Work::RenameSequence { from, to } => {
                if let Some(position) = self.sequences.take(from) {
                    self.sequences.put(to.clone(), position);
                }
                Ok(())
            }
            Work::RestartSequence { schema, name, value } => {
                let key = (schema.clone(), name.clone());
                self.sequences.put(key, Position { last: *value, called: false });
                Ok(())
            }
        }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        let done = self.connection.raw().execute_batch(sql);
        done.map_err(|error| crate::failure::translate(&error))
    }

    fn relation(&self, id: RelationId) -> Result<Arc<Relation>> {
        let known = self.after.relations.get(&id);
        known.cloned().ok_or_else(|| Error::internal(format!("there is no relation {}", id.0)))
    }

    fn store(&self) -> SqliteStore<'_> {
        SqliteStore { connection: self.connection, catalog: self.after, env: self.env }
    }

    fn scope(&self) -> Scope<'_> {
        let run = backstay_executor::Run {
            bodies: self.bodies,
            state: self.state,
            read_only: false,
            depth: 0,
        };
        Scope { run: Some(run), ..Scope::new(self.after, self.env) }
    }

    fn create_sequence(&self, schema: &str, name: &str) -> Result<()> {
        let key = (schema.to_owned(), name.to_owned());
        let sequence = self.after.sequences.get(&key).ok_or_else(|| unknown(name))?;
        self.sequences.put(key, Position { last: sequence.start, called: false });
        Ok(())
    }
}
