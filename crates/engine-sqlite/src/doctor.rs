//! Checks of the stored data.

use backstay_model::Result;

use crate::shared::Shared;
use crate::{catalog_store, failure};

/// Findings, one a line: damage of the file, and a stored catalogue that is not the one in use.
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
        Ok(findings)
    })
}
