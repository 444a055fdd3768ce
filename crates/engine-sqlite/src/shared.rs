//! What readers, the writer and the engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    pub(crate) catalog: RwLock<Arc<Catalog>>,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) plans: Plans,
    pub(crate) bodies: RwLock<Arc<KnownBodies>>,
    readers: Mutex<Vec<Connection>>,
    pub(crate) counters: Counters,
}

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
            sequences,
            plans: Plans::default(),
            bodies: RwLock::default(),
            readers: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// The catalogue as of now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
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
        let result = work(&connection);
        // A connection that is left within a transaction would pin its snapshot.
        let clean = connection.raw().is_autocommit() || connection.execute("ROLLBACK").is_ok();
        let mut readers = self.readers.lock();
        if clean && readers.len() < IDLE_READERS_MAX {
            readers.push(connection);
        } else {
            self.counters.readers_open.fetch_sub(1, Ordering::Relaxed);
        }
        result
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
