//! Codes and links used up: `POST` and `GET /verify`. Source: auth.md 6.5.

use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::codes::{Codes, PKCE_PREFIX};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::sessions::{Opened, Origin};
use crate::tables::codes::{self, Code, CodeKind};
use crate::tables::users::User;
use crate::tables::{audit, flows, users};
use crate::{address, pages, phone, pkce, signup, user};

const ONE_SIDED: &str =
    "Confirmation link accepted. Please proceed to confirm link sent to the other email";

#[derive(Default, Deserialize)]
struct Body {
    r#type: Option<String>,
    token: Option<String>,
    token_hash: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

/// What a code did.
enum Done {
    Session(Box<Opened>),
    /// The first of two confirmations of a change of address.
    OneSided,
    /// The code that the client exchanges for a session.
    AuthCode(String),
}

/// The kinds of codes that a `type` accepts.
fn kinds(kind: &str) -> Option<&'static [CodeKind]> {
    Some(match kind {
        "signup" | "invite" => &[CodeKind::Confirmation],
        "recovery" | "magiclink" => &[CodeKind::Recovery],
        "email" => &[CodeKind::Confirmation, CodeKind::Recovery],
        "email_change" => &[CodeKind::EmailChangeNew, CodeKind::EmailChangeCurrent],
        "sms" => &[CodeKind::Confirmation],
        "phone_change" => &[CodeKind::PhoneChange],
        _ => return None,
    })
}

