//! The mark of a database that rows are moved into: part of the catalogue, as that of the bootstrap.

use backstay_catalog::Catalog;
use backstay_engine::{Placement, Step, Steps};
use backstay_model::{Error, Result};

use crate::{Form, Script};

/// The setting that holds the stage.
const SETTING: &str = "backstay.move";

/// How far a move into a database has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The migrations are applied; rows that they make go again.
    Schema,
    /// Rows are copied.
    Rows,
    /// Everything was copied and compared.
    Done,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Schema, Self::Rows, Self::Done];

    fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Rows => "rows",
            Self::Done => "done",
        }
    }

    /// The stage of this database; `None` if nothing was ever moved into it.
    pub fn of(catalog: &Catalog) -> Option<Self> {
        let (_, _, value) = catalog
            .role_settings
            .iter()
            .find(|(role, name, _)| role.is_empty() && name == SETTING)?;
        Self::ALL.into_iter().find(|stage| stage.word() == value)
    }

    /// The steps that mark a database with this stage.
    ///
    /// # Errors
    /// `XX000` if they cannot be parsed.
    pub fn mark(self, form: Form) -> Result<Mark> {
        let (word, database) = (self.word(), "pg_catalog.current_database()");
        if form != Form::Analysed {
            let text = format!(
                "DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I SET {SETTING} = %L', \
                 {database}, '{word}'); END $$"
            );
            return Ok(Mark::Verbatim(Some(text)));
        }
        let text = format!("ALTER DATABASE postgres SET {SETTING} = '{word}'");
        let script = Script::new("the mark of a move", &text, form);
        script
            .map(|script| Mark::Analysed(Box::new(script)))
            .map_err(|error| Error::internal(error.to_string()))
    }
}

/// See [`Stage::mark`].
pub enum Mark {
    /// As a change of the catalogue.
    Analysed(Box<Script>),
    /// As the database runs it; taken once.
    Verbatim(Option<String>),
}

impl Steps for Mark {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        match self {
            Self::Analysed(script) => script.next(catalog),
            Self::Verbatim(text) => {
                Ok(text.take().map(|text| Step::Script(text, Placement::Inside)))
            }
        }
    }
}
