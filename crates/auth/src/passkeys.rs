//! Passkeys: keys of browsers and devices that sign in by themselves. Source: auth.md 6.10.

use std::sync::Arc;

use backstay_records::Tx;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access_token::Subject;
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::sessions::{Me, Opened, Origin, authenticate, bearer};
use crate::tables::passkeys::{self, Ceremony, Passkey};
use crate::tables::users::User;
use crate::tables::{audit, factors, users};
use crate::values::now;
use crate::webauthn::{Begun, CEREMONY_TIME, claimed};

/// Limit: passkeys of a user.
const PASSKEYS_MAX: usize = 10;
/// Limit: characters of a name.
const NAME_MAX: usize = 120;
/// The ceremony that makes a passkey.
const REGISTRATION: &str = "registration";
/// The ceremony that signs in with one.
const AUTHENTICATION: &str = "authentication";

/// Everything below `/passkeys`.
pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    demand(auth)?;
    match (call.method, path) {
        ("POST", ["registration", "options"]) => begin_registration(auth, call).await,
        ("POST", ["registration", "verify"]) => register(auth, call).await,
        ("POST", ["authentication", "options"]) => begin_sign_in(auth, call).await,
        ("POST", ["authentication", "verify"]) => {
            let opened = sign_in(auth, call, call.json()?).await?;
            auth.session_answer(&opened).await
        }
        ("GET", []) => list(auth, call).await,
        ("PATCH", [id]) => rename(auth, call, id).await,
        ("DELETE", [id]) => remove(auth, call, id).await,
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

/// Passkeys are there only where the setting says so.
pub(crate) fn demand(auth: &Auth) -> Result<()> {
    if auth.settings.passkeys {
        return Ok(());
    }
    Err(Refusal::new(404, "passkey_disabled", "Passkeys are disabled"))
}

/// The caller, who has an account of their own and proved all that they can.
fn owner(tx: &mut Tx<'_>, who: &Subject) -> Result<Me, Stop> {
    let me = authenticate(tx, who)?;
    let Some(session) = me.session.as_ref().filter(|_| !me.user.is_anonymous) else {
        let message = "Anonymous users and tokens without a session cannot have passkeys";
        return Err(Refusal::new(403, "no_authorization", message).into());
    };
    if me.user.is_sso {
        let message = "Passkeys of users of a single sign-on are their organisation's";
        return Err(Refusal::new(422, "user_sso_managed", message).into());
    }
    let strong = factors::of_user(tx, me.user.id)?.iter().any(|one| one.status == "verified");
    if strong && session.aal != "aal2" {
        let message = "AAL2 required to change passkeys";
        return Err(Refusal::new(403, "insufficient_aal", message).into());
    }
    Ok(me)
}

async fn begin_registration(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    auth.limits.take(Kind::Passkey, call.client)?;
    let inner = Arc::clone(auth);
    let (ceremony, options) = auth
        .write(move |tx| {
            let me = owner(tx, &who)?;
            let known = passkeys::of_user(tx, me.user.id)?;
            demand_room(&known)?;
            let known: Vec<String> = known.into_iter().map(|one| one.credential).collect();
            let begun = inner.relying_party.begin_creation(&me.user, &known, true)?;
            keep(tx, begun, (REGISTRATION, Some(me.user.id)))
        })
        .await?;
    Ok(begun_answer(&ceremony, &options))
}

fn demand_room(known: &[Passkey]) -> Result<()> {
    if known.len() < PASSKEYS_MAX {
        return Ok(());
    }
    let message = "Maximum number of passkeys reached, delete one to continue";
    Err(Refusal::new(422, "too_many_passkeys", message))
}

/// Keeps what the browser's answer is compared with.
fn keep(
    tx: &mut Tx<'_>,
    begun: Begun,
    (kind, user_id): (&str, Option<Uuid>),
) -> Result<(Ceremony, Value), Stop> {
    let life = jiff::SignedDuration::try_from(CEREMONY_TIME).unwrap_or_default();
    let expires_at = now().saturating_add(life).unwrap_or_else(|_| now());
    let ceremony = Ceremony { id: Uuid::new_v4(), user_id, state: begun.state, expires_at };
    passkeys::put_ceremony(tx, &ceremony, kind)?;
    Ok((ceremony, begun.options))
}

fn begun_answer(ceremony: &Ceremony, options: &Value) -> Answer {
    Answer::json(&json!({
        "challenge_id": ceremony.id,
        "options": options.get("publicKey"),
        "expires_at": ceremony.expires_at.as_second(),
    }))
}

/// What a browser answers.
#[derive(Deserialize)]
pub(crate) struct Body {
    pub(crate) challenge_id: Option<String>,
    pub(crate) credential: Option<Value>,
}

impl Body {
    /// Takes the ceremony, whatever comes of the answer: it is good for one.
    async fn take(&self, auth: &Arc<Auth>, kind: &'static str) -> Result<(Ceremony, Value)> {
        let missing = || {
            let message = "The challenge is unknown or was used already";
            Refusal::new(400, "webauthn_challenge_not_found", message)
        };
        let id = Uuid::parse_str(self.challenge_id.as_deref().unwrap_or_default());
        let Ok(id) = id else { return Err(missing()) };
        let Some(credential) = self.credential.clone().filter(Value::is_object) else {
            return Err(Refusal::invalid("credential is required"));
        };
        let taken = auth.write(move |tx| Ok(passkeys::take_ceremony(tx, id, kind)?)).await?;
        let taken = taken.ok_or_else(missing)?;
        if taken.expires_at < now() {
            let message = "The challenge has expired, begin again";
            return Err(Refusal::new(400, "webauthn_challenge_expired", message));
        }
        Ok((taken, credential))
    }
}

fn failed(reason: String) -> Refusal {
    tracing::debug!(reason, "a passkey was refused");
    let message = format!("The passkey could not be verified: {reason}");
    Refusal::new(400, "webauthn_verification_failed", message)
}

async fn register(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let body: Body = call.json()?;
    let (ceremony, credential) = body.take(auth, REGISTRATION).await?;
    let made = auth.relying_party.create(&ceremony.state, &credential).map_err(failed)?;
    let client = call.client;
    let passkey = auth
        .write(move |tx| {
            let me = owner(tx, &who)?;
            if ceremony.user_id != Some(me.user.id) {
                return Err(failed("the challenge is another user's".to_owned()).into());
            }
            demand_room(&passkeys::of_user(tx, me.user.id)?)?;
            let (credential_id, credential) = made.clone();
            if passkeys::by_credential(tx, &credential_id)?.is_some() {
                let message = "This passkey is registered already";
                return Err(Refusal::new(422, "webauthn_credential_exists", message).into());
            }
            let passkey = Passkey {
                id: Uuid::new_v4(),
                user_id: me.user.id,
                credential_id,
                credential,
                friendly_name: String::new(),
                created_at: Some(now()),
                last_used_at: None,
            };
            passkeys::insert(tx, &passkey)?;
            note(tx, client, (&me.user, &passkey), "passkey_created")?;
            Ok(passkey)
        })
        .await?;
    Ok(Answer::json(&wire(&passkey)))
}

fn note(
    tx: &mut Tx<'_>,
    client: std::net::IpAddr,
    (user, passkey): (&User, &Passkey),
    action: &str,
) -> Result<(), Stop> {
    let traits = json!({"passkey_id": passkey.id});
    Ok(audit::note(tx, client, user, action, Some(traits))?)
}

/// A passkey as its owner and administrators see it.
fn wire(passkey: &Passkey) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), json!(passkey.id));
    if !passkey.friendly_name.is_empty() {
        out.insert("friendly_name".to_owned(), json!(passkey.friendly_name));
    }
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    out.insert("created_at".to_owned(), json!(time(passkey.created_at)));
    if let Some(used) = time(passkey.last_used_at) {
        out.insert("last_used_at".to_owned(), json!(used));
    }
    Value::Object(out)
}

