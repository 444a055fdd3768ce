//! Sign-in with the account of a provider: the browser's way there and back, and id tokens.
//! Source: auth.md 6.7, 6.8, 7.6 and part 11.

mod accounts;
mod id_token;
mod issuers;
mod network;
mod providers;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use crate::access_token::Subject;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::pages;
use crate::pkce::{self, Wanted};
use crate::sessions::{Origin, authenticate, bearer};
use crate::tables::flows::{self, Flow};
use crate::tables::sessions::By;
use crate::tables::{codes, users};
use crate::values::now;
use crate::verify::{error_target, with_fragment, with_query};

use accounts::Signed;
pub(crate) use id_token::grant;
pub use providers::ProviderError;
pub(crate) use registry::Registry;

/// Life of a flow between the way there and back.
const FLOW_LIFE: Duration = Duration::from_secs(300);
/// How long the traces of flows are kept, so that a reused one is told from an unknown one.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// What a flow's method is called once it came back.
const DONE: &str = "oauth/done";

/// Parameters that a caller must not choose.
const RESERVED: [&str; 14] = [
    "provider",
    "redirect_to",
    "scopes",
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "invite_token",
    "skip_http_redirect",
    "nonce",
];

/// `GET /authorize`.
pub(crate) async fn authorize(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let name = call.parameter("provider");
    if name.as_deref() == Some(pages::PROVIDER) && auth.pages.is_enabled() {
        return pages::entry(auth, call);
    }
    let url = begin(auth, call, None).await?;
    Ok(Answer::redirect(302, url))
}

/// `GET /user/identities/authorize`.
pub(crate) async fn link(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    demand_linking(auth)?;
    let who = bearer(call)?;
    let url = begin(auth, call, Some(who)).await?;
    if call.parameter("skip_http_redirect").as_deref() == Some("true") {
        return Ok(Answer::json(&json!({"url": url})));
    }
    Ok(Answer::redirect(302, url))
}

/// Users may link and unlink identities only where the setting says so.
pub(crate) fn demand_linking(auth: &Auth) -> Result<()> {
    if auth.settings.manual_linking {
        return Ok(());
    }
    Err(Refusal::new(404, "manual_linking_disabled", "Manual linking is disabled"))
}

async fn begin(auth: &Arc<Auth>, call: &Call<'_>, who: Option<Subject>) -> Result<String> {
    let name = call.parameter("provider").unwrap_or_default();
    let Some(provider) = auth.registry.get(&name) else {
        let message = "Unsupported provider: provider is not enabled";
        return Err(Refusal::invalid(message));
    };
    let challenge =
        Wanted::new(call.parameter("code_challenge"), call.parameter("code_challenge_method"))
            .challenge()?;
    let invite = call.parameter("invite_token").unwrap_or_default();
    let mut flow = Flow {
        id: Uuid::new_v4(),
        provider: name.clone(),
        created_at: Some(now()),
        method: "oauth".to_owned(),
        redirect_to: auth.redirect_target(call, None),
        invite_token: invite,
        ..Flow::default()
    };
    if let Some(challenge) = challenge {
        flow.challenge = challenge.text;
        flow.challenge_method = challenge.method.to_owned();
    }
    let (stored, inner) = (flow.clone(), Arc::clone(auth));
    auth.write(move |tx| {
        let mut flow = stored.clone();
        if let Some(who) = &who {
            flow.linking = Some(authenticate(tx, who)?.user.id);
        }
        if !flow.invite_token.is_empty() {
            let kinds = [codes::CodeKind::Confirmation];
            let wanted = (kinds.as_slice(), inner.settings.email.code_life);
            if crate::codes::Codes::by_token(tx, &flow.invite_token, wanted).is_err() {
                let message = "User identified by token not found";
                return Err(Refusal::new(404, "user_not_found", message).into());
            }
        }
        flows::delete_old(tx, oldest_kept())?;
        Ok(flows::put(tx, &flow)?)
    })
    .await?;
    let more: Vec<(String, String)> = form_urlencoded::parse(call.query.as_bytes())
        .into_owned()
        .filter(|(name, _)| !RESERVED.contains(&name.as_str()) && name != "apikey")
        .collect();
    let scopes = call.parameter("scopes").unwrap_or_default();
    auth.registry.authorize_url(provider, flow.id, &scopes, &more).await
}

/// Flows that began earlier are of no use any more.
pub(crate) fn oldest_kept() -> jiff::Timestamp {
    now()
        .saturating_sub(jiff::SignedDuration::try_from(KEEP).unwrap_or_default())
        .unwrap_or_default()
}

#[derive(Default, Deserialize)]
struct Return {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Apple's, once, at the first sign-in.
    user: Option<String>,
}

/// `GET` and `POST /callback`.
pub(crate) async fn callback(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let form = if call.method == "POST" { call.body } else { call.query.as_bytes() };
    let mut back = Return::default();
    for (name, value) in form_urlencoded::parse(form) {
        let value = Some(value.into_owned()).filter(|value| !value.is_empty());
        match &*name {
            "code" => back.code = value,
            "state" => back.state = value,
            "error" => back.error = value,
            "error_description" => back.error_description = value,
            "user" => back.user = value,
            _ => {}
        }
    }
    let flow = match take_flow(auth, back.state.as_deref()).await {
        Ok(flow) => flow,
        Err(refusal) => {
            let site = auth.settings.site_url.clone();
            return Ok(Answer::redirect(302, error_target(&site, &refusal, true)));
        }
    };
    let target = flow.redirect_to.clone();
    let answer = match finish(auth, call, flow, back).await {
        Ok(answer) => answer,
        Err(refusal) => Answer::redirect(302, error_target(&target, &refusal, true)),
    };
    auth.sessions_ended();
    Ok(answer)
}

