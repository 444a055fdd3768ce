//! What every project finds before its first migration: roles, schemas, the tables of the services.
//!
//! The files run through the same pipeline as migrations. The version of what was applied is part
//! of the catalogue (`ALTER DATABASE … SET backstay.bootstrap`), so that nothing has to be read.

use backstay_catalog::Catalog;
use backstay_engine::{Step, Steps};
use backstay_model::{Error, Result};

use crate::{Form, MigrationError, Progress, Script};

mod native;

pub use native::{Missing, NativeBootstrap, native_roles, pending_native};

/// Name, the role that owns what it makes, and text of each file, in order. Files are never changed
/// after a release: what is new goes into another one.
const FILES: &[(&str, &str, &str)] = &[
    ("0001_roles.sql", "supabase_admin", include_str!("bootstrap/0001_roles.sql")),
    ("0002_schemas.sql", "supabase_admin", include_str!("bootstrap/0002_schemas.sql")),
    ("0003_auth.sql", "supabase_auth_admin", include_str!("bootstrap/0003_auth.sql")),
    ("0004_storage.sql", "supabase_storage_admin", include_str!("bootstrap/0004_storage.sql")),
    ("0005_realtime.sql", "supabase_admin", include_str!("bootstrap/0005_realtime.sql")),
    ("0006_migrations.sql", "postgres", include_str!("bootstrap/0006_migrations.sql")),
    ("0007_auth.sql", "supabase_auth_admin", include_str!("bootstrap/0007_auth.sql")),
    ("0008_passkeys.sql", "supabase_auth_admin", include_str!("bootstrap/0008_passkeys.sql")),
    (
        "0009_oauth_server.sql",
        "supabase_auth_admin",
        include_str!("bootstrap/0009_oauth_server.sql"),
    ),
    ("0010_mail_outbox.sql", "supabase_auth_admin", include_str!("bootstrap/0010_mail_outbox.sql")),
    (
        "0011_amr_provider.sql",
        "supabase_auth_admin",
        include_str!("bootstrap/0011_amr_provider.sql"),
    ),
];

/// The setting that holds the number of files that were applied.
const SETTING: &str = "backstay.bootstrap";

/// All files that the catalogue lacks, as steps of one transaction.
pub struct Bootstrap {
    scripts: std::vec::IntoIter<Script>,
    current: Option<Script>,
}

/// How many files the catalogue holds already.
fn applied(catalog: &Catalog) -> usize {
    catalog
        .role_settings
        .iter()
        .find(|(role, name, _)| role.is_empty() && name == SETTING)
        .and_then(|(_, _, value)| value.parse().ok())
        .unwrap_or(0)
}

/// The steps that are due, or `None` if the catalogue is up to date.
///
/// # Errors
/// `XX000` if an embedded file is broken.
pub fn pending(catalog: &Catalog) -> Result<Option<Bootstrap>> {
    let broken = |error: Box<MigrationError>| Error::internal(error.to_string());
    let due = FILES.get(applied(catalog)..).unwrap_or_default();
    if due.is_empty() {
        return Ok(None);
    }
    let mut scripts = due
        .iter()
        .map(|(name, role, text)| {
            Script::new(&format!("bootstrap/{name}"), text, Form::Analysed)
                .map(|script| script.as_role(role))
        })
        .collect::<Result<Vec<Script>, _>>()
        .map_err(broken)?;
    let mark = format!("ALTER DATABASE postgres SET {SETTING} = '{}'", FILES.len());
    scripts.push(Script::new("bootstrap", &mark, Form::Analysed).map_err(broken)?);
    Ok(Some(Bootstrap { scripts: scripts.into_iter(), current: None }))
}

impl Bootstrap {
    /// The progress of the file that runs now.
    pub fn progress(&self) -> Option<Progress> {
        self.current.as_ref().map(Script::progress)
    }
}

impl Steps for Bootstrap {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        loop {
            if let Some(script) = &mut self.current {
                let step = script.next(catalog).map_err(|error| {
                    let place = script.progress().explain(error.clone(), &[]);
                    Error { message: format!("{}: {}", place, error.message), ..error }
                })?;
                if step.is_some() {
                    return Ok(step);
                }
            }
            self.current = self.scripts.next();
            if self.current.is_none() {
                return Ok(None);
            }
        }
    }
}

/// The catalogue after the bootstrap, without an engine: for `check` and for tests.
///
/// # Errors
/// `XX000` if an embedded file is broken.
pub fn catalog() -> Result<Catalog> {
    let mut catalog = Catalog::default();
    if let Some(mut steps) = pending(&catalog)? {
        while let Some(step) = steps.next(&catalog)? {
            if let Step::Change(change) = step {
                catalog = change.catalog;
            }
        }
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests;
