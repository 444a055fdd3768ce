//! One transaction of several requests.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::Answer;
use backstay_executor::WriteState;
use backstay_model::{Error, Result};
use backstay_scalar::Environment as _;
use backstay_scalar::environment::SequenceAction;
use tokio::sync::oneshot;

use super::{Run, Task};
use crate::connection::Connection;
use crate::failure;
use crate::maintenance;
use crate::requests::Request;
use crate::service::ServiceTransaction;
use crate::session::SessionEnvironment;
use crate::shared::{Counters, Shared, stale};

/// Answers with those who wait for them.
pub(super) type Answers = Vec<(oneshot::Sender<Result<Answer>>, Result<Answer>)>;

/// Answers that wait for the commit.
pub(super) struct Batch<'s> {
    shared: &'s Shared,
    connection: &'s Connection,
    /// The transaction could not begin, or was lost.
    failed: Option<Error>,
    pending: Answers,
}

impl<'s> Batch<'s> {
    /// Begins the transaction.
    pub(super) fn begin(shared: &'s Shared, connection: &'s Connection) -> Self {
        let failed = connection.execute("BEGIN IMMEDIATE").err();
        Self { shared, connection, failed, pending: Vec::new() }
    }

    /// How many requests it holds.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Runs one request; its failure leaves the others alone.
    pub(super) fn run(&mut self, mut run: Run) {
        Counters::add(&self.shared.counters.writes);
        if let Some(error) = &self.failed {
            // The answer of a lost transaction is given with the others, at the end.
            self.pending.push((run.reply, Err(error.clone())));
            return;
        }
        let result = self.run_in_savepoint(&mut run);
        if self.connection.raw().is_autocommit() {
            // SQLite ended the transaction by itself, with everything in it.
            let error = result.as_ref().err().cloned().unwrap_or_else(crate::failure::disk_full);
            self.failed = Some(error);
        }
        self.pending.push((run.reply, result));
    }

    fn run_in_savepoint(&self, run: &mut Run) -> Result<Answer> {
        let current = self.shared.catalog();
        let mut rollback = false;
        if let Task::Plan(planned) = &run.task {
            if current.version != planned.catalog.version {
                return Err(stale());
            }
            rollback = planned.options.rollback;
        }
        let connection = self.connection;
        connection.fit(&current)?;
        connection.execute("SAVEPOINT request")?;
        connection.limit_time(run.session.statement_timeout);
        // The writer is one for all: what goes wrong in one request must not end it.
        let result = failure::guarded(|| self.answer(&current, run));
        connection.limit_time(None);
        match result {
            Ok(answer) if !rollback => {
                connection.execute("RELEASE request")?;
                Ok(answer)
            }
            other => {
                if !connection.raw().is_autocommit() {
                    connection.execute("ROLLBACK TO request")?;
                    connection.execute("RELEASE request")?;
                }
                other
            }
        }
    }

    fn answer(&self, catalog: &Arc<Catalog>, run: &mut Run) -> Result<Answer> {
        let env = SessionEnvironment::new(catalog, &self.shared.sequences, &run.session, false);
        let bodies = self.shared.bodies(catalog, &run.session);
        let state = WriteState::new();
        let request = Request {
            connection: self.connection,
            catalog,
            env: &env,
            bodies: &bodies,
            state: &state,
            read_only: false,
        };
        let (result, rollback) = match &mut run.task {
            Task::Plan(planned) => {
                let answer =
                    request.answer_to(planned.plan.get(), &planned.compiled, &planned.options);
                super::log_notices(&state);
                let checked = answer.and_then(|mut answer| {
                    answer.response_settings = env.response_settings();
                    (planned.options.check)(&answer)?;
                    Ok(answer)
                });
                (checked, planned.options.rollback)
            }
            Task::Work(work) => {
                let done = work(&mut ServiceTransaction(&request)).and_then(|()| request.finish());
                super::log_notices(&state);
                (done.map(|()| Answer::default()), false)
            }
        };
        if result.is_err() || rollback {
            for (sequence, next) in state.take_restarted() {
                env.sequence(&sequence, SequenceAction::Set { value: next, called: false })?;
            }
        }
        result
    }

    /// Commits; if that fails, every request gets its error.
    pub(super) fn commit(mut self) -> Answers {
        Counters::add(&self.shared.counters.batches);
        if self.failed.is_none() {
            let committed = self
                .shared
                .sequences
                .store(self.connection)
                .and_then(|()| self.connection.execute("COMMIT"));
            match committed {
                Ok(()) => {
                    self.shared.committed();
                    self.shared.sequences.stored();
                }
                Err(error) => self.failed = Some(error),
            }
        }
        let stuck = u64::from(self.failed.is_some());
        self.shared.counters.read_only.store(stuck, std::sync::atomic::Ordering::Relaxed);
        if let Some(error) = &self.failed {
            if error.code == "53100" {
                maintenance::disk_filled(&self.shared.settings.path);
            }
            Counters::add(&self.shared.counters.failed_batches);
            if !self.connection.raw().is_autocommit() {
                // Nothing of it may remain; that it is gone already is as good.
                let _ = self.connection.execute("ROLLBACK");
            }
        }
        if let Some(error) = &self.failed {
            for (_, result) in self.pending.iter_mut().filter(|(_, result)| result.is_ok()) {
                *result = Err(error.clone());
            }
        }
        self.pending
    }
}