/// The flow that the provider sends back, which is good for one return.
async fn take_flow(auth: &Arc<Auth>, state: Option<&str>) -> Result<Flow> {
    let Some(state) = state else {
        let message = "OAuth state parameter missing";
        return Err(Refusal::new(400, "bad_oauth_callback", message));
    };
    let bad = || Refusal::new(400, "bad_oauth_state", "OAuth state is unknown or has expired");
    let id = Uuid::parse_str(state).map_err(|_| bad())?;
    auth.write(move |tx| {
        let Some(mut flow) = flows::by_id(tx, id)? else { return Err(bad().into()) };
        if flow.method == DONE {
            let message = "OAuth state was used already";
            return Err(Refusal::new(400, "flow_state_already_used", message).into());
        }
        let age = flow.created_at.map(|at| now().duration_since(at).unsigned_abs());
        if flow.method != "oauth" || age.is_none_or(|age| age > FLOW_LIFE) {
            return Err(bad().into());
        }
        let taken = flow.clone();
        flow.method = DONE.to_owned();
        flows::put(tx, &flow)?;
        Ok(taken)
    })
    .await
}

async fn finish(auth: &Arc<Auth>, call: &Call<'_>, mut flow: Flow, back: Return) -> Result<Answer> {
    if let Some(error) = back.error {
        let message = back.error_description.unwrap_or_else(|| error.clone());
        let status = if error == "access_denied" { 403 } else { 400 };
        return Err(Refusal::new(status, "bad_oauth_callback", message));
    }
    let Some(code) = back.code else {
        let message = "OAuth callback with missing authorization code";
        return Err(Refusal::new(400, "bad_oauth_callback", message));
    };
    let provider = auth.registry.get(&flow.provider).ok_or_else(|| {
        Refusal::new(400, "oauth_provider_not_supported", "The provider is not enabled any more")
    })?;
    let granted = auth.registry.exchange(provider, flow.id, &code).await?;
    let mut profile = auth.registry.profile(provider, flow.id, &granted).await?;
    profile.with_name_of(back.user.as_deref());
    flow.provider_token = granted.access_token;
    flow.provider_refresh_token = granted.refresh_token;
    let (inner, origin, state) = (Arc::clone(auth), Origin::of(call), flow.clone());
    let signed = auth.admitting(call.client, move |tx, admission| {
        accounts::sign_in(&inner, tx, &state, &profile, (&origin, admission))
    });
    let (user, letter) = match signed.await? {
        Signed::In(user) => (user, None),
        Signed::Unverified(letter) => (users::User::default(), letter),
    };
    if let Some(letter) = letter {
        auth.deliver(&[letter], call.client).await?;
        let message = format!(
            "Unverified email with {}. A confirmation email has been sent to your {} email",
            flow.provider, flow.provider
        );
        return Err(Refusal::new(422, "provider_email_needs_verification", message));
    }
    deliver(auth, call, (flow, user)).await
}

/// Hands the session over: a code for who has the verifier, else tokens in the fragment.
async fn deliver(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (mut flow, user): (Flow, users::User),
) -> Result<Answer> {
    let target = flow.redirect_to.clone();
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    if !flow.challenge.is_empty() {
        for token in [&mut flow.provider_token, &mut flow.provider_refresh_token] {
            if !token.is_empty() {
                *token = auth.vault.seal("provider", token.as_bytes())?;
            }
        }
        let code = auth
            .write(move |tx| {
                let mut issued =
                    Flow { user_id: Some(user.id), method: "oauth".to_owned(), ..flow.clone() };
                // The state stays behind as used; the code has a row of its own.
                issued.id = Uuid::new_v4();
                Ok(pkce::issue_code(tx, &mut issued)?)
            })
            .await?;
        return Ok(Answer::redirect(302, with_query(&target, &[("code", &code)])));
    }
    let provider = flow.provider.clone();
    let opened = auth
        .write(move |tx| {
            let Some(mut user) = users::by_id(tx, user.id)? else {
                return Err(Refusal::new(403, "user_not_found", "User not found").into());
            };
            inner.open_session(tx, (&mut user, By::provider("oauth", &provider)), &origin)
        })
        .await?;
    if auth.pages.is_page(&target) {
        return pages::arrive(auth, &target, &opened);
    }
    let members = auth.session_members(&opened).await?;
    let text = |name: &str| match members.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (access, at) = (text("access_token"), text("expires_at"));
    let (expires, refresh) = (text("expires_in"), text("refresh_token"));
    let mut pairs = vec![
        ("access_token", access.as_str()),
        ("expires_at", &at),
        ("expires_in", &expires),
        ("refresh_token", &refresh),
        ("token_type", "bearer"),
        ("provider_token", &flow.provider_token),
    ];
    if !flow.provider_refresh_token.is_empty() {
        pairs.push(("provider_refresh_token", &flow.provider_refresh_token));
    }
    Ok(Answer::redirect(302, with_fragment(&target, &pairs)))
}
