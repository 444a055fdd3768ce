//! `/auth/mfa`: the second factor, or the setting up of the first app.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Page;
use super::form::Form;
use super::view::{Shown, shown};
use super::visit::Enrolling;
use crate::call::Answer;
use crate::error::{Refusal, Result};
use crate::factors::{self, KEY, TOTP};
use crate::sessions::Opened;
use crate::tables::factors::Factor;

const NAME: &str = "mfa.html";

pub(super) async fn show(page: &mut Page<'_>) -> Result<Answer> {
    let Some(opened) = page.session().await? else { return Ok(page.to("sign-in")) };
    page.render(NAME, filled(page, &opened)?)
}

/// The factors that are good for something here.
fn usable<'o>(page: &Page<'_>, opened: &'o Opened) -> impl Iterator<Item = &'o Factor> {
    let auth = Arc::clone(page.auth);
    let all = opened.account.factors.iter();
    all.filter(move |factor| factors::is_usable(&auth, factor))
}

fn filled(page: &Page<'_>, opened: &Opened) -> Result<Shown> {
    let known: Vec<Value> = usable(page, opened)
        .map(|one| {
            let sent = page.visit.challenge.is_some_and(|(factor, _)| factor == one.id);
            json!({"id": one.id, "kind": one.kind, "name": one.friendly_name, "sent": sent})
        })
        .collect();
    let mut all = shown(json!({
        "email": opened.account.user.email,
        "factors": known,
        "may_enroll": known.is_empty() && page.auth.settings.mfa.totp_enroll,
    }));
    if let Some(enrolling) = &page.visit.enrolling {
        all.insert("enrolling".to_owned(), json!(enrolling.factor));
        all.insert("secret".to_owned(), json!(enrolling.secret));
        all.insert("uri".to_owned(), json!(enrolling.uri));
        all.insert("qr_code".to_owned(), json!(factors::qr_code(&enrolling.uri)?));
    }
    Ok(all)
}

pub(super) async fn submit(page: &mut Page<'_>, form: &Form) -> Result<Answer> {
    let Some(opened) = page.session().await? else { return Ok(page.to("sign-in")) };
    let done = match form.get("do") {
        "enroll" => enroll(page).await,
        "send" => send(page, form).await,
        _ => return prove(page, (&opened, form)).await,
    };
    match done {
        Ok(()) => page.render(NAME, filled(page, &opened)?),
        Err(refusal) => page.again(NAME, &refusal, filled(page, &opened)?),
    }
}

/// Begins to set up an authenticator app.
async fn enroll(page: &mut Page<'_>) -> Result<()> {
    let body = json!({"factor_type": TOTP, "friendly_name": "Authenticator app"});
    let made = read(&page.ask(("POST", "/factors"), "", body).await?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    page.visit.enrolling = Some(Enrolling {
        factor: id(&made["id"])?,
        secret: text(&made[TOTP]["secret"]),
        uri: text(&made[TOTP]["uri"]),
    });
    Ok(())
}

/// Sends the code of a phone.
async fn send(page: &mut Page<'_>, form: &Form) -> Result<()> {
    let factor = factor(form)?;
    let path = format!("/factors/{factor}/challenge");
    let begun = read(&page.ask(("POST", &path), "", json!({})).await?)?;
    page.visit.challenge = Some((factor, id(&begun["id"])?));
    Ok(())
}

fn factor(form: &Form) -> Result<Uuid> {
    Uuid::parse_str(form.get("factor")).map_err(|_| Refusal::invalid("Choose a second factor"))
}

fn read(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).map_err(Refusal::internal)
}

fn id(value: &Value) -> Result<Uuid> {
    let id = value.as_str().and_then(|id| Uuid::parse_str(id).ok());
    id.ok_or_else(|| Refusal::internal("an answer of the service has no id"))
}

/// Proves the factor that the form names: by a code, or by what a key answered.
async fn prove(page: &mut Page<'_>, (opened, form): (&Opened, &Form)) -> Result<Answer> {
    match proven(page, form).await {
        Ok(answer) => {
            page.remember(&answer)?;
            page.finish().await
        }
        Err(refusal) => {
            let mut all = filled(page, opened)?;
            all.insert("tried".to_owned(), json!(form.get("factor")));
            page.again(NAME, &refusal, all)
        }
    }
}

async fn proven(page: &Page<'_>, form: &Form) -> Result<Answer> {
    let factor = factor(form)?;
    let sent = page.visit.challenge.filter(|(of, _)| *of == factor);
    let credential = form.get("credential");
    let body = if !credential.is_empty() {
        let response: Value = serde_json::from_str(credential).unwrap_or_default();
        json!({
            "challenge_id": form.get("challenge_id"),
            KEY: {"type": "request", "credential_response": response},
        })
    } else {
        let challenge = match sent {
            Some((_, challenge)) => challenge,
            None => {
                let path = format!("/factors/{factor}/challenge");
                id(&read(&page.ask(("POST", &path), "", json!({})).await?)?["id"])?
            }
        };
        let code: String = form.get("code").chars().filter(|c| !c.is_whitespace()).collect();
        json!({"challenge_id": challenge, "code": code})
    };
    page.ask(("POST", &format!("/factors/{factor}/verify")), "", body).await
}

/// `POST /auth/mfa/options`: what the browser is asked for the key that the form names.
pub(super) async fn options(page: &Page<'_>, form: &Form) -> Result<Answer> {
    let opened = page.session().await?;
    let opened = opened.ok_or_else(|| Refusal::new(403, "session_not_found", "Sign in again"))?;
    let named = factor(form)?;
    let key = usable(page, &opened).find(|one| one.id == named && one.kind == KEY);
    let key = key.ok_or_else(|| Refusal::invalid("There is no such key"))?;
    let path = format!("/factors/{}/challenge", key.id);
    let begun = read(&page.ask(("POST", &path), "", json!({})).await?)?;
    Ok(Answer::json(&json!({
        "challenge_id": begun["id"],
        "options": begun[KEY]["credential_options"]["publicKey"],
    })))
}
