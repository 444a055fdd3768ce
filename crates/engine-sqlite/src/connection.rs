//! One connection: settings, registered functions, prepared statements, and the time limit.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backstay_catalog::{Catalog, Relation};
use backstay_expr::{Query, RelationId};
use backstay_model::Result;
use backstay_sql::Needed;
use lru::LruCache;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{CachedStatement, Connection as Raw, OpenFlags};

use crate::functions::Registry;
use crate::query::Program;
use crate::table_sql::TableSql;
use crate::{Durability, collations, failure, rows};

/// Statements that a connection keeps prepared: about 2 MiB at 10 KiB each.
const STATEMENTS_MAX: usize = 200;
/// Limit: lowered queries that a connection keeps: sub-selects of policies and function bodies.
const PROGRAMS_MAX: NonZeroUsize = NonZeroUsize::new(200).expect("not zero");
/// How long a connection waits for a lock of another, a checkpoint's usually.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS_PER_LOOK: i32 = 10_000;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads only.
    Read,
    /// The one that writes.
    Write(Durability),
}

/// A connection of ours.
pub(crate) struct Connection {
    raw: Raw,
    registry: Registry,
    deadline: Arc<AtomicU64>,
    /// Pages of the log after the last commit of this connection.
    log_pages: Arc<AtomicU64>,
    /// The same when the log was last folded back.
    folded_pages: Cell<u64>,
    /// The number of commits before the snapshot that is kept open was taken.
    snapshot: Cell<Option<u64>>,
    /// The catalogue's version for which `tables` and the index functions hold.
    version: Cell<u64>,
    tables: RefCell<HashMap<RelationId, Rc<TableSql>>>,
    /// Lowered queries by their place in memory; a place may be used again for another query.
    programs: RefCell<LruCache<usize, Rc<Program>>>,
}

// The maps are touched by the thread that holds the connection, and only by it.
#[expect(unsafe_code, reason = "the statement texts are shared within one thread by `Rc`")]
// SAFETY: every `Rc` in `tables` and `programs` is cloned only within a call that borrows the connection, and all
// clones are dropped before the connection can be moved to another thread: the handles are never
// stored outside of a call.
unsafe impl Send for Connection {}

/// Microseconds since the first look at the clock; 0 is never given.
fn clock_micros() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX - 1) + 1
}

impl Connection {
    /// Opens a connection with everything set.
    ///
    /// # Errors
    /// As SQLite reports: no file, no right, no database.
    pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Self> {
        Self::try_open(path, purpose)
            .map_err(|error| failure::of_file(path, failure::translate(&error)))
    }

