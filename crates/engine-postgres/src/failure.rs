//! The driver's errors as ours: what PostgreSQL says passes through, the rest is told by its cause.

use backstay_engine::STATEMENT_TIMEOUT_HINT;
use backstay_model::{Details, Error};
use tokio_postgres::error::DbError;

/// An error with what it means for the connection.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: Error,
    /// What may be tried.
    pub(crate) remedy: Remedy,
}

/// What may be tried after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing: it is the answer.
    None,
    /// The connection is gone: another one.
    Reconnect,
    /// A prepared statement does not fit any more: prepare again.
    Prepare,
    /// Prepared statements do not survive here: a pooler stands between.
    NeverPrepare,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, remedy: Remedy::None }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self { error: told(said), remedy: remedy(said) },
            None => {
                tracing::warn!(error = %chain(&error), "the connection to PostgreSQL was lost");
                Self { error: lost(), remedy: Remedy::Reconnect }
            }
        }
    }
}

/// `PGRST001`: the connection broke while it was used.
pub(crate) fn lost() -> Error {
    Error::new("PGRST001", "Database client error. Retrying the connection.").with_hint(LATER)
}

/// `PGRST000`: no connection can be had.
pub(crate) fn no_connection() -> Error {
    Error::new("PGRST000", "Database connection error.").with_hint(LATER)
}

/// `53300`: the server, not we, has no connection left.
pub(crate) fn no_place() -> Error {
    Error::new("53300", "the database has no connection left").with_hint(LATER)
}

/// What who calls can do; the cause is for the log.
const LATER: &str = "Try again in a moment; the server's log says what is wrong.";

fn remedy(said: &DbError) -> Remedy {
    match said.code().code() {
        // The server ends or starts: nothing of the transaction remains.
        "57P01" | "57P02" | "57P03" => Remedy::Reconnect,
        "0A000" if said.message() == "cached plan must not change result type" => Remedy::Prepare,
        "26000" | "42P05" => Remedy::NeverPrepare,
        _ => Remedy::None,
    }
}

/// What PostgreSQL said, with its own words; a hint where it has none and a remedy is known.
fn told(said: &DbError) -> Error {
    let mut error = Error::new(said.code().code().to_owned(), said.message());
    error.details = said.detail().map(|details| Details::Text(details.to_owned()));
    error.hint = said.hint().map(str::to_owned).or_else(|| hint(said).map(str::to_owned));
    error
}

fn hint(said: &DbError) -> Option<&'static str> {
    match said.code().code() {
        "57014" if said.message().contains("statement timeout") => Some(STATEMENT_TIMEOUT_HINT),
        "55P03" => Some("Another transaction holds the row or table; try again later."),
        _ => None,
    }
}

/// Why no connection could be made: the cause for the log and for whoever starts the server.
pub(crate) fn unreachable(error: &tokio_postgres::Error, place: &str) -> Error {
    let (cause, hint) = match error.as_db_error() {
        Some(said) => (said.message().to_owned(), login_hint(said.code().code())),
        None => (
            chain(error),
            "Check that PostgreSQL runs there and that host, port and sslmode in database.url are right.",
        ),
    };
    let full = error.code().is_some_and(|code| code.code() == "53300");
    let told = if full { no_place() } else { no_connection() };
    let mut told = told.with_details(format!("cannot connect to {place}: {cause}"));
    told.hint = Some(hint.to_owned());
    told
}

fn login_hint(code: &str) -> &'static str {
    match code {
        "28P01" | "28000" => {
            "Check user and password in database.url, and pg_hba.conf of the server."
        }
        "3D000" => "Create the database, or name another one in database.url.",
        "42501" => "Grant CONNECT on the database to this user.",
        "53300" => "Raise max_connections of the server, or lower database.connections.",
        "57P03" => "The server starts or stops; it is tried again.",
        _ => "The message is the server's own; see its log.",
    }
}

/// An error with all its causes in one line.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
