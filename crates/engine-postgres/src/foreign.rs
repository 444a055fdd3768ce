//! A database of somebody else's, read as it is: for imports.

use backstay_model::{Error, Result};
use serde_json::{Map, Value};
use tokio_postgres::Client;

use crate::connection::Target;
use crate::failure::Failure;

/// A connection to a database that is no project's.
pub struct Foreign {
    client: Client,
}

impl Foreign {
    /// Connects.
    ///
    /// # Errors
    /// A URL that cannot be read, a server that cannot be reached, a login that is refused.
    pub async fn open(url: &str) -> Result<Self> {
        let client = Target::parse(url)?.connect().await?;
        // Whatever is asked, nothing there is changed.
        let read_only = "SET default_transaction_read_only = on; SET timezone = 'UTC'";
        client.batch_execute(read_only).await.map_err(told)?;
        Ok(Self { client })
    }

    /// Is there a table or view of this name, as SQL spells it?
    ///
    /// # Errors
    /// As the database fails.
    pub async fn has(&self, table: &str) -> Result<bool> {
        let sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        self.client.query_one(sql, &[&table]).await.and_then(|row| row.try_get(0)).map_err(told)
    }

    /// The rows of a query as JSON objects.
    ///
    /// # Errors
    /// As the query raises.
    pub async fn rows(&self, query: &str) -> Result<Vec<Map<String, Value>>> {
        let sql = format!("SELECT pg_catalog.row_to_json(q)::pg_catalog.text FROM ({query}) q");
        let rows = self.client.query(&sql, &[]).await.map_err(told)?;
        let one = |row: &tokio_postgres::Row| {
            let text: String = row.try_get(0).map_err(told)?;
            serde_json::from_str(&text)
                .map_err(|error| Error::internal(format!("a row of the source: {error}")))
        };
        rows.iter().map(one).collect()
    }
}

fn told(error: tokio_postgres::Error) -> Error {
    Failure::from(error).error
}
