//! What a body runs in.

use std::cell::RefCell;

use backstay_catalog::SearchPath;
use backstay_model::{Error, Result};
use backstay_pgsql::{Analyzed, DdlSession, RawStatement, analyze};

use crate::{Mark, Run, Scope, Store};

/// The transaction that a body runs in, as it is at the moment.
pub trait World {
    /// Lets `work` use the transaction.
    ///
    /// # Errors
    /// As `work` raises.
    fn with(&self, work: &mut dyn FnMut(&Scope<'_>, &dyn Store) -> Result<()>) -> Result<()>;

    /// Runs a statement that neither reads nor writes rows: of the schema or the session.
    ///
    /// # Errors
    /// As PostgreSQL raises; `0A000` where the schema cannot change.
    fn other(&self, statement: &RawStatement) -> Result<()>;

    /// Opens a savepoint; they nest.
    ///
    /// # Errors
    /// As the database reports.
    fn savepoint(&self) -> Result<()>;

    /// Keeps what was done since the last savepoint.
    ///
    /// # Errors
    /// As the database reports.
    fn release(&self) -> Result<()>;

    /// Undoes what was done since the last savepoint.
    ///
    /// # Errors
    /// As the database reports.
    fn roll_back(&self) -> Result<()>;
}

/// Inside of a statement: the schema stays as it is.
pub struct Inside<'a> {
    scope: Scope<'a>,
    store: &'a dyn Store,
    run: Run<'a>,
    marks: RefCell<Vec<(u32, Mark)>>,
}

impl<'a> Inside<'a> {
    /// The world of a statement; the scope needs a [`Run`].
    ///
    /// # Errors
    /// `XX000` without one.
    pub fn new(scope: Scope<'a>, store: &'a dyn Store) -> Result<Self> {
        let run = scope.run.ok_or_else(|| Error::internal("a body outside a run"))?;
        Ok(Self { scope, store, run, marks: RefCell::default() })
    }

    fn last_mark(&self) -> Result<(u32, Mark)> {
        self.run.state.leave_savepoint();
        let last = self.marks.borrow_mut().pop();
        last.ok_or_else(|| Error::internal("a savepoint that was not opened"))
    }
}

impl World for Inside<'_> {
    fn with(&self, work: &mut dyn FnMut(&Scope<'_>, &dyn Store) -> Result<()>) -> Result<()> {
        work(&self.scope, self.store)
    }

    fn other(&self, statement: &RawStatement) -> Result<()> {
        let env = self.scope.env;
        let path = env.setting("search_path").unwrap_or_default();
        let mut session = DdlSession {
            search_path: SearchPath::parse(&path),
            role: env.role().to_owned(),
            ..DdlSession::of_migrations()
        };
        match analyze(self.scope.catalog, &mut session, statement)? {
            Analyzed::Setting(name, value) => env.set_setting(&name, &value, true),
            Analyzed::Nothing(_) => Ok(()),
            Analyzed::Change(_) => Err(Error::unsupported("changing the schema in a function")
                .with_hint("Change the schema in a migration; DO blocks may do it there.")),
            Analyzed::Statement(_) | Analyzed::Block(_) => {
                Err(Error::unsupported("this statement in a function"))
            }
        }
    }

    fn savepoint(&self) -> Result<()> {
        let depth = self.run.state.enter_savepoint();
        self.marks.borrow_mut().push((depth, self.run.state.mark()));
        self.store.savepoint(depth)
    }

    fn release(&self) -> Result<()> {
        let (depth, _) = self.last_mark()?;
        self.store.release(depth)
    }

    fn roll_back(&self) -> Result<()> {
        let (depth, mark) = self.last_mark()?;
        self.store.roll_back(depth)?;
        self.run.state.cut_back(mark);
        Ok(())
    }
}
