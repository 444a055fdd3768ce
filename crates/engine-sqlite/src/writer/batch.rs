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
///
/// A savepoint for each request would cost a copy of every page that it changes, so the requests run
/// without: what fails has seldom written anything before. If one has, the transaction begins
/// again, and from then on there are savepoints.
pub(super) struct Batch<'s> {
    shared: &'s Shared,
    connection: &'s Connection,
    /// The transaction could not begin, or was lost.
    failed: Option<Error>,
    /// Does every request get a savepoint?
    guarded: bool,
    begun_again: bool,
    done: Vec<Done>,
}

/// A request that ran, with its answer.
struct Done {
    run: Run,
    result: Result<Answer>,
}

impl<'s> Batch<'s> {
    /// Begins the transaction; `guarded` where it is to have savepoints from the start.
    pub(super) fn begin(shared: &'s Shared, connection: &'s Connection, guarded: bool) -> Self {
        let failed = connection.execute("BEGIN IMMEDIATE").err();
        shared.sequences.mark();
        Self { shared, connection, failed, guarded, begun_again: false, done: Vec::new() }
    }

    /// How many requests it holds.
    pub(super) fn len(&self) -> usize {
        self.done.len()
    }

    /// Had it to begin again for want of savepoints?
    pub(super) fn has_begun_again(&self) -> bool {
        self.begun_again
    }

    /// Runs one request; its failure leaves the others alone.
    pub(super) fn run(&mut self, mut run: Run) {
        Counters::add(&self.shared.counters.writes);
        let result = match &self.failed {
            // The answer of a lost transaction is given with the others, at the end.
            Some(error) => Err(error.clone()),
            None => self.answer_to(&mut run),
        };
        self.done.push(Done { run, result });
    }

    fn answer_to(&mut self, run: &mut Run) -> Result<Answer> {
        // What a service did cannot be done twice, so nothing may begin again after it.
        self.guarded |= matches!(run.task, Task::Work(_));
        if self.guarded || run.is_rolled_back() {
            return self.run_guarded(run);
        }
        let before = self.connection.raw().total_changes();
        let result = self.run_bare(run);
        let Err(error) = &result else { return result };
        if self.connection.raw().is_autocommit() {
            self.failed = Some(error.clone());
            return result;
        }
        if self.connection.raw().total_changes() == before {
            return result;
        }
        match self.begin_again() {
            Ok(()) => self.run_guarded(run),
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Begins the transaction again and does once more what was done in it.
    fn begin_again(&mut self) -> Result<()> {
        self.connection.execute("ROLLBACK")?;
        self.connection.execute("BEGIN IMMEDIATE")?;
        self.shared.sequences.rewind();
        (self.guarded, self.begun_again) = (true, true);
        let mut done = std::mem::take(&mut self.done);
        for Done { run, result } in &mut done {
            *result = match &self.failed {
                Some(error) => Err(error.clone()),
                None => self.run_guarded(run),
            };
        }
        self.done = done;
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn run_guarded(&mut self, run: &mut Run) -> Result<Answer> {
        let result = self.run_in_savepoint(run);
        if self.connection.raw().is_autocommit() {
            // SQLite ended the transaction by itself, with everything in it.
            let error = result.as_ref().err().cloned().unwrap_or_else(crate::failure::disk_full);
            self.failed = Some(error);
        }
        result
    }

    fn run_in_savepoint(&self, run: &mut Run) -> Result<Answer> {
        let connection = self.connection;
        connection.execute("SAVEPOINT request")?;
        match self.run_bare(run) {
            Ok(answer) if !run.is_rolled_back() => {
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

    fn run_bare(&self, run: &mut Run) -> Result<Answer> {
        let current = self.shared.catalog();
        if let Task::Plan(planned) = &run.task
            && current.version != planned.catalog.version
        {
            return Err(stale());
        }
        self.connection.fit(&current)?;
        self.connection.limit_time(run.session.statement_timeout);
        // The writer is one for all: a panic in one request must not end it.
        let result = failure::contained(|| self.answer(&current, run));
        self.connection.limit_time(None);
        result
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
            for done in self.done.iter_mut().filter(|done| done.result.is_ok()) {
                done.result = Err(error.clone());
            }
        }
        self.done.into_iter().map(|Done { run, result }| (run.reply, result)).collect()
    }
}
