//! A script as steps, one statement after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backstay_catalog::Catalog;
use backstay_engine::{Block, Step};
use backstay_model::{Error, Result};
use backstay_pgsql::{Analyzed, DdlSession, RawStatement, analyze, parse_migration};
use backstay_policy::{Caller, authorize_statement};

use crate::error::{Applied, MigrationError, Place};
use crate::migration::without_psql_lines;

/// Where a script is. A copy stays with whoever runs the steps, and says afterwards what an error
/// was about.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    file: String,
    text: String,
    offset: usize,
    statement: String,
    notices: Vec<(Place, String)>,
}

impl Progress {
    fn new(file: &str, text: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            file: file.to_owned(),
            text: text.to_owned(),
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error with the place where the script was. `applied` are the files before this one.
    pub fn explain(&self, error: Error, applied: &[String]) -> MigrationError {
        let state = self.state();
        let offset = error.position.unwrap_or(state.offset);
        MigrationError {
            file: state.file.clone(),
            place: Place::of(&state.text, offset),
            text: state.text.clone(),
            offset,
            statement: state.statement.clone(),
            error,
            applied: Applied { files: applied.to_vec() },
        }
    }

    /// Notices so far (`NOTICE`, `WARNING` and notes), each with its place; they are taken out.
    pub fn take_notices(&self) -> Vec<(Place, String)> {
        std::mem::take(&mut self.state().notices)
    }
}

/// The statements of a file, to be analysed one by one.
pub struct Script {
    statements: std::vec::IntoIter<RawStatement>,
    texts: Vec<String>,
    session: DdlSession,
    progress: Progress,
}

impl Script {
    /// Parses a file.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn new(file: &str, text: &str) -> Result<Self, Box<MigrationError>> {
        let progress = Progress::new(file, text);
        let statements = parse_migration(&without_psql_lines(text))
            .map_err(|error| Box::new(progress.explain(error, &[])))?;
        Ok(Self {
            texts: statements.iter().map(|one| one.text.clone()).collect(),
            statements: statements.into_iter(),
            session: DdlSession::of_migrations(),
            progress,
        })
    }

    /// Runs as another role than `postgres`.
    #[must_use]
    pub fn as_role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.session.role);
        self
    }

    /// A copy of the progress.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The texts of all statements.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The next step, against the catalogue that the steps before it left; `None` at the end.
    ///
    /// # Errors
    /// As the analysis of the statement.
    pub fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        for raw in self.statements.by_ref() {
            {
                let mut state = self.progress.state();
                state.offset = raw.offset;
                state.statement.clone_from(&raw.text);
            }
            let analyzed = analyze(catalog, &mut self.session, &raw);
            self.progress.note(&raw, &mut self.session);
            match analyzed? {
                Analyzed::Change(change) => return Ok(Some(Step::Change(change))),
                Analyzed::Statement(statement) => {
                    let caller = caller(&self.session.role);
                    let statement = authorize_statement(catalog, &caller, *statement)?;
                    return Ok(Some(Step::Statement(Box::new(statement))));
                }
                Analyzed::Block(program) => {
                    let (session, caller) = (self.session.clone(), caller(&self.session.role));
                    let block = Block { program: *program, session, caller };
                    return Ok(Some(Step::Block(Box::new(block))));
                }
                Analyzed::Setting(name, value) => return Ok(Some(Step::Setting(name, value))),
                Analyzed::Nothing(_) => {}
            }
        }
        Ok(None)
    }
}

impl Progress {
    fn note(&self, raw: &RawStatement, session: &mut DdlSession) {
        let mut state = self.state();
        let place = Place::of(&state.text, raw.offset);
        state.notices.extend(session.notices.drain(..).map(|notice| (place, notice)));
    }
}

/// The owner's roles do as they like; after `SET ROLE` the rules of that role hold.
fn caller(role: &str) -> Caller {
    match role {
        "postgres" | "supabase_admin" | "supabase_auth_admin" | "supabase_storage_admin" => {
            Caller::system("migrate")
        }
        other => Caller::role(other, false),
    }
}
