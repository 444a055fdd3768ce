//! `auth.flow_state`: sign-ins that are under way in a browser.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// A flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    pub(crate) id: Uuid,
    pub(crate) user_id: Option<Uuid>,
    /// The code that is exchanged for a session, once there is one.
    pub(crate) auth_code: String,
    /// `s256` or `plain`; empty without PKCE.
    pub(crate) challenge_method: String,
    pub(crate) challenge: String,
    /// `email`, or the provider's name.
    pub(crate) provider: String,
    pub(crate) provider_token: String,
    pub(crate) provider_refresh_token: String,
    pub(crate) created_at: Option<Timestamp>,
    /// What the session will be opened by.
    pub(crate) method: String,
    pub(crate) code_issued_at: Option<Timestamp>,
    pub(crate) invite_token: String,
    /// Where the browser goes in the end.
    pub(crate) redirect_to: String,
    /// The user who links an identity.
    pub(crate) linking: Option<Uuid>,
    /// The session that the code is exchanged for, where it was opened already.
    pub(crate) session: Option<Uuid>,
}

macro_rules! columns {
    () => {
        "f.id, f.user_id, f.auth_code, f.code_challenge_method::text, f.code_challenge, \
         f.provider_type, f.provider_access_token, f.provider_refresh_token, f.created_at, \
         f.authentication_method, f.auth_code_issued_at, f.invite_token, f.referrer, \
         f.linking_target_id, f.session_id"
    };
}

const BY_ID: Sql = Sql(concat!(
    "PREPARE flow_by_id (uuid) AS SELECT ",
    columns!(),
    " FROM auth.flow_state f WHERE f.id = $1"
));
const BY_CODE: Sql = Sql(concat!(
    "PREPARE flow_by_code (text) AS SELECT ",
    columns!(),
    " FROM auth.flow_state f WHERE f.auth_code = $1"
));
const OF_USER: Sql = Sql(concat!(
    "PREPARE flow_of_user (uuid, text) AS SELECT ",
    columns!(),
    " FROM auth.flow_state f WHERE f.user_id = $1 AND f.authentication_method = $2 \
     AND f.auth_code IS NULL ORDER BY f.created_at DESC LIMIT 1"
));
const INSERT: Sql =
    Sql("PREPARE flow_insert (uuid, uuid, text, text, text, text, text, text, timestamptz, text, \
     timestamptz, text, text, uuid, uuid) AS INSERT INTO auth.flow_state (id, user_id, auth_code, \
     code_challenge_method, code_challenge, provider_type, provider_access_token, \
     provider_refresh_token, created_at, updated_at, authentication_method, \
     auth_code_issued_at, invite_token, referrer, linking_target_id, session_id) \
     VALUES ($1, $2, $3, $4::auth.code_challenge_method, $5, $6, $7, $8, $9, $9, $10, $11, $12, \
     $13, $14, $15)");
const DELETE: Sql = Sql("PREPARE flow_delete (uuid) AS DELETE FROM auth.flow_state WHERE id = $1");
const DELETE_OLD: Sql = Sql(
    "PREPARE flows_delete_old (timestamptz) AS DELETE FROM auth.flow_state WHERE created_at < $1",
);

fn read(row: Row) -> Flow {
    let mut columns = Columns::of(row);
    Flow {
        id: columns.id(),
        user_id: columns.uuid(),
        auth_code: columns.string(),
        challenge_method: columns.string(),
        challenge: columns.string(),
        provider: columns.string(),
        provider_token: columns.string(),
        provider_refresh_token: columns.string(),
        created_at: columns.time(),
        method: columns.string(),
        code_issued_at: columns.time(),
        invite_token: columns.string(),
        redirect_to: columns.string(),
        linking: columns.uuid(),
        session: columns.uuid(),
    }
}

fn nullable(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The flow with this id.
pub(crate) fn by_id(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Flow>> {
    Ok(tx.first(BY_ID, args![id])?.map(read))
}

/// The flow that waits for the exchange of this code.
pub(crate) fn by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<Flow>> {
    Ok(tx.first(BY_CODE, args![code])?.map(read))
}

/// The newest flow of the user by this method that has no code yet.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid, method: &str) -> Result<Option<Flow>> {
    Ok(tx.first(OF_USER, args![user, method])?.map(read))
}

/// Stores a flow, in place of an earlier state of it.
pub(crate) fn put(tx: &mut Tx<'_>, flow: &Flow) -> Result<()> {
    delete(tx, flow.id)?;
    tx.run(
        INSERT,
        args![
            flow.id,
            flow.user_id,
            nullable(&flow.auth_code),
            nullable(&flow.challenge_method),
            nullable(&flow.challenge),
            &flow.provider,
            nullable(&flow.provider_token),
            nullable(&flow.provider_refresh_token),
            flow.created_at,
            &flow.method,
            flow.code_issued_at,
            nullable(&flow.invite_token),
            &flow.redirect_to,
            flow.linking,
            flow.session,
        ],
    )
    .map(|_| ())
}

/// Removes a flow.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, args![id]).map(|_| ())
}

/// Removes the flows that began before this time.
pub(crate) fn delete_old(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.run(DELETE_OLD, args![before])
}
