//! `auth.users`.

use backstay_model::Result;
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Columns, Object, args};

/// A user.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) aud: String,
    pub(crate) role: String,
    pub(crate) email: String,
    /// The stored hash; empty without a password.
    pub(crate) password: String,
    pub(crate) email_confirmed_at: Option<Timestamp>,
    pub(crate) invited_at: Option<Timestamp>,
    pub(crate) confirmation_sent_at: Option<Timestamp>,
    pub(crate) recovery_sent_at: Option<Timestamp>,
    /// The address that waits for its confirmation.
    pub(crate) email_change: String,
    pub(crate) email_change_sent_at: Option<Timestamp>,
    /// How many sides of a change of address were confirmed.
    pub(crate) email_change_confirmed: i64,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    pub(crate) app_metadata: Object,
    pub(crate) user_metadata: Object,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) phone: String,
    pub(crate) phone_confirmed_at: Option<Timestamp>,
    pub(crate) phone_change: String,
    pub(crate) phone_change_sent_at: Option<Timestamp>,
    pub(crate) banned_until: Option<Timestamp>,
    pub(crate) reauthentication_sent_at: Option<Timestamp>,
    pub(crate) is_sso: bool,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) is_anonymous: bool,
}

/// The columns, in the order in which [`User`] is read.
macro_rules! columns {
    () => {
        "u.id, u.aud, u.role, u.email, u.encrypted_password, u.email_confirmed_at, u.invited_at, \
         u.confirmation_sent_at, u.recovery_sent_at, u.email_change, u.email_change_sent_at, \
         u.email_change_confirm_status, u.last_sign_in_at, u.raw_app_meta_data, \
         u.raw_user_meta_data, u.created_at, u.updated_at, u.phone, u.phone_confirmed_at, \
         u.phone_change, u.phone_change_sent_at, u.banned_until, u.reauthentication_sent_at, \
         u.is_sso_user, u.deleted_at, u.is_anonymous"
    };
}

const BY_ID: Sql = Sql(concat!(
    "PREPARE user_by_id (uuid) AS SELECT ",
    columns!(),
    " FROM auth.users u WHERE u.id = $1"
));
const BY_EMAIL: Sql = Sql(concat!(
    "PREPARE user_by_email (text) AS SELECT ",
    columns!(),
    " FROM auth.users u WHERE u.email = $1 AND u.is_sso_user = false"
));
const BY_PHONE: Sql = Sql(concat!(
    "PREPARE user_by_phone (text) AS SELECT ",
    columns!(),
    " FROM auth.users u WHERE u.phone = $1"
));
const BY_EMAIL_CHANGE: Sql = Sql(concat!(
    "PREPARE user_by_email_change (text, text) AS SELECT ",
    columns!(),
    " FROM auth.users u JOIN auth.one_time_tokens t ON t.user_id = u.id \
     WHERE t.relates_to = $1 AND t.token_type::text = $2 AND u.email_change = $1"
));
const BY_PHONE_CHANGE: Sql = Sql(concat!(
    "PREPARE user_by_phone_change (text) AS SELECT ",
    columns!(),
    " FROM auth.users u JOIN auth.one_time_tokens t ON t.user_id = u.id \
     WHERE t.relates_to = $1 AND t.token_type::text = 'phone_change_token' AND u.phone_change = $1"
));
const PAGE: Sql = Sql(concat!(
    "PREPARE users_page (bigint, bigint, text) AS SELECT ",
    columns!(),
    " FROM auth.users u WHERE $3 IS NULL OR position(lower($3) IN u.email) > 0 \
     OR position(lower($3) IN lower(u.raw_user_meta_data ->> 'full_name')) > 0 \
     ORDER BY u.created_at DESC, u.id LIMIT $1 OFFSET $2"
));
const COUNT: Sql = Sql("PREPARE users_count (text) AS SELECT count(*) FROM auth.users u \
     WHERE $1 IS NULL OR position(lower($1) IN u.email) > 0 \
     OR position(lower($1) IN lower(u.raw_user_meta_data ->> 'full_name')) > 0");
