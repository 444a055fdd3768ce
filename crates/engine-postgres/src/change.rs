//! Changes of the schema: scripts as they are, on a connection of their own.
//!
//! A connection of its own because a script may change whatever its session holds: role, search path,
//! settings. All of it ends with the connection.

use backstay_catalog::Catalog;
use backstay_engine::{Placement, Step, Steps};
use backstay_model::{Error, Result};
use tokio_postgres::Client;

use crate::failure::{self, Failure};
use crate::grants::Granted;

/// What scripts find, whatever the role or database was set to.
const SESSION: &str = "SET search_path = public, extensions; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; SET check_function_bodies = on";

/// Tells every node, and PostgREST beside us, that the schema has changed; heard after the commit.
const NOTIFY: &str = "SELECT pg_catalog.pg_notify('pgrst', 'reload schema')";

/// The lock that everybody who changes the schema through Backstay holds.
const LOCK: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; \
     SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SELECT pg_catalog.pg_advisory_xact_lock(7165050, 1)";

/// What to do where the login may not do what a script says.
const RIGHTS: &str =
    "Grant the right to the login of database.url, or run the statement as somebody who has it.";

/// Waits for the lock and holds it until the client is dropped. It is a transaction's lock, so that
/// it works through a pooler too.
pub(crate) async fn lock(client: Client) -> Result<Client> {
    client.batch_execute(LOCK).await.map_err(told)?;
    Ok(client)
}

/// Lets the server parse a statement.
pub(crate) async fn parse(client: &Client, statement: &str) -> Result<()> {
    match client.prepare(statement).await {
        Ok(_) => Ok(()),
        // The server has parsed it and then missed what earlier statements would have made.
        Err(error) => match located(statement, error) {
            syntax if syntax.code == "42601" => Err(syntax),
            Error { code, .. } if code.starts_with("08") || code.starts_with("PGRST") => {
                Err(failure::lost())
            }
            _ => Ok(()),
        },
    }
}

/// Runs the steps. Whatever fails, nothing after the last commit remains.
pub(crate) async fn change(
    client: &Client,
    catalog: &Catalog,
    steps: &mut dyn Steps,
) -> Result<()> {
    client.batch_execute(SESSION).await.map_err(told)?;
    client.batch_execute("BEGIN").await.map_err(told)?;
    let mut granted = Granted::default();
    while let Some(step) = steps.next(catalog)? {
        match step {
            Step::Script(text, placement) => script(client, &text, placement, steps).await?,
            Step::Grant { text, revocation } => {
                let before = Granted::before(client, &revocation).await.map_err(told)?;
                client.batch_execute(&text).await.map_err(|error| located(&text, error))?;
                if let Some(before) = before {
                    granted.note(client, &before).await.map_err(told)?;
                }
            }
            Step::Setting(name, value) => {
                let set = "SELECT pg_catalog.set_config($1, $2, false)";
                client.query(set, &[&name, &value]).await.map_err(told)?;
            }
            Step::Change(_) | Step::Statement(_) | Step::Block(_) => {
                return Err(Error::internal("a step that is no script"));
            }
        }
    }
    granted.keep(client, catalog).await.map_err(told)?;
    client.batch_execute(NOTIFY).await.map_err(told)?;
    client.batch_execute("COMMIT").await.map_err(told)
}

async fn script(
    client: &Client,
    text: &str,
    placement: Placement,
    steps: &mut dyn Steps,
) -> Result<()> {
    let run = async || client.batch_execute(text).await.map_err(|error| located(text, error));
    match placement {
        Placement::Inside => run().await,
        Placement::Apart => {
            client.batch_execute("COMMIT").await.map_err(told)?;
            run().await?;
            client.batch_execute("BEGIN").await.map_err(told)
        }
        Placement::Optional => {
            client.batch_execute("SAVEPOINT script").await.map_err(told)?;
            let done = run().await;
            let end = if done.is_ok() { "RELEASE script" } else { "ROLLBACK TO script" };
            client.batch_execute(end).await.map_err(told)?;
            done.or_else(|error| steps.refused(error))
        }
    }
}

fn told(error: tokio_postgres::Error) -> Error {
    Failure::from(error).error
}

/// The error with its byte offset in the text; PostgreSQL counts characters from 1.
fn located(text: &str, error: tokio_postgres::Error) -> Error {
    let position = match error.as_db_error().and_then(|said| said.position()) {
        Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
            usize::try_from(*at).ok().and_then(|at| at.checked_sub(1))
        }
        _ => None,
    };
    let mut error = told(error);
    if error.code == "42501" && error.hint.is_none() {
        error.hint = Some(RIGHTS.to_owned());
    }
    error.position =
        position.map(|at| text.char_indices().nth(at).map_or(text.len(), |(offset, _)| offset));
    error
}
