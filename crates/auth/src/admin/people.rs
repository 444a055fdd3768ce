//! Users as an administrator sees and changes them.

use std::sync::Arc;

use backstay_records::Tx;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Page, user_missing};
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::duration::go_duration;
use crate::error::{Refusal, Result};
use crate::sessions::account;
use crate::tables::users::User;
use crate::tables::{
    audit, codes, factors, identities, passkeys, sessions as session_table, users,
};
use crate::values::{Object, now};
use crate::wire::{self, Account};
use crate::{address, phone, signup, user};

/// The user with this id.
pub(super) fn known(tx: &mut Tx<'_>, id: Uuid) -> Result<User, Stop> {
    users::by_id(tx, id)?.ok_or_else(|| user_missing().into())
}

/// `GET /admin/users`.
pub(super) async fn list(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let page = Page::of(call)?;
    let (exact, filter) = (call.parameter("email"), call.parameter("filter"));
    let part = users::Part { limit: page.size, offset: page.offset(), order: order(call)? };
    let (accounts, total) = auth
        .read(move |tx| {
            let (found, total) = match &exact {
                Some(email) => {
                    let email = email.trim().to_lowercase();
                    let found: Vec<User> = users::by_email(tx, &email)?.into_iter().collect();
                    let total = i64::try_from(found.len()).unwrap_or(0);
                    (found, total)
                }
                None => users::page(tx, &part, filter.as_deref())?,
            };
            let accounts: backstay_model::Result<Vec<Account>> =
                found.into_iter().map(|user| account(tx, user)).collect();
            Ok((accounts?, total))
        })
        .await?;
    let users: Vec<Value> = accounts.iter().map(wire::user).collect();
    let answer = Answer::json(&json!({"users": users, "aud": "authenticated"}));
    Ok(page.headers(answer, "/admin/users", total))
}

/// The order that `sort` asks for.
fn order(call: &Call<'_>) -> Result<users::Order> {
    let sort = call.parameter("sort").unwrap_or_default().to_lowercase();
    match sort.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["created_at"] | ["created_at", "desc"] => Ok(users::Order::NewestFirst),
        ["created_at", "asc"] => Ok(users::Order::OldestFirst),
        _ => Err(Refusal::invalid("Bad Sort Parameters: users are sorted by created_at")),
    }
}

/// `GET /admin/users/{id}`.
pub(super) async fn get(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    let account = auth
        .read(move |tx| {
            let user = known(tx, id)?;
            Ok(account(tx, user)?)
        })
        .await?;
    Ok(Answer::json(&wire::user(&account)))
}

#[derive(Clone, Default, Deserialize)]
struct Body {
    id: Option<String>,
    aud: Option<String>,
    role: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    password_hash: Option<String>,
    email_confirm: Option<bool>,
    phone_confirm: Option<bool>,
    user_metadata: Option<Object>,
    app_metadata: Option<Object>,
    ban_duration: Option<String>,
    /// An extension: accounts at providers that sign in as this user, for imports.
    identities: Option<Vec<Linked>>,
    /// An extension: check everything and store nothing.
    dry_run: Option<bool>,
}

/// An account at a provider, as the provider tells of it.
#[derive(Clone, Deserialize)]
struct Linked {
    provider: String,
    id: String,
    #[serde(default)]
    identity_data: Object,
}

/// A body whose parts were checked.
#[derive(Clone)]
struct Wanted {
    body: Body,
    email: Option<String>,
    phone: Option<String>,
    /// The hash to be stored.
    password: Option<String>,
    /// `Some(None)` lifts a ban.
    ban: Option<Option<Timestamp>>,
}

impl Wanted {
    async fn of(auth: &Auth, body: Body) -> Result<Self> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let password = match (filled(&body.password), filled(&body.password_hash)) {
            (Some(_), Some(_)) => {
                let message = "Only a password or a password hash should be provided";
                return Err(Refusal::invalid(message));
            }
            (Some(password), None) => {
                auth.passwords.check(&password).await?;
                Some(auth.passwords.hash(&password).await?)
            }
            // How frameworks mark that there is no password.
            (None, Some(mark)) if mark.starts_with(['!', '*']) => Some(String::new()),
            (None, Some(hash)) => {
                if !auth.passwords.is_known(&hash) {
                    return Err(Refusal::invalid("The password hash has an unknown form"));
                }
                Some(hash)
            }
            (None, None) => None,
        };
        let ban = match body.ban_duration.as_deref() {
            None | Some("") => None,
            Some("none") => Some(None),
            Some(text) => Some(Some(ban_end(text)?)),
        };
        for data in [&body.user_metadata, &body.app_metadata].into_iter().flatten() {
            signup::checked_metadata(data.clone())?;
        }
        Ok(Self {
            email: filled(&body.email).map(|email| address::email(&email)).transpose()?,
            phone: filled(&body.phone).map(|phone| address::phone(&phone)).transpose()?,
            password,
            ban,
            body,
        })
    }
}

