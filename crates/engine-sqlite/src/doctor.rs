//! Checks of the stored data.

use std::sync::Arc;

use backstay_engine::Session;
use backstay_executor::{Run, Scope, WriteState, check_constraints};
use backstay_model::Result;
use backstay_policy::Caller;

use crate::connection::Connection;
use crate::frame::Frame;
use crate::session::SessionEnvironment;
use crate::shared::Shared;
use crate::store::SqliteStore;
use crate::{catalog_store, failure};

/// Findings, one a line: damage of the file, a stored catalogue that is not the one in use, rows
/// that break a constraint.
pub(crate) fn check(shared: &Shared) -> Result<Vec<String>> {
    shared.with_reader(|connection| {
        let catalog = shared.catalog();
        // The check of the file computes the keys of expression indexes.
        connection.fit(&catalog)?;
        let session = Session {
            caller: Caller::system("check"),
            settings: Arc::default(),
            statement_timeout: None,
        };
        let env = SessionEnvironment::new(&catalog, &shared.sequences, &session, true);
        let (bodies, state) = (shared.bodies(&catalog, &session), WriteState::new());
        let run = Run { bodies: &bodies, state: &state, read_only: true, depth: 0 };
        let scope = Scope { run: Some(run), ..Scope::new(&catalog, &env) };
        let store = SqliteStore { connection, catalog: &catalog, env: &env };
        let mut findings = Frame::new(&scope, &store, &[]).enter(|| damage(connection))?;
        let (stored, used) = (catalog_store::version(connection)?, catalog.version);
        if stored != used {
            findings.push(format!("the stored catalogue has version {stored}, in use is {used}"));
        }
        if findings.is_empty() {
            findings.extend(check_constraints(&scope, &store)?);
        }
        // What a damaged file says about its rows is no finding.
        Ok(findings)
    })
}

fn damage(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0));
    let lines: rusqlite::Result<Vec<String>> = lines.and_then(Iterator::collect);
    Ok(match lines {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        // Damage may keep even the check from going on.
        Err(error) => {
            let cause = failure::translate(&error).message;
            vec![format!("the file is damaged, so that its check ended early: {cause}")]
        }
    })
}
