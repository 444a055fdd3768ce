//! `auth.sessions` and the methods by which each was opened (`auth.mfa_amr_claims`).

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// A session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) factor_id: Option<Uuid>,
    /// `aal1` or `aal2`.
    pub(crate) aal: String,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) refreshed_at: Option<Timestamp>,
    pub(crate) user_agent: String,
    pub(crate) ip: String,
    /// The key of its refresh tokens, sealed.
    pub(crate) refresh_key: String,
    /// The number of the current refresh token.
    pub(crate) refresh_counter: i64,
    /// The lowest number that a refresh token may have: an upgrade to `aal2` makes all earlier ones
    /// void, whatever the reuse interval says. Kept in `tag`.
    pub(crate) refresh_floor: i64,
    /// The application that acts in it for the user.
    pub(crate) client: Option<Uuid>,
    /// What the user let that application see.
    pub(crate) scopes: String,
}

/// How and when a session was opened or strengthened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Method {
    pub(crate) name: String,
    pub(crate) at: Timestamp,
    /// Whose account it was, if a provider's.
    pub(crate) provider: Option<String>,
}

/// By which method a session is opened or strengthened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'m> {
    pub(crate) method: &'m str,
    /// Whose account it is, if a provider's.
    pub(crate) provider: Option<&'m str>,
}

impl<'m> By<'m> {
    /// By the account of a provider, where the method is that.
    pub(crate) fn provider(method: &'m str, name: &'m str) -> Self {
        Self { method, provider: Some(name).filter(|name| method == "oauth" && !name.is_empty()) }
    }
}

impl<'m> From<&'m str> for By<'m> {
    fn from(method: &'m str) -> Self {
        Self { method, provider: None }
    }
}

macro_rules! columns {
    () => {
        "s.id, s.user_id, s.created_at, s.factor_id, s.aal::text, s.not_after, s.refreshed_at, \
         s.user_agent, host(s.ip), s.refresh_token_hmac_key, s.refresh_token_counter, s.tag, \
         s.oauth_client_id, s.scopes"
    };
}

const BY_ID: Sql = Sql(concat!(
    "PREPARE session_by_id (uuid) AS SELECT ",
    columns!(),
    " FROM auth.sessions s WHERE s.id = $1"
));
const OF_USER: Sql = Sql(concat!(
    "PREPARE sessions_of_user (uuid) AS SELECT ",
    columns!(),
    " FROM auth.sessions s WHERE s.user_id = $1 ORDER BY s.created_at DESC, s.id"
));
const INSERT: Sql =
    Sql("PREPARE session_insert (uuid, uuid, timestamptz, text, text, text, text, bigint, uuid, \
     text) AS \
     INSERT INTO auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip, \
     refresh_token_hmac_key, refresh_token_counter, oauth_client_id, scopes) \
     VALUES ($1, $2, $3, $3, $4::auth.aal_level, $5, $6::inet, $7, $8, $9, $10)");
const UPDATE: Sql =
    Sql("PREPARE session_update (uuid, timestamptz, text, uuid, timestamp, text, text, bigint, \
     text) AS \
     UPDATE auth.sessions SET updated_at = $2, aal = $3::auth.aal_level, factor_id = $4, \
     refreshed_at = $5, user_agent = $6, ip = $7::inet, refresh_token_counter = $8, \
     tag = $9 WHERE id = $1");
const DELETE: Sql = Sql("PREPARE session_delete (uuid) AS DELETE FROM auth.sessions WHERE id = $1");
const DELETE_ALL: Sql = Sql("PREPARE sessions_delete (uuid, uuid) AS DELETE FROM auth.sessions \
     WHERE user_id = $1 AND ($2 IS NULL OR id <> $2)");
const DELETE_OF_CLIENT: Sql =
    Sql("PREPARE sessions_delete_of_client (uuid, uuid) AS DELETE FROM auth.sessions \
     WHERE oauth_client_id = $1 AND ($2 IS NULL OR user_id = $2)");
const DELETE_WEAK: Sql =
    Sql("PREPARE sessions_delete_weak (uuid, uuid) AS DELETE FROM auth.sessions \
     WHERE user_id = $1 AND id <> $2 AND aal::text = 'aal1'");
const LOWER: Sql = Sql(
    "PREPARE sessions_lower (uuid) AS UPDATE auth.sessions SET aal = 'aal1', factor_id = NULL \
     WHERE user_id = $1",
);
const METHODS: Sql =
    Sql("PREPARE session_methods (uuid) AS SELECT authentication_method, updated_at, provider \
     FROM auth.mfa_amr_claims WHERE session_id = $1 ORDER BY updated_at DESC, id");
