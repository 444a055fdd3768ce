//! The catalogue as rows beside the tables it describes, changed in the same transaction.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_model::{Error, Result};
use rusqlite::{OptionalExtension as _, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::{collations, failure};

/// The data version: the form of everything that is stored. An older one is upgraded when the file
/// is opened to write, a newer one is refused.
pub(crate) const FORMAT: i64 = 2;

/// What leads from each format to the next, the oldest first. Never changed after a release.
const UPGRADES: &[(i64, &str)] =
    &[(1, "ALTER TABLE \"_backstay_catalog\" ADD COLUMN \"program\" TEXT")];

const TABLES: &str = "
CREATE TABLE \"_backstay_catalog\" (\"id\" INTEGER PRIMARY KEY, \"format\" INTEGER, \"version\" INTEGER, \"collations\" INTEGER, \"program\" TEXT) STRICT;
CREATE TABLE \"_backstay_objects\" (\"kind\" TEXT, \"key\" TEXT, \"body\" TEXT, PRIMARY KEY (\"kind\", \"key\")) STRICT, WITHOUT ROWID;
CREATE TABLE \"_backstay_sequences\" (\"schema\" TEXT, \"name\" TEXT, \"last\" INTEGER, \"called\" INTEGER, PRIMARY KEY (\"schema\", \"name\")) STRICT, WITHOUT ROWID;
";

/// The program that writes, for the message to an older one.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The catalogue's version as this connection's snapshot has it.
///
/// # Errors
/// As SQLite reports.
pub(crate) fn version(connection: &Connection) -> Result<u64> {
    let mut statement =
        connection.prepare("SELECT \"version\" FROM \"_backstay_catalog\" WHERE \"id\" = 1")?;
    let version: i64 =
        statement.query_row([], |row| row.get(0)).map_err(|error| failure::translate(&error))?;
    Ok(version.unsigned_abs())
}

/// Makes the tables in an empty file; refuses a file that something else made.
///
/// # Errors
/// `58000` for somebody else's file or another format.
pub(crate) fn prepare(connection: &Connection) -> Result<()> {
    let raw = connection.raw();
    if number(raw, "SELECT count(*) FROM sqlite_schema")? == 0 {
        let made = raw.execute_batch(&format!("BEGIN IMMEDIATE;{TABLES}")).and_then(|()| {
            raw.execute(
                "INSERT INTO \"_backstay_catalog\" VALUES (1, ?1, 0, ?2, ?3)",
                (FORMAT, collations::VERSION, PROGRAM),
            )
        });
        made.and_then(|_| raw.execute_batch("COMMIT"))
            .map_err(|error| failure::translate(&error))?;
    }
    demand_current(raw)?;
    if number(raw, "SELECT \"collations\" FROM \"_backstay_catalog\"")? != collations::VERSION {
        raw.execute_batch("REINDEX").map_err(|error| failure::translate(&error))?;
        raw.execute("UPDATE \"_backstay_catalog\" SET \"collations\" = ?1", [collations::VERSION])
            .map_err(|error| failure::translate(&error))?;
    }
    raw.execute(
        "UPDATE \"_backstay_catalog\" SET \"program\" = ?1 WHERE \"program\" IS NOT ?1",
        [PROGRAM],
    )
    .map_err(|error| failure::translate(&error))?;
    Ok(())
}

fn number(raw: &rusqlite::Connection, sql: &str) -> Result<i64> {
    raw.query_row(sql, [], |row| row.get(0)).map_err(|error| failure::translate(&error))
}

/// As [`demand_ours`]; a file without any table, whose making was cut off, is as good as a new one.
///
/// # Errors
/// As [`demand_ours`].
pub(crate) fn demand_ours_or_empty(raw: &rusqlite::Connection) -> Result<i64> {
    if number(raw, "SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(FORMAT);
    }
    demand_ours(raw)
}

/// The format of a file that this program made and can read or upgrade.
///
/// # Errors
/// `58000` for somebody else's file or a format that is too new; `XX001` where it is damaged.
pub(crate) fn demand_ours(raw: &rusqlite::Connection) -> Result<i64> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = '_backstay_catalog'";
    if number(raw, tables)? == 0 {
        return Err(Error::new("58000", "the database file was not made by Backstay")
            .with_hint("Give the path of another file in the setting database.url."));
    }
    let format = number(raw, "SELECT \"format\" FROM \"_backstay_catalog\"")?;
    let oldest = UPGRADES.first().map_or(FORMAT, |(from, _)| *from);
    if (oldest..=FORMAT).contains(&format) {
        return Ok(format);
    }
    // Formats to come may name the program otherwise, or not at all.
    let program: Option<String> = raw
        .query_row("SELECT \"program\" FROM \"_backstay_catalog\"", [], |row| row.get(0))
        .unwrap_or_default();
    let by = program.map(|program| format!(" of Backstay {program}")).unwrap_or_default();
    let message = format!(
        "the database file has format {format}{by}; this is Backstay {PROGRAM}, which reads formats \
         {oldest} to {FORMAT}"
    );
    Err(Error::new("58000", message)
        .with_hint("Run the newer program, or restore a backup that was made before the upgrade."))
}

/// As [`demand_ours`], and it needs no upgrade.
///
/// # Errors
/// `58000`.
pub(crate) fn demand_current(raw: &rusqlite::Connection) -> Result<()> {
    let format = demand_ours(raw)?;
    if format == FORMAT {
        return Ok(());
    }
    let message = format!("the database file has format {format}, which is older than {FORMAT}");
    Err(Error::new("58000", message)
        .with_hint("`backstay serve` and `backstay migrate up` upgrade it, and keep a copy."))
}

