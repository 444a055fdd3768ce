//! Sign-in with a password.

use std::sync::Arc;

use serde::Deserialize;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::passwords::{self, Verdict};
use crate::sessions::Origin;
use crate::tables::{audit, users};

#[derive(Deserialize)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
}

pub(super) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let email = body.email.unwrap_or_default().trim().to_ascii_lowercase();
    let phone = body.phone.unwrap_or_default();
    match (email.is_empty(), phone.is_empty()) {
        (false, false) => {
            let message = "Only an email address or phone number should be provided on login.";
            return Err(Refusal::invalid(message));
        }
        (true, true) => return Err(Refusal::invalid("missing email or phone")),
        (true, false) => {
            return Err(Refusal::new(422, "phone_provider_disabled", "Phone logins are disabled"));
        }
        (false, true) => {}
    }
    if !auth.settings.email.enabled {
        return Err(Refusal::new(422, "email_provider_disabled", "Email logins are disabled"));
    }
    auth.limits.guess(&email, call.client)?;
    let password = body.password.unwrap_or_default();
    let wanted = email.clone();
    let known = auth.read(move |tx| Ok(users::by_email(tx, &wanted)?)).await?;
    let stored = known.as_ref().map(|user| user.password.clone()).unwrap_or_default();
    let verdict = auth.passwords.verify(&password, Some(&stored)).await?;
    let (Some(known), Verdict::Right | Verdict::RightButOutdated) = (known, verdict) else {
        auth.limits.guessed_wrong(&email, call.client);
        return Err(wrong());
    };
    let rehashed = if verdict == Verdict::RightButOutdated {
        Some(auth.passwords.hash(&password).await?)
    } else {
        None
    };
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    let opened = auth
        .write(move |tx| {
            let current = users::by_id(tx, known.id)?;
            // The password may have been changed since it was read.
            let Some(mut user) = current.filter(|user| user.password == stored) else {
                return Err(wrong().into());
            };
            if user.is_banned() {
                return Err(Refusal::new(400, "user_banned", "User is banned").into());
            }
            if user.email_confirmed_at.is_none() {
                return Err(Refusal::new(400, "email_not_confirmed", "Email not confirmed").into());
            }
            if let Some(hash) = &rehashed {
                user.password.clone_from(hash);
            }
            audit::note(tx, origin.client, &user, "login", None)?;
            inner.open_session(tx, (&mut user, "password"), &origin)
        })
        .await?;
    let weak = passwords::weaknesses(&auth.settings.password, &password);
    if weak.0.is_empty() {
        return auth.session_answer(&opened);
    }
    let mut members = auth.session_members(&opened)?;
    let note = serde_json::json!({"message": weak.1.join(" "), "reasons": weak.0});
    members.insert("weak_password".to_owned(), note);
    Ok(Answer::json(&serde_json::Value::Object(members)))
}

fn wrong() -> Refusal {
    Refusal::new(400, "invalid_credentials", "Invalid login credentials")
}
