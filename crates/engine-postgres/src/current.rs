//! The catalogue as of now, and hearing that it changed.
//!
//! `NOTIFY pgrst` (from a migration, an event trigger or another node) makes the catalogue be read
//! again, and so does a new connection after a lost one. A change that nobody tells of is noticed by
//! the counters of the system tables, looked at every few seconds.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::Catalog;
use backstay_model::Result;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::connection::{Heard, Target};
use crate::failure::Failure;
use crate::introspect;

/// How often the counters are looked at (`docs/deploying.md` names it).
const LOOK: Duration = Duration::from_secs(10);
/// Notices that come within this time of each other cost one reading.
const GATHER: Duration = Duration::from_millis(20);
/// Time before a lost connection is made anew, doubled with each failure up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Grows with the changes of the system tables that the catalogue is read from.
const COUNTERS: &str = "SELECT pg_catalog.sum(n_tup_ins + n_tup_upd + n_tup_del)::int8
    FROM pg_catalog.pg_stat_sys_tables
    WHERE schemaname = 'pg_catalog' AND relname IN ('pg_attribute', 'pg_attrdef',
      'pg_auth_members', 'pg_authid', 'pg_class', 'pg_constraint', 'pg_db_role_setting',
      'pg_default_acl', 'pg_description', 'pg_enum', 'pg_extension', 'pg_index', 'pg_namespace',
      'pg_policy', 'pg_proc', 'pg_publication', 'pg_publication_rel', 'pg_rewrite', 'pg_sequence',
      'pg_type')";

/// The catalogue of now.
pub(crate) struct Current {
    target: Target,
    catalog: RwLock<Arc<Catalog>>,
    /// Readings follow one another, so that an older one never replaces a newer one.
    reading: Mutex<()>,
}

impl Current {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// As the connection and the server raise.
    pub(crate) async fn read(target: Target, client: &Client) -> Result<Self> {
        let catalog =
            introspect::load(client, 1).await.map_err(|error| Failure::from(error).error)?;
        let catalog = RwLock::new(Arc::new(catalog));
        Ok(Self { target, catalog, reading: Mutex::new(()) })
    }

    /// The catalogue as it was read last.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
    }

    /// Reads it again; answers whether it is another one. What was planned stays valid otherwise.
    ///
    /// # Errors
    /// As the connection and the server raise; the catalogue stays as it was.
    pub(crate) async fn reload(&self, client: &Client) -> Result<bool> {
        let _alone = self.reading.lock().await;
        let known = self.catalog();
        let mut found = introspect::load(client, known.version)
            .await
            .map_err(|error| Failure::from(error).error)?;
        let changed = found != *known;
        if changed {
            found.version += 1;
            tracing::info!(
                version = found.version,
                relations = found.relations.len(),
                "the catalogue was read again"
            );
            *self.catalog.write() = Arc::new(found);
        }
        Ok(changed)
    }
}

/// Follows the changes for ever, through lost connections.
pub(crate) async fn listen(current: Arc<Current>) {
    let mut after = RETRY_FIRST;
    loop {
        match current.target.connect_hearing().await {
            Ok((client, mut heard)) => {
                if let Err(error) = follow(&current, &client, &mut heard).await {
                    tracing::warn!(%error, "changes of the schema are not heard for now");
                }
                after = RETRY_FIRST;
            }
            // Requests tell that the database is out of reach; here it would only be repeated.
            Err(error) => tracing::debug!(%error, "no connection to hear changes by"),
        }
        sleep(after).await;
        after = (after * 2).min(RETRY_MAX);
    }
}

/// Follows the changes until the connection ends. Whatever happened before it was made was missed.
async fn follow(
    current: &Current,
    client: &Client,
    heard: &mut UnboundedReceiver<Heard>,
) -> Result<()> {
    let told = |error: tokio_postgres::Error| Failure::from(error).error;
    if !current.target.pooled {
        client.batch_execute("LISTEN pgrst").await.map_err(told)?;
    }
    let mut counters = self::counters(client).await?;
    current.reload(client).await?;
    loop {
        match timeout(LOOK, heard.recv()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Heard::Notice(_))) => {}
            // Whatever is said (`reload schema`, `reload config`, nothing), settings of roles are
            // part of the catalogue.
            Ok(Some(Heard::Notification)) => {
                while let Ok(Some(_)) = timeout(GATHER, heard.recv()).await {}
                current.reload(client).await?;
                counters = self::counters(client).await?;
            }
            Err(_) => {
                let now = self::counters(client).await?;
                if now != counters {
                    counters = now;
                    current.reload(client).await?;
                }
            }
        }
    }
}

async fn counters(client: &Client) -> Result<Option<i64>> {
    let told = |error: tokio_postgres::Error| Failure::from(error).error;
    let row = client.query_one(COUNTERS, &[]).await.map_err(told)?;
    row.try_get(0).map_err(told)
}
