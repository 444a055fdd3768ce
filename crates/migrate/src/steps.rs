//! A file as steps for an engine: its statements, then its record.

use backstay_catalog::Catalog;
use backstay_engine::{Step, Steps};
use backstay_model::Result;

use crate::record::{self, Record};
use crate::{Form, Migration, MigrationError, Progress, Script, Seed};

/// A migration or seed to be applied and recorded.
pub struct FileSteps {
    script: Script,
    form: Form,
    record: Record,
    recording: Option<Script>,
}

impl FileSteps {
    /// The steps of a migration.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn migration(migration: &Migration, form: Form) -> Result<Self, Box<MigrationError>> {
        let script = Script::new(&migration.path, &migration.text, form)?;
        let record = Record::migration(migration, script.texts());
        Ok(Self { script, form, record, recording: None })
    }

    /// The steps that record a migration whose work is there already.
    ///
    /// # Errors
    /// None that a migration would not give.
    pub fn record_only(migration: &Migration, form: Form) -> Result<Self, Box<MigrationError>> {
        let script = Script::new(&migration.path, "", form)?;
        let whole = [migration.text.clone()];
        let record = Record::migration(migration, &whole);
        Ok(Self { script, form, record, recording: None })
    }

    /// The steps of a seed.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn seed(seed: &Seed, form: Form) -> Result<Self, Box<MigrationError>> {
        let script = Script::new(&seed.path, &seed.text, form)?;
        Ok(Self { script, form, record: Record::seed(seed), recording: None })
    }

    /// A copy of the progress, to explain an error with.
    pub fn progress(&self) -> Progress {
        self.script.progress()
    }
}

impl Steps for FileSteps {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        if let Some(recording) = &mut self.recording {
            return recording.next(catalog);
        }
        if let Some(step) = self.script.next(catalog)? {
            return Ok(Some(step));
        }
        let text = self.record.sql(catalog)?;
        let script = record::script(&text, self.form)?;
        self.recording.insert(script).next(catalog)
    }
}