/// The end of a ban that begins now.
fn ban_end(text: &str) -> Result<Timestamp> {
    let invalid = || Refusal::invalid(format!("invalid format for ban duration: {text:?}"));
    let duration = go_duration(text).ok_or_else(invalid)?;
    let duration = SignedDuration::try_from(duration).map_err(|_| invalid())?;
    now().checked_add(duration).map_err(|_| invalid())
}

/// `POST /admin/users`.
pub(super) async fn create(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let wanted = Wanted::of(auth, call.json()?).await?;
    if wanted.email.is_none() && wanted.phone.is_none() {
        return Err(Refusal::invalid("Cannot create a user without either an email or phone"));
    }
    let id = match wanted.body.id.as_deref() {
        None | Some("") => Uuid::new_v4(),
        Some(text) => Uuid::parse_str(text)
            .ok()
            .filter(|id| id.get_version_num() == 4)
            .ok_or_else(|| Refusal::invalid("ID must conform to the uuid v4 format"))?,
    };
    let client = call.client;
    let account = auth
        .write(move |tx| {
            if users::by_id(tx, id)?.is_some() {
                let message = "A user with this id exists already";
                return Err(Refusal::new(422, "user_already_exists", message).into());
            }
            refuse_taken(tx, id, &wanted)?;
            for one in wanted.body.identities.iter().flatten() {
                demand_free(tx, one)?;
            }
            if wanted.body.dry_run == Some(true) {
                return Ok(Account::default());
            }
            let mut user = signup::new_user("", "", Object::new());
            user.id = id;
            users::insert(tx, &mut user)?;
            fill(tx, &mut user, &wanted)?;
            link(tx, &mut user, wanted.body.identities.as_deref().unwrap_or_default())?;
            audit::note(tx, client, &user, "user_signedup", None)?;
            Ok(account(tx, user)?)
        })
        .await?;
    Ok(Answer::json(&wire::user(&account)))
}

/// `PUT /admin/users/{id}`.
pub(super) async fn update(auth: &Arc<Auth>, call: &Call<'_>, id: Uuid) -> Result<Answer> {
    let wanted = Wanted::of(auth, call.json()?).await?;
    let client = call.client;
    let account = auth
        .write(move |tx| {
            let mut user = known(tx, id)?;
            refuse_taken(tx, id, &wanted)?;
            fill(tx, &mut user, &wanted)?;
            // A ban refuses what it finds, so that the sessions are there again when it ends.
            if wanted.password.is_some() {
                codes::delete_all(tx, id)?;
                session_table::delete_of_user(tx, id, None)?;
            }
            audit::note(tx, client, &user, "user_modified", None)?;
            Ok(account(tx, user)?)
        })
        .await?;
    auth.sessions_ended();
    Ok(Answer::json(&wire::user(&account)))
}

fn refuse_taken(tx: &mut Tx<'_>, id: Uuid, wanted: &Wanted) -> Result<(), Stop> {
    if let Some(email) = &wanted.email
        && users::by_email(tx, email)?.is_some_and(|other| other.id != id)
    {
        let message = "A user with this email address has already been registered";
        return Err(Refusal::new(422, "email_exists", message).into());
    }
    if let Some(phone) = &wanted.phone
        && users::by_phone(tx, phone)?.is_some_and(|other| other.id != id)
    {
        return Err(phone::taken().into());
    }
    Ok(())
}

/// Puts what is wanted into the user and stores it.
fn fill(tx: &mut Tx<'_>, user: &mut User, wanted: &Wanted) -> Result<(), Stop> {
    let body = &wanted.body;
    if let Some(role) = body.role.as_ref().filter(|role| !role.is_empty()) {
        user.role.clone_from(role);
    }
    if let Some(aud) = body.aud.as_ref().filter(|aud| !aud.is_empty()) {
        user.aud.clone_from(aud);
    }
    if let Some(hash) = &wanted.password {
        user.password.clone_from(hash);
    }
    if let Some(until) = wanted.ban {
        user.banned_until = until;
    }
    if let Some(data) = &body.user_metadata {
        User::merge(&mut user.user_metadata, data);
    }
    if let Some(email) = &wanted.email {
        if *email != user.email {
            codes::delete_all(tx, user.id)?;
        }
        user.email.clone_from(email);
        user.email_change = String::new();
        user.is_anonymous = false;
    }
    if body.email_confirm == Some(true) && !user.email.is_empty() {
        user.email_confirmed_at.get_or_insert(now());
        user.user_metadata.insert("email_verified".to_owned(), json!(true));
    }
    if !user.email.is_empty() {
        user::set_email_identity(tx, user)?;
    }
    if let Some(phone) = &wanted.phone {
        user.phone.clone_from(phone);
        user.phone_change = String::new();
        user.is_anonymous = false;
    }
    if body.phone_confirm == Some(true) && !user.phone.is_empty() {
        user.phone_confirmed_at.get_or_insert(now());
    }
    if !user.phone.is_empty() {
        phone::set_identity(tx, user, &Object::new())?;
    }
    if let Some(data) = &body.app_metadata {
        User::merge(&mut user.app_metadata, data);
    }
    Ok(users::update(tx, user)?)
}