async fn begin_sign_in(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let (ceremony, options) = begin(auth, call).await?;
    Ok(begun_answer(&ceremony, &options))
}

/// Begins a sign-in with any passkey that the browser finds.
pub(crate) async fn begin(auth: &Arc<Auth>, call: &Call<'_>) -> Result<(Ceremony, Value)> {
    auth.limits.take(Kind::Passkey, call.client)?;
    let inner = Arc::clone(auth);
    auth.write(move |tx| {
        let begun = inner.relying_party.begin_use(&[])?;
        keep(tx, begun, (AUTHENTICATION, None))
    })
    .await
}

/// Signs in with what the browser answered.
pub(crate) async fn sign_in(auth: &Arc<Auth>, call: &Call<'_>, body: Body) -> Result<Opened> {
    auth.limits.take(Kind::Token, call.client)?;
    let (ceremony, credential) = body.take(auth, AUTHENTICATION).await?;
    let claimed = claimed(&credential).map_err(failed)?;
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    auth.write(move |tx| {
        let unknown = || {
            let message = "This passkey is not known here";
            Refusal::new(400, "webauthn_credential_not_found", message)
        };
        let known = passkeys::by_credential(tx, &claimed.id)?;
        let mut passkey = known.ok_or_else(unknown)?;
        // An authenticator that was asked for no one in particular tells whose key it used.
        if claimed.user != Some(passkey.user_id) {
            return Err(failed("the passkey is another user's".to_owned()).into());
        }
        let mut user = users::by_id(tx, passkey.user_id)?.ok_or_else(unknown)?;
        let checked =
            inner.relying_party.check_use(&ceremony.state, &passkey.credential, &credential);
        passkey.credential = checked.map_err(failed)?;
        passkey.last_used_at = Some(now());
        may_sign_in(&user)?;
        passkeys::update(tx, &passkey)?;
        audit::note(tx, origin.client, &user, "login", None)?;
        inner.open_session(tx, (&mut user, "passkey"), &origin)
    })
    .await
}

