//! Codes and links on request: sign-in without a password, recovery, and sending again.
//! Source: auth.md 6.4.
//!
//! An address that is not known, or that nothing can be sent to, is answered like any other.

use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;

use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::mail::{Letter, MailKind};
use crate::pkce::{self, Challenge};
use crate::tables::codes::CodeKind;
use crate::tables::users::User;
use crate::tables::{attempts, audit, users};
use crate::values::{Object, now};
use crate::{address, phone, random, signup, user};

#[derive(Default, Deserialize)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    create_user: Option<bool>,
    data: Option<Object>,
    channel: Option<String>,
    r#type: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

impl Body {
    fn challenge(&self) -> Result<Option<Challenge>> {
        let (challenge, method) = (&self.code_challenge, &self.code_challenge_method);
        pkce::Wanted::new(challenge.clone(), method.clone()).challenge()
    }

    fn has(text: &Option<String>) -> bool {
        text.as_deref().is_some_and(|text| !text.is_empty())
    }

    /// The address.
    fn address(&self) -> Result<String> {
        if Self::has(&self.phone) {
            let message = "Only an email address or phone number should be provided";
            return Err(Refusal::invalid(message));
        }
        address::email(self.email.as_deref().unwrap_or_default())
    }

    /// The number, if one is given and no address.
    fn number(&self) -> Result<Option<String>> {
        if !Self::has(&self.phone) || Self::has(&self.email) {
            return Ok(None);
        }
        address::phone(self.phone.as_deref().unwrap_or_default()).map(Some)
    }
}

fn demand_email(auth: &Auth) -> Result<()> {
    if auth.settings.email.enabled {
        return Ok(());
    }
    Err(Refusal::new(400, "email_provider_disabled", "Email provider is disabled"))
}

/// `POST /otp`.
pub(crate) async fn otp(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::SignUp, call.client)?;
    let body: Body = call.json()?;
    if Body::has(&body.email) && Body::has(&body.channel) {
        return Err(Refusal::invalid("channel cannot be used with an email address"));
    }
    if Body::has(&body.phone) && !Body::has(&body.email) {
        phone::demand(auth, body.channel.as_deref())?;
    }
    if let Some(number) = body.number()? {
        let data = signup::checked_metadata(body.data.unwrap_or_default())?;
        let create_with = body.create_user.unwrap_or(true).then_some(data);
        return phone::code(auth, call, (number, create_with)).await;
    }
    sign_in(auth, call, body).await
}

/// `POST /magiclink`: the older form.
pub(crate) async fn magic_link(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::SignUp, call.client)?;
    sign_in(auth, call, call.json()?).await
}

async fn sign_in(auth: &Arc<Auth>, call: &Call<'_>, body: Body) -> Result<Answer> {
    let email = body.address()?;
    demand_email(auth)?;
    let challenge = body.challenge()?;
    auth.allow_mail("otp", &email)?;
    let may_create = body.create_user.unwrap_or(true);
    let data = signup::checked_metadata(body.data.unwrap_or_default())?;
    let (inner, client) = (Arc::clone(auth), call.client);
    let target = auth.redirect_target(call, None);
    let letter = auth
        .admitting(client, move |tx, admission| {
            if let Some(mut user) = users::by_email(tx, &email)? {
                // A new account is more to write.
                attempts::pretend_account(tx)?;
                if user.is_banned() {
                    attempts::pretend_code(tx)?;
                    return Ok(None);
                }
                audit::note(tx, client, &user, "user_recovery_requested", None)?;
                let about = (&mut user, MailKind::MagicLink);
                return mail_recovery(&inner, tx, about, challenge.as_ref(), &target).map(Some);
            }
            if !may_create || inner.settings.signup_disabled {
                let message = "Signups not allowed for otp";
                return Err(Refusal::new(422, "otp_disabled", message).into());
            }
            let user = signup::new_user(&email, "", data.clone());
            let mut user = signup::create(tx, admission, user, &data)?;
            audit::note(tx, client, &user, "user_confirmation_requested", None)?;
            let about = (&mut user, MailKind::Confirmation);
            signup::mail_confirmation(&inner, tx, about, challenge.as_ref(), &target).map(Some)
        })
        .await?;
    send(auth, call, letter).await
}

