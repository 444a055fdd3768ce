//! Connections: as few hops as possible between a request and the socket.
//!
//! A semaphore bounds how many there are, a stack holds the idle ones, the most recently used on top.
//! While the database is out of reach requests are turned away at once, and one task tries again.
//! A connection that a request leaves in the middle of its transaction is cancelled and rolled back
//! before it goes back, or thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backstay_model::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

use crate::Settings;
use crate::connection::Target;
use crate::failure;
use crate::prepared::Prepared;

/// Time after a failed connection before the next is tried, doubled with each failure up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a left connection may take to become clean.
const CLEAN_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of an engine.
pub(crate) struct Pool {
    target: Target,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue_max: usize,
    queue_timeout: Duration,
    unreachable: AtomicBool,
}

/// A connection with what is prepared on it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) prepared: Prepared,
}

impl Pool {
    pub(crate) fn new(target: Target, settings: &Settings) -> Self {
        Self {
            target,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(settings.connections_max.max(1))),
            waiting: AtomicUsize::new(0),
            queue_max: settings.queue_max,
            queue_timeout: settings.queue_timeout,
            unreachable: AtomicBool::new(false),
        }
    }

    /// Where the connections lead.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// A connection, for one transaction.
    ///
    /// # Errors
    /// `53300` when too many wait already, or the server has no connection left; `PGRST003` after
    /// waiting too long, `PGRST000` while the database cannot be reached.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await?;
        let idle = {
            let mut idle = self.idle.lock();
            std::iter::from_fn(|| idle.pop()).find(|connection| !connection.client.is_closed())
        };
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease { pool: Arc::clone(self), connection: Some(connection), permit: Some(permit) })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.queue_max).ok_or_else(|| {
            Error::new("53300", "too many requests wait for a database connection")
                .with_hint("Try again in a moment, or raise database.queue.")
        })?;
        let waited =
            tokio::time::timeout(self.queue_timeout, Arc::clone(&self.permits).acquire_owned());
        match waited.await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(failure::no_connection()),
            Err(_) => {
                let message = "Timed out acquiring connection from connection pool.";
                Err(Error::new("PGRST003", message).with_hint(
                    "All connections are busy: try again, make statements shorter, or raise database.connections.",
                ))
            }
        }
    }

    /// Makes a connection, unless the last could not be made.
    async fn connect(self: &Arc<Self>) -> Result<Connection> {
        if self.is_unreachable() {
            return Err(failure::no_connection());
        }
        match self.target.connect().await {
            Ok(client) => Ok(Connection { client, prepared: Prepared::default() }),
            // The connections that there are go on; one of them is free again soon.
            Err(error) if error.code == "53300" => {
                tracing::error!(details = ?error.details, hint = error.hint, "no new connection");
                Err(failure::no_place())
            }
            Err(error) => {
                if !self.unreachable.swap(true, Ordering::Relaxed) {
                    let (details, hint) = (&error.details, &error.hint);
                    tracing::error!(?details, hint, "PostgreSQL cannot be reached");
                    tokio::spawn(Arc::clone(self).reconnect());
                }
                // Who calls need not know where the database lies.
                Err(failure::no_connection())
            }
        }
    }

    /// Tries until there is a connection again.
    async fn reconnect(self: Arc<Self>) {
        let mut after = RETRY_FIRST;
        while !self.permits.is_closed() {
            tokio::time::sleep(after).await;
            if let Ok(client) = self.target.connect().await {
                self.put_back(Connection { client, prepared: Prepared::default() });
                self.unreachable.store(false, Ordering::Relaxed);
                tracing::info!("PostgreSQL can be reached again");
                return;
            }
            after = (after * 2).min(RETRY_MAX);
        }
    }

    /// Is the database out of reach, as far as the last try told?
    pub(crate) fn is_unreachable(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// Idle connections and permits left, for gauges.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let idle = self.idle.lock().len();
        (idle, self.permits.available_permits(), self.waiting.load(Ordering::Relaxed))
    }

    /// Ends all connections; nothing can be had afterwards.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }

    fn put_back(&self, connection: Connection) {
        if !connection.client.is_closed() && !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
    }
}

/// A place in the queue.
struct Place<'p>(&'p AtomicUsize);

impl<'p> Place<'p> {
    fn take(waiting: &'p AtomicUsize, most: usize) -> Option<Self> {
        let taken = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < most).then_some(waiting + 1)
        });
        taken.is_ok().then_some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection while a request has it.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// The connection.
    ///
    /// # Errors
    /// `XX000` after it was given back.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(|| Error::internal("a connection after its end"))
    }

    /// Gives it back: its transaction has ended.
    pub(crate) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put_back(connection);
        }
    }

    /// Throws it away: it is broken.
    pub(crate) fn discard(mut self) {
        self.connection = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // The request ended in the middle: its caller has gone, or it failed. What it left running
        // is stopped, so that the place is free again soon.
        let (pool, permit) = (Arc::clone(&self.pool), self.permit.take());
        tokio::spawn(async move {
            let token = connection.client.cancel_token();
            let clean = async {
                pool.target.cancel(token).await;
                connection.client.batch_execute("ROLLBACK").await
            };
            if let Ok(Ok(())) = tokio::time::timeout(CLEAN_TIMEOUT, clean).await {
                pool.put_back(connection);
            }
            drop(permit);
        });
    }
}
