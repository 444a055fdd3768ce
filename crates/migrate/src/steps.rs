//! A migration as steps for an engine.

use backstay_catalog::Catalog;
use backstay_engine::{Step, Steps};
use backstay_model::{Result, Value};
use backstay_policy::{Caller, authorize_statement};

use crate::record::{insert, texts};
use crate::{Migration, MigrationError, Progress, Script};

/// One migration: its statements, then its record.
pub struct MigrationSteps {
    script: Script,
    migration: Migration,
    recorded: bool,
}

impl MigrationSteps {
    /// Parses the migration.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn new(migration: Migration) -> Result<Self, Box<MigrationError>> {
        let script = Script::new(&migration.path, &migration.text)?;
        Ok(Self { script, migration, recorded: false })
    }

    /// A copy of the progress, to explain an error with.
    pub fn progress(&self) -> Progress {
        self.script.progress()
    }
}

impl Steps for MigrationSteps {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        if self.recorded {
            return Ok(None);
        }
        if let Some(step) = self.script.next(catalog)? {
            return Ok(Some(step));
        }
        self.recorded = true;
        let record = insert(
            catalog,
            "schema_migrations",
            vec![
                ("version", Value::text(self.migration.version.clone())),
                ("statements", texts(self.script.texts())),
                ("name", Value::text(self.migration.name.clone())),
                ("checksum", Value::text(self.migration.checksum.clone())),
            ],
        )?;
        let record = authorize_statement(catalog, &Caller::system("migrate"), record)?;
        Ok(Some(Step::Statement(Box::new(record))))
    }
}
