//! `auth.oauth_clients`: applications that sign people in with their accounts here.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args};

/// An application.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) id: Uuid,
    /// SHA-256 of the secret; empty for public clients.
    pub(crate) secret_hash: String,
    /// Registered by itself, not by an administrator.
    pub(crate) dynamic: bool,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) grant_types: Vec<String>,
    pub(crate) name: String,
    pub(crate) uri: String,
    pub(crate) logo_uri: String,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    /// `none`, `client_secret_basic` or `client_secret_post`.
    pub(crate) auth_method: String,
}

macro_rules! columns {
    () => {
        "c.id, c.client_secret_hash, c.registration_type::text, c.redirect_uris, c.grant_types, \
         c.client_name, c.client_uri, c.logo_uri, c.created_at, c.updated_at, \
         c.token_endpoint_auth_method"
    };
}

const BY_ID: Sql = Sql(concat!(
    "PREPARE oauth_client_by_id (uuid) AS SELECT ",
    columns!(),
    " FROM auth.oauth_clients c WHERE c.id = $1 AND c.deleted_at IS NULL"
));
const PAGE: Sql = Sql(concat!(
    "PREPARE oauth_clients_page (bigint, bigint) AS SELECT ",
    columns!(),
    " FROM auth.oauth_clients c WHERE c.deleted_at IS NULL \
     ORDER BY c.created_at DESC, c.id LIMIT $1 OFFSET $2"
));
const COUNT: Sql = Sql("PREPARE oauth_clients_count AS SELECT count(*) FROM auth.oauth_clients c \
     WHERE c.deleted_at IS NULL");
const INSERT: Sql = Sql("PREPARE oauth_client_insert (uuid, text, text, text, text, text, text, \
     text, timestamptz, text, text) AS INSERT INTO auth.oauth_clients (id, client_secret_hash, \
     registration_type, redirect_uris, grant_types, client_name, client_uri, logo_uri, \
     created_at, updated_at, client_type, token_endpoint_auth_method) \
     VALUES ($1, $2, $3::auth.oauth_registration_type, $4, $5, $6, $7, $8, $9, $9, \
     $10::auth.oauth_client_type, $11)");
const UPDATE: Sql = Sql("PREPARE oauth_client_update (uuid, text, text, text, text, text, text, \
     timestamptz, text, text) AS UPDATE auth.oauth_clients SET client_secret_hash = $2, \
     redirect_uris = $3, grant_types = $4, client_name = $5, client_uri = $6, logo_uri = $7, \
     updated_at = $8, client_type = $9::auth.oauth_client_type, \
     token_endpoint_auth_method = $10 WHERE id = $1");
const DELETE: Sql =
    Sql("PREPARE oauth_client_delete (uuid) AS DELETE FROM auth.oauth_clients WHERE id = $1");

/// What stands between the entries of a list in the table.
const SEPARATOR: &str = ",";

fn list(text: &str) -> Vec<String> {
    text.split(SEPARATOR).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn nullable(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn read(row: Row) -> Client {
    let mut columns = Columns::of(row);
    Client {
        id: columns.id(),
        secret_hash: columns.string(),
        dynamic: columns.string() == "dynamic",
        redirect_uris: list(&columns.string()),
        grant_types: list(&columns.string()),
        name: columns.string(),
        uri: columns.string(),
        logo_uri: columns.string(),
        created_at: columns.time(),
        updated_at: columns.time(),
        auth_method: columns.string(),
    }
}

impl Client {
    /// Can it keep no secret?
    pub(crate) fn is_public(&self) -> bool {
        self.auth_method == "none"
    }

    /// `public` or `confidential`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_public() { "public" } else { "confidential" }
    }
}

/// The client with this id.
pub(crate) fn by_id(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Client>> {
    Ok(tx.first(BY_ID, args![id])?.map(read))
}

/// A page of clients, the newest first, and how many there are.
pub(crate) fn page(tx: &mut Tx<'_>, limit: i64, offset: i64) -> Result<(Vec<Client>, i64)> {
    let clients = tx.rows(PAGE, args![limit, offset])?.into_iter().map(read).collect();
    let count = tx.first(COUNT, &[])?;
    Ok((clients, count.map_or(0, |row| Columns::of(row).int())))
}

/// Stores a new client.
pub(crate) fn insert(tx: &mut Tx<'_>, client: &Client) -> Result<()> {
    let (uris, grants) = (client.redirect_uris.join(SEPARATOR), client.grant_types.join(SEPARATOR));
    let registration = if client.dynamic { "dynamic" } else { "manual" };
    tx.run(
        INSERT,
        args![
            client.id,
            nullable(&client.secret_hash),
            registration,
            uris,
            grants,
            nullable(&client.name),
            nullable(&client.uri),
            nullable(&client.logo_uri),
            client.created_at,
            client.kind(),
            &client.auth_method,
        ],
    )
    .map(|_| ())
}

/// Stores a changed client.
pub(crate) fn update(tx: &mut Tx<'_>, client: &mut Client) -> Result<()> {
    client.updated_at = Some(crate::values::now());
    let (uris, grants) = (client.redirect_uris.join(SEPARATOR), client.grant_types.join(SEPARATOR));
    tx.run(
        UPDATE,
        args![
            client.id,
            nullable(&client.secret_hash),
            uris,
            grants,
            nullable(&client.name),
            nullable(&client.uri),
            nullable(&client.logo_uri),
            client.updated_at,
            client.kind(),
            &client.auth_method,
        ],
    )
    .map(|_| ())
}

/// Removes a client with all that was granted to it.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<u64> {
    tx.run(DELETE, args![id])
}
