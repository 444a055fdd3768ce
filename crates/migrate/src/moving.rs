//! The mark of a database that rows are moved into: part of the catalogue, as that of the bootstrap.

use backstay_catalog::Catalog;
use backstay_engine::{Placement, Step, Steps};
use backstay_model::{Error, Result};

use crate::{Form, Script};

/// The setting that holds the stage.
const SETTING: &str = "backstay.move";
/// What begins the name of the empty schema that says it where the login may not keep a setting: only
/// superusers may, of names that the server does not know. It goes when the move is done.
const SCHEMA: &str = "backstay_move_";

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
        let setting =
            catalog.role_settings.iter().find(|(role, name, _)| role.is_empty() && name == SETTING);
        let schema = catalog.schemas.keys().find_map(|name| name.strip_prefix(SCHEMA));
        let word = schema.or(setting.map(|(_, _, value)| value.as_str()))?;
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// The steps that mark a database with this stage.
    ///
    /// # Errors
    /// `XX000` if they cannot be parsed.
    pub fn mark(self, form: Form) -> Result<Mark> {
        let (word, database) = (self.word(), "pg_catalog.current_database()");
        if form != Form::Analysed {
            let text = format!(
                "DO $$ BEGIN
                   EXECUTE pg_catalog.format('ALTER DATABASE %I SET {SETTING} = %L', {database}, '{word}');
                 EXCEPTION WHEN insufficient_privilege THEN
                   DROP SCHEMA IF EXISTS {SCHEMA}schema, {SCHEMA}rows;
                   IF '{word}' <> 'done' THEN CREATE SCHEMA {SCHEMA}{word}; END IF;
                 END $$"
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