    fn try_open(path: &Path, purpose: Purpose) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut raw = Raw::open_with_flags(path, flags)?;
        configure(&raw, purpose)?;
        collations::register(&raw)?;
        rows::register(&raw)?;
        let registry = Registry::begin(&raw)?;
        raw.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let log_pages = Arc::new(AtomicU64::new(0));
        if purpose != Purpose::Read {
            let count = Arc::clone(&log_pages);
            raw.wal_hook(Some(move |_: &mut Wal, pages: i32| {
                count.store(u64::from(pages.unsigned_abs()), Ordering::Relaxed);
                Ok(())
            }))?;
        }
        let deadline = Arc::new(AtomicU64::new(0));
        let limit = Arc::clone(&deadline);
        raw.progress_handler(
            STEPS_PER_LOOK,
            Some(move || {
                let limit = limit.load(Ordering::Relaxed);
                limit != 0 && clock_micros() > limit
            }),
        )?;
        Ok(Self {
            raw,
            registry,
            deadline,
            log_pages,
            folded_pages: Cell::new(0),
            snapshot: Cell::new(None),
            version: Cell::new(u64::MAX),
            tables: RefCell::default(),
            programs: RefCell::new(LruCache::new(PROGRAMS_MAX)),
        })
    }

    /// SQLite's own connection.
    pub(crate) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Interrupts statements that run longer than this from now on.
    pub(crate) fn limit_time(&self, limit: Option<Duration>) {
        let deadline = limit.map_or(0, |limit| {
            clock_micros().saturating_add(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
        });
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Sets how long locks of others are waited for.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn wait_for_others(&self, time: Duration) -> Result<()> {
        self.raw.busy_timeout(time).map_err(|error| failure::translate(&error))
    }

    /// Pages of the log after the last commit.
    pub(crate) fn log_pages(&self) -> u64 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Has the log grown by this many pages since it was last said to have, or since it began anew?
    pub(crate) fn log_has_grown_by(&self, pages: u64) -> bool {
        let now = self.log_pages();
        let before = Some(self.folded_pages.get()).filter(|before| *before <= now).unwrap_or(0);
        let grown = now - before >= pages;
        self.folded_pages.set(if grown { now } else { before });
        grown
    }

    /// Has the time run out?
    pub(crate) fn is_late(&self) -> bool {
        let limit = self.deadline.load(Ordering::Relaxed);
        limit != 0 && clock_micros() > limit
    }

    /// Takes a snapshot, or goes on with the one that is kept if nothing was committed since.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn begin_snapshot(&self, commits: u64) -> Result<()> {
        self.leave_older_snapshot(commits)?;
        if self.snapshot.get().is_none() {
            self.execute("BEGIN")?;
            self.snapshot.set(Some(commits));
        }
        Ok(())
    }

    /// Gives the kept snapshot back if anything was committed since it was taken.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn leave_older_snapshot(&self, commits: u64) -> Result<()> {
        if self.snapshot.get().is_some_and(|taken| taken != commits) {
            self.leave_snapshot()?;
        }
        Ok(())
    }

    /// Gives the kept snapshot back.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn leave_snapshot(&self) -> Result<()> {
        if self.snapshot.take().is_some() && !self.raw.is_autocommit() {
            self.execute("COMMIT")?;
        }
        Ok(())
    }

    /// Is no transaction open but that of a kept snapshot?
    pub(crate) fn is_clean(&self) -> bool {
        self.snapshot.get().is_some() != self.raw.is_autocommit()
    }

    /// Prepares the statement, or takes it from the cache.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.raw.prepare_cached(sql).map_err(|error| failure::translate(&error))
    }

    /// Runs a statement without parameters or rows.
    ///
    /// # Errors
    /// As SQLite reports.
    pub(crate) fn execute(&self, sql: &str) -> Result<()> {
        let mut statement = self.prepare(sql)?;
        // A statement that gives rows is run to its end as well.
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failure::translate(&error))?.is_some() {}
        Ok(())
    }

    /// Registers functions that a statement needs.
    ///
    /// # Errors
    /// As [`Registry::ensure`].
    pub(crate) fn ensure(&self, needed: &[Needed]) -> Result<()> {
        if needed.is_empty() { Ok(()) } else { self.registry.ensure(&self.raw, needed) }
    }

    /// Makes the connection fit the catalogue: functions of expression indexes are registered, texts
    /// of statements over older tables forgotten.
    ///
    /// # Errors
    /// As [`Connection::ensure`].
    pub(crate) fn fit(&self, catalog: &Catalog) -> Result<()> {
        if self.version.get() == catalog.version {
            return Ok(());
        }
        self.tables.borrow_mut().clear();
        self.programs.borrow_mut().clear();
        for relation in catalog.relations.values() {
            for index in &relation.indexes {
                let plain = index.predicate.is_none()
                    && index
                        .keys
                        .iter()
                        .all(|key| matches!(key.expr, backstay_expr::Expr::Column { .. }));
                if let (Some(physical), false) = (&index.physical, plain) {
                    let (_, needed) =
                        backstay_sql::schema::create_index(catalog, relation, physical)?;
                    self.ensure(&needed)?;
                }
            }
        }
        self.version.set(catalog.version);
        Ok(())
    }

    /// Forgets what was cached for the catalogue, which is changing.
    pub(crate) fn unfit(&self) {
        self.version.set(u64::MAX);
        self.tables.borrow_mut().clear();
        self.programs.borrow_mut().clear();
    }

    /// The query, lowered; lowered once where the same tree is run again.
    ///
    /// # Errors
    /// As lowering raises.
    pub(crate) fn program(&self, catalog: &Catalog, query: &Query) -> Result<Rc<Program>> {
        let place = std::ptr::from_ref(query).addr();
        if let Some(known) = self.programs.borrow_mut().get(&place)
            && known.query == *query
        {
            return Ok(Rc::clone(known));
        }
        let made = Rc::new(Program::new(catalog, query)?);
        self.programs.borrow_mut().put(place, Rc::clone(&made));
        Ok(made)
    }

    /// The texts of the statements over a table.
    pub(crate) fn table(&self, catalog: &Catalog, relation: &Relation) -> Rc<TableSql> {
        let mut tables = self.tables.borrow_mut();
        let made = || Rc::new(TableSql::new(catalog, relation));
        Rc::clone(tables.entry(relation.id).or_insert_with(made))
    }
}

fn configure(raw: &Raw, purpose: Purpose) -> rusqlite::Result<()> {
    raw.busy_timeout(BUSY_WAIT)?;
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        raw.set_db_config(setting, on)?;
    }
    if let Purpose::Write(durability) = purpose {
        raw.pragma_update(None, "journal_mode", "WAL")?;
        raw.pragma_update(None, "synchronous", durability.synchronous())?;
        raw.pragma_update(None, "cache_size", -16_384)?;
        // No checkpoint inside somebody's commit: the writer does it between batches.
        raw.pragma_update(None, "wal_autocheckpoint", 0)?;
        raw.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        raw.pragma_update(None, "cell_size_check", true)?;
    } else {
        // No `cell_size_check` here: pages of the mapped file are set up anew at each look, so every
        // cell would be tested each time, and damage that is only read cannot spread.
        raw.pragma_update(None, "query_only", true)?;
        raw.pragma_update(None, "cache_size", -1024)?;
        raw.pragma_update(None, "mmap_size", 256 * 1024 * 1024)?;
    }
    raw.pragma_update(None, "temp_store", "MEMORY")
}
