//! Copies of the database file that are whole at one moment, and putting one in its place.

use std::path::{Path, PathBuf};

use backstay_model::{Error, Result};

use crate::connection::Connection;
use crate::open::{self, about, beside};
use crate::{Settings, catalog_store, failure, writer};

/// Limit: how often a backup begins again because a migration changed the indexes meanwhile.
const ATTEMPTS_MAX: usize = 5;

/// Writes all that is committed into the new file `target`, beside whoever has the database open and
/// goes on writing. It is on disk when this returns, which is the format of its data. Blocks.
///
/// # Errors
/// `58P01` where there is no database, `58000` where it is not ours, `53100` on a full disk.
pub fn back_up(settings: &Settings, target: &Path) -> Result<i64> {
    // Reading the catalogue needs a deep stack.
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(writer::STACK_SIZE_BYTES)
            .spawn_scoped(scope, || copy(settings, target))
            .map_err(|error| failure::internal("the backup could not start", error))?
            .join()
            .map_err(|_| Error::internal("the backup ended"))?
    })?;
    Ok(catalog_store::FORMAT)
}

fn copy(settings: &Settings, target: &Path) -> Result<()> {
    let connection = open::reader(settings)?;
    // It writes into another file only.
    connection.execute("PRAGMA query_only = OFF")?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let version = fit(&connection)?;
        let copied =
            vacuum_into(&connection, target).and_then(|()| Ok(copied_version(target)? == version));
        match copied {
            Ok(true) => break,
            // Indexes that the catalogue of before does not know need functions that are not there.
            Ok(false) => {}
            Err(error) if catalog_store::version(&connection)? == version => return Err(error),
            Err(_) => {}
        }
        remove(target)?;
        if attempts == ATTEMPTS_MAX {
            return Err(Error::new("55006", "migrations kept changing the database")
                .with_hint("Make the backup again when they are done."));
        }
    }
    std::fs::File::open(target)
        .and_then(|file| file.sync_all())
        .map_err(|error| about(target, "write", &error))
}

/// Registers what the indexes need; answers the catalogue's version for which that holds.
fn fit(connection: &Connection) -> Result<u64> {
    connection.execute("BEGIN")?;
    let fitted = catalog_store::load(connection).and_then(|catalog| {
        connection.fit(&catalog)?;
        Ok(catalog.version)
    });
    connection.execute("COMMIT")?;
    fitted
}

/// `VACUUM INTO` reads one snapshot, however long it takes; copying page by page would begin anew at
/// each write of others.
fn vacuum_into(connection: &Connection, target: &Path) -> Result<()> {
    let Some(target) = target.to_str() else {
        return Err(Error::new("58030", "the name of the backup is not UTF-8"));
    };
    connection
        .raw()
        .execute("VACUUM INTO ?1", [target])
        .map(drop)
        .map_err(|error| failure::translate(&error))
}

fn copied_version(target: &Path) -> Result<u64> {
    let version: i64 = rusqlite::Connection::open(target)
        .and_then(|raw| {
            let sql = "SELECT \"version\" FROM \"_backstay_catalog\" WHERE \"id\" = 1";
            raw.query_row(sql, [], |row| row.get(0))
        })
        .map_err(|error| failure::translate(&error))?;
    Ok(version.unsigned_abs())
}

/// Puts the sound and closed database file `staged`, of the same file system, in the place of the
/// project's. What was there is kept beside it under the name that this answers. Blocks.
///
/// # Errors
/// `55006` while another process has the database, `58030` where the system refuses.
pub fn put_in_place(settings: &Settings, staged: &Path) -> Result<Option<PathBuf>> {
    let path = &settings.path;
    let _lock = open::lock(settings)?;
    let kept = path.exists().then(|| beside(path, ".replaced"));
    if let Some(kept) = &kept {
        // A damaged file cannot be folded: then its log goes with it.
        let folded = rusqlite::Connection::open(path)
            .map_err(|error| failure::translate(&error))
            .and_then(|raw| open::fold(&raw));
        if let Err(error) = folded {
            tracing::warn!(%error, "the log of the replaced database could not be folded back");
        }
        let log = beside(kept, "-wal");
        [kept.as_path(), &log, &beside(kept, "-shm")].into_iter().try_for_each(remove)?;
        std::fs::hard_link(path, kept).map_err(|error| about(kept, "make", &error))?;
        let current = beside(path, "-wal");
        if current.exists() {
            std::fs::rename(&current, &log).map_err(|error| about(&log, "make", &error))?;
        }
    }
    // Invariant: the new file never lies beside a log that is not its own.
    remove(&beside(path, "-shm"))?;
    std::fs::rename(staged, path).map_err(|error| about(path, "write", &error))?;
    open::sync_folder(path)?;
    Ok(kept)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(about(path, "remove", &error))
        }
        _ => Ok(()),
    }
}
