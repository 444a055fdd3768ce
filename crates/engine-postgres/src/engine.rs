//! The engine: plans in, answers out.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backstay_catalog::{Catalog, Routine, Volatility};
use backstay_engine::{
    Access, Answer, Capabilities, Count, Definitions, Engine, Exclusive, Options, Running, Session,
    Steps, Transfer, Work,
};
use backstay_expr::Statement;
use backstay_model::{Error, Result};
use backstay_plan::{Operation, Plan};
use backstay_policy::Authorized;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::change;
use crate::connection::{Heard, Target};
use crate::current::{Current, listen};
use crate::failure::{self, Remedy};
use crate::pool::Pool;
use crate::render::{Arguments, Form, Rendered};
use crate::run::{Deed, Job, run};
use crate::service;
use crate::statements::Statements;
use crate::transaction::{Opening, opening};
use crate::{Settings, definitions, doctor};

/// What PostgreSQL says when a plan names what is not there (any more), or not so.
const OUTDATED: &[&str] = &["3F000", "42703", "42704", "42804", "42809", "42883", "42P01", "42P10"];
/// Time between two readings of the catalogue that errors cause.
const REREAD_AFTER: Duration = Duration::from_secs(1);
/// How often a request is tried when the connection breaks before anything was committed.
const TRIES_MAX: usize = 3;
/// Time beyond its own limit that a statement gets before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(5);

/// A PostgreSQL database.
pub struct PostgresEngine {
    pub(crate) pool: Arc<Pool>,
    current: Arc<Current>,
    listening: JoinHandle<()>,
    statements: Statements,
    /// Settings that any user may change.
    settable: HashSet<String>,
    prepares: AtomicBool,
    /// When an error last made the catalogue be read again.
    reread: Mutex<Option<Instant>>,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl PostgresEngine {
    /// Connects and reads the catalogue.
    ///
    /// # Errors
    /// `08001` for a URL that cannot be read, `PGRST000` with cause and remedy where the database
    /// cannot be reached.
    pub async fn open(settings: Settings) -> Result<Self> {
        let target = Target::parse(&settings.url)?;
        let client = target.connect().await?;
        let settable = settable(&client).await.map_err(|failure| failure.error)?;
        let current = Arc::new(Current::read(target.clone(), &client).await?);
        let listening = tokio::spawn(listen(Arc::clone(&current)));
        let prepares = settings.prepared_statements && !target.pooled;
        Ok(Self {
            pool: Arc::new(Pool::new(target, &settings)),
            current,
            listening,
            statements: Statements::default(),
            settable,
            prepares: AtomicBool::new(prepares),
            reread: Mutex::new(None),
            requests: AtomicU64::default(),
            retries: AtomicU64::default(),
        })
    }

    async fn answer(
        &self,
        session: &Session,
        catalog: &Arc<Catalog>,
        plan: &Plan,
        options: &Options,
    ) -> Result<Answer> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let form = Form { format: options.format, exact_count: options.count == Count::Exact };
        let rendered = self.statements.of(catalog, plan, form)?;
        let arguments = rendered.arguments(catalog, plan)?;
        let routine = called(catalog, plan);
        let read_only = read_only(plan, routine);
        let opening = opening(catalog, session, &self.settable, routine, read_only);
        for _ in 0..TRIES_MAX {
            if !Arc::ptr_eq(&self.catalog(), catalog) {
                return Err(outdated());
            }
            match self
                .attempt((&opening, &rendered, &arguments), options, deed(plan), read_only)
                .await
            {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(())) => self.retries.fetch_add(1, Ordering::Relaxed),
                Err(error) if self.explains_by_a_change(&error).await => return Err(outdated()),
                Err(error) => return Err(error),
            };
        }
        Err(failure::lost())
    }

    /// Did somebody change the schema without a word, so that the plan names what is not there?
    async fn explains_by_a_change(&self, error: &Error) -> bool {
        if !OUTDATED.contains(&error.code.as_ref()) {
            return false;
        }
        {
            let mut reread = self.reread.lock();
            if reread.is_some_and(|at| at.elapsed() < REREAD_AFTER) {
                return false;
            }
            *reread = Some(Instant::now());
        }
        match self.reload().await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!(%error, "the catalogue cannot be read again");
                false
            }
        }
    }

    /// Reads the catalogue again; answers whether it is another one.
    ///
    /// # Errors
    /// As the connection raises.
    pub async fn reload(&self) -> Result<bool> {
        let mut lease = self.pool.lease().await?;
        let changed = self.current.reload(&lease.connection()?.client).await?;
        lease.give_back();
        Ok(changed)
    }

    /// One try; the inner error says that another is due.
    async fn attempt(
        &self,
        (opening, rendered, arguments): (&Opening, &Rendered, &Arguments),
        options: &Options,
        deed: Deed,
        read_only: bool,
    ) -> Result<Result<Answer, ()>> {
        let prepare = self.prepares.load(Ordering::Relaxed);
        let job = Job { opening, rendered, arguments, options, deed, read_only, prepare };
        let mut lease = self.pool.lease().await?;
        let running = run(lease.connection()?, &job);
        let done = match opening.statement_timeout {
            Some(limit) => match tokio::time::timeout(limit + GRACE, running).await {
                Ok(done) => done,
                Err(_) => {
                    lease.discard();
                    return Err(failure::lost());
                }
            },
            None => running.await,
        };
        let failed = match done {
            Ok(answer) => {
                lease.give_back();
                return Ok(Ok(answer));
            }
            Err(failed) => failed,
        };
        match failed.remedy {
            Remedy::None => {
                lease.give_back();
                Err(failed.error)
            }
            Remedy::Reconnect => {
                lease.discard();
                Ok(Err(()))
            }
            Remedy::Prepare => {
                lease.connection()?.prepared.clear();
                lease.give_back();
                Ok(Err(()))
            }
            Remedy::NeverPrepare => {
                if self.prepares.swap(false, Ordering::Relaxed) {
                    tracing::warn!(
                        "prepared statements do not survive between transactions (a pooler?); \
                         they are not used any more (database.prepared_statements)"
                    );
                }
                lease.discard();
                Ok(Err(()))
            }
        }
    }
}

