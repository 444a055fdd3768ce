//! Which migrations are to be applied.

use backstay_model::{Error, Result};

use crate::migration::ordered;
use crate::{Applied, Migration};

/// The project's migrations against what was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Those to be applied, in order.
    pub pending: Vec<Migration>,
    /// Remarks for the log.
    pub notes: Vec<String>,
}

/// One line of `migrate status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Version.
    pub version: String,
    /// Name.
    pub name: String,
    /// What holds for it.
    pub state: State,
}

/// What holds for a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Applied, and the file is as it was.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied, and the file has changed since.
    Changed,
    /// Applied, and the file is gone.
    Missing,
}

impl Plan {
    /// Compares the project's migrations with the records.
    ///
    /// # Errors
    /// `BKS301` for two files of one version, `BKS302` for an applied file that has changed,
    /// `BKS303` for one that is gone.
    pub fn new(migrations: Vec<Migration>, applied: &[Applied]) -> Result<Self> {
        let migrations = ordered(migrations)?;
        for record in applied {
            let Some(file) = migrations.iter().find(|one| one.version == record.version) else {
                return Err(Error::new(
                    "BKS303",
                    format!("migration {} was applied and its file is gone", shown(record)),
                )
                .with_hint(
                    "Restore the file, or start over with an empty database: migrate reset.",
                ));
            };
            if record.checksum.as_ref().is_some_and(|known| *known != file.checksum) {
                return Err(Error::new(
                    "BKS302",
                    format!("{} was changed after it had been applied", file.path),
                )
                .with_hint(
                    "Undo the change and write a new migration, or start over with an empty database: migrate reset.",
                ));
            }
        }
        let newest = applied.iter().map(|record| record.version.as_str()).max();
        let is_applied =
            |one: &Migration| applied.iter().any(|record| record.version == one.version);
        let pending: Vec<Migration> =
            migrations.into_iter().filter(|one| !is_applied(one)).collect();
        let notes = pending
            .iter()
            .filter(|one| newest.is_some_and(|newest| one.version.as_str() < newest))
            .map(|one| format!("{} is older than what was applied last", one.path))
            .collect();
        Ok(Self { pending, notes })
    }

    /// Every migration with its state, in order; never an error.
    pub fn status(migrations: &[Migration], applied: &[Applied]) -> Vec<Status> {
        let mut lines: Vec<Status> = migrations
            .iter()
            .map(|one| {
                let record = applied.iter().find(|record| record.version == one.version);
                let state = match record {
                    None => State::Pending,
                    Some(record)
                        if record.checksum.as_ref().is_some_and(|known| *known != one.checksum) =>
                    {
                        State::Changed
                    }
                    Some(_) => State::Applied,
                };
                Status { version: one.version.clone(), name: one.name.clone(), state }
            })
            .collect();
        for record in applied {
            if !migrations.iter().any(|one| one.version == record.version) {
                lines.push(Status {
                    version: record.version.clone(),
                    name: record.name.clone().unwrap_or_default(),
                    state: State::Missing,
                });
            }
        }
        lines.sort_by(|a, b| a.version.cmp(&b.version));
        lines
    }
}

fn shown(record: &Applied) -> String {
    match &record.name {
        Some(name) => format!("{}_{name}", record.version),
        None => record.version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<Migration> {
        names.iter().filter_map(|name| Migration::new(*name, format!("-- {name}"))).collect()
    }

    fn records(files: &[Migration]) -> Vec<Applied> {
        files
            .iter()
            .map(|one| Applied {
                version: one.version.clone(),
                name: Some(one.name.clone()),
                checksum: Some(one.checksum.clone()),
            })
            .collect()
    }

    #[test]
    fn what_was_not_applied_is_pending_in_order() {
        let all = files(&["3_c.sql", "1_a.sql", "2_b.sql"]);
        let applied = records(&files(&["1_a.sql"]));
        let plan = Plan::new(all, &applied).unwrap();
        let paths: Vec<_> = plan.pending.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["2_b.sql", "3_c.sql"]);
        assert!(plan.notes.is_empty());
    }

    #[test]
    fn a_changed_file_names_reset() {
        let mut applied = records(&files(&["1_a.sql"]));
        applied[0].checksum = Some("other".to_owned());
        let error = Plan::new(files(&["1_a.sql"]), &applied).unwrap_err();
        assert_eq!(error.message, "1_a.sql was changed after it had been applied");
        assert!(error.hint.unwrap().contains("migrate reset"));
    }

    #[test]
    fn a_file_that_is_gone_is_an_error_and_a_status() {
        let applied = records(&files(&["1_a.sql"]));
        let error = Plan::new(Vec::new(), &applied).unwrap_err();
        assert_eq!(error.message, "migration 1_a was applied and its file is gone");
        assert_eq!(Plan::status(&[], &applied)[0].state, State::Missing);
    }

    #[test]
    fn an_older_file_is_applied_with_a_note() {
        let applied = records(&files(&["2_b.sql"]));
        let plan = Plan::new(files(&["1_a.sql", "2_b.sql"]), &applied).unwrap();
        assert_eq!(plan.pending.len(), 1);
        assert_eq!(plan.notes, ["1_a.sql is older than what was applied last"]);
    }
}
