//! A SQLite file of somebody else's, read as it is: for imports.

use std::path::Path;

use backstay_model::Result;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};

use crate::failure::translate;

/// A file that is no project's.
pub struct Foreign {
    connection: Connection,
}

impl Foreign {
    /// Opens the file to read it.
    ///
    /// # Errors
    /// A file that is not there, or is no SQLite database.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| translate(&e))?;
        // SQLite looks into the file only when it is asked something.
        let count = "SELECT count(*) FROM sqlite_schema";
        connection.query_row(count, [], |_| Ok(())).map_err(|e| translate(&e))?;
        Ok(Self { connection })
    }

    /// Is there a table or view of this name?
    ///
    /// # Errors
    /// As the file cannot be read.
    pub fn has(&self, table: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE lower(name) = lower(?1)";
        let found = self.connection.query_row(sql, [table], |row| row.get::<_, i64>(0));
        Ok(found.map_err(|e| translate(&e))? > 0)
    }

    /// The rows of a query as JSON objects; bytes are left out.
    ///
    /// # Errors
    /// As the query raises.
    pub fn rows(&self, query: &str) -> Result<Vec<Map<String, Value>>> {
        let mut statement = self.connection.prepare(query).map_err(|e| translate(&e))?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let rows = statement
            .query_map([], |row| {
                let mut object = Map::new();
                for (at, name) in names.iter().enumerate() {
                    let value = match row.get_ref(at)? {
                        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
                        ValueRef::Integer(number) => json!(number),
                        ValueRef::Real(number) => json!(number),
                        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
                    };
                    object.insert(name.clone(), value);
                }
                Ok(object)
            })
            .map_err(|e| translate(&e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| translate(&e))
    }
}
