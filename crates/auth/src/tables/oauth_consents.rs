//! `auth.oauth_consents`: what users let applications do.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args, now};

/// A consent that holds.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub(crate) client_id: Uuid,
    /// Separated by blanks.
    pub(crate) scopes: String,
    pub(crate) granted_at: Timestamp,
}

const OF_USER: Sql = Sql("PREPARE oauth_consents_of_user (uuid) AS \
     SELECT client_id, scopes, granted_at FROM auth.oauth_consents \
     WHERE user_id = $1 AND revoked_at IS NULL ORDER BY granted_at DESC, id");
const PUT: Sql = Sql("PREPARE oauth_consent_put (uuid, uuid, uuid, text, timestamptz) AS \
     INSERT INTO auth.oauth_consents (id, user_id, client_id, scopes, granted_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, client_id) \
     DO UPDATE SET scopes = $4, granted_at = $5, revoked_at = NULL");
const REVOKE: Sql = Sql("PREPARE oauth_consent_revoke (uuid, uuid, timestamptz) AS \
     UPDATE auth.oauth_consents SET revoked_at = $3 \
     WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL");

fn read(row: Row) -> Consent {
    let mut columns = Columns::of(row);
    Consent {
        client_id: columns.id(),
        scopes: columns.string(),
        granted_at: columns.time().unwrap_or_default(),
    }
}

/// All consents of a user, the newest first.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Consent>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().map(read).collect())
}

/// Stores what the user lets the client do, in place of what was before.
pub(crate) fn put(tx: &mut Tx<'_>, user: Uuid, client: Uuid, scopes: &str) -> Result<()> {
    tx.run(PUT, args![Uuid::new_v4(), user, client, scopes, now()]).map(|_| ())
}

/// Takes a consent back; how many there were.
pub(crate) fn revoke(tx: &mut Tx<'_>, user: Uuid, client: Uuid) -> Result<u64> {
    tx.run(REVOKE, args![user, client, now()])
}
