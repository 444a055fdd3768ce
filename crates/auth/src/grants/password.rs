//! Sign-in with a password.

use std::net::IpAddr;
use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::hooks::Hook;
use crate::passwords::{self, Verdict};
use crate::sessions::Origin;
use crate::tables::audit;
use crate::tables::users::{self, User};

#[derive(Deserialize)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
}

/// Who wants to sign in.
#[derive(Clone)]
enum Login {
    Email(String),
    Phone(String),
}

impl Login {
    fn of(auth: &Auth, email: String, phone: String) -> Result<Self> {
        match (email.is_empty(), phone.is_empty()) {
            (false, false) => {
                let message = "Only an email address or phone number should be provided on login.";
                Err(Refusal::invalid(message))
            }
            (true, true) => Err(Refusal::invalid("missing email or phone")),
            (true, false) if !auth.settings.sms.enabled => {
                Err(Refusal::new(422, "phone_provider_disabled", "Phone logins are disabled"))
            }
            (true, false) => Ok(Self::Phone(phone)),
            (false, true) if !auth.settings.email.enabled => {
                Err(Refusal::new(422, "email_provider_disabled", "Email logins are disabled"))
            }
            (false, true) => Ok(Self::Email(email)),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Email(text) | Self::Phone(text) => text,
        }
    }

    fn find(&self, tx: &mut Tx<'_>) -> backstay_model::Result<Option<User>> {
        match self {
            Self::Email(email) => users::by_email(tx, email),
            Self::Phone(phone) => users::by_phone(tx, phone),
        }
    }

    /// Refuses an account whose address or number was never proven.
    fn demand_confirmed(&self, user: &User) -> Result<()> {
        match self {
            Self::Email(_) if user.email_confirmed_at.is_none() => {
                Err(Refusal::new(400, "email_not_confirmed", "Email not confirmed"))
            }
            Self::Phone(_) if user.phone_confirmed_at.is_none() => {
                Err(Refusal::new(400, "phone_not_confirmed", "Phone not confirmed"))
            }
            Self::Email(_) | Self::Phone(_) => Ok(()),
        }
    }
}

pub(super) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let email = body.email.unwrap_or_default().trim().to_ascii_lowercase();
    let phone = body.phone.unwrap_or_default().trim().trim_start_matches('+').replace(' ', "");
    let login = Login::of(auth, email, phone)?;
    auth.limits.guess(login.text(), call.client)?;
    let password = body.password.unwrap_or_default();
    let wanted = login.clone();
    let known = auth.read(move |tx| Ok(wanted.find(tx)?)).await?;
    let stored = known.as_ref().map(|user| user.password.clone()).unwrap_or_default();
    let verdict = auth.passwords.verify(&password, Some(&stored)).await?;
    if let Some(user) = &known {
        auth.password_tried((user.id, verdict != Verdict::Wrong), call.client).await?;
    } else {
        auth.pretend(Hook::PasswordVerificationAttempt).await;
    }
    let (Some(known), Verdict::Right | Verdict::RightButOutdated) = (known.clone(), verdict) else {
        auth.limits.guessed_wrong(login.text(), call.client);
        if let Some(user) = known {
            note_failure(auth, user, call.client);
        }
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
            login.demand_confirmed(&user)?;
            if let Some(hash) = &rehashed {
                user.password.clone_from(hash);
            }
            audit::note(tx, origin.client, &user, "login", None)?;
            inner.open_session(tx, (&mut user, "password"), &origin)
        })
        .await?;
    let weak = passwords::weaknesses(&auth.settings.password, &password);
    if weak.0.is_empty() {
        return auth.session_answer(&opened).await;
    }
    let mut members = auth.session_members(&opened).await?;
    let note = serde_json::json!({"message": weak.1.join(" "), "reasons": weak.0});
    members.insert("weak_password".to_owned(), note);
    Ok(Answer::json(&serde_json::Value::Object(members)))
}

/// Notes a wrong password. Nobody waits for it: the time would tell that there is an account.
fn note_failure(auth: &Arc<Auth>, user: User, client: IpAddr) {
    let auth = Arc::clone(auth);
    tokio::spawn(async move {
        auth.write(move |tx| Ok(audit::note(tx, client, &user, "login_failed", None)?)).await
    });
}

fn wrong() -> Refusal {
    Refusal::new(400, "invalid_credentials", "Invalid login credentials")
}
