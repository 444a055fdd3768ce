//! The browser's way: what an application asks for, and what the user decides.

use std::sync::Arc;

use backstay_records::Tx;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{client_missing, hash, scopes};
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::pkce::Wanted;
use crate::random;
use crate::sessions::{Me, authenticate, bearer};
use crate::tables::oauth_authorizations::{self as authorizations, Authorization};
use crate::tables::oauth_clients::{self, Client};
use crate::tables::oauth_consents as consents;
use crate::values::now;
use crate::verify::with_query;

/// Life of a request, from the browser's coming to the code's use.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How long the traces are kept, so that a code that is used again is known.
const KEEP: SignedDuration = SignedDuration::from_hours(24);
/// Limit: bytes of `state`, `nonce` and `resource`.
const TEXT_BYTES_MAX: usize = 4096;

/// `GET /oauth/authorize`.
pub(super) async fn begin(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let id = call.parameter("client_id").unwrap_or_default();
    let id = Uuid::parse_str(&id).map_err(|_| client_missing(400))?;
    let client = auth.read(move |tx| Ok(oauth_clients::by_id(tx, id)?)).await?;
    let client = client.ok_or_else(|| client_missing(400))?;
    let redirect_uri = call.parameter("redirect_uri").unwrap_or_default();
    // A browser is never sent to an address that nobody registered, whatever went wrong.
    if !client.redirect_uris.contains(&redirect_uri) {
        return Err(Refusal::invalid("invalid redirect_uri"));
    }
    let state = call.parameter("state").unwrap_or_default();
    let location = match asked(call, &client, &redirect_uri) {
        Ok(made) => {
            let handle = made.handle.clone();
            auth.write(move |tx| {
                if let Ok(before) = now().checked_sub(KEEP) {
                    authorizations::delete_old(tx, before)?;
                }
                Ok(authorizations::insert(tx, &made)?)
            })
            .await?;
            with_query(&consent_page(auth), &[("authorization_id", &handle)])
        }
        Err(refusal) => {
            let mut pairs =
                vec![("error", "invalid_request"), ("error_description", &*refusal.message)];
            if !state.is_empty() {
                pairs.push(("state", &state));
            }
            with_query(&redirect_uri, &pairs)
        }
    };
    Ok(Answer::redirect(302, location))
}

/// The page of the site that asks the user.
fn consent_page(auth: &Auth) -> String {
    let path = auth.settings.oauth_server.as_ref().map_or("", |server| &server.consent_path);
    if path.contains("://") {
        return path.to_owned();
    }
    let site = auth.settings.site_url.trim_end_matches('/');
    format!("{site}/{}", path.trim_start_matches('/'))
}

/// What the parameters ask for.
fn asked(call: &Call<'_>, client: &Client, redirect_uri: &str) -> Result<Authorization> {
    if call.parameter("response_type").as_deref() != Some("code") {
        return Err(Refusal::invalid("response_type must be code"));
    }
    if !client.grant_types.iter().any(|one| one == "authorization_code") {
        return Err(Refusal::invalid("the client may not use authorization codes"));
    }
    let challenge =
        Wanted::new(call.parameter("code_challenge"), call.parameter("code_challenge_method"))
            .challenge()?
            .ok_or_else(|| Refusal::invalid("PKCE is required: code_challenge is missing"))?;
    let scope = scopes::parse(call.parameter("scope").as_deref())
        .map_err(|scope| Refusal::invalid(format!("there is no scope {scope:?}")))?;
    let text = |name: &str| match call.parameter(name) {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            Err(Refusal::invalid(format!("{name} is too long")))
        }
        text => Ok(text.unwrap_or_default()),
    };
    Ok(Authorization {
        id: Uuid::new_v4(),
        handle: random::token()?,
        client_id: client.id,
        redirect_uri: redirect_uri.to_owned(),
        scope,
        state: text("state")?,
        resource: text("resource")?,
        challenge: challenge.text,
        challenge_method: challenge.method.to_owned(),
        expires_at: now().checked_add(LIFE).map_err(Refusal::internal)?,
        nonce: text("nonce")?,
        ..Authorization::default()
    })
}