/// `POST /verify`.
pub(crate) async fn by_body(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::Verify, call.client)?;
    let body: Body = call.json()?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (kind, token, hash) = (text(&body.r#type), text(&body.token), text(&body.token_hash));
    let (email, phone) = (text(&body.email), text(&body.phone));
    if kind.is_empty() {
        return Err(Refusal::invalid("Verify requires a verification type"));
    }
    let done = if hash.is_empty() {
        if email.is_empty() == phone.is_empty() {
            let message = "Only an email address or phone number should be provided on verify";
            return Err(Refusal::invalid(message));
        }
        if token.is_empty() {
            return Err(Refusal::invalid("Verify requires a token or a token hash"));
        }
        let wanted = kinds(&kind).ok_or_else(|| Refusal::invalid("Invalid verification type"))?;
        let by_phone = matches!(kind.as_str(), "sms" | "phone_change");
        if by_phone == phone.is_empty() {
            let message = "The verification type does not fit the address that was provided";
            return Err(Refusal::invalid(message));
        }
        let address = if by_phone { address::phone(&phone)? } else { address::email(&email)? };
        let (inner, origin) = (Arc::clone(auth), Origin::of(call));
        auth.write(move |tx| by_code(&inner, tx, wanted, (&address, &token), &origin)).await??
    } else {
        if !token.is_empty() || !email.is_empty() || !phone.is_empty() {
            let message = "Only the token_hash and type should be provided";
            return Err(Refusal::invalid(message));
        }
        let wanted = kinds(&kind).ok_or_else(|| Refusal::invalid("Invalid verification type"))?;
        let (inner, origin) = (Arc::clone(auth), Origin::of(call));
        auth.write(move |tx| {
            let life = inner.settings.email.code_life;
            let code = Codes::by_token(tx, &hash, (wanted, life))?;
            use_up(&inner, tx, &code, &origin)
        })
        .await?
    };
    auth.sessions_ended();
    match done {
        Done::Session(opened) => auth.session_answer(&opened).await,
        Done::OneSided | Done::AuthCode(_) => {
            Ok(Answer::json(&json!({"msg": ONE_SIDED, "code": "200"})))
        }
    }
}

fn expired() -> Refusal {
    Refusal::new(403, "otp_expired", "Token has expired or is invalid")
}

fn by_code(
    auth: &Auth,
    tx: &mut Tx<'_>,
    wanted: &[CodeKind],
    (address, token): (&str, &str),
    origin: &Origin,
) -> Result<Result<Done>, Stop> {
    let by_phone = !address.contains('@');
    let life = if by_phone { auth.settings.sms.code_life } else { auth.settings.email.code_life };
    let mut found: Vec<Uuid> = if wanted.contains(&CodeKind::PhoneChange) {
        users::ids_by_change(tx, address, CodeKind::PhoneChange.name())?
    } else {
        users::ids_by_address(tx, address)?
    };
    if wanted.contains(&CodeKind::EmailChangeNew) {
        found.extend(users::ids_by_change(tx, address, CodeKind::EmailChangeNew.name())?);
    }
    if found.is_empty() {
        // Nobody's: what is done for them takes as long.
        found.push(Uuid::new_v4());
    }
    for user in found {
        if let Ok(code) = auth.codes.check(tx, user, (wanted, life), (address, token))? {
            return use_up(auth, tx, &code, origin).map(Ok);
        }
    }
    // A wrong guess was counted, which must be committed.
    Ok(Err(expired()))
}

/// Does what the code is for, and opens a session.
fn use_up(auth: &Auth, tx: &mut Tx<'_>, code: &Code, origin: &Origin) -> Result<Done, Stop> {
    let Some(mut user) = prove(auth, tx, code, origin)? else { return Ok(Done::OneSided) };
    let opened = auth.open_session(tx, (&mut user, "otp"), origin)?;
    Ok(Done::Session(Box::new(opened)))
}

/// Does what the code is for. `None` where another confirmation is awaited.
fn prove(auth: &Auth, tx: &mut Tx<'_>, code: &Code, origin: &Origin) -> Result<Option<User>, Stop> {
    let Some(mut user) = users::by_id(tx, code.user_id)? else { return Err(expired().into()) };
    if user.is_banned() {
        return Err(Refusal::new(403, "user_banned", "User is banned").into());
    }
    codes::delete(tx, user.id, code.kind)?;
    match code.kind {
        CodeKind::Confirmation if code.relates_to == user.phone => {
            let new = user.phone_confirmed_at.is_none();
            phone::confirm(tx, &mut user)?;
            let action = if new { "user_signedup" } else { "login" };
            audit::note(tx, origin.client, &user, action, None)?;
        }
        CodeKind::Confirmation => {
            let action =
                if user.invited_at.is_some() { "invite_accepted" } else { "user_signedup" };
            signup::confirm_email(tx, &mut user)?;
            audit::note(tx, origin.client, &user, action, None)?;
        }
        CodeKind::Recovery => {
            if user.email_confirmed_at.is_none() {
                signup::confirm_email(tx, &mut user)?;
                codes::delete(tx, user.id, CodeKind::Confirmation)?;
            }
            audit::note(tx, origin.client, &user, "login", None)?;
        }
        CodeKind::EmailChangeNew | CodeKind::EmailChangeCurrent => {
            // 1: the present address has confirmed; 2: the new one has.
            let (this, other) =
                if code.kind == CodeKind::EmailChangeCurrent { (1, 2) } else { (2, 1) };
            if user::needs_both(auth, &user) && user.email_change_confirmed != other {
                user.email_change_confirmed = this;
                users::update(tx, &mut user)?;
                return Ok(None);
            }
            let email = user.email_change.clone();
            user::change_email(tx, &mut user, &email)?;
            audit::note(tx, origin.client, &user, "user_modified", None)?;
        }
        CodeKind::PhoneChange => {
            phone::change(tx, &mut user, &code.relates_to)?;
            audit::note(tx, origin.client, &user, "user_modified", None)?;
        }
        CodeKind::Reauthentication => return Err(expired().into()),
    }
    Ok(Some(user))
}

/// The page with a button, where links are not to be used up by programs that look at them.
const CONFIRM_PAGE: &str = include_str!("verify/confirm.html");

/// `GET /verify`: the link in a mail.
pub(crate) async fn opened_link(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    if !auth.settings.email.confirm_page {
        return by_link(auth, call).await;
    }
    let query = call.query.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ];
    let body = CONFIRM_PAGE.replace("{query}", &query).into_bytes();
    Ok(Answer { status: 200, headers, body })
}

