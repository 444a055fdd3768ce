//! Opening a database file: the lock that keeps other servers away, and the checks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstay_model::{Error, Result};
use rusqlite::OpenFlags;

use crate::connection::{Connection, Purpose};
use crate::{Settings, catalog_store, failure};

/// Limit: files up to this size are checked after an unclean stop before they serve, in bytes.
const CHECKED_SIZE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Held for as long as the database is open.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// A file beside the database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `58030`, with the file.
pub(crate) fn about(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new("58030", format!("could not {what} \"{}\": {error}", path.display())).with_hint(
        "The server must be able to write in this folder: look at its owner, the disk and the mount.",
    )
}

/// Takes the lock.
///
/// # Errors
/// `55006` with the holder's address if another process has it.
pub(crate) fn lock(settings: &Settings) -> Result<Lock> {
    let path = beside(&settings.path, ".lock");
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| about(folder, "create folder", &error))?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| about(&path, "open", &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let by = if known { format!(" by {}", holder.trim()) } else { String::new() };
            let message = format!("the database \"{}\" is in use{by}", settings.path.display());
            return Err(Error::new("55006", message)
                .with_hint("Stop the other server, or talk to it instead of opening the file."));
        }
        Err(TryLockError::Error(error)) => return Err(about(&path, "lock", &error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(settings.holder.as_bytes()))
        .and_then(|()| file.flush());
    written.map_err(|error| about(&path, "write", &error))?;
    Ok(Lock { _file: file })
}

/// Opens the connection that writes, after the checks, with the tables of the catalogue in place.
///
/// # Errors
/// `XX001` for a damaged file, `58000` for somebody else's, `25006` where it cannot be written.
pub(crate) fn writer(settings: &Settings) -> Result<Connection> {
    let unclean = size(&beside(&settings.path, "-wal")) > 0;
    if size(&settings.path) > 0 {
        // Before anything is set: somebody else's file stays as it is.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let looked = rusqlite::Connection::open_with_flags(&settings.path, flags)
            .map_err(|error| failure::translate(&error))
            .and_then(|raw| catalog_store::demand_ours_or_empty(&raw));
        let format = match looked {
            // Its making was cut off and is undone first, which takes a writer.
            Err(error) if error.code == "25006" => catalog_store::FORMAT,
            looked => looked.map_err(|error| failure::of_file(&settings.path, error))?,
        };
        if format < catalog_store::FORMAT {
            upgrade(&settings.path, format)?;
        }
    }
    let connection = Connection::open(&settings.path, Purpose::Write(settings.durability))?;
    let read_only = connection.raw().is_readonly(rusqlite::MAIN_DB);
    if read_only.map_err(|error| failure::translate(&error))? {
        let message = format!("the database file \"{}\" is read-only", settings.path.display());
        return Err(Error::new("25006", message).with_hint("Give the server the right to write."));
    }
    if unclean && size(&settings.path) < CHECKED_SIZE_BYTES_MAX {
        demand_sound(&connection)?;
    }
    catalog_store::prepare(&connection).map_err(|error| failure::of_file(&settings.path, error))?;
    Ok(connection)
}

/// Opens a connection that only reads, beside whoever has the file open.
///
/// # Errors
/// As [`writer`], and `58P01` where there is no file.
pub(crate) fn reader(settings: &Settings) -> Result<Connection> {
    if !settings.path.exists() {
        let message = format!("there is no database file \"{}\"", settings.path.display());
        return Err(Error::new("58P01", message));
    }
    let connection = Connection::open(&settings.path, Purpose::Read)?;
    catalog_store::demand_current(connection.raw())
        .map_err(|error| failure::of_file(&settings.path, error))?;
    Ok(connection)
}

/// Upgrades a file of an older format. A copy of it as it was is kept beside it.
fn upgrade(path: &Path, format: i64) -> Result<()> {
    let kept = beside(path, &format!(".format{format}"));
    let done = || -> Result<()> {
        let mut raw =
            rusqlite::Connection::open(path).map_err(|error| failure::translate(&error))?;
        fold(&raw)?;
        copy(path, &kept)?;
        catalog_store::upgrade(&mut raw, format)
    };
    done().map_err(|error| failure::of_file(path, error))?;
    tracing::info!(
        from = format,
        to = catalog_store::FORMAT,
        kept = %kept.display(),
        "the database file was upgraded; it is kept as it was before"
    );
    Ok(())
}

/// Brings everything that is in the log into the file. The caller holds the lock.
///
/// # Errors
/// As SQLite reports; `55P03` while somebody reads the file.
pub(crate) fn fold(raw: &rusqlite::Connection) -> Result<()> {
    let busy = raw
        .busy_timeout(Duration::from_secs(5))
        .and_then(|()| raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)))
        .map_err(|error| failure::translate(&error))?;
    if busy { Err(failure::locked()) } else { Ok(()) }
}

/// Copies a file; the copy is whole or not there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let partial = beside(to, ".partial");
    std::fs::copy(from, &partial)
        .and_then(|_| File::open(&partial)?.sync_all())
        .and_then(|()| std::fs::rename(&partial, to))
        .map_err(|error| about(to, "write", &error))?;
    sync_folder(to)
}

/// Makes renames in a file's folder last.
///
/// # Errors
/// `58030`.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| about(folder, "write", &error))
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

fn demand_sound(connection: &Connection) -> Result<()> {
    let found: String = connection
        .raw()
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| failure::translate(&error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(Error::new("XX001", format!("the database file is damaged: {found}"))
        .with_hint("Put a backup back in its place; docs/deploying.md says how."))
}
