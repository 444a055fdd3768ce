//! `auth.mail_outbox`: mails that wait for the mail server, sealed.

use backstay_model::Result;
use backstay_records::{Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, args, now};

/// A mail that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) id: Uuid,
    pub(crate) sealed: String,
    /// How often it was tried.
    pub(crate) attempts: i64,
    /// When it is tried next.
    pub(crate) due_at: Timestamp,
    /// When the code in it is void.
    pub(crate) expires_at: Timestamp,
}

const PUT: Sql = Sql("PREPARE outbox_put (uuid, text, bigint, timestamptz, timestamptz, \
     timestamptz) AS INSERT INTO auth.mail_outbox (id, sealed, attempts, due_at, expires_at, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6)");
const FIRST: Sql = Sql("PREPARE outbox_first AS SELECT id, sealed, attempts, due_at, expires_at \
     FROM auth.mail_outbox ORDER BY due_at, id LIMIT 1");
const MOVE: Sql = Sql("PREPARE outbox_move (uuid, timestamptz, timestamptz, bigint) AS \
     UPDATE auth.mail_outbox SET due_at = $3, attempts = $4 WHERE id = $1 AND due_at = $2 \
     RETURNING id");
const DELETE: Sql =
    Sql("PREPARE outbox_delete (uuid) AS DELETE FROM auth.mail_outbox WHERE id = $1");

/// Keeps a mail.
pub(crate) fn put(tx: &mut Tx<'_>, mail: &Waiting) -> Result<()> {
    let Waiting { id, sealed, attempts, due_at, expires_at } = mail;
    tx.run(PUT, args![*id, sealed, *attempts, *due_at, *expires_at, now()]).map(|_| ())
}

/// The mail that is due first, now or later.
pub(crate) fn first(tx: &mut Tx<'_>) -> Result<Option<Waiting>> {
    Ok(tx.first(FIRST, args![])?.map(|row| {
        let mut columns = Columns::of(row);
        Waiting {
            id: columns.id(),
            sealed: columns.string(),
            attempts: columns.int(),
            due_at: columns.time().unwrap_or_default(),
            expires_at: columns.time().unwrap_or_default(),
        }
    }))
}

/// Puts a mail off until `due_at`; `false` where another node did so before.
pub(crate) fn put_off(
    tx: &mut Tx<'_>,
    mail: &Waiting,
    due_at: Timestamp,
    attempts: i64,
) -> Result<bool> {
    Ok(tx.first(MOVE, args![mail.id, mail.due_at, due_at, attempts])?.is_some())
}

/// Drops a mail.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, args![id]).map(|_| ())
}
