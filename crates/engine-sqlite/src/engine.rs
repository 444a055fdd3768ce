//! The engine: where each request runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backstay_catalog::Catalog;
use backstay_engine::{
    Access, Answer, Capabilities, Engine, Options, Running, Session, Steps, Transfer, Work,
};
use backstay_model::{Error, Result};
use backstay_plan::{Operation, Plan};
use backstay_policy::Authorized;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

use crate::open::{self, Lock};
use crate::plans::Compiled;
use crate::sequences::Sequences;
use crate::shared::Shared;
use crate::writer::{self, Job, Planned, Task, closed};
use crate::{Settings, catalog_store, failure, maintenance, reader};

/// Limit: reads that may take long, at once.
const LONG_READS_MAX: u32 = 8;
/// Limit: how long such a read waits for its place.
const PLACE_WAIT: Duration = Duration::from_secs(20);
/// Limit: how long reads wait for each other so that the log can be cut.
const QUIET_WAIT: Duration = Duration::from_secs(10);

/// The embedded database.
pub struct SqliteEngine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: mpsc::UnboundedSender<Job>,
    long_reads: Arc<Semaphore>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    lock: Mutex<Option<Lock>>,
}

impl SqliteEngine {
    /// Opens the file, or makes it; starts the writer. Blocks.
    ///
    /// # Errors
    /// `55006` where another process has it, `XX001` where it is damaged, `58000` where it is not
    /// ours, `25006` and `58030` where the system refuses.
    pub fn open(settings: Settings) -> Result<Self> {
        let lock = open::lock(&settings)?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (ready, opened) = std::sync::mpsc::channel();
        let callers = Handle::try_current().ok();
        let thread = std::thread::Builder::new()
            .name("backstay-writer".to_owned())
            .stack_size(writer::STACK_SIZE_BYTES)
            .spawn(move || {
                let begun = begin(settings);
                match begun {
                    Ok((shared, connection)) => {
                        let shared = Arc::new(shared);
                        // The receiver waits below.
                        let _ = ready.send(Ok(Arc::clone(&shared)));
                        writer::serve((&shared, &connection), waiting, callers.as_ref());
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            })
            .map_err(|error| failure::internal("the writer could not start", error))?;
        let shared = opened
            .recv()
            .map_err(|error| failure::internal("the writer ended while opening", error))??;
        Ok(Self {
            shared,
            jobs,
            long_reads: Arc::new(Semaphore::new(LONG_READS_MAX as usize)),
            writer: Mutex::new(Some(thread)),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Opens the file only to read it, beside whoever has it open; writes are refused. Blocks.
    ///
    /// # Errors
    /// `58P01` where there is no file, `XX001` where it is damaged, `58000` where it is not ours.
    pub fn open_beside(settings: Settings) -> Result<Self> {
        let thread = std::thread::Builder::new()
            .stack_size(writer::STACK_SIZE_BYTES)
            .spawn(move || {
                let connection = open::reader(&settings)?;
                let catalog = catalog_store::load(&connection)?;
                Ok(Shared::new(settings, catalog, Arc::new(Sequences::default())))
            })
            .map_err(|error| failure::internal("the reader could not start", error))?;
        let shared = thread.join().map_err(|_| Error::internal("the reader ended"))??;
        let (jobs, _) = mpsc::unbounded_channel();
        Ok(Self {
            shared: Arc::new(shared),
            jobs,
            long_reads: Arc::new(Semaphore::new(LONG_READS_MAX as usize)),
            writer: Mutex::new(None),
            lock: Mutex::new(None),
        })
    }

    async fn read(
        &self,
        session: &Session,
        catalog: &Arc<Catalog>,
        (plan, compiled): (&Arc<Authorized<Plan>>, Arc<Compiled>),
        options: Options,
    ) -> Result<Answer> {
        let quick = options.before.is_none() && options.explain.is_none();
        if quick && !reader::may_be_long(&self.shared, catalog, &compiled) {
            let plan = (plan.as_ref(), compiled.as_ref());
            return reader::run(&self.shared, session, catalog, plan, &options);
        }
        if self.shared.wants_quiet.swap(false, Ordering::Relaxed) {
            self.make_quiet();
        }
        let _place = self.place().await?;
        let (shared, session) = (Arc::clone(&self.shared), session.clone());
        let (catalog, plan) = (Arc::clone(catalog), Arc::clone(plan));
        tokio::task::spawn_blocking(move || {
            reader::run(&shared, &session, &catalog, (&plan, &compiled), &options)
        })
        .await
        .map_err(|error| failure::internal("a read ended", error))?
    }

    /// A place for a long read.
    async fn place(&self) -> Result<SemaphorePermit<'_>> {
        if let Ok(place) = self.long_reads.try_acquire() {
            return Ok(place);
        }
        let waiting = tokio::time::timeout(PLACE_WAIT, self.long_reads.acquire());
        waiting.await.map_err(|_| no_place())?.map_err(|_| closed())
    }

    /// Lets no long read begin until those that go on have ended and the log is cut: long reads that
    /// overlap would keep it for ever.
    fn make_quiet(&self) {
        let (reads, jobs) = (Arc::clone(&self.long_reads), self.jobs.downgrade());
        tokio::spawn(async move {
            // One that is longer keeps the log a while more; the writer asks again.
            let all = tokio::time::timeout(QUIET_WAIT, reads.acquire_many(LONG_READS_MAX)).await;
            let (Ok(Ok(_all)), Some(jobs)) = (all, jobs.upgrade()) else { return };
            let (reply, done) = oneshot::channel();
            if jobs.send(Job::Cut(reply)).is_ok() {
                // An error: the writer is gone, and the log is cut at the end.
                let _ = done.await;
            }
        });
    }

    async fn write(
        &self,
        session: &Session,
        catalog: &Arc<Catalog>,
        (plan, compiled): (&Arc<Authorized<Plan>>, Arc<Compiled>),
        options: Options,
    ) -> Result<Answer> {
        let planned =
            Planned { catalog: Arc::clone(catalog), plan: Arc::clone(plan), compiled, options };
        self.queue(session.clone(), Task::Plan(planned)).await
    }

    /// Hands a task to the writer and waits until it is on disk.
    async fn queue(&self, session: Session, task: Task) -> Result<Answer> {
        let (reply, answer) = oneshot::channel();
        let run = writer::Run { session, task, reply };
        self.jobs.send(Job::Run(Box::new(run))).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

/// `PGRST003` (504), as where a database has no connection left.
fn no_place() -> Error {
    Error::new("PGRST003", "too many long reads at once")
        .with_hint("Send again later; an index may make them short.")
}

fn begin(settings: Settings) -> Result<(Shared, crate::connection::Connection)> {
    let connection = open::writer(&settings)?;
    let catalog = catalog_store::load(&connection)?;
    let sequences = Arc::new(Sequences::default());
    sequences.load(&connection)?;
    maintenance::keep_reserve(&settings.path);
    Ok((Shared::new(settings, catalog, sequences), connection))
}

/// Does the plan have to run on the writer?
fn writes(plan: &Plan, catalog: &Catalog) -> bool {
    match &*plan.operation {
        Operation::Read(_) => false,
        Operation::Write(_) => true,
        Operation::Call(call) => {
            !call.read_only
                && catalog.routines.get(&call.function).is_none_or(|routine| routine.effects.writes)
        }
    }
}

impl Engine for SqliteEngine {
    fn name(&self) -> String {
        "embedded SQLite".to_owned()
    }

    fn login(&self) -> &str {
        "authenticator"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_rules: false, explains: true, runs_scripts: false }
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog()
    }

    fn run<'a>(
        &'a self,
        session: &'a Session,
        catalog: &'a Arc<Catalog>,
        plan: &'a Arc<Authorized<Plan>>,
        options: Options,
    ) -> Running<'a, Answer> {
        Box::pin(async move {
            let compiled = self.shared.plans.get(catalog, plan)?;
            // What would be done is only told, and needs no writer.
            if options.explain.is_none() && writes(plan.get(), catalog) {
                self.write(session, catalog, (plan, compiled), options).await
            } else {
                self.read(session, catalog, (plan, compiled), options).await
            }
        })
    }

    fn change(&self, session: Session, steps: Box<dyn Steps>) -> Running<'_, ()> {
        Box::pin(async move {
            let (reply, done) = oneshot::channel();
            let job = Job::Change { session: Box::new(session), steps, reply };
            self.jobs.send(job).map_err(|_| closed())?;
            done.await.map_err(|_| closed())?
        })
    }

    fn transfer(&self) -> Option<&dyn Transfer> {
        Some(self)
    }

    fn transaction(&self, session: Session, access: Access, mut work: Work) -> Running<'_, ()> {
        Box::pin(async move {
            if access == Access::ReadWrite {
                return self.queue(session, Task::Work(work)).await.map(|_| ());
            }
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || reader::work(&shared, &session, &mut work))
                .await
                .map_err(|error| failure::internal("a read ended", error))?
        })
    }