const INSERT: Sql = Sql(
    "PREPARE user_insert (uuid, text, text, text, text, timestamptz, timestamptz, timestamptz, \
     timestamptz, text, timestamptz, bigint, timestamptz, text, text, timestamptz, timestamptz, \
     text, timestamptz, text, timestamptz, timestamptz, timestamptz, boolean, timestamptz, \
     boolean) AS INSERT INTO auth.users (instance_id, id, aud, role, email, encrypted_password, \
     email_confirmed_at, invited_at, confirmation_sent_at, recovery_sent_at, email_change, \
     email_change_sent_at, email_change_confirm_status, last_sign_in_at, raw_app_meta_data, \
     raw_user_meta_data, created_at, updated_at, phone, phone_confirmed_at, phone_change, \
     phone_change_sent_at, banned_until, reauthentication_sent_at, is_sso_user, deleted_at, \
     is_anonymous, confirmation_token, recovery_token, email_change_token_new) \
     VALUES ('00000000-0000-0000-0000-000000000000', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
     $11, $12, $13, $14::jsonb, $15::jsonb, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
     $26, '', '', '')",
);
const UPDATE: Sql = Sql(
    "PREPARE user_update (uuid, text, text, text, text, timestamptz, timestamptz, timestamptz, \
     timestamptz, text, timestamptz, bigint, timestamptz, text, text, timestamptz, timestamptz, \
     text, timestamptz, text, timestamptz, timestamptz, timestamptz, boolean, timestamptz, \
     boolean) AS UPDATE auth.users SET aud = $2, role = $3, email = $4, encrypted_password = $5, \
     email_confirmed_at = $6, invited_at = $7, confirmation_sent_at = $8, recovery_sent_at = $9, \
     email_change = $10, email_change_sent_at = $11, email_change_confirm_status = $12, \
     last_sign_in_at = $13, raw_app_meta_data = $14::jsonb, raw_user_meta_data = $15::jsonb, \
     created_at = $16, updated_at = $17, phone = $18, phone_confirmed_at = $19, \
     phone_change = $20, phone_change_sent_at = $21, banned_until = $22, \
     reauthentication_sent_at = $23, is_sso_user = $24, deleted_at = $25, is_anonymous = $26 \
     WHERE id = $1",
);
const DELETE: Sql = Sql("PREPARE user_delete (uuid) AS DELETE FROM auth.users WHERE id = $1");

fn read(row: Row) -> User {
    let mut columns = Columns::of(row);
    User {
        id: columns.id(),
        aud: columns.string(),
        role: columns.string(),
        email: columns.string(),
        password: columns.string(),
        email_confirmed_at: columns.time(),
        invited_at: columns.time(),
        confirmation_sent_at: columns.time(),
        recovery_sent_at: columns.time(),
        email_change: columns.string(),
        email_change_sent_at: columns.time(),
        email_change_confirmed: columns.int(),
        last_sign_in_at: columns.time(),
        app_metadata: columns.object(),
        user_metadata: columns.object(),
        created_at: columns.time(),
        updated_at: columns.time(),
        phone: columns.string(),
        phone_confirmed_at: columns.time(),
        phone_change: columns.string(),
        phone_change_sent_at: columns.time(),
        banned_until: columns.time(),
        reauthentication_sent_at: columns.time(),
        is_sso: columns.bool(),
        deleted_at: columns.time(),
        is_anonymous: columns.bool(),
    }
}

