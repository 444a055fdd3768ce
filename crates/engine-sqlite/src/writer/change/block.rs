//! `DO` in a migration: a body that may change the schema while it runs.

use std::cell::RefCell;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::Block;
use backstay_executor::plpgsql::{Compiled, World, run_block};
use backstay_executor::{Mark, Scope, Store};
use backstay_model::{Error, Result};
use backstay_pgsql::{Analyzed, DdlSession, RawStatement, analyze};

use super::Migration;
use crate::sequences::Remembered;

/// Runs the block.
pub(super) fn run(migration: &mut Migration<'_>, block: Block) -> Result<()> {
    let Block { program, session, caller } = block;
    let compiled = Compiled::new(program, session.search_path.clone(), caller);
    let world = Changing(RefCell::new(State { migration, session, savepoints: Vec::new() }));
    run_block(&world, &compiled)
}

/// The migration as the block finds it at each statement.
struct Changing<'m, 's>(RefCell<State<'m, 's>>);

struct State<'m, 's> {
    migration: &'m mut Migration<'s>,
    session: DdlSession,
    savepoints: Vec<Saved>,
}

/// What a savepoint brings back beside the rows.
struct Saved {
    catalog: Arc<Catalog>,
    sequences: Remembered,
    mark: Mark,
}

impl State<'_, '_> {
    fn other(&mut self, raw: &RawStatement) -> Result<()> {
        let analyzed = analyze(&self.migration.catalog, &mut self.session, raw)?;
        for notice in self.session.notices.drain(..) {
            tracing::info!("{notice}");
        }
        match analyzed {
            Analyzed::Change(change) => self.migration.change(*change),
            Analyzed::Setting(name, value) => {
                self.migration.set(&name, value);
                Ok(())
            }
            Analyzed::Nothing(_) => Ok(()),
            Analyzed::Statement(_) | Analyzed::Block(_) => {
                Err(Error::unsupported("this statement in DO"))
            }
        }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.migration.connection.execute(sql)
    }

    fn last(&mut self) -> Result<Saved> {
        let last = self.savepoints.pop();
        last.ok_or_else(|| Error::internal("a savepoint that was not opened"))
    }
}

impl World for Changing<'_, '_> {
    fn with(&self, work: &mut dyn FnMut(&Scope<'_>, &dyn Store) -> Result<()>) -> Result<()> {
        self.0.borrow_mut().migration.with_request(|request| request.inside(work))
    }

    fn other(&self, statement: &RawStatement) -> Result<()> {
        self.0.borrow_mut().other(statement)
    }

    fn savepoint(&self) -> Result<()> {
        let state = &mut *self.0.borrow_mut();
        let saved = Saved {
            catalog: Arc::clone(&state.migration.catalog),
            sequences: state.migration.shared.sequences.remember(),
            mark: state.migration.state.mark(),
        };
        state.savepoints.push(saved);
        state.execute("SAVEPOINT block")
    }

    fn release(&self) -> Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.last()?;
        state.execute("RELEASE block")
    }

    fn roll_back(&self) -> Result<()> {
        let state = &mut *self.0.borrow_mut();
        let saved = state.last()?;
        state.execute("ROLLBACK TO block")?;
        state.execute("RELEASE block")?;
        let migration = &mut *state.migration;
        if !Arc::ptr_eq(&migration.catalog, &saved.catalog) {
            // A version is never given twice: what was bound for one must not serve another.
            let mut catalog = (*saved.catalog).clone();
            catalog.version = migration.catalog.version + 1;
            migration.catalog = Arc::new(catalog);
            migration.connection.unfit();
            migration.shared.sequences.restore(saved.sequences);
        }
        migration.state.cut_back(saved.mark);
        Ok(())
    }
}