fn may_sign_in(user: &User) -> Result<()> {
    if user.is_banned() {
        return Err(Refusal::new(403, "user_banned", "User is banned"));
    }
    if user.email_confirmed_at.is_some() || user.phone_confirmed_at.is_some() {
        return Ok(());
    }
    if user.email.is_empty() && !user.phone.is_empty() {
        return Err(Refusal::new(403, "phone_not_confirmed", "Phone not confirmed"));
    }
    Err(Refusal::new(403, "email_not_confirmed", "Email not confirmed"))
}

async fn list(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let known = auth
        .read(move |tx| {
            let me = authenticate(tx, &who)?;
            Ok(passkeys::of_user(tx, me.user.id)?)
        })
        .await?;
    Ok(Answer::json(&known.iter().map(wire).collect::<Value>()))
}

fn own(tx: &mut Tx<'_>, user: Uuid, id: &str) -> Result<Passkey, Stop> {
    let id = Uuid::parse_str(id).ok();
    let found = passkeys::of_user(tx, user)?.into_iter().find(|one| Some(one.id) == id);
    found.ok_or_else(|| Refusal::new(404, "validation_failed", "Passkey not found").into())
}

#[derive(Deserialize)]
struct Renaming {
    friendly_name: Option<String>,
}

async fn rename(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    let who = bearer(call)?;
    let body: Renaming = call.json()?;
    let name = body.friendly_name.unwrap_or_default().trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        let message = format!("friendly_name needs 1 to {NAME_MAX} characters");
        return Err(Refusal::invalid(message));
    }
    let (id, client) = (id.to_owned(), call.client);
    let passkey = auth
        .write(move |tx| {
            let me = owner(tx, &who)?;
            let mut passkey = own(tx, me.user.id, &id)?;
            passkey.friendly_name.clone_from(&name);
            passkeys::update(tx, &passkey)?;
            note(tx, client, (&me.user, &passkey), "passkey_updated")?;
            Ok(passkey)
        })
        .await?;
    Ok(Answer::json(&wire(&passkey)))
}

async fn remove(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    let who = bearer(call)?;
    let (id, client) = (id.to_owned(), call.client);
    auth.write(move |tx| {
        let me = owner(tx, &who)?;
        let passkey = own(tx, me.user.id, &id)?;
        passkeys::delete(tx, passkey.id)?;
        note(tx, client, (&me.user, &passkey), "passkey_deleted")
    })
    .await?;
    Ok(Answer::no_content())
}

/// `GET /admin/users/{id}/passkeys`; the user is known.
pub(crate) fn all(tx: &mut Tx<'_>, user: Uuid) -> Result<Value, Stop> {
    Ok(passkeys::of_user(tx, user)?.iter().map(wire).collect())
}

/// `DELETE /admin/users/{id}/passkeys/{passkey}`.
pub(crate) fn take_away(
    tx: &mut Tx<'_>,
    client: std::net::IpAddr,
    (user, id): (&User, &str),
) -> Result<(), Stop> {
    let passkey = own(tx, user.id, id)?;
    passkeys::delete(tx, passkey.id)?;
    note(tx, client, (user, &passkey), "passkey_deleted")
}