/// Empty texts that are unique or compared are null in the table.
fn nullable(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn write(tx: &mut Tx<'_>, sql: Sql, user: &User) -> Result<u64> {
    tx.run(
        sql,
        args![
            user.id,
            &user.aud,
            &user.role,
            nullable(&user.email),
            nullable(&user.password),
            user.email_confirmed_at,
            user.invited_at,
            user.confirmation_sent_at,
            user.recovery_sent_at,
            &user.email_change,
            user.email_change_sent_at,
            user.email_change_confirmed,
            user.last_sign_in_at,
            &user.app_metadata,
            &user.user_metadata,
            user.created_at,
            user.updated_at,
            nullable(&user.phone),
            user.phone_confirmed_at,
            &user.phone_change,
            user.phone_change_sent_at,
            user.banned_until,
            user.reauthentication_sent_at,
            user.is_sso,
            user.deleted_at,
            user.is_anonymous,
        ],
    )
}

/// The user with this id who was not deleted.
pub(crate) fn by_id(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<User>> {
    Ok(tx.first(BY_ID, args![id])?.map(read).filter(|user| user.deleted_at.is_none()))
}

/// The user with this address.
pub(crate) fn by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
    if email.is_empty() {
        return Ok(None);
    }
    Ok(tx.first(BY_EMAIL, args![email])?.map(read))
}

/// The user with this number.
pub(crate) fn by_phone(tx: &mut Tx<'_>, phone: &str) -> Result<Option<User>> {
    if phone.is_empty() {
        return Ok(None);
    }
    Ok(tx.first(BY_PHONE, args![phone])?.map(read))
}

/// The users who wait for the confirmation of this new address.
pub(crate) fn by_email_change(tx: &mut Tx<'_>, email: &str, kind: &str) -> Result<Vec<User>> {
    Ok(tx.rows(BY_EMAIL_CHANGE, args![email, kind])?.into_iter().map(read).collect())
}

/// The users who wait for the confirmation of this new number.
pub(crate) fn by_phone_change(tx: &mut Tx<'_>, phone: &str) -> Result<Vec<User>> {
    Ok(tx.rows(BY_PHONE_CHANGE, args![phone])?.into_iter().map(read).collect())
}

/// A page of users, the newest first; `filter` is part of the address or of the full name.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    limit: i64,
    offset: i64,
    filter: Option<&str>,
) -> Result<(Vec<User>, i64)> {
    let users = tx.rows(PAGE, args![limit, offset, filter])?.into_iter().map(read).collect();
    let count = tx.first(COUNT, args![filter])?;
    Ok((users, count.map_or(0, |row| Columns::of(row).int())))
}

/// Stores a new user.
pub(crate) fn insert(tx: &mut Tx<'_>, user: &User) -> Result<()> {
    write(tx, INSERT, user).map(|_| ())
}

/// Stores a changed user.
pub(crate) fn update(tx: &mut Tx<'_>, user: &mut User) -> Result<()> {
    user.updated_at = Some(crate::values::now());
    write(tx, UPDATE, user).map(|_| ())
}

/// Removes a user with everything that belongs to them.
pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<u64> {
    tx.run(DELETE, args![id])
}

impl User {
    /// Are they kept out now?
    pub(crate) fn is_banned(&self) -> bool {
        self.banned_until.is_some_and(|until| until > crate::values::now())
    }

    /// Was one of the addresses confirmed?
    pub(crate) fn is_confirmed(&self) -> bool {
        self.email_confirmed_at.is_some() || self.phone_confirmed_at.is_some()
    }

    /// Notes the provider in `app_metadata`: the first is the `provider`, all are `providers`.
    pub(crate) fn note_providers(&mut self, providers: &[String]) {
        if let Some(first) = providers.first() {
            self.app_metadata.insert("provider".to_owned(), first.as_str().into());
        } else {
            self.app_metadata.remove("provider");
        }
        self.app_metadata.insert("providers".to_owned(), providers.to_vec().into());
    }

    /// Merges metadata: a member set to null is removed.
    pub(crate) fn merge(target: &mut Object, changes: &Object) {
        for (name, value) in changes {
            if value.is_null() {
                target.remove(name);
            } else {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}
