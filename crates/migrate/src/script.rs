//! A script as steps, one statement after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backstay_catalog::Catalog;
use backstay_engine::{Block, Placement, Step};
use backstay_model::{Error, Result};
use backstay_pgsql::{
    Analyzed, DdlSession, Placement as Standing, RawStatement, analyze, parse_migration, placement,
    revocation,
};
use backstay_policy::{Caller, authorize_statement};

use crate::error::{Applied, MigrationError, Place};
use crate::migration::without_psql_lines;

/// The statements of a script with their byte offsets; all of it as one where the parser here does
/// not understand it.
pub fn statements(text: &str) -> Vec<(usize, String)> {
    let text = without_psql_lines(text);
    match parse_migration(&text) {
        Ok(statements) => statements.into_iter().map(|one| (one.offset, one.text)).collect(),
        Err(_) => vec![(0, text)],
    }
}

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
    /// Errors count from the start of their statement.
    relative: bool,
    /// A statement was to run outside of the transaction: what stood before it is committed.
    committed: bool,
    notices: Vec<(Place, String)>,
}

impl Progress {
    fn new(file: &str, text: &str, relative: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            file: file.to_owned(),
            text: text.to_owned(),
            relative,
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error with the place where the script was. `applied` are the files before this one.
    pub fn explain(&self, error: Error, applied: &[String]) -> MigrationError {
        let state = self.state();
        // The rows of `COPY` run as a statement of another text.
        let written = state.text[state.offset..].starts_with(&state.statement);
        let offset = match error.position.filter(|_| written) {
            Some(at) if state.relative => state.offset + at,
            Some(at) => at,
            None => state.offset,
        };
        MigrationError {
            file: state.file.clone(),
            place: Place::of(&state.text, offset),
            text: state.text.clone(),
            offset,
            statement: state.statement.clone(),
            error,
            applied: Applied { files: applied.to_vec(), partly: state.committed },
        }
    }

    /// Notices so far (`NOTICE`, `WARNING` and notes), each with its place; they are taken out.
    pub fn take_notices(&self) -> Vec<(Place, String)> {
        std::mem::take(&mut self.state().notices)
    }
}

/// What becomes of a script's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// They are analysed here: changes of the catalogue and trees.
    Analysed,
    /// They run in the database as they are.
    Verbatim,
    /// The same, with a commit after each statement whose work cannot be used before one.
    VerbatimWithCommits,
}

/// The statements of a file, one step after the other.
pub struct Script {
    statements: VecDeque<RawStatement>,
    /// What the parser here did not understand goes to the database as a whole.
    whole: Option<String>,
    form: Form,
    texts: Vec<String>,
    session: DdlSession,
    progress: Progress,
}

impl Script {
    /// Parses a file. Where the database runs it, the database decides what can be parsed: it may
    /// be newer than the parser here.
    ///
    /// # Errors
    /// The error of the parser, at its place.
    pub fn new(file: &str, text: &str, form: Form) -> Result<Self, Box<MigrationError>> {
        let progress = Progress::new(file, text, form != Form::Analysed);
        let text = without_psql_lines(text);
        let (statements, whole) = match parse_migration(&text) {
            Ok(statements) => (statements, None),
            Err(error) if form == Form::Analysed => {
                return Err(Box::new(progress.explain(error, &[])));
            }
            Err(_) => (Vec::new(), Some(text)),
        };
        let texts = statements.iter().map(|one| one.text.clone()).chain(whole.clone()).collect();
        Ok(Self {
            texts,
            statements: statements.into(),
            whole,
            form,
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
        if let Some(whole) = self.whole.take() {
            return Ok(Some(Step::Script(whole, Placement::Inside)));
        }
        while let Some(raw) = self.statements.pop_front() {
            self.progress.reach(&raw);
            if self.form != Form::Analysed {
                match self.verbatim(raw)? {
                    Some(step) => return Ok(Some(step)),
                    None => continue,
                }
            }
            let analyzed = analyze(catalog, &mut self.session, &raw);
            self.progress.note(&raw, &mut self.session);
            let analyzed = analyzed?;
            for text in self.session.then.drain(..).rev() {
                // Its places are those of the statement that it belongs to.
                let next = backstay_pgsql::parse_one(&text)?;
                self.statements.push_front(RawStatement { offset: raw.offset, ..next });
            }
            match analyzed {
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

    /// The statement as it is; `None` for one that begins or ends a transaction.
    fn verbatim(&self, raw: RawStatement) -> Result<Option<Step>> {
        let placement = match placement(&raw) {
            Standing::Control => return Ok(None),
            Standing::Rollback => {
                return Err(Error::unsupported("ROLLBACK in a script")
                    .with_hint("Each file runs in one transaction of its own."));
            }
            Standing::UsableAfterCommit if self.form == Form::VerbatimWithCommits => {
                Placement::Apart
            }
            Standing::Inside | Standing::UsableAfterCommit => Placement::Inside,
            Standing::Apart => Placement::Apart,
        };
        if placement == Placement::Apart {
            self.progress.state().committed = true;
        }
        if let Some(revocation) = revocation(&raw)? {
            return Ok(Some(Step::Grant { text: raw.text, revocation }));
        }
        Ok(Some(Step::Script(raw.text, placement)))
    }
}

impl Progress {
    fn reach(&self, raw: &RawStatement) {
        let mut state = self.state();
        state.offset = raw.offset;
        state.statement.clone_from(&raw.text);
    }

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
