//! `auth.oauth_authorizations`: what applications asked for and users have yet to decide, or did.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// A request of an application.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorization {
    pub(crate) id: Uuid,
    /// By which the page of consent knows it.
    pub(crate) handle: String,
    pub(crate) client_id: Uuid,
    /// The first user who looked at it; nobody else may decide.
    pub(crate) user_id: Option<Uuid>,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: String,
    pub(crate) resource: String,
    pub(crate) challenge: String,
    /// `s256` or `plain`.
    pub(crate) challenge_method: String,
    /// `pending`, `approved`, `denied`, or `expired` once its code was used.
    pub(crate) status: String,
    /// The hash of the code.
    pub(crate) code_hash: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) nonce: String,
}

macro_rules! columns {
    () => {
        "a.id, a.authorization_id, a.client_id, a.user_id, a.redirect_uri, a.scope, a.state, \
         a.resource, a.code_challenge, a.code_challenge_method::text, a.status::text, \
         a.authorization_code, a.expires_at, a.nonce"
    };
}

const BY_HANDLE: Sql = Sql(concat!(
    "PREPARE oauth_authorization_by_handle (text) AS SELECT ",
    columns!(),
    " FROM auth.oauth_authorizations a WHERE a.authorization_id = $1"
));
const BY_CODE: Sql = Sql(concat!(
    "PREPARE oauth_authorization_by_code (text) AS SELECT ",
    columns!(),
    " FROM auth.oauth_authorizations a WHERE a.authorization_code = $1"
));
const INSERT: Sql = Sql("PREPARE oauth_authorization_insert (uuid, text, uuid, text, text, text, \
     text, text, text, timestamptz, timestamptz, text) AS INSERT INTO \
     auth.oauth_authorizations (id, authorization_id, client_id, redirect_uri, scope, state, \
     resource, code_challenge, code_challenge_method, created_at, expires_at, nonce) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::auth.code_challenge_method, $10, $11, $12)");
const UPDATE: Sql = Sql("PREPARE oauth_authorization_update (uuid, uuid, text, text, \
     timestamptz) AS UPDATE auth.oauth_authorizations SET user_id = $2, \
     status = $3::auth.oauth_authorization_status, authorization_code = $4, approved_at = $5 \
     WHERE id = $1");
const DELETE_OLD: Sql = Sql("PREPARE oauth_authorizations_delete_old (timestamptz) AS \
     DELETE FROM auth.oauth_authorizations WHERE expires_at < $1");

fn nullable(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn read(row: Row) -> Authorization {
    let mut columns = Columns::of(row);
    Authorization {
        id: columns.id(),
        handle: columns.string(),
        client_id: columns.id(),
        user_id: columns.uuid(),
        redirect_uri: columns.string(),
        scope: columns.string(),
        state: columns.string(),
        resource: columns.string(),
        challenge: columns.string(),
        challenge_method: columns.string(),
        status: columns.string(),
        code_hash: columns.string(),
        expires_at: columns.time().unwrap_or_default(),
        nonce: columns.string(),
    }
}

/// The one that the page of consent knows by this handle.
pub(crate) fn by_handle(tx: &mut Tx<'_>, handle: &str) -> Result<Option<Authorization>> {
    Ok(tx.first(BY_HANDLE, args![handle])?.map(read))
}

/// The one whose code has this hash.
pub(crate) fn by_code(tx: &mut Tx<'_>, hash: &str) -> Result<Option<Authorization>> {
    Ok(tx.first(BY_CODE, args![hash])?.map(read))
}

/// Stores a new one.
pub(crate) fn insert(tx: &mut Tx<'_>, made: &Authorization) -> Result<()> {
    tx.run(
        INSERT,
        args![
            made.id,
            &made.handle,
            made.client_id,
            &made.redirect_uri,
            &made.scope,
            nullable(&made.state),
            nullable(&made.resource),
            &made.challenge,
            &made.challenge_method,
            crate::values::now(),
            made.expires_at,
            nullable(&made.nonce),
        ],
    )
    .map(|_| ())
}

/// Stores what was decided.
pub(crate) fn update(tx: &mut Tx<'_>, made: &Authorization) -> Result<()> {
    let approved = (made.status == "approved").then(crate::values::now);
    let code = nullable(&made.code_hash);
    tx.run(UPDATE, args![made.id, made.user_id, &made.status, code, approved]).map(|_| ())
}

/// Removes those that ended before this time.
pub(crate) fn delete_old(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.run(DELETE_OLD, args![before])
}
