//! Emptying a database that runs scripts itself: every schema that the login owns goes.

use backstay_catalog::Catalog;
use backstay_engine::{Placement, Step, Steps};
use backstay_model::Result;

/// The steps that empty the database; what comes after is the bootstrap.
#[derive(Debug, Default)]
pub struct ResetSteps {
    done: bool,
}

impl Steps for ResetSteps {
    fn next(&mut self, _catalog: &Catalog) -> Result<Option<Step>> {
        let first = !std::mem::replace(&mut self.done, true);
        Ok(first.then(|| Step::Script(include_str!("reset.sql").to_owned(), Placement::Inside)))
    }
}
