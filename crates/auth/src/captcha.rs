//! Captchas: the token of a call is shown to the provider, who tells whether a person sent it.
//! Source: auth.md 8.2.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::auth::Auth;
use crate::call::{Bearer, Call};
use crate::error::{Refusal, Result};
use crate::outgoing;

/// Time for the provider's answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);
/// Limit: bytes of that answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What the provider says.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    success: bool,
    #[serde(default, rename = "error-codes")]
    errors: Vec<String>,
}

fn disallowed(reason: &str) -> Refusal {
    let message = format!("captcha protection: request disallowed ({reason})");
    Refusal::new(400, "captcha_failed", message)
}

/// Lets a call pass whose token the provider takes. Administrators need none.
///
/// # Errors
/// 400 `captcha_failed`; 500 where the provider cannot be asked, so that nobody gets in by that.
pub(crate) async fn demand(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<()> {
    let Some(settings) = &auth.settings.captcha else { return Ok(()) };
    if !is_protected(call, path) || is_administrator(auth, call) {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
    let token = body["gotrue_meta_security"]["captcha_token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(disallowed("no captcha_token found"));
    }
    let client = outgoing::client(ANSWER_TIME_MAX)
        .ok_or_else(|| Refusal::internal("no client for captchas"))?;
    let remote = call.client.to_string();
    let form = [("secret", settings.secret.as_str()), ("response", token), ("remoteip", &remote)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client
        .post(&settings.url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let answer = request.send().await.map_err(|error| Refusal::internal(error.without_url()))?;
    let answer = outgoing::body(answer, ANSWER_BYTES_MAX).await.map_err(Refusal::internal)?;
    let verdict: Verdict = serde_json::from_slice(&answer)
        .map_err(|_| Refusal::internal("the captcha's provider answers no JSON"))?;
    if verdict.success { Ok(()) } else { Err(disallowed(&verdict.errors.join(", "))) }
}

/// Calls that a program could make in masses.
fn is_protected(call: &Call<'_>, path: &[&str]) -> bool {
    match (call.method, path) {
        ("POST", ["signup" | "recover" | "resend" | "magiclink" | "otp"])
        | ("POST", ["passkeys", "authentication", "options"]) => true,
        ("POST", ["token"]) => call.parameter("grant_type").as_deref() == Some("password"),
        _ => false,
    }
}

fn is_administrator(auth: &Auth, call: &Call<'_>) -> bool {
    match &call.bearer {
        Bearer::Key(role) => auth.is_admin_role(role),
        Bearer::Token(claims) => {
            let role = claims.get("role").and_then(Value::as_str);
            role.is_some_and(|role| auth.is_admin_role(role))
        }
        Bearer::Missing | Bearer::Invalid(_) => false,
    }
}
