//! `auth.one_time_tokens`: hashes of codes and links that are good for one use.

use backstay_model::Result;
use backstay_records::{Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeKind {
    Confirmation,
    Recovery,
    EmailChangeNew,
    EmailChangeCurrent,
    PhoneChange,
    Reauthentication,
}

impl CodeKind {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation_token",
            Self::Recovery => "recovery_token",
            Self::EmailChangeNew => "email_change_token_new",
            Self::EmailChangeCurrent => "email_change_token_current",
            Self::PhoneChange => "phone_change_token",
            Self::Reauthentication => "reauthentication_token",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [
            Self::Confirmation,
            Self::Recovery,
            Self::EmailChangeNew,
            Self::EmailChangeCurrent,
            Self::PhoneChange,
            Self::Reauthentication,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// A code that waits to be used.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) user_id: Uuid,
    pub(crate) kind: CodeKind,
    /// The hash, with `pkce_` before it where the flow demands a verifier.
    pub(crate) hash: String,
    /// The address that it was sent to.
    pub(crate) relates_to: String,
    pub(crate) created_at: Timestamp,
}

const BY_HASH: Sql = Sql(
    "PREPARE code_by_hash (text) AS SELECT user_id, token_type::text, token_hash, relates_to, \
     created_at FROM auth.one_time_tokens WHERE token_hash = $1",
);
const OF_USER: Sql = Sql(
    "PREPARE codes_of_user (uuid) AS SELECT user_id, token_type::text, token_hash, relates_to, \
     created_at FROM auth.one_time_tokens WHERE user_id = $1",
);
const PUT: Sql = Sql("PREPARE code_put (uuid, uuid, text, text, text, timestamp) AS \
     INSERT INTO auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, \
     created_at, updated_at) VALUES ($1, $2, $3::auth.one_time_token_type, $4, $5, $6, $6)");
const DELETE: Sql = Sql("PREPARE code_delete (uuid, text) AS DELETE FROM auth.one_time_tokens \
     WHERE user_id = $1 AND token_type::text = $2");
const DELETE_ALL: Sql =
    Sql("PREPARE codes_delete (uuid) AS DELETE FROM auth.one_time_tokens WHERE user_id = $1");

fn read(row: backstay_records::Row) -> Option<Code> {
    let mut columns = Columns::of(row);
    Some(Code {
        user_id: columns.id(),
        kind: CodeKind::of(&columns.string())?,
        hash: columns.string(),
        relates_to: columns.string(),
        created_at: columns.time().unwrap_or_default(),
    })
}

/// The code with this hash.
pub(crate) fn by_hash(tx: &mut Tx<'_>, hash: &str) -> Result<Option<Code>> {
    Ok(tx.first(BY_HASH, args![hash])?.and_then(read))
}

/// All codes of a user.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Code>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().filter_map(read).collect())
}

/// Stores a code in place of the user's earlier one of that kind.
pub(crate) fn put(tx: &mut Tx<'_>, code: &Code) -> Result<()> {
    delete(tx, code.user_id, code.kind)?;
    let Code { user_id, kind, hash, relates_to, created_at } = code;
    tx.run(PUT, args![Uuid::new_v4(), *user_id, kind.name(), hash, relates_to, *created_at])
        .map(|_| ())
}

/// Removes the user's code of this kind.
pub(crate) fn delete(tx: &mut Tx<'_>, user: Uuid, kind: CodeKind) -> Result<()> {
    tx.run(DELETE, args![user, kind.name()]).map(|_| ())
}

/// Removes all codes of the user.
pub(crate) fn delete_all(tx: &mut Tx<'_>, user: Uuid) -> Result<()> {
    tx.run(DELETE_ALL, args![user]).map(|_| ())
}