fn outdated() -> Error {
    Error::new("BKS409", "the catalogue has changed")
}

/// The names of the settings that any user may change.
async fn settable(client: &tokio_postgres::Client) -> Result<HashSet<String>, failure::Failure> {
    let sql = "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE context = 'user'";
    let rows = client.query_typed(sql, &[]).await?;
    let names: Result<HashSet<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(names?)
}

fn deed(plan: &Plan) -> Deed {
    match &*plan.operation {
        Operation::Read(_) => Deed::Read,
        Operation::Call(_) => Deed::Call,
        Operation::Write(write) => match write.statement {
            Statement::Insert(_) => Deed::Insert,
            Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Query(_)
            | Statement::Truncate(_)
            | Statement::Sequence(_) => Deed::Change,
        },
    }
}

fn called<'c>(catalog: &'c Catalog, plan: &Plan) -> Option<&'c Routine> {
    match &*plan.operation {
        Operation::Call(call) => catalog.routines.get(&call.function).map(AsRef::as_ref),
        Operation::Read(_) | Operation::Write(_) => None,
    }
}

/// Does the request run in a read-only transaction (rest.md 2.4)?
fn read_only(plan: &Plan, routine: Option<&Routine>) -> bool {
    match &*plan.operation {
        Operation::Read(_) => true,
        Operation::Write(_) => false,
        Operation::Call(call) => {
            call.read_only
                || routine.is_some_and(|routine| routine.volatility != Volatility::Volatile)
        }
    }
}

impl Engine for PostgresEngine {
    fn name(&self) -> String {
        format!("PostgreSQL: {}", self.pool.target().place())
    }

    fn login(&self) -> &str {
        self.pool.target().user()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_rules: true, explains: true, runs_scripts: true }
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.current.catalog()
    }

    fn run<'a>(
        &'a self,
        session: &'a Session,
        catalog: &'a Arc<Catalog>,
        plan: &'a Arc<Authorized<Plan>>,
        options: Options,
    ) -> Running<'a, Answer> {
        Box::pin(async move { self.answer(session, catalog, plan.get(), &options).await })
    }

    fn change(&self, _session: Session, mut steps: Box<dyn Steps>) -> Running<'_, ()> {
        Box::pin(async move {
            let (client, mut heard) = self.pool.target().connect_hearing().await?;
            let done = change::change(&client, &self.catalog(), steps.as_mut()).await;
            while let Ok(Heard::Notice(notice)) = heard.try_recv() {
                tracing::info!("{notice}");
            }
            if done.is_err()
                // What failed still holds its locks, and reading the catalogue would wait for them.
                && let Err(error) = client.batch_execute("ROLLBACK").await
            {
                // Without its connection the transaction has ended too.
                tracing::debug!(%error, "a failed migration could not be rolled back");
            }
            // Steps that ran apart stay, so the catalogue may have changed after a failure too.
            self.reload().await?;
            done
        })
    }

    fn transaction(&self, session: Session, access: Access, work: Work) -> Running<'_, ()> {
        Box::pin(async move {
            self.requests.fetch_add(1, Ordering::Relaxed);
            service::transaction(&self.pool, self.catalog(), session, access, work).await
        })
    }

    fn exclusive(&self) -> Running<'_, Exclusive> {
        Box::pin(async move {
            let client = change::lock(self.pool.target().connect().await?).await?;
            Ok(Exclusive(Box::new(client)))
        })
    }

    fn parse<'a>(&'a self, statement: &'a str) -> Running<'a, ()> {
        Box::pin(async move {
            let mut lease = self.pool.lease().await?;
            let parsed = change::parse(&lease.connection()?.client, statement).await;
            lease.give_back();
            parsed
        })
    }

    fn definitions(&self) -> Running<'_, Definitions> {
        Box::pin(async move {
            // Its session is changed, so it is not one of the pool's.
            let client = self.pool.target().connect().await?;
            let read = definitions::read(&client).await;
            read.map_err(|error| failure::Failure::from(error).error)
        })
    }

    fn transfer(&self) -> Option<&dyn Transfer> {
        Some(self)
    }

    fn close(&self) -> Running<'_, ()> {
        self.listening.abort();
        self.pool.close();
        Box::pin(async { Ok(()) })
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let (idle, free, waiting) = self.pool.counts();
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
        let number = |value: u64| value as f64;
        let size = |value: usize| number(value as u64);
        vec![
            ("postgres_requests_total", number(self.requests.load(Ordering::Relaxed))),
            ("postgres_retries_total", number(self.retries.load(Ordering::Relaxed))),
            ("postgres_connections_idle", size(idle)),
            ("postgres_connections_free", size(free)),
            ("postgres_requests_waiting", size(waiting)),
            ("postgres_unreachable", f64::from(u8::from(self.pool.is_unreachable()))),
        ]
    }

    fn check(&self) -> Running<'_, Vec<String>> {
        Box::pin(async { doctor::check(&self.pool, &self.catalog()).await })
    }
}
