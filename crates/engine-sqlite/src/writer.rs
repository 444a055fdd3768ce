//! The one thread that writes: requests are gathered into one transaction, a savepoint each, and
//! answered after its commit.

mod batch;
mod change;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::Catalog;
use backstay_engine::{Answer, Options, Session, Steps, Work};
use backstay_model::{Error, Result};
use backstay_plan::Plan;
use backstay_policy::Authorized;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::connection::Connection;
use crate::failure;
use crate::maintenance;
use crate::plans::Compiled;
use crate::shared::Shared;
use batch::{Answers, Batch};
pub(crate) use change::log_notices;

/// Limit: requests of one transaction.
const BATCH_MAX: usize = 128;
/// A request that ran longer closes its batch, so that the others do not wait for it twice.
const LONG: Duration = Duration::from_millis(5);
/// A batch of this many requests is closed once it has run for as long as a commit takes. Taking all
/// that wait would make callers move in step: either all of them wait for this thread, or none does
/// and this thread waits for them.
const BATCH_MIN: usize = 16;
/// So many batches have savepoints from the start once one has come to need them.
const GUARDED_BATCHES: u32 = 16;
/// Functions and triggers nest on this thread, in bytes.
pub(crate) const STACK_SIZE_BYTES: usize = 16 * 1024 * 1024;

/// A request to the writer.
pub(crate) enum Job {
    /// A request that writes.
    Run(Box<Run>),
    /// A change of the schema.
    Change { session: Box<Session>, steps: Box<dyn Steps>, reply: oneshot::Sender<Result<()>> },
    /// Rows copied as they are.
    Transfer { work: Copying, reply: oneshot::Sender<Result<()>> },
    /// The log is to be cut: no long read goes on.
    Cut(oneshot::Sender<()>),
    /// The last one.
    Close(oneshot::Sender<Result<()>>),
}

/// What is done within a transaction of its own.
pub(crate) type Copying = Box<dyn FnOnce(&Shared, &Connection) -> Result<()> + Send>;

/// A request that writes.
pub(crate) struct Run {
    pub(crate) session: Session,
    pub(crate) task: Task,
    pub(crate) reply: oneshot::Sender<Result<Answer>>,
}

impl Run {
    /// Is it told to leave nothing?
    fn is_rolled_back(&self) -> bool {
        matches!(&self.task, Task::Plan(planned) if planned.options.rollback)
    }
}

/// What a request does.
pub(crate) enum Task {
    /// It runs a plan.
    Plan(Planned),
    /// It does a service's work; its answer is empty.
    Work(Work),
}

/// A plan that writes.
pub(crate) struct Planned {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) plan: Arc<Authorized<Plan>>,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) options: Options,
}

/// The answer where the writer is gone.
pub(crate) fn closed() -> Error {
    Error::new("57P01", "the database is closed")
}

/// Serves requests until the last one, or until nobody can send any more. `callers` is where those
/// wait who sent them.
pub(crate) fn serve(
    (shared, connection): (&Shared, &Connection),
    mut jobs: mpsc::UnboundedReceiver<Job>,
    callers: Option<&Handle>,
) {
    let mut waiting = None;
    let (mut commit_time, mut guarded) = (Duration::ZERO, 0_u32);
    while let Some(job) = waiting.take().or_else(|| jobs.blocking_recv()) {
        match job {
            Job::Run(run) => {
                let mut batch = Batch::begin(shared, connection, guarded > 0);
                waiting = fill(&mut batch, *run, &mut jobs, commit_time);
                guarded = match guarded {
                    0 if batch.has_begun_again() => GUARDED_BATCHES,
                    rest => rest.saturating_sub(1),
                };
                let filled = Instant::now();
                let answers = batch.commit();
                // Close to the shortest of late: one that was held up says nothing of the disk.
                commit_time =
                    filled.elapsed().min(commit_time + commit_time / 8 + Duration::from_micros(10));
                answer_all(answers, callers);
                maintenance::after_batch(shared, connection);
            }
            Job::Change { session, steps, reply } => {
                let result = change::run(shared, connection, &session, steps);
                maintenance::after_change(connection, result.is_ok());
                // Whoever asked may have gone; the change holds all the same.
                let _ = reply.send(result);
            }
            Job::Transfer { work, reply } => {
                let _ = reply.send(transfer(shared, connection, work));
                maintenance::after_batch(shared, connection);
            }
            Job::Cut(reply) => {
                maintenance::cut(shared, connection);
                let _ = reply.send(());
            }
            Job::Close(reply) => {
                let _ = reply.send(close(shared, connection));
                return;
            }
        }
    }
    // Nobody is left to hear of it.
    let _ = close(shared, connection);
}

/// Runs `work` and commits, or leaves nothing of it.
fn transfer(shared: &Shared, connection: &Connection, work: Copying) -> Result<()> {
    connection.execute("BEGIN IMMEDIATE")?;
    let done = failure::contained(|| work(shared, connection))
        .and_then(|()| shared.sequences.store(connection))
        .and_then(|()| connection.execute("COMMIT"));
    match done {
        Ok(()) => {
            shared.committed();
            shared.sequences.stored();
        }
        Err(_) if connection.raw().is_autocommit() => {}
        Err(_) => connection.execute("ROLLBACK")?,
    }
    done
}

/// Writes what a failed change left of used numbers, and folds the log back.
fn close(shared: &Shared, connection: &Connection) -> Result<()> {
    connection.execute("BEGIN IMMEDIATE")?;
    shared.sequences.store(connection)?;
    connection.execute("COMMIT")?;
    maintenance::close(connection)
}

/// Gives everybody their answer, in one go: waking the callers one by one from this thread would
/// cost as much as the writes.
fn answer_all(answers: Answers, callers: Option<&Handle>) {
    let give = move || {
        for (reply, result) in answers {
            // Whoever asked may have gone; the write holds all the same.
            let _ = reply.send(result);
        }
    };
    match callers {
        Some(callers) => drop(callers.spawn(async move { give() })),
        None => give(),
    }
}

/// Runs what waits in one transaction, for about as long as `enough`; gives a job that does not
/// belong to it.
fn fill(
    batch: &mut Batch<'_>,
    first: Run,
    jobs: &mut mpsc::UnboundedReceiver<Job>,
    enough: Duration,
) -> Option<Job> {
    let begun = Instant::now();
    let mut before = begun;
    let mut next = Some(first);
    while let Some(run) = next.take() {
        batch.run(run);
        let now = Instant::now();
        let full = batch.len() >= BATCH_MIN && now - begun >= enough;
        if full || now - before > LONG || batch.len() >= BATCH_MAX {
            break;
        }
        before = now;
        match jobs.try_recv() {
            Ok(Job::Run(run)) => next = Some(*run),
            Ok(job) => return Some(job),
            Err(_) => {}
        }
    }
    None
}
