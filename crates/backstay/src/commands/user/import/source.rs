//! The database of a framework, whatever it is.

use backstay_engine_postgres::Foreign as Postgres;
use backstay_engine_sqlite::Foreign as Sqlite;
use miette::miette;
use serde_json::{Map, Value};

use crate::migrating::told;

/// A database that users are read from.
pub(super) enum Source {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Source {
    /// Opens `postgres://…`, `sqlite:PATH` or a path.
    ///
    /// # Errors
    /// What stands in the way, or another kind of database.
    pub(super) async fn open(text: &str) -> miette::Result<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Postgres::open(text).await.map_err(told)?));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(miette!(
                help = "export its users as CSV and import that: see docs/migrating-users.md",
                "users are read from PostgreSQL and SQLite, not from `{scheme}`"
            ));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if !std::path::Path::new(path).is_file() {
            return Err(miette!("there is no file `{path}`"));
        }
        Ok(Self::Sqlite(Sqlite::open(path.as_ref()).map_err(told)?))
    }

    /// The name of the table as SQL writes it, if there is such a table.
    pub(super) async fn table(&self, name: &str) -> miette::Result<Option<String>> {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let sql: Vec<String> = name.split('.').map(quoted).collect();
        let sql = sql.join(".");
        let has = match self {
            Self::Postgres(source) => source.has(&sql).await,
            Self::Sqlite(source) => source.has(name),
        };
        Ok(has.map_err(told)?.then_some(sql))
    }

    /// The rows of a query.
    pub(super) async fn rows(&self, query: &str) -> miette::Result<Vec<Map<String, Value>>> {
        let rows = match self {
            Self::Postgres(source) => source.rows(query).await,
            Self::Sqlite(source) => source.rows(query),
        };
        rows.map_err(told)
    }
}
