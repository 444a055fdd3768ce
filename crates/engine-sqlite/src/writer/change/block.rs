//! Bodies in a migration that may change the schema while they run: `DO`, and functions in PL/pgSQL
//! that a statement calls and does nothing else.

use std::cell::RefCell;
use std::sync::Arc;

use backstay_catalog::{Body as RoutineBody, Catalog, SearchPath};
use backstay_engine::Block;
use backstay_executor::plpgsql::{self, Compiled, World, run_block};
use backstay_executor::{Mark, ProgramOf, Scope, Store, eval};
use backstay_expr::{Body, Expr, FunctionId, Output, Statement};
use backstay_model::{Error, Result, Value};
use backstay_pgsql::{Analyzed, DdlSession, RawStatement, analyze, parse_one};
use backstay_policy::{Caller, authorize_statement};

use super::Migration;
use crate::sequences::Remembered;

/// Runs the block.
pub(super) fn run(migration: &mut Migration<'_>, block: Block) -> Result<()> {
    let Block { program, session, caller } = block;
    let compiled = Compiled::new(program, session.search_path.clone(), caller);
    let world = Changing(RefCell::new(State { migration, session, savepoints: Vec::new() }));
    run_block(&world, &compiled)
}

/// A function with its arguments.
type Call<'s> = (FunctionId, &'s [Expr]);

/// The only thing that `SELECT f(…)` or `CALL f(…)` does.
pub(super) fn lone_call(statement: &Statement) -> Option<Call<'_>> {
    let Statement::Query(query) = statement else { return None };
    let Body::Select(select) = &query.body else { return None };
    match select.outputs.as_slice() {
        [Output { expr: Expr::UserCall { function, args, .. }, .. }]
            if select.from.is_empty() && select.filter.is_none() && query.with.is_empty() =>
        {
            Some((*function, args))
        }
        _ => None,
    }
}

/// Does the function's body write, by itself or by texts that it puts together?
pub(super) fn writes(catalog: &Catalog, (function, _): Call<'_>) -> bool {
    let body = catalog.routines.get(&function).map(|routine| &routine.body);
    matches!(body, Some(RoutineBody::PlPgSql(uses)) if uses.writes)
}

/// Calls the function as `DO` would run its body.
pub(super) fn call(migration: &mut Migration<'_>, (function, args): Call<'_>) -> Result<()> {
    let missing = || Error::internal("a call of no function");
    let routine = migration.catalog.routines.get(&function).cloned().ok_or_else(missing)?;
    let mut values = Vec::with_capacity(args.len());
    let mut path = String::new();
    migration.with_request(|request| {
        request.inside(&mut |scope, store| {
            path = scope.env.setting("search_path").unwrap_or_default();
            for arg in args {
                values.push(eval(arg, scope, Some(store))?);
            }
            Ok(())
        })
    })?;
    if routine.strict && values.iter().any(Value::is_null) {
        return Ok(());
    }
    if let Some((_, own)) = routine.settings.iter().find(|(name, _)| name == "search_path") {
        path.clone_from(own);
    }
    let role = routine.owner.as_str();
    let caller = Caller { role: role.into(), enforcement: migration.session.caller.enforcement };
    let compiled = ProgramOf { function, role, path: &path, trigger: None }
        .read(&migration.catalog, caller)?;
    let session = DdlSession {
        search_path: SearchPath::parse(&path),
        role: role.to_owned(),
        ..DdlSession::of_migrations()
    };
    let world = Changing(RefCell::new(State { migration, session, savepoints: Vec::new() }));
    plpgsql::call(&world, (&compiled, &routine), &values).map(|_| ())
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
            Analyzed::Change(change) => {
                self.migration.change(*change)?;
                std::mem::take(&mut self.session.then).iter().try_for_each(|text| self.then(text))
            }
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

    /// Runs a statement that belongs to the one before it.
    fn then(&mut self, text: &str) -> Result<()> {
        let catalog = &self.migration.catalog;
        let analyzed = analyze(catalog, &mut self.session, &parse_one(text)?)?;
        let Analyzed::Statement(statement) = analyzed else { return Ok(()) };
        let statement = authorize_statement(catalog, &Caller::system("migrate"), *statement)?;
        self.migration.with_request(|request| request.statement(statement.get()))
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