const ADD_METHOD: Sql = Sql("PREPARE session_add_method (uuid, uuid, text, timestamptz, text) AS \
     INSERT INTO auth.mfa_amr_claims (id, session_id, authentication_method, created_at, \
     updated_at, provider) VALUES ($1, $2, $3, $4, $4, $5) \
     ON CONFLICT (session_id, authentication_method) DO UPDATE SET updated_at = $4, \
     provider = $5");
const DROP_METHODS: Sql =
    Sql("PREPARE session_drop_methods (uuid) AS DELETE FROM auth.mfa_amr_claims \
     WHERE authentication_method IN ('totp', 'mfa/phone', 'mfa/webauthn') \
     AND session_id IN (SELECT s.id FROM auth.sessions s WHERE s.user_id = $1)");

fn read(row: Row) -> Session {
    let mut columns = Columns::of(row);
    Session {
        id: columns.id(),
        user_id: columns.id(),
        created_at: columns.time(),
        factor_id: columns.uuid(),
        aal: columns.text().unwrap_or_else(|| "aal1".to_owned()),
        not_after: columns.time(),
        refreshed_at: columns.time(),
        user_agent: columns.string(),
        ip: columns.string(),
        refresh_key: columns.string(),
        refresh_counter: columns.int(),
        refresh_floor: columns.string().parse().unwrap_or(0),
        client: columns.uuid(),
        scopes: columns.string(),
    }
}

/// The session with this id.
pub(crate) fn by_id(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Session>> {
    Ok(tx.first(BY_ID, args![id])?.map(read))
}

/// All sessions of a user, the newest first.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Session>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().map(read).collect())
}

/// Stores a new session.
pub(crate) fn insert(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let Session { id, user_id, created_at, aal, user_agent, ip, .. } = session;
    let (key, counter) = (&session.refresh_key, session.refresh_counter);
    let scopes = (!session.scopes.is_empty()).then_some(session.scopes.as_str());
    let arguments = args![
        *id,
        *user_id,
        *created_at,
        aal,
        user_agent,
        ip,
        key,
        counter,
        session.client,
        scopes,
    ];
    tx.run(INSERT, arguments).map(|_| ())
}

/// Stores a changed session.
pub(crate) fn update(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let now = crate::values::now();
    let Session { id, aal, factor_id, refreshed_at, user_agent, ip, .. } = session;
    let counter = session.refresh_counter;
    let floor = (session.refresh_floor > 0).then(|| session.refresh_floor.to_string());
    let rest = args![*id, now, aal, *factor_id, *refreshed_at, user_agent, ip, counter, floor];
    tx.run(UPDATE, rest).map(|_| ())
}

/// Ends a session.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<u64> {
    tx.run(DELETE, args![id])
}

/// Ends the user's sessions but the one to be kept.
pub(crate) fn delete_of_user(tx: &mut Tx<'_>, user: Uuid, keep: Option<Uuid>) -> Result<u64> {
    tx.run(DELETE_ALL, args![user, keep])
}

/// Ends the sessions in which an application acts: for one user, or for all.
pub(crate) fn delete_of_client(tx: &mut Tx<'_>, user: Option<Uuid>, client: Uuid) -> Result<u64> {
    tx.run(DELETE_OF_CLIENT, args![client, user])
}

/// Ends the user's other sessions that were not strengthened.
pub(crate) fn delete_weak(tx: &mut Tx<'_>, user: Uuid, keep: Uuid) -> Result<u64> {
    tx.run(DELETE_WEAK, args![user, keep])
}

/// Takes all sessions of the user back to `aal1`.
pub(crate) fn lower(tx: &mut Tx<'_>, user: Uuid) -> Result<()> {
    tx.run(DROP_METHODS, args![user])?;
    tx.run(LOWER, args![user]).map(|_| ())
}

/// The methods of a session, the newest first.
pub(crate) fn methods(tx: &mut Tx<'_>, session: Uuid) -> Result<Vec<Method>> {
    let rows = tx.rows(METHODS, args![session])?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let (name, at) = (columns.string(), columns.time().unwrap_or_default());
            Method { name, at, provider: columns.text() }
        })
        .collect())
}

/// Notes that the method was used now.
pub(crate) fn add_method(tx: &mut Tx<'_>, session: Uuid, by: By<'_>) -> Result<()> {
    let now = crate::values::now();
    tx.run(ADD_METHOD, args![Uuid::new_v4(), session, by.method, now, by.provider]).map(|_| ())
}
