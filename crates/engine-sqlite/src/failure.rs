//! SQLite's errors in PostgreSQL's words.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use backstay_engine::STATEMENT_TIMEOUT_HINT;
use backstay_model::{Error, Result};
use rusqlite::ErrorCode;

/// An error that no statement of ours should cause; the cause is for the log.
pub(crate) fn internal(what: &str, cause: impl std::fmt::Display) -> Error {
    Error::internal(format!("{what}: {cause}"))
}

/// Runs `work`; where it panics, that is an internal error.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("panicked")))
}

/// The error behind one of SQLite's.
pub(crate) fn translate(error: &rusqlite::Error) -> Error {
    let code = match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure.code,
        rusqlite::Error::SqlInputError { error, .. } => error.code,
        other => return internal("sqlite", other),
    };
    match code {
        ErrorCode::DiskFull => disk_full(),
        ErrorCode::OperationInterrupted => timed_out(),
        ErrorCode::ReadOnly => {
            Error::new("25006", "cannot execute a write in a read-only transaction")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            Error::new("XX001", "the database file is damaged")
                .with_hint("Stop the server and restore a backup.")
        }
        ErrorCode::SystemIoFailure => {
            Error::new("58030", format!("could not access file: {error}"))
        }
        ErrorCode::OutOfMemory => Error::new("53200", "out of memory"),
        ErrorCode::TooBig => Error::new("54000", "a value or statement is too large"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => locked(),
        _ => internal("sqlite", error),
    }
}

/// The error with the file that it is about.
pub(crate) fn of_file(path: &Path, error: Error) -> Error {
    Error { message: format!("{}: {}", path.display(), error.message), ..error }
}

/// `55P03`.
pub(crate) fn locked() -> Error {
    Error::new("55P03", "the database file is locked by another process")
}

/// `53100`.
pub(crate) fn disk_full() -> Error {
    Error::new("53100", "could not extend the database file: no space left on device")
        .with_hint("Check free disk space.")
}

/// `57014`.
pub(crate) fn timed_out() -> Error {
    Error::new("57014", "canceling statement due to statement timeout")
        .with_hint(STATEMENT_TIMEOUT_HINT)
}
