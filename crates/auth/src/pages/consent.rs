//! `/auth/consent`: may an application act for the user? Source: auth.md 6.12.

use serde_json::{Value, json};

use super::Page;
use super::form::Form;
use super::view::{Shown, shown};
use crate::call::Answer;
use crate::error::{Refusal, Result};
use crate::factors;

const NAME: &str = "consent.html";

/// What a scope lets an application do, in words.
fn words(scope: &str) -> String {
    match scope {
        "openid" => "know that it is you".to_owned(),
        "email" => "see your e-mail address".to_owned(),
        "phone" => "see your phone number".to_owned(),
        "profile" => "see your name and picture".to_owned(),
        "offline_access" => "act while you are away".to_owned(),
        other => other.to_owned(),
    }
}

pub(super) async fn show(page: &mut Page<'_>) -> Result<Answer> {
    let id = authorization(page)?;
    let Some(opened) = page.session().await? else { return Ok(first("sign-in", &id)) };
    if factors::awaits_second(page.auth, &opened) {
        return Ok(first("mfa", &id));
    }
    let asked = page.ask(("GET", &format!("/oauth/authorizations/{id}")), "", json!({})).await?;
    let details = read(&asked)?;
    if let Some(url) = details["redirect_url"].as_str() {
        return leave(page, url);
    }
    page.render(NAME, filled(&id, &details))
}

fn authorization(page: &Page<'_>) -> Result<String> {
    let id = page.call.parameter("authorization_id").unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || !id.bytes().all(plain) {
        let message = "Authorization not found";
        return Err(Refusal::new(404, "oauth_authorization_not_found", message));
    }
    Ok(id)
}

/// To another page, and back here.
fn first(name: &str, id: &str) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("redirect_to", &format!("/auth/consent?authorization_id={id}"))
        .finish();
    Answer::redirect(303, format!("{name}?{query}"))
}

fn read(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).map_err(Refusal::internal)
}

/// Sends the browser back to the application.
fn leave(page: &Page<'_>, url: &str) -> Result<Answer> {
    page.render("leave.html", shown(json!({"url": url})))
}

fn filled(id: &str, details: &Value) -> Shown {
    let scopes = details["scope"].as_str().unwrap_or_default().split_whitespace();
    shown(json!({
        "query": format!("?authorization_id={id}"),
        "client": details["client"]["name"],
        "client_uri": details["client"]["uri"],
        "email": details["user"]["email"],
        "scopes": scopes.map(words).collect::<Vec<String>>(),
    }))
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let id = authorization(page)?;
    let Some(opened) = page.session().await? else { return Ok(first("sign-in", &id)) };
    if factors::awaits_second(page.auth, &opened) {
        return Ok(first("mfa", &id));
    }
    let action = if form.get("do") == "approve" { "approve" } else { "deny" };
    let path = format!("/oauth/authorizations/{id}/consent");
    let done = read(&page.ask(("POST", &path), "", json!({"action": action})).await?)?;
    match done["redirect_url"].as_str() {
        Some(url) => leave(page, url),
        None => Err(Refusal::internal("a consent leads nowhere")),
    }
}
