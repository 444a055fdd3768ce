//! `auth.users`.

use std::sync::Arc;

use backstay_model::{Result, Value};
use backstay_records::{Row, Sql, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::values::{Argument as _, Columns, Object, args};

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
    /// What is stored of them, to tell what changed.
    pub(crate) stored: Option<Arc<Vec<Value>>>,
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
const IDS_BY_EMAIL: Sql = Sql("PREPARE user_ids_by_email (text) AS SELECT u.id FROM auth.users u \
     WHERE u.email = $1 AND u.is_sso_user = false");
const IDS_BY_PHONE: Sql =
    Sql("PREPARE user_ids_by_phone (text) AS SELECT u.id FROM auth.users u WHERE u.phone = $1");
const IDS_BY_CHANGE: Sql = Sql("PREPARE user_ids_by_change (text, text) AS SELECT u.id \
     FROM auth.users u JOIN auth.one_time_tokens t ON t.user_id = u.id \
     WHERE t.relates_to = $1 AND t.token_type::text = $2 \
     AND (u.email_change = $1 OR u.phone_change = $1)");
const BY_PHONE_CHANGE: Sql = Sql(concat!(
    "PREPARE user_by_phone_change (text) AS SELECT ",
    columns!(),
    " FROM auth.users u JOIN auth.one_time_tokens t ON t.user_id = u.id \
     WHERE t.relates_to = $1 AND t.token_type::text = 'phone_change_token' AND u.phone_change = $1"
));
macro_rules! page {
    ($name:literal, $order:literal) => {
        Sql(concat!(
            "PREPARE ",
            $name,
            " (bigint, bigint, text) AS SELECT ",
            columns!(),
            " FROM auth.users u WHERE $3 IS NULL OR position(lower($3) IN u.email) > 0 \
             OR position(lower($3) IN lower(u.raw_user_meta_data ->> 'full_name')) > 0 \
             ORDER BY u.created_at ",
            $order,
            ", u.id LIMIT $1 OFFSET $2"
        ))
    };
}

const NEWEST: Sql = page!("users_newest", "DESC");
const OLDEST: Sql = page!("users_oldest", "ASC");
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
const DELETE: Sql = Sql("PREPARE user_delete (uuid) AS DELETE FROM auth.users WHERE id = $1");

fn read(row: Row) -> User {
    let mut columns = Columns::of(row);
    let mut user = User {
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
        stored: None,
    };
    user.stored = Some(Arc::new(values(&user)));
    user
}

/// Empty texts that are unique or compared are null in the table.
fn nullable(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The columns that may change, with the types of their parameters, in the order of [`values`].
const CHANGING: [(&str, &str); 25] = [
    ("aud", "text"),
    ("role", "text"),
    ("email", "text"),
    ("encrypted_password", "text"),
    ("email_confirmed_at", "timestamptz"),
    ("invited_at", "timestamptz"),
    ("confirmation_sent_at", "timestamptz"),
    ("recovery_sent_at", "timestamptz"),
    ("email_change", "text"),
    ("email_change_sent_at", "timestamptz"),
    ("email_change_confirm_status", "bigint"),
    ("last_sign_in_at", "timestamptz"),
    ("raw_app_meta_data", "jsonb"),
    ("raw_user_meta_data", "jsonb"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("phone", "text"),
    ("phone_confirmed_at", "timestamptz"),
    ("phone_change", "text"),
    ("phone_change_sent_at", "timestamptz"),
    ("banned_until", "timestamptz"),
    ("reauthentication_sent_at", "timestamptz"),
    ("is_sso_user", "boolean"),
    ("deleted_at", "timestamptz"),
    ("is_anonymous", "boolean"),
];

/// What is stored in these columns.
fn values(user: &User) -> Vec<Value> {
    args![
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
    ]
    .to_vec()
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

/// Whose address or number this is. No more is read than that: reading a user takes time, which
/// would tell that there is one.
pub(crate) fn ids_by_address(tx: &mut Tx<'_>, address: &str) -> Result<Vec<Uuid>> {
    let query = if address.contains('@') { IDS_BY_EMAIL } else { IDS_BY_PHONE };
    Ok(ids(tx.rows(query, args![address])?))
}

/// The users who wait for the confirmation of this new address or number by a code of this kind.
pub(crate) fn ids_by_change(tx: &mut Tx<'_>, address: &str, kind: &str) -> Result<Vec<Uuid>> {
    Ok(ids(tx.rows(IDS_BY_CHANGE, args![address, kind])?))
}

fn ids(rows: Vec<Row>) -> Vec<Uuid> {
    rows.into_iter().map(|row| Columns::of(row).id()).collect()
}

/// The users who wait for the confirmation of this new number.
pub(crate) fn by_phone_change(tx: &mut Tx<'_>, phone: &str) -> Result<Vec<User>> {
    Ok(tx.rows(BY_PHONE_CHANGE, args![phone])?.into_iter().map(read).collect())
}

/// The order of users.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
}

/// A part of all users.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) limit: i64,
    pub(crate) offset: i64,
    pub(crate) order: Order,
}

/// A page of users; `filter` is part of the address or of the full name.
pub(crate) fn page(tx: &mut Tx<'_>, part: &Part, filter: Option<&str>) -> Result<(Vec<User>, i64)> {
    let sql = match part.order {
        Order::NewestFirst => NEWEST,
        Order::OldestFirst => OLDEST,
    };
    let users =
        tx.rows(sql, args![part.limit, part.offset, filter])?.into_iter().map(read).collect();
    let count = tx.first(COUNT, args![filter])?;
    Ok((users, count.map_or(0, |row| Columns::of(row).int())))
}

/// Stores a new user.
pub(crate) fn insert(tx: &mut Tx<'_>, user: &mut User) -> Result<()> {
    let values = values(user);
    let mut arguments = vec![user.id.value()];
    arguments.extend(values.iter().cloned());
    tx.run(INSERT, &arguments)?;
    user.stored = Some(Arc::new(values));
    Ok(())
}

/// Stores a changed user. Only what changed is written, so that triggers `OF` a column see no more
/// changes than there are.
pub(crate) fn update(tx: &mut Tx<'_>, user: &mut User) -> Result<()> {
    user.updated_at = Some(crate::values::now());
    let values = values(user);
    let stored = user.stored.as_deref();
    let changed = |at: &usize| stored.is_none_or(|stored| stored.get(*at) != values.get(*at));
    let changed: Vec<usize> = (0..CHANGING.len()).filter(changed).collect();
    let (mut types, mut sets) = (String::new(), Vec::new());
    let mut arguments = vec![user.id.value()];
    for (number, at) in (2..).zip(&changed) {
        let (column, ty) = CHANGING[*at];
        let (ty, cast) = if ty == "jsonb" { ("text", "::jsonb") } else { (ty, "") };
        types.push_str(", ");
        types.push_str(ty);
        sets.push(format!("{column} = ${number}{cast}"));
        arguments.push(values[*at].clone());
    }
    let sets = sets.join(", ");
    let text =
        format!("PREPARE user_update (uuid{types}) AS UPDATE auth.users SET {sets} WHERE id = $1");
    tx.run_text(text, &arguments)?;
    user.stored = Some(Arc::new(values));
    Ok(())
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
