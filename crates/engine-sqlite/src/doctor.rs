//! Checks of the stored data.

use std::sync::Arc;

use backstay_engine::Session;
use backstay_executor::{Run, Scope, WriteState, check_constraints};
use backstay_model::Result;
use backstay_policy::Caller;

use crate::session::SessionEnvironment;
use crate::shared::Shared;
use crate::store::SqliteStore;
use crate::{catalog_store, failure};

/// Findings, one a line: damage of the file, a stored catalogue that is not the one in use, rows
/// that break a constraint.
pub(crate) fn check(shared: &Shared) -> Result<Vec<String>> {
    shared.with_reader(|connection| {
        let mut findings = Vec::new();
        let mut statement = connection.prepare("PRAGMA integrity_check")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0));
        let lines: rusqlite::Result<Vec<String>> = lines.and_then(Iterator::collect);
        let lines = lines.map_err(|error| failure::translate(&error))?;
        findings.extend(lines.into_iter().filter(|line| line != "ok"));
        let (stored, used) = (catalog_store::version(connection)?, shared.catalog().version);
        if stored != used {
            findings.push(format!("the stored catalogue has version {stored}, in use is {used}"));
        }
        if !findings.is_empty() {
            // What a damaged file says about its rows is no finding.
            return Ok(findings);
        }
        let catalog = shared.catalog();
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
        findings.extend(check_constraints(&scope, &SqliteStore { connection, catalog: &catalog })?);
        Ok(findings)
    })
}