/// Nobody else signs in with this account of a provider.
fn demand_free(tx: &mut Tx<'_>, one: &Linked) -> Result<(), Stop> {
    if one.id.is_empty() || one.provider.is_empty() || matches!(&*one.provider, "email" | "phone") {
        return Err(Refusal::invalid("An identity needs a provider and its id there").into());
    }
    if identities::by_provider(tx, &one.provider, &one.id)?.is_none() {
        return Ok(());
    }
    let message = "Identity is already linked to another user";
    Err(Refusal::new(422, "identity_already_exists", message).into())
}

/// Links accounts of providers.
fn link(tx: &mut Tx<'_>, user: &mut User, all: &[Linked]) -> Result<(), Stop> {
    if all.is_empty() {
        return Ok(());
    }
    for one in all {
        let mut data = signup::checked_metadata(one.identity_data.clone())?;
        data.insert("sub".to_owned(), json!(one.id));
        identities::insert(tx, user.id, &one.provider, &one.id, &data)?;
    }
    user.note_providers(&identities::providers(tx, user.id)?);
    Ok(users::update(tx, user)?)
}

#[derive(Default, Deserialize)]
struct Deletion {
    should_soft_delete: Option<bool>,
}

/// `DELETE /admin/users/{id}`.
pub(super) async fn delete(auth: &Arc<Auth>, call: &Call<'_>, id: Uuid) -> Result<Answer> {
    let body: Deletion = call.json_or_default()?;
    let (client, soft) = (call.client, body.should_soft_delete == Some(true));
    auth.write(move |tx| {
        let user = known(tx, id)?;
        let traits = json!({"user_id": user.id, "user_email": user.email});
        audit::note(tx, client, &user, "user_deleted", Some(traits))?;
        if soft {
            return hide(tx, user);
        }
        users::delete(tx, id)?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::empty_object())
}

/// Keeps the row for those who refer to it, without anything that tells who it was.
fn hide(tx: &mut Tx<'_>, mut user: User) -> Result<(), Stop> {
    use sha2::{Digest as _, Sha256};
    let hidden = |text: &str| {
        if text.is_empty() {
            return String::new();
        }
        hex::encode(Sha256::digest(format!("{}{text}", user.id).as_bytes()))
    };
    let (email, phone) = (hidden(&user.email), hidden(&user.phone));
    for mut identity in identities::of_user(tx, user.id)? {
        identity.provider_id = hidden(&identity.provider_id);
        identity.data = Object::new();
        identities::update(tx, &identity)?;
    }
    for factor in factors::of_user(tx, user.id)? {
        factors::delete(tx, factor.id)?;
    }
    for passkey in passkeys::of_user(tx, user.id)? {
        passkeys::delete(tx, passkey.id)?;
    }
    codes::delete_all(tx, user.id)?;
    session_table::delete_of_user(tx, user.id, None)?;
    user = User {
        email,
        // A number in the table is digits; its hash is kept to fifteen of hex.
        phone: phone.chars().take(15).collect(),
        password: String::new(),
        email_change: String::new(),
        phone_change: String::new(),
        app_metadata: Object::new(),
        user_metadata: Object::new(),
        deleted_at: Some(now()),
        ..user
    };
    Ok(users::update(tx, &mut user)?)
}

/// `GET /admin/users/{id}/sessions`.
pub(super) async fn sessions(auth: &Arc<Auth>, id: Uuid) -> Result<Answer> {
    let found = auth
        .read(move |tx| {
            known(tx, id)?;
            Ok(session_table::of_user(tx, id)?)
        })
        .await?;
    Ok(Answer::json(&found.iter().map(|session| wire::session(session, None)).collect::<Value>()))
}

/// `DELETE /admin/users/{id}/sessions/{session}`.
pub(super) async fn end_session(auth: &Arc<Auth>, id: Uuid, session: Uuid) -> Result<Answer> {
    auth.write(move |tx| {
        let found = session_table::by_id(tx, session)?.filter(|found| found.user_id == id);
        if found.is_none() {
            return Err(Refusal::new(404, "session_not_found", "Session not found").into());
        }
        session_table::delete(tx, session)?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::no_content())
}