    fn close(&self) -> Running<'_, ()> {
        Box::pin(async move {
            self.long_reads.close();
            self.shared.close_readers();
            if self.writer.lock().is_none() {
                return Ok(());
            }
            let (reply, done) = oneshot::channel();
            self.jobs.send(Job::Close(reply)).map_err(|_| closed())?;
            let result = done.await.map_err(|_| closed())?;
            let thread = self.writer.lock().take();
            if let Some(thread) = thread {
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                if !matches!(joined, Ok(Ok(()))) {
                    return Err(Error::internal("the writer did not end well"));
                }
            }
            *self.lock.lock() = None;
            result
        })
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let counters = &self.shared.counters;
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
        let number = |value: u64| value as f64;
        let count =
            |counter: &std::sync::atomic::AtomicU64| number(counter.load(Ordering::Relaxed));
        vec![
            ("sqlite_reads_total", count(&counters.reads)),
            ("sqlite_writes_total", count(&counters.writes)),
            ("sqlite_batches_total", count(&counters.batches)),
            ("sqlite_failed_batches_total", count(&counters.failed_batches)),
            ("sqlite_read_only", count(&counters.read_only)),
            ("sqlite_readers_open", count(&counters.readers_open)),
            ("sqlite_log_bytes", number(maintenance::log_bytes(&self.shared.settings.path))),
        ]
    }

    fn check(&self) -> Running<'_, Vec<String>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || crate::doctor::check(&shared))
                .await
                .map_err(|error| failure::internal("the check ended", error))?
        })
    }
}
