//! `auth.identities`.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, Object, args};

/// What a provider knows of a user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub(crate) id: Uuid,
    /// The provider's id of the user.
    pub(crate) provider_id: String,
    pub(crate) user_id: Uuid,
    pub(crate) data: Object,
    pub(crate) provider: String,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) email: String,
}

macro_rules! columns {
    () => {
        "i.id, i.provider_id, i.user_id, i.identity_data, i.provider, i.last_sign_in_at, \
         i.created_at, i.updated_at, i.email"
    };
}

const OF_USER: Sql = Sql(concat!(
    "PREPARE identities_of_user (uuid) AS SELECT ",
    columns!(),
    " FROM auth.identities i WHERE i.user_id = $1 ORDER BY i.created_at, i.id"
));
const BY_PROVIDER: Sql = Sql(concat!(
    "PREPARE identity_by_provider (text, text) AS SELECT ",
    columns!(),
    " FROM auth.identities i WHERE i.provider = $1 AND i.provider_id = $2"
));
const BY_EMAIL: Sql = Sql(concat!(
    "PREPARE identities_by_email (text) AS SELECT ",
    columns!(),
    " FROM auth.identities i WHERE i.email = $1 ORDER BY i.created_at, i.id"
));
const INSERT: Sql = Sql("PREPARE identity_insert (uuid, text, uuid, text, text, timestamptz) AS \
     INSERT INTO auth.identities (id, provider_id, user_id, identity_data, provider, \
     last_sign_in_at, created_at, updated_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6, $6, $6)");
const UPDATE: Sql = Sql("PREPARE identity_update (uuid, text, text, timestamptz, timestamptz) AS \
     UPDATE auth.identities SET provider_id = $2, identity_data = $3::jsonb, \
     last_sign_in_at = $4, updated_at = $5 WHERE id = $1");
const DELETE: Sql =
    Sql("PREPARE identity_delete (uuid) AS DELETE FROM auth.identities WHERE id = $1");

fn read(row: Row) -> Identity {
    let mut columns = Columns::of(row);
    Identity {
        id: columns.id(),
        provider_id: columns.string(),
        user_id: columns.id(),
        data: columns.object(),
        provider: columns.string(),
        last_sign_in_at: columns.time(),
        created_at: columns.time(),
        updated_at: columns.time(),
        email: columns.string(),
    }
}

/// All identities of a user, the oldest first.
pub(crate) fn of_user(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<Identity>> {
    Ok(tx.rows(OF_USER, args![user])?.into_iter().map(read).collect())
}

/// The providers of a user's identities, the oldest first, each once.
pub(crate) fn providers(tx: &mut Tx<'_>, user: Uuid) -> Result<Vec<String>> {
    let mut providers: Vec<String> = Vec::new();
    for identity in of_user(tx, user)? {
        if !providers.contains(&identity.provider) {
            providers.push(identity.provider);
        }
    }
    Ok(providers)
}

/// The identity that the provider knows by this id.
pub(crate) fn by_provider(tx: &mut Tx<'_>, provider: &str, id: &str) -> Result<Option<Identity>> {
    Ok(tx.first(BY_PROVIDER, args![provider, id])?.map(read))
}

/// The identities with this address.
pub(crate) fn by_email(tx: &mut Tx<'_>, email: &str) -> Result<Vec<Identity>> {
    Ok(tx.rows(BY_EMAIL, args![email])?.into_iter().map(read).collect())
}

/// Stores a new identity and answers it.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    user: Uuid,
    provider: &str,
    provider_id: &str,
    data: &Object,
) -> Result<Identity> {
    let (id, now) = (Uuid::new_v4(), crate::values::now());
    tx.run(INSERT, args![id, provider_id, user, data, provider, now])?;
    let email = data.get("email").and_then(|email| email.as_str()).unwrap_or_default();
    Ok(Identity {
        id,
        provider_id: provider_id.to_owned(),
        user_id: user,
        email: email.to_lowercase(),
        data: data.clone(),
        provider: provider.to_owned(),
        last_sign_in_at: Some(now),
        created_at: Some(now),
        updated_at: Some(now),
    })
}

/// Stores a changed identity.
pub(crate) fn update(tx: &mut Tx<'_>, identity: &Identity) -> Result<()> {
    let now = crate::values::now();
    let Identity { id, provider_id, data, last_sign_in_at, .. } = identity;
    tx.run(UPDATE, args![*id, provider_id, data, *last_sign_in_at, now]).map(|_| ())
}

/// Removes an identity.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, args![id]).map(|_| ())
}
