//! `auth.mfa_factors` and `auth.mfa_challenges`.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// A second factor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factor {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) friendly_name: String,
    /// `totp`, `phone` or `webauthn`.
    pub(crate) kind: String,
    /// `unverified` or `verified`.
    pub(crate) status: String,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    /// The secret, sealed.
    pub(crate) secret: String,
    pub(crate) phone: String,
    pub(crate) last_challenged_at: Option<Timestamp>,
    /// The key of a `webauthn` factor, once it is made.
    pub(crate) credential: Option<String>,
}

/// A challenge of a factor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Challenge {
    pub(crate) id: Uuid,
    pub(crate) factor_id: Uuid,
    pub(crate) created_at: Timestamp,
    pub(crate) verified_at: Option<Timestamp>,
    pub(crate) ip: String,
    /// What is kept of a ceremony until the browser answers.
    pub(crate) ceremony: Option<String>,
    /// The hash of the code that was sent; empty for factors that need none.
    pub(crate) code: String,
}

const OF_USER: Sql =
    Sql("PREPARE factors_of_user (uuid) AS SELECT id, user_id, friendly_name, factor_type::text, \
     status::text, created_at, updated_at, secret, phone, last_challenged_at, \
     web_authn_credential FROM auth.mfa_factors WHERE user_id = $1 ORDER BY created_at, id");
const INSERT: Sql =
    Sql("PREPARE factor_insert (uuid, uuid, text, text, text, timestamptz, text, text) AS \
     INSERT INTO auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, \
     updated_at, secret, phone) VALUES ($1, $2, $3, $4::auth.factor_type, \
     $5::auth.factor_status, $6, $6, $7, $8)");
const UPDATE: Sql =
    Sql("PREPARE factor_update (uuid, text, text, timestamptz, text, timestamptz, text) AS \
     UPDATE auth.mfa_factors SET friendly_name = $2, status = $3::auth.factor_status, \
     updated_at = $4, phone = $5, last_challenged_at = $6, \
     web_authn_credential = $7::jsonb WHERE id = $1");
const DELETE: Sql =
    Sql("PREPARE factor_delete (uuid) AS DELETE FROM auth.mfa_factors WHERE id = $1");
const CHALLENGE: Sql =
    Sql("PREPARE challenge_by_id (uuid) AS SELECT id, factor_id, created_at, verified_at, \
     host(ip_address), otp_code, web_authn_session_data FROM auth.mfa_challenges WHERE id = $1");
const USED_STEP: Sql =
    Sql("PREPARE challenge_used_step (uuid, text) AS SELECT id FROM auth.mfa_challenges \
     WHERE factor_id = $1 AND otp_code = $2 AND verified_at IS NOT NULL");
const PUT_CHALLENGE: Sql =
    Sql("PREPARE challenge_put (uuid, uuid, timestamptz, text, text, text) AS \
     INSERT INTO auth.mfa_challenges (id, factor_id, created_at, ip_address, otp_code, \
     web_authn_session_data) VALUES ($1, $2, $3, $4::inet, $5, $6::jsonb)");
const USE_CHALLENGE: Sql = Sql("PREPARE challenge_use (uuid, timestamptz, text) AS \
     UPDATE auth.mfa_challenges SET verified_at = $2, otp_code = $3 WHERE id = $1");

fn read(row: Row) -> Factor {
    let mut columns = Columns::of(row);
    Factor {
        id: columns.id(),
        user_id: columns.id(),
        friendly_name: columns.string(),
        kind: columns.string(),
        status: columns.string(),
        created_at: columns.time(),
        updated_at: columns.time(),
        secret: columns.string(),
        phone: columns.string(),
        last_challenged_at: columns.time(),
        credential: columns.text(),
    }
}

/// All factors of a user, the oldest first.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Factor>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().map(read).collect())
}

/// Stores a new factor.
pub(crate) fn insert(tx: &mut Tx<'_>, factor: &Factor) -> Result<()> {
    let Factor { id, user_id, friendly_name, kind, status, created_at, secret, .. } = factor;
    let phone = (!factor.phone.is_empty()).then_some(factor.phone.as_str());
    tx.run(INSERT, args![*id, *user_id, friendly_name, kind, status, *created_at, secret, phone])
        .map(|_| ())
}

/// Stores a changed factor.
pub(crate) fn update(tx: &mut Tx<'_>, factor: &Factor) -> Result<()> {
    let phone = (!factor.phone.is_empty()).then_some(factor.phone.as_str());
    let Factor { id, friendly_name, status, last_challenged_at, credential, .. } = factor;
    let now = crate::values::now();
    let credential = credential.as_deref();
    let changed = args![*id, friendly_name, status, now, phone, *last_challenged_at, credential];
    tx.run(UPDATE, changed).map(|_| ())
}

/// Removes a factor with its challenges.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, args![id]).map(|_| ())
}

/// The challenge with this id.
pub(crate) fn challenge(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Challenge>> {
    Ok(tx.first(CHALLENGE, args![id])?.map(|row| {
        let mut columns = Columns::of(row);
        Challenge {
            id: columns.id(),
            factor_id: columns.id(),
            created_at: columns.time().unwrap_or_default(),
            verified_at: columns.time(),
            ip: columns.string(),
            code: columns.string(),
            ceremony: columns.text(),
        }
    }))
}

/// Was the step of this factor used already?
pub(crate) fn is_used(tx: &mut Tx<'_>, factor: Uuid, step: &str) -> Result<bool> {
    Ok(tx.first(USED_STEP, args![factor, step])?.is_some())
}

/// Stores a new challenge.
pub(crate) fn put_challenge(tx: &mut Tx<'_>, challenge: &Challenge) -> Result<()> {
    let Challenge { id, factor_id, created_at, ip, code, ceremony, .. } = challenge;
    let code = (!code.is_empty()).then_some(code.as_str());
    let ceremony = ceremony.as_deref();
    tx.run(PUT_CHALLENGE, args![*id, *factor_id, *created_at, ip, code, ceremony]).map(|_| ())
}

/// Marks a challenge as met, with what was used: for `totp` the number of the step, for
/// `webauthn` nothing.
pub(crate) fn use_challenge(tx: &mut Tx<'_>, id: Uuid, code: &str) -> Result<()> {
    tx.run(USE_CHALLENGE, args![id, crate::values::now(), code]).map(|_| ())
}