/// Only pages of the site, or the server's own, may ask for the user.
fn demand_origin(auth: &Auth, call: &Call<'_>) -> Result<()> {
    let Some(origin) = call.header("origin") else { return Ok(()) };
    let own = auth.settings.external_url.strip_prefix(origin);
    let own = own.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if own || auth.redirects.allows(origin) {
        return Ok(());
    }
    Err(Refusal::invalid("unauthorized request origin"))
}

/// The request that waits for this user's decision.
fn waiting(tx: &mut Tx<'_>, me: &Me, handle: &str) -> Result<(Authorization, Client), Stop> {
    let missing = || Refusal::new(404, "oauth_authorization_not_found", "Authorization not found");
    let found = authorizations::by_handle(tx, handle)?.filter(|found| {
        let own = found.user_id.is_none_or(|user| user == me.user.id);
        own && found.status == "pending" && found.expires_at > now()
    });
    let mut found = found.ok_or_else(missing)?;
    let client = oauth_clients::by_id(tx, found.client_id)?.ok_or_else(missing)?;
    if found.user_id.is_none() {
        found.user_id = Some(me.user.id);
        authorizations::update(tx, &found)?;
    }
    Ok((found, client))
}

/// `GET /oauth/authorizations/{id}`.
pub(super) async fn details(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    demand_origin(auth, call)?;
    let (who, handle) = (bearer(call)?, id.to_owned());
    let answer = auth
        .write(move |tx| {
            let me = authenticate(tx, &who)?;
            let (found, client) = waiting(tx, &me, &handle)?;
            let known = consents::of_user(tx, me.user.id)?;
            let known = known.into_iter().find(|one| one.client_id == client.id);
            if known.is_some_and(|one| scopes::covers(&one.scopes, &found.scope)) {
                return Ok(json!({"redirect_url": approve(tx, found)?}));
            }
            Ok(shown(&found, &client, &me))
        })
        .await?;
    Ok(Answer::json(&answer))
}

fn shown(found: &Authorization, client: &Client, me: &Me) -> Value {
    json!({
        "authorization_id": found.handle,
        "redirect_uri": found.redirect_uri,
        "client": {
            "id": client.id,
            "name": client.name,
            "uri": client.uri,
            "logo_uri": client.logo_uri,
        },
        "user": {"id": me.user.id, "email": me.user.email},
        "scope": found.scope,
    })
}

#[derive(Default, Deserialize)]
struct Decision {
    action: Option<String>,
}

/// `POST /oauth/authorizations/{id}/consent`.
pub(super) async fn consent(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    demand_origin(auth, call)?;
    let (who, handle) = (bearer(call)?, id.to_owned());
    let body: Decision = call.json()?;
    let approved = match body.action.as_deref() {
        Some("approve") => true,
        Some("deny") => false,
        _ => return Err(Refusal::invalid("action must be approve or deny")),
    };
    let url = auth
        .write(move |tx| {
            let me = authenticate(tx, &who)?;
            let (mut found, client) = waiting(tx, &me, &handle)?;
            if !approved {
                found.status = "denied".to_owned();
                authorizations::update(tx, &found)?;
                return Ok(denied(&found));
            }
            let known = consents::of_user(tx, me.user.id)?;
            let known = known.into_iter().find(|one| one.client_id == client.id);
            let before = known.map(|one| one.scopes).unwrap_or_default();
            let all = scopes::union(&before, &found.scope);
            consents::put(tx, me.user.id, client.id, &all)?;
            approve(tx, found)
        })
        .await?;
    Ok(Answer::json(&json!({"redirect_url": url})))
}

/// Issues the code; where the browser goes with it.
fn approve(tx: &mut Tx<'_>, mut found: Authorization) -> Result<String, Stop> {
    let code = random::token()?;
    found.status = "approved".to_owned();
    found.code_hash = hash(&code);
    authorizations::update(tx, &found)?;
    let mut pairs = vec![("code", code.as_str())];
    if !found.state.is_empty() {
        pairs.push(("state", &found.state));
    }
    Ok(with_query(&found.redirect_uri, &pairs))
}

fn denied(found: &Authorization) -> String {
    let mut pairs =
        vec![("error", "access_denied"), ("error_description", "The user denied the request")];
    if !found.state.is_empty() {
        pairs.push(("state", &found.state));
    }
    with_query(&found.redirect_uri, &pairs)
}
