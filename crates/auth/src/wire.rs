//! What clients read: users, identities, factors and sessions as JSON.
//!
//! Source: auth.md part 3 of the protocol notes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::tables::factors::Factor;
use crate::tables::identities::Identity;
use crate::tables::sessions::Session;
use crate::tables::users::User;

/// A user with what belongs to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) identities: Vec<Identity>,
    pub(crate) factors: Vec<Factor>,
}

fn put_time(object: &mut Map<String, Value>, name: &str, time: Option<Timestamp>) {
    if let Some(time) = time {
        object.insert(name.to_owned(), json!(time.to_string()));
    }
}

/// The user.
pub(crate) fn user(account: &Account) -> Value {
    let user = &account.user;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("id", json!(user.id));
    put("aud", json!(user.aud));
    put("role", json!(user.role));
    put("email", json!(user.email));
    put("phone", json!(user.phone));
    let confirmed = [user.email_confirmed_at, user.phone_confirmed_at].into_iter().flatten().min();
    for (name, time) in [
        ("email_confirmed_at", user.email_confirmed_at),
        ("invited_at", user.invited_at),
        ("phone_confirmed_at", user.phone_confirmed_at),
        ("confirmation_sent_at", user.confirmation_sent_at),
        ("confirmed_at", confirmed),
        ("recovery_sent_at", user.recovery_sent_at),
        ("email_change_sent_at", user.email_change_sent_at),
        ("phone_change_sent_at", user.phone_change_sent_at),
        ("reauthentication_sent_at", user.reauthentication_sent_at),
        ("last_sign_in_at", user.last_sign_in_at),
        ("banned_until", user.banned_until),
        ("deleted_at", user.deleted_at),
    ] {
        put_time(&mut out, name, time);
    }
    for (name, text) in [("new_email", &user.email_change), ("new_phone", &user.phone_change)] {
        if !text.is_empty() {
            out.insert(name.to_owned(), json!(text));
        }
    }
    out.insert("app_metadata".to_owned(), Value::Object(user.app_metadata.clone()));
    out.insert("user_metadata".to_owned(), Value::Object(user.user_metadata.clone()));
    if !account.factors.is_empty() {
        out.insert("factors".to_owned(), account.factors.iter().map(factor).collect());
    }
    out.insert("identities".to_owned(), account.identities.iter().map(identity).collect());
    for (name, time) in [("created_at", user.created_at), ("updated_at", user.updated_at)] {
        put_time(&mut out, name, Some(time.unwrap_or_default()));
    }
    out.insert("is_anonymous".to_owned(), json!(user.is_anonymous));
    Value::Object(out)
}

/// An identity.
pub(crate) fn identity(identity: &Identity) -> Value {
    let mut out = Map::new();
    out.insert("identity_id".to_owned(), json!(identity.id));
    out.insert("id".to_owned(), json!(identity.provider_id));
    out.insert("user_id".to_owned(), json!(identity.user_id));
    out.insert("identity_data".to_owned(), Value::Object(identity.data.clone()));
    out.insert("provider".to_owned(), json!(identity.provider));
    for (name, time) in [
        ("last_sign_in_at", identity.last_sign_in_at.or(identity.created_at)),
        ("created_at", identity.created_at),
        ("updated_at", identity.updated_at),
    ] {
        put_time(&mut out, name, Some(time.unwrap_or_default()));
    }
    if !identity.email.is_empty() {
        out.insert("email".to_owned(), json!(identity.email));
    }
    Value::Object(out)
}

/// A factor, without its secret.
pub(crate) fn factor(factor: &Factor) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), json!(factor.id));
    for (name, time) in [("created_at", factor.created_at), ("updated_at", factor.updated_at)] {
        put_time(&mut out, name, Some(time.unwrap_or_default()));
    }
    out.insert("status".to_owned(), json!(factor.status));
    if !factor.friendly_name.is_empty() {
        out.insert("friendly_name".to_owned(), json!(factor.friendly_name));
    }
    out.insert("factor_type".to_owned(), json!(factor.kind));
    if factor.kind == "phone" {
        out.insert("phone".to_owned(), json!(factor.phone));
    }
    let challenged = factor.last_challenged_at.map(|time| time.to_string());
    out.insert("last_challenged_at".to_owned(), json!(challenged));
    Value::Object(out)
}

/// A session, as its owner and administrators see it; `current` is that of the caller.
pub(crate) fn session(session: &Session, current: Option<Uuid>) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), json!(session.id));
    put_time(&mut out, "created_at", session.created_at);
    put_time(&mut out, "refreshed_at", session.refreshed_at);
    put_time(&mut out, "not_after", session.not_after);
    out.insert("aal".to_owned(), json!(session.aal));
    out.insert("user_agent".to_owned(), json!(session.user_agent));
    out.insert("ip".to_owned(), json!(session.ip));
    if let Some(current) = current {
        out.insert("current".to_owned(), json!(session.id == current));
    }
    Value::Object(out)
}
