//! The bootstrap of a database that runs scripts itself: what is there is left as it is.
//!
//! A statement that would make something that is there is left out, and with it what the same file
//! says of it. One that the login may not run is undone and listed, for somebody who may.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use backstay_catalog::Catalog;
use backstay_engine::{Placement, Step, Steps};
use backstay_model::{Error, Result};
use backstay_pgsql::{RawStatement, parse_migration};

/// A file: the schema that its unqualified names are in, what it is for, and its text.
struct File {
    schema: &'static str,
    scope: Scope,
    text: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Every database.
    All,
    /// A database that holds nothing in `public` yet.
    Empty,
}

/// Files are never changed after a release: what is new goes into another one.
const FILES: &[File] = &[
    file("public", include_str!("native/0001_roles.sql")),
    file("public", include_str!("native/0002_schemas.sql")),
    File { schema: "public", scope: Scope::Empty, text: include_str!("native/0003_public.sql") },
    file("auth", include_str!("0003_auth.sql")),
    file("storage", include_str!("0004_storage.sql")),
    file("realtime", include_str!("0005_realtime.sql")),
    file("public", include_str!("native/0004_functions.sql")),
    file("supabase_migrations", include_str!("0006_migrations.sql")),
    file("public", include_str!("native/0005_watch.sql")),
    file("supabase_migrations", include_str!("native/0006_grants.sql")),
    file("auth", include_str!("0007_auth.sql")),
    file("auth", include_str!("0008_passkeys.sql")),
    file("auth", include_str!("0009_oauth_server.sql")),
    file("auth", include_str!("0010_mail_outbox.sql")),
    file("auth", include_str!("0011_amr_provider.sql")),
];

const fn file(schema: &'static str, text: &'static str) -> File {
    File { schema, scope: Scope::All, text }
}

/// What could not be done, as statements with the reason before each.
#[derive(Debug, Clone, Default)]
pub struct Missing(Arc<Mutex<Vec<String>>>);

impl Missing {
    /// Takes the list.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, statement: &str, error: &Error) {
        let text = format!("-- {}\n{statement};", error.message);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// The files that are due, as steps of one transaction.
pub struct NativeBootstrap {
    files: std::vec::IntoIter<&'static File>,
    statements: std::vec::IntoIter<RawStatement>,
    schema: &'static str,
    /// What the current file would have made and is there already.
    kept: BTreeSet<String>,
    current: String,
    missing: Missing,
    marked: bool,
}

/// The steps that are due, or `None` if the database is up to date.
pub fn pending_native(catalog: &Catalog) -> Option<NativeBootstrap> {
    let is_empty = catalog.relations_in("public").next().is_none();
    let due = FILES.get(super::applied(catalog)..).unwrap_or_default();
    let due: Vec<&File> = due.iter().filter(|one| one.scope == Scope::All || is_empty).collect();
    (!due.is_empty()).then(|| NativeBootstrap {
        files: due.into_iter(),
        statements: Vec::new().into_iter(),
        schema: "public",
        kept: BTreeSet::new(),
        current: String::new(),
        missing: Missing::default(),
        marked: false,
    })
}

/// The steps that make the roles a project's grants name, where they are missing: they are the
/// server's, so a dump of a database has none.
pub fn native_roles() -> NativeBootstrap {
    let roles: Vec<&File> = FILES.iter().take(1).collect();
    NativeBootstrap {
        files: roles.into_iter(),
        statements: Vec::new().into_iter(),
        schema: "public",
        kept: BTreeSet::new(),
        current: String::new(),
        missing: Missing::default(),
        marked: true,
    }
}

impl NativeBootstrap {
    /// What could not be done; filled while the steps run.
    pub fn missing(&self) -> Missing {
        self.missing.clone()
    }

    fn optional(&mut self, text: String) -> Step {
        self.current.clone_from(&text);
        Step::Script(text, Placement::Optional)
    }

    /// Is the statement about something that was there before?
    fn is_kept(&mut self, catalog: &Catalog, text: &str) -> bool {
        let words: Vec<&str> = words(text).collect();
        let Some((name, exists)) = made(catalog, self.schema, &words) else {
            // Roles belong to the whole server: that they are there says nothing of this login.
            let grants_role = text.starts_with("GRANT") && !words.contains(&"ON");
            return !grants_role && words.iter().any(|word| self.kept.contains(*word));
        };
        if exists {
            self.kept.insert(name.to_owned());
        }
        exists
    }
}

impl Steps for NativeBootstrap {
    fn next(&mut self, catalog: &Catalog) -> Result<Option<Step>> {
        while let Some(statement) = self.statements.next() {
            if !self.is_kept(catalog, &statement.text) {
                return Ok(Some(self.optional(statement.text)));
            }
        }
        let Some(file) = self.files.next() else {
            if std::mem::replace(&mut self.marked, true) {
                return Ok(None);
            }
            return Ok(Some(self.optional(mark())));
        };
        self.statements = parse_migration(file.text)?.into_iter();
        self.schema = file.schema;
        self.kept.clear();
        Ok(Some(Step::Setting("search_path".to_owned(), file.schema.to_owned())))
    }

    fn refused(&mut self, error: Error) -> Result<()> {
        // Without event triggers the nodes look by themselves.
        if !self.current.starts_with("CREATE EVENT TRIGGER") {
            self.missing.note(&self.current, &error);
        }
        Ok(())
    }
}

/// What a statement would make, and whether it is there.
fn made<'t>(catalog: &Catalog, schema: &str, words: &[&'t str]) -> Option<(&'t str, bool)> {
    let (name, exists) = match *words {
        ["CREATE", "ROLE", name, ..] => (name, catalog.roles.contains_key(name)),
        ["CREATE", "SCHEMA", name, ..] => (name, catalog.schemas.contains_key(name)),
        ["CREATE", "EXTENSION", name, ..] => (name, catalog.extensions.contains_key(name)),
        ["CREATE", "PUBLICATION", name, ..] => (name, catalog.publications.contains_key(name)),
        ["CREATE", "TABLE", name, ..] => (name, catalog.relation(schema, name).is_some()),
        ["CREATE", "TYPE", name, ..] => (name, catalog.type_named(schema, name).is_some()),
        ["CREATE", "FUNCTION", schema, name, ..] => {
            (name, catalog.routines_named(schema, name).next().is_some())
        }
        _ => return None,
    };
    Some((name, exists))
}

/// The words of a statement, as names are spelt.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
        .filter(|word| !word.is_empty())
}

/// Records how many files were applied.
fn mark() -> String {
    format!(
        "DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I SET {} = %L', \
         pg_catalog.current_database(), '{}'); END $$",
        super::SETTING,
        FILES.len()
    )
}