async fn send(auth: &Arc<Auth>, call: &Call<'_>, letter: Option<Letter>) -> Result<Answer> {
    let letters: Vec<Letter> = letter.into_iter().collect();
    auth.deliver(&letters, call.client).await?;
    Ok(Answer::empty_object())
}

/// Issues a code that lets the user in, and writes its mail.
pub(crate) fn mail_recovery(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (user, kind): (&mut User, MailKind),
    challenge: Option<&Challenge>,
    redirect_to: &str,
) -> Result<Letter, Stop> {
    let code = random::digits(auth.settings.email.code_digits)?;
    let method = if kind == MailKind::Recovery { "recovery" } else { "magiclink" };
    let issued = auth.codes.issue(
        tx,
        (user.id, CodeKind::Recovery),
        (&user.email, &code),
        challenge.map(|challenge| (challenge, method)),
    )?;
    user.recovery_sent_at = Some(now());
    users::update(tx, user)?;
    let addresses = (user.email.as_str(), user.email.as_str());
    Ok(Letter::new(auth, kind, addresses, &issued, redirect_to).about(user))
}

/// `POST /recover`.
pub(crate) async fn recover(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::SignUp, call.client)?;
    let body: Body = call.json()?;
    let email = address::email(body.email.as_deref().unwrap_or_default())?;
    demand_email(auth)?;
    let challenge = body.challenge()?;
    auth.allow_mail("recover", &email)?;
    let (inner, client) = (Arc::clone(auth), call.client);
    let target = auth.redirect_target(call, None);
    let letter = auth
        .write(move |tx| {
            let known = users::by_email(tx, &email)?;
            let Some(mut user) = known.filter(|user| !user.is_banned()) else {
                attempts::pretend_code(tx)?;
                return Ok(None);
            };
            audit::note(tx, client, &user, "user_recovery_requested", None)?;
            let about = (&mut user, MailKind::Recovery);
            mail_recovery(&inner, tx, about, challenge.as_ref(), &target).map(Some)
        })
        .await?;
    send(auth, call, letter).await
}

/// `POST /resend`.
pub(crate) async fn resend(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::SignUp, call.client)?;
    let body: Body = call.json()?;
    let kind = body.r#type.clone().unwrap_or_default();
    match kind.as_str() {
        "signup" | "email_change" if Body::has(&body.phone) || !Body::has(&body.email) => {
            return Err(Refusal::invalid("Type provided requires an email address"));
        }
        "sms" | "phone_change" if Body::has(&body.email) || !Body::has(&body.phone) => {
            return Err(Refusal::invalid("Type provided requires a phone number"));
        }
        "signup" | "email_change" | "sms" | "phone_change" => {}
        _ => {
            let message = "Missing one of these types: signup, email_change, sms, phone_change";
            return Err(Refusal::invalid(message));
        }
    }
    if Body::has(&body.phone) {
        phone::demand(auth, body.channel.as_deref())?;
    }
    if let Some(number) = body.number()? {
        return phone::resend(auth, call, (number, kind == "phone_change")).await;
    }
    let email = body.address()?;
    demand_email(auth)?;
    let challenge = body.challenge()?;
    let what = if kind == "signup" { "signup" } else { "email_change" };
    auth.allow_mail(what, &email)?;
    let inner = Arc::clone(auth);
    let target = auth.redirect_target(call, None);
    let letters = auth
        .write(move |tx| {
            let known = users::by_email(tx, &email)?.filter(|user| !user.is_banned());
            let waits = |user: &User| match kind.as_str() {
                "email_change" => !user.email_change.is_empty(),
                _ => user.email_confirmed_at.is_none(),
            };
            let Some(mut user) = known.filter(waits) else {
                attempts::pretend_code(tx)?;
                return Ok(Vec::new());
            };
            if kind == "email_change" {
                let to = user.email_change.clone();
                return user::mail_change(
                    &inner,
                    tx,
                    (&mut user, &to),
                    challenge.as_ref(),
                    &target,
                );
            }
            let about = (&mut user, MailKind::Confirmation);
            let letter = signup::mail_confirmation(&inner, tx, about, challenge.as_ref(), &target)?;
            Ok(vec![letter])
        })
        .await?;
    auth.deliver(&letters, call.client).await?;
    Ok(Answer::empty_object())
}
