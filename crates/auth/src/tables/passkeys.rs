//! `auth.webauthn_credentials` and `auth.webauthn_challenges`: keys that sign in by themselves.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args, now};

/// A passkey.
#[derive(Debug, Clone)]
pub(crate) struct Passkey {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    /// The id that authenticators know it by, base64url.
    pub(crate) credential_id: String,
    /// The key, as the library keeps it.
    pub(crate) credential: String,
    pub(crate) friendly_name: String,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A ceremony that was begun.
#[derive(Debug, Clone)]
pub(crate) struct Ceremony {
    pub(crate) id: Uuid,
    /// Whose passkey is made; nobody's where one is used.
    pub(crate) user_id: Option<Uuid>,
    /// What the library keeps until the browser answers.
    pub(crate) state: String,
    pub(crate) expires_at: Timestamp,
}

macro_rules! columns {
    () => {
        "p.id, p.user_id, p.credential_id, p.credential, p.friendly_name, p.created_at, \
         p.last_used_at FROM auth.webauthn_credentials p"
    };
}

const OF_USER: Sql = Sql(concat!(
    "PREPARE passkeys_of_user (uuid) AS SELECT ",
    columns!(),
    " WHERE p.user_id = $1 ORDER BY p.created_at, p.id"
));
const BY_CREDENTIAL: Sql = Sql(concat!(
    "PREPARE passkey_by_credential (text) AS SELECT ",
    columns!(),
    " WHERE p.credential_id = $1"
));
const INSERT: Sql = Sql("PREPARE passkey_insert (uuid, uuid, text, text, text, timestamptz) AS \
     INSERT INTO auth.webauthn_credentials (id, user_id, credential_id, credential, \
     friendly_name, created_at, updated_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6, $6)");
const UPDATE: Sql = Sql("PREPARE passkey_update (uuid, text, text, timestamptz, timestamptz) AS \
     UPDATE auth.webauthn_credentials SET credential = $2::jsonb, friendly_name = $3, \
     last_used_at = $4, updated_at = $5 WHERE id = $1");
const DELETE: Sql =
    Sql("PREPARE passkey_delete (uuid) AS DELETE FROM auth.webauthn_credentials WHERE id = $1");
const CEREMONY: Sql =
    Sql("PREPARE ceremony_by_id (uuid, text) AS SELECT id, user_id, session_data, expires_at \
     FROM auth.webauthn_challenges WHERE id = $1 AND challenge_type = $2");
const PUT_CEREMONY: Sql =
    Sql("PREPARE ceremony_put (uuid, uuid, text, text, timestamptz, timestamptz) AS \
     INSERT INTO auth.webauthn_challenges (id, user_id, challenge_type, session_data, \
     created_at, expires_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6)");
const DELETE_CEREMONY: Sql =
    Sql("PREPARE ceremony_delete (uuid) AS DELETE FROM auth.webauthn_challenges WHERE id = $1");
const DELETE_OLD: Sql = Sql("PREPARE ceremonies_delete_old (timestamptz) AS \
     DELETE FROM auth.webauthn_challenges WHERE expires_at < $1");

fn read(row: Row) -> Passkey {
    let mut columns = Columns::of(row);
    Passkey {
        id: columns.id(),
        user_id: columns.id(),
        credential_id: columns.string(),
        credential: columns.string(),
        friendly_name: columns.string(),
        created_at: columns.time(),
        last_used_at: columns.time(),
    }
}

/// All passkeys of a user, the oldest first.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Passkey>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().map(read).collect())
}

/// The passkey that authenticators know by this id.
pub(crate) fn by_credential(tx: &mut Tx<'_>, id: &str) -> Result<Option<Passkey>> {
    Ok(tx.first(BY_CREDENTIAL, args![id])?.map(read))
}

/// Stores a new passkey.
pub(crate) fn insert(tx: &mut Tx<'_>, passkey: &Passkey) -> Result<()> {
    let Passkey { id, user_id, credential_id, credential, friendly_name, created_at, .. } = passkey;
    let new = args![*id, *user_id, credential_id, credential, friendly_name, *created_at];
    tx.run(INSERT, new).map(|_| ())
}

/// Stores a changed passkey.
pub(crate) fn update(tx: &mut Tx<'_>, passkey: &Passkey) -> Result<()> {
    let Passkey { id, credential, friendly_name, last_used_at, .. } = passkey;
    tx.run(UPDATE, args![*id, credential, friendly_name, *last_used_at, now()]).map(|_| ())
}

/// Removes a passkey.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, args![id]).map(|_| ())
}

/// Stores a ceremony of this kind, and forgets those that nobody finished.
pub(crate) fn put_ceremony(tx: &mut Tx<'_>, ceremony: &Ceremony, kind: &str) -> Result<()> {
    tx.run(DELETE_OLD, args![now()])?;
    let Ceremony { id, user_id, state, expires_at } = ceremony;
    tx.run(PUT_CEREMONY, args![*id, *user_id, kind, state, now(), *expires_at]).map(|_| ())
}

/// Takes a ceremony of this kind, which is good for one answer.
pub(crate) fn take_ceremony(tx: &mut Tx<'_>, id: Uuid, kind: &str) -> Result<Option<Ceremony>> {
    let Some(row) = tx.first(CEREMONY, args![id, kind])? else { return Ok(None) };
    tx.run(DELETE_CEREMONY, args![id])?;
    let mut columns = Columns::of(row);
    Ok(Some(Ceremony {
        id: columns.id(),
        user_id: columns.uuid(),
        state: columns.string(),
        expires_at: columns.time().unwrap_or_default(),
    }))
}
