//! Keeping the file healthy: the log is folded back between batches, statistics stay fresh, a
//! reserve of space is there when the disk fills.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::connection::{BUSY_WAIT, Connection};
use crate::failure;
use crate::open::beside;
use crate::shared::Shared;
use backstay_model::Result;

/// The log is folded back when it has grown by this many pages, 16 MiB: pages that are written again
/// and again are then copied once.
const LOG_PAGES: u64 = 4_000;
/// And cut beyond this many pages, 64 MiB.
const LOG_PAGES_MAX: u64 = 16_000;
/// How long cutting the log waits for readers.
const CUT_WAIT: Duration = Duration::from_millis(100);
/// Deleting needs space in the log too; this much is kept for it, in bytes.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// Size of the log, in bytes.
pub(crate) fn log_bytes(path: &Path) -> u64 {
    std::fs::metadata(beside(path, "-wal")).map_or(0, |data| data.len())
}

/// Makes the reserve file if it is missing; a full disk is no reason to fail.
pub(crate) fn keep_reserve(path: &Path) {
    let reserve = beside(path, ".reserve");
    if std::fs::metadata(&reserve).is_ok_and(|data| data.len() >= RESERVE_BYTES) {
        return;
    }
    let zeros = vec![0_u8; usize::try_from(RESERVE_BYTES).unwrap_or(0)];
    if std::fs::write(&reserve, zeros).is_err() {
        let _ = std::fs::remove_file(&reserve);
    }
}

/// Gives the reserve back, so that deletes and checkpoints can run.
fn release_reserve(path: &Path) {
    let _ = std::fs::remove_file(beside(path, ".reserve"));
}

/// Between batches: folds the log back where it has grown.
pub(crate) fn after_batch(shared: &Shared, connection: &Connection) {
    let batches = shared.counters.batches.load(Ordering::Relaxed);
    let failed = shared.counters.failed_batches.load(Ordering::Relaxed);
    if failed > 0 && batches.is_multiple_of(64) {
        keep_reserve(&shared.settings.path);
    }
    let pages = connection.log_pages();
    if !connection.log_has_grown_by(LOG_PAGES) {
        return;
    }
    if pages > LOG_PAGES_MAX {
        let done = cut(shared, connection);
        shared.wants_quiet.store(!done, Ordering::Relaxed);
    } else {
        shared.leave_snapshots();
        checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)");
    }
}

/// Folds the whole log back and begins it anew. This waits for readers, and writes wait meanwhile:
/// only for a moment. Tells whether it could be done.
pub(crate) fn cut(shared: &Shared, connection: &Connection) -> bool {
    shared.leave_snapshots();
    if connection.wait_for_others(CUT_WAIT).is_err() {
        return false;
    }
    let blocked = connection
        .raw()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    let _ = connection.wait_for_others(BUSY_WAIT);
    matches!(blocked, Ok(false))
}

/// A full disk was met: the reserve is given back.
pub(crate) fn disk_filled(path: &Path) {
    release_reserve(path);
}

/// After a migration: statistics of what changed.
pub(crate) fn after_change(connection: &Connection, changed: bool) {
    if changed {
        // Without statistics plans are only slower.
        let _ = connection.raw().execute_batch("PRAGMA optimize");
    }
}

/// Folds the log back; readers may keep it from finishing, the next one goes on.
fn checkpoint(connection: &Connection, how: &str) {
    let _ = connection.execute(how);
}

/// The last things before closing.
pub(crate) fn close(connection: &Connection) -> Result<()> {
    let _ = connection.raw().execute_batch("PRAGMA optimize");
    connection
        .execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(|error| failure::internal("the log could not be folded back", error))
}
