//! Seeds: sample rows, run once.

use backstay_catalog::Catalog;
use backstay_engine::{Step, Steps};
use backstay_model::{Result, Value};
use backstay_policy::{Caller, authorize_statement};

use crate::migration::checksum;
use crate::record::insert;
use crate::{MigrationError, Progress, Script};

/// A seed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The path as it is recorded and shown.
    pub path: String,
    /// The file's text.
    pub text: String,
}

impl Seed {
    /// SHA-256 of the text, in hexadecimal: a recorded seed whose hash differs is reported and not
    /// run again.
    pub fn hash(&self) -> String {
        checksum(&self.text)
    }
}

/// One seed file: its statements, then its record.
pub struct SeedSteps {
    script: Script,
    seed: Seed,
    recorded: bool,
}

impl SeedSteps {
    /// Parses the seed.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn new(seed: Seed) -> Result<Self, Box<MigrationError>> {
        let script = Script::new(&seed.path, &seed.text)?;
        Ok(Self { script, seed, recorded: false })
    }

    /// A copy of the progress, to explain an error with.
    pub fn progress(&self) -> Progress {
        self.script.progress()
    }
}

impl Steps for SeedSteps {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        if self.recorded {
            return Ok(None);
        }
        if let Some(step) = self.script.next(catalog)? {
            return Ok(Some(step));
        }
        self.recorded = true;
        let (path, hash) = (self.seed.path.clone(), self.seed.hash());
        let values = vec![("path", Value::text(path)), ("hash", Value::text(hash))];
        let record = insert(catalog, "seed_files", values)?;
        let record = authorize_statement(catalog, &Caller::system("migrate"), record)?;
        Ok(Some(Step::Statement(Box::new(record))))
    }
}
