//! What readers, the writer and the engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backstay_catalog::Catalog;
use backstay_engine::Session;
use backstay_model::{Error, Result};
use parking_lot::{Mutex, RwLock};

use crate::Settings;
use crate::bodies::{KnownBodies, SessionBodies};
use crate::connection::{Connection, Purpose};
use crate::plans::Plans;
use crate::sequences::Sequences;

/// Limit: idle read connections that are kept.
const IDLE_READERS_MAX: usize = 16;

/// The state of an open database.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    catalog: RwLock<Arc<Catalog>>,
    /// Counts the beginnings and the ends of commits of schema changes: odd while one goes on.
    changes: AtomicU64,
    /// Counts commits, before those who wait for them hear of them.
    commits: AtomicU64,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) plans: Plans,
    pub(crate) bodies: RwLock<Arc<KnownBodies>>,
    readers: Mutex<Vec<Connection>>,
    /// The log could not be cut because of reads that go on.
    pub(crate) wants_quiet: AtomicBool,
    pub(crate) counters: Counters,
}

/// See [`Shared::mark`].
#[derive(Debug)]
pub(crate) struct Mark(u64);

/// Numbers for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) failed_batches: AtomicU64,
    pub(crate) readers_open: AtomicU64,
    /// 1 while the newest batch could not be stored.
    pub(crate) read_only: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings, catalog: Catalog, sequences: Arc<Sequences>) -> Self {
        Self {
            settings,
            catalog: RwLock::new(Arc::new(catalog)),
            changes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            sequences,
            plans: Plans::default(),
            bodies: RwLock::default(),
            readers: Mutex::default(),
            wants_quiet: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    /// The catalogue as of now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
    }

    /// A mark that holds until the next commit of a schema change, if `catalog` is the one of now.
    pub(crate) fn mark(&self, catalog: &Catalog) -> Option<Mark> {
        let mark = self.changes.load(Ordering::Acquire);
        let settled = mark.is_multiple_of(2) && self.catalog.read().version == catalog.version;
        settled.then_some(Mark(mark))
    }

    /// Has no schema change been committed since the mark? Then every snapshot that was taken in
    /// between fits the mark's catalogue.
    pub(crate) fn holds(&self, mark: &Mark) -> bool {
        self.changes.load(Ordering::Acquire) == mark.0
    }

    /// How many commits there were. A snapshot that was taken at the same number holds all that
    /// anybody was told is stored.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Makes the snapshots that readers keep old.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
    }

    /// Commits a schema change by `commit`, and shows its catalogue.
    ///
    /// # Errors
    /// As `commit` raises; the catalogue stays.
    pub(crate) fn commit_change(
        &self,
        catalog: Arc<Catalog>,
        commit: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.changes.fetch_add(1, Ordering::AcqRel);
        let done = commit();
        if done.is_ok() {
            self.committed();
            *self.bodies.write() = Arc::default();
            *self.catalog.write() = catalog;
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        done
    }

    /// The bodies of functions as a session sees them.
    pub(crate) fn bodies(&self, catalog: &Arc<Catalog>, session: &Session) -> SessionBodies {
        SessionBodies {
            catalog: Arc::clone(catalog),
            caller: session.caller.clone(),
            known: Arc::clone(&self.bodies.read()),
        }
    }

    /// Runs `work` with a read connection.
    ///
    /// # Errors
    /// As opening a connection and `work` raise.
    pub(crate) fn with_reader<R>(&self, work: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        let idle = self.readers.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                Counters::add(&self.counters.readers_open);
                Connection::open(&self.settings.path, Purpose::Read)?
            }
        };
        let result =
            connection.leave_older_snapshot(self.commits()).and_then(|()| work(&connection));
        // The next reader must not meet a transaction that it did not begin.
        let clean = connection.is_clean();
        let mut readers = self.readers.lock();
        if clean && readers.len() < IDLE_READERS_MAX {
            readers.push(connection);
        } else {
            self.counters.readers_open.fetch_sub(1, Ordering::Relaxed);
        }
        result
    }

    /// Makes idle connections give back the snapshots that they keep: the log cannot be folded back
    /// beyond them.
    pub(crate) fn leave_snapshots(&self) {
        // One that cannot is closed.
        self.readers.lock().retain(|connection| connection.leave_snapshot().is_ok());
    }

    /// Closes idle connections.
    pub(crate) fn close_readers(&self) {
        self.readers.lock().clear();
    }
}

/// `BKS409`: the catalogue changed since the request was planned.
pub(crate) fn stale() -> Error {
    Error::new("BKS409", "the schema changed while the request was planned")
}