/// Leads a file of an older format to the present one, in one transaction.
///
/// # Errors
/// As SQLite reports; the file is as before.
pub(crate) fn upgrade(raw: &mut rusqlite::Connection, format: i64) -> Result<()> {
    let mut change = || -> rusqlite::Result<()> {
        let transaction = raw.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (_, script) in UPGRADES.iter().filter(|(from, _)| *from >= format) {
            transaction.execute_batch(script)?;
        }
        transaction.execute("UPDATE \"_backstay_catalog\" SET \"format\" = ?1", [FORMAT])?;
        transaction.commit()
    };
    change().map_err(|error| failure::translate(&error))
}

/// Reads the catalogue. Needs a deep stack: bodies nest as expressions do.
///
/// # Errors
/// As SQLite reports; `XX001` for rows that are no catalogue.
pub(crate) fn load(connection: &Connection) -> Result<Catalog> {
    let raw = connection.raw();
    let rest: Option<String> = raw
        .query_row(
            "SELECT \"body\" FROM \"_backstay_objects\" WHERE \"kind\" = 'rest'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| failure::translate(&error))?;
    let mut catalog: Catalog = match rest {
        Some(body) => read(&body)?,
        None => return Ok(Catalog::default()),
    };
    for body in bodies(connection, "relation")? {
        let relation: backstay_catalog::Relation = read(&body)?;
        catalog.relations.insert(relation.id, Arc::new(relation));
    }
    for body in bodies(connection, "type")? {
        let definition: backstay_catalog::TypeDefinition = read(&body)?;
        catalog.types.insert(definition.id, Arc::new(definition));
    }
    for body in bodies(connection, "routine")? {
        let routine: backstay_catalog::Routine = read(&body)?;
        catalog.routines.insert(routine.id, Arc::new(routine));
    }
    for body in bodies(connection, "sequence")? {
        let (key, sequence) = read(&body)?;
        catalog.sequences.insert(key, sequence);
    }
    catalog.index_names();
    Ok(catalog)
}

fn bodies(connection: &Connection, kind: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT \"body\" FROM \"_backstay_objects\" WHERE \"kind\" = ?1 ORDER BY \"key\"",
    )?;
    let rows = statement.query_map([kind], |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(|error| failure::translate(&error))
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(body);
    reader.disable_recursion_limit();
    T::deserialize(&mut reader)
        .map_err(|error| Error::new("XX001", format!("the stored catalogue is damaged: {error}")))
}

/// Writes what differs between two catalogues, within the transaction of the change.
///
/// # Errors
/// As SQLite reports.
pub(crate) fn save(connection: &Connection, before: &Catalog, after: &Catalog) -> Result<()> {
    let writer = Objects { connection };
    for (id, relation) in &after.relations {
        let same = before.relations.get(id).is_some_and(|old| Arc::ptr_eq(old, relation));
        writer.put_unless(same, "relation", &id.0.to_string(), &**relation)?;
    }
    for id in before.relations.keys().filter(|id| !after.relations.contains_key(id)) {
        writer.remove("relation", &id.0.to_string())?;
    }
    for (id, definition) in &after.types {
        let same = before.types.get(id).is_some_and(|old| Arc::ptr_eq(old, definition));
        writer.put_unless(same, "type", &id.0.to_string(), &**definition)?;
    }
    for id in before.types.keys().filter(|id| !after.types.contains_key(id)) {
        writer.remove("type", &id.0.to_string())?;
    }
    for (id, routine) in &after.routines {
        let same = before.routines.get(id).is_some_and(|old| Arc::ptr_eq(old, routine));
        writer.put_unless(same, "routine", &id.0.to_string(), &**routine)?;
    }
    for id in before.routines.keys().filter(|id| !after.routines.contains_key(id)) {
        writer.remove("routine", &id.0.to_string())?;
    }
    for (key, sequence) in &after.sequences {
        let same = before.sequences.get(key) == Some(sequence);
        writer.put_unless(same, "sequence", &sequence_key(key), &(key, sequence))?;
    }
    for key in before.sequences.keys().filter(|key| !after.sequences.contains_key(key)) {
        writer.remove("sequence", &sequence_key(key))?;
    }
    let mut rest = after.clone();
    rest.relations.clear();
    rest.types.clear();
    rest.routines.clear();
    rest.sequences.clear();
    writer.put_unless(false, "rest", "", &rest)?;
    let version = i64::try_from(after.version).unwrap_or(i64::MAX);
    connection
        .prepare("UPDATE \"_backstay_catalog\" SET \"version\" = ?1 WHERE \"id\" = 1")?
        .execute([version])
        .map_err(|error| failure::translate(&error))?;
    Ok(())
}

fn sequence_key(key: &(String, String)) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

struct Objects<'c> {
    connection: &'c Connection,
}

impl Objects<'_> {
    fn put_unless(&self, same: bool, kind: &str, key: &str, object: &impl Serialize) -> Result<()> {
        if same {
            return Ok(());
        }
        let body = serde_json::to_string(object)
            .map_err(|error| failure::internal("the catalogue cannot be stored", error))?;
        self.connection
            .prepare("INSERT OR REPLACE INTO \"_backstay_objects\" VALUES (?1, ?2, ?3)")?
            .execute((kind, key, body))
            .map_err(|error| failure::translate(&error))?;
        Ok(())
    }

    fn remove(&self, kind: &str, key: &str) -> Result<()> {
        self.connection
            .prepare("DELETE FROM \"_backstay_objects\" WHERE \"kind\" = ?1 AND \"key\" = ?2")?
            .execute((kind, key))
            .map_err(|error| failure::translate(&error))?;
        Ok(())
    }
}
