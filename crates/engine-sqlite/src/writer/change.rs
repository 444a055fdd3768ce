//! A migration: changes of the schema and statements, one transaction for all.

use std::sync::Arc;

use backstay_catalog::{Catalog, Change};
use backstay_engine::{Session, Step, Steps};
use backstay_executor::WriteState;
use backstay_model::{Error, Result};

use crate::bodies::{KnownBodies, SessionBodies};
use crate::catalog_store;
use crate::connection::Connection;
use crate::failure;
use crate::requests::Request;
use crate::schema::Applying;
use crate::session::SessionEnvironment;
use crate::shared::Shared;

mod block;

/// Writes what `RAISE NOTICE` and the like said to the log.
pub(crate) fn log_notices(state: &WriteState) {
    for notice in state.take_notices() {
        tracing::info!(level = notice.level, "{}", notice.message);
    }
}

/// Runs all steps and commits, or leaves nothing of them.
pub(super) fn run(
    shared: &Shared,
    connection: &Connection,
    session: &Session,
    mut steps: Box<dyn Steps>,
) -> Result<()> {
    connection.execute("BEGIN IMMEDIATE")?;
    let remembered = shared.sequences.remember();
    connection.limit_time(session.statement_timeout);
    let before = shared.catalog();
    let mut migration = Migration {
        shared,
        connection,
        session: session.clone(),
        catalog: Arc::clone(&before),
        replicating: None,
        state: WriteState::new(),
    };
    let done = failure::contained(|| migration.steps(&mut *steps)).and_then(|()| {
        catalog_store::save(connection, &before, &migration.catalog)?;
        shared.sequences.store(connection)?;
        shared.commit_change(Arc::clone(&migration.catalog), || connection.execute("COMMIT"))
    });
    connection.limit_time(None);
    match done {
        Ok(()) => {
            shared.sequences.stored();
            Ok(())
        }
        Err(error) => {
            if !connection.raw().is_autocommit() {
                connection.execute("ROLLBACK")?;
            }
            connection.unfit();
            shared.sequences.restore(remembered);
            Err(error)
        }
    }
}

struct Migration<'s> {
    shared: &'s Shared,
    connection: &'s Connection,
    session: Session,
    catalog: Arc<Catalog>,
    /// The catalogue as statements see it after `SET session_replication_role = replica`.
    replicating: Option<Arc<Catalog>>,
    state: WriteState,
}

impl Migration<'_> {
    fn steps(&mut self, steps: &mut dyn Steps) -> Result<()> {
        while let Some(step) = steps.next(&self.catalog)? {
            match step {
                Step::Change(change) => self.change(*change)?,
                Step::Statement(statement) => match block::lone_call(statement.get()) {
                    Some(call) if self.is_owner() && block::writes(&self.catalog, call) => {
                        block::call(self, call)?;
                    }
                    _ => self.with_request(|request| request.statement(statement.get()))?,
                },
                Step::Block(block) => block::run(self, *block)?,
                Step::Setting(name, value) => self.set(&name, value),
                Step::Script(..) | Step::Grant { .. } => {
                    return Err(Error::internal("a script for another database"));
                }
            }
            log_notices(&self.state);
        }
        self.with_request(|request| request.finish())
    }

    /// Do the owner's rights hold, or did the script take another role?
    fn is_owner(&self) -> bool {
        let role = self.session.settings.get("role");
        matches!(role, None | Some("" | "none" | "postgres" | "supabase_admin"))
    }

    fn set(&mut self, name: &str, value: String) {
        if name.eq_ignore_ascii_case("session_replication_role") {
            let on = value.eq_ignore_ascii_case("replica");
            self.replicating = on.then(|| Arc::new(self.catalog.replicating()));
        }
        let mut settings = (*self.session.settings).clone();
        settings.set(name.to_ascii_lowercase(), value);
        self.session.settings = Arc::new(settings);
    }

    fn environment(&self) -> SessionEnvironment {
        SessionEnvironment::new(&self.catalog, &self.shared.sequences, &self.session, false)
    }

    fn bodies(&self) -> SessionBodies {
        // Versions within a migration are not final, so nothing of it is kept.
        SessionBodies {
            catalog: Arc::clone(&self.catalog),
            caller: self.session.caller.clone(),
            known: Arc::new(KnownBodies::default()),
        }
    }

    fn with_request<R>(&mut self, work: impl FnOnce(&Request<'_>) -> Result<R>) -> Result<R> {
        self.connection.fit(&self.catalog)?;
        let env = self.environment();
        let bodies = self.bodies();
        let request = Request {
            connection: self.connection,
            catalog: self.replicating.as_ref().unwrap_or(&self.catalog),
            env: &env,
            bodies: &bodies,
            state: &self.state,
            read_only: false,
        };
        let result = work(&request)?;
        // What `set_config` changed holds for the following steps.
        self.session.settings = env.settings();
        Ok(result)
    }

    fn change(&mut self, change: Change) -> Result<()> {
        // Tests that were put off come due before the schema under them changes.
        self.with_request(|request| request.finish())?;
        let after = Arc::new(change.catalog);
        let before = std::mem::replace(&mut self.catalog, Arc::clone(&after));
        self.connection.unfit();
        let env = self.environment();
        let bodies = self.bodies();
        let mut applying = Applying {
            connection: self.connection,
            before: &before,
            after: &after,
            env: &env,
            bodies: &bodies,
            state: &self.state,
            sequences: &self.shared.sequences,
            retyped: Vec::new(),
        };
        for work in &change.work {
            applying.work(work)?;
        }
        self.connection.unfit();
        if self.replicating.is_some() {
            self.replicating = Some(Arc::new(self.catalog.replicating()));
        }
        Ok(())
    }
}