/// Uses the link up and sends the browser on.
pub(crate) async fn by_link(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::Verify, call.client)?;
    let (token, kind) = (call.parameter("token"), call.parameter("type"));
    let (Some(token), Some(kind)) = (token, kind) else {
        return Err(Refusal::invalid("Verify requires a token and a verification type"));
    };
    let target = auth.redirect_target(call, None);
    let pkce = token.starts_with(PKCE_PREFIX);
    let done = follow(auth, call, token, &kind).await;
    auth.sessions_ended();
    let location = match done {
        Ok(Done::AuthCode(code)) => with_query(&target, &[("code", &code)]),
        Ok(Done::OneSided) => {
            let message = [("message", ONE_SIDED)];
            let target = if pkce { with_query(&target, &message) } else { target };
            with_fragment(&target, &message)
        }
        Ok(Done::Session(opened)) if auth.pages.is_page(&target) => {
            return pages::arrive(auth, &target, &opened);
        }
        Ok(Done::Session(opened)) => with_session(auth, &target, &opened, &kind).await?,
        Err(refusal) if refusal.status == 429 => return Err(refusal),
        // The page itself tells those who come without a session that the link is void.
        Err(_) if auth.pages.is_page(&target) => target,
        Err(refusal) => error_target(&target, &refusal, pkce),
    };
    Ok(Answer::redirect(303, location))
}

async fn follow(auth: &Arc<Auth>, call: &Call<'_>, token: String, kind: &str) -> Result<Done> {
    let wanted = kinds(kind).ok_or_else(|| Refusal::invalid("Invalid verification type"))?;
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    auth.write(move |tx| {
        let life = inner.settings.email.code_life;
        let code = Codes::by_token(tx, &token, (wanted, life))?;
        if !token.starts_with(PKCE_PREFIX) {
            return use_up(&inner, tx, &code, &origin);
        }
        let Some(user) = prove(&inner, tx, &code, &origin)? else { return Ok(Done::OneSided) };
        let methods: &[&str] = match code.kind {
            CodeKind::Confirmation => &["invite", "email/signup"],
            CodeKind::Recovery => &["recovery", "magiclink"],
            _ => &["email_change"],
        };
        let mut begun = Vec::new();
        for method in methods {
            begun.extend(flows::of_user(tx, user.id, method)?);
        }
        // A newer request replaced the code, and with it the flow that the code belongs to.
        let Some(mut flow) = begun.into_iter().max_by_key(|flow| flow.created_at) else {
            let message = "invalid flow state, no valid flow state found";
            return Err(Refusal::new(404, "flow_state_not_found", message).into());
        };
        Ok(Done::AuthCode(pkce::issue_code(tx, &mut flow)?))
    })
    .await
}

/// The target with the session's tokens in its fragment, where clients look for them.
///
/// # Errors
/// If the token cannot be signed.
pub(crate) async fn with_session(
    auth: &Arc<Auth>,
    target: &str,
    opened: &Opened,
    kind: &str,
) -> Result<String> {
    let members = auth.session_members(opened).await?;
    let text = |name: &str| match members.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let names = ["access_token", "expires_at", "expires_in", "refresh_token"];
    let values: Vec<(&str, String)> = names.into_iter().map(|name| (name, text(name))).collect();
    let mut pairs: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    pairs.extend([("token_type", "bearer"), ("type", kind)]);
    Ok(with_fragment(target, &pairs))
}

/// The target with an error in its fragment, and in its query where the flow is one of PKCE.
pub(crate) fn error_target(target: &str, refusal: &Refusal, query_too: bool) -> String {
    let pairs = [
        ("error", refusal.oauth_name()),
        ("error_code", refusal.code),
        ("error_description", refusal.message.as_str()),
    ];
    let target = if query_too { with_query(target, &pairs) } else { target.to_owned() };
    with_fragment(&target, &pairs)
}

/// Adds members to the query.
pub(crate) fn with_query(target: &str, pairs: &[(&str, &str)]) -> String {
    let (bare, fragment) = match target.split_once('#') {
        Some((bare, fragment)) => (bare, Some(fragment)),
        None => (target, None),
    };
    let mark = if bare.contains('?') { '&' } else { '?' };
    let made = format!("{bare}{mark}{}", encoded(pairs));
    fragment.map_or(made.clone(), |fragment| format!("{made}#{fragment}"))
}

/// Replaces the fragment; the empty member `sb` marks it as one of ours.
pub(crate) fn with_fragment(target: &str, pairs: &[(&str, &str)]) -> String {
    let bare = target.split_once('#').map_or(target, |(bare, _)| bare);
    let marked: Vec<(&str, &str)> = pairs.iter().copied().chain([("sb", "")]).collect();
    format!("{bare}#{}", encoded(&marked))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
