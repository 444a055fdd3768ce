//! Invitations, and links that an application sends by itself.

use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;
use serde_json::{Value, json};

use super::user_missing;
use crate::admission::Admission;
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::codes::Issued;
use crate::error::{Refusal, Result};
use crate::mail::MailKind;
use crate::sessions::{account, administrator};
use crate::tables::codes::CodeKind;
use crate::tables::users::User;
use crate::tables::{audit, users};
use crate::values::{Object, now};
use crate::{address, random, signup, user, wire};

#[derive(Clone, Default, Deserialize)]
struct Body {
    r#type: Option<String>,
    email: Option<String>,
    password: Option<String>,
    new_email: Option<String>,
    data: Option<Object>,
    redirect_to: Option<String>,
}

fn email_taken() -> Refusal {
    let message = "A user with this email address has already been registered";
    Refusal::new(422, "email_exists", message)
}

/// The user with this address, who may be new; a confirmed one is refused.
fn invited(tx: &mut Tx<'_>, email: &str, data: &Object) -> Result<User, Stop> {
    let mut user = match users::by_email(tx, email)? {
        Some(known) if known.is_confirmed() => return Err(email_taken().into()),
        Some(known) => known,
        None => {
            let user = signup::new_user(email, "", data.clone());
            signup::create(tx, &Admission::granted(), user, data)?
        }
    };
    user.invited_at = Some(now());
    users::update(tx, &mut user)?;
    Ok(user)
}

/// `POST /invite`.
pub(crate) async fn invite(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    administrator(auth, call).await?;
    let body: Body = call.json()?;
    let email = address::email(body.email.as_deref().unwrap_or_default())?;
    let data = signup::checked_metadata(body.data.unwrap_or_default())?;
    let target = auth.redirect_target(call, None);
    auth.limits.take_mail()?;
    let (inner, client) = (Arc::clone(auth), call.client);
    let (account, letter) = auth
        .write(move |tx| {
            let mut user = invited(tx, &email, &data)?;
            let about = (&mut user, MailKind::Invite);
            let letter = signup::mail_confirmation(&inner, tx, about, None, &target)?;
            audit::note(tx, client, &user, "user_invited", Some(json!({"user_email": email})))?;
            Ok((account(tx, user)?, letter))
        })
        .await?;
    auth.deliver(&[letter], client).await?;
    Ok(Answer::json(&wire::user(&account)))
}

/// `POST /admin/generate_link`.
pub(super) async fn generate(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let kind = body.r#type.clone().unwrap_or_default();
    let email = address::email(body.email.as_deref().unwrap_or_default())?;
    let password = match body.password.as_deref() {
        Some(password) if !password.is_empty() => {
            auth.passwords.check(password).await?;
            auth.passwords.hash(password).await?
        }
        _ if kind == "signup" => {
            return Err(Refusal::invalid("Signup requires a valid password"));
        }
        _ => String::new(),
    };
    let wanted = Wanted {
        new_email: match body.new_email.as_deref() {
            Some(email) if !email.is_empty() => Some(address::email(email)?),
            _ => None,
        },
        data: signup::checked_metadata(body.data.unwrap_or_default())?,
        kind,
        email,
        password,
    };
    let target = {
        let given = body.redirect_to.as_deref();
        let parameter = call.parameter("redirect_to");
        auth.redirects.choose([given, call.header("redirect_to"), parameter.as_deref()])
    };
    let (inner, client) = (Arc::clone(auth), call.client);
    let (account, made) = auth
        .write(move |tx| {
            let (user, made) = make(&inner, tx, &wanted)?;
            audit::note(tx, client, &user, "user_recovery_requested", None)?;
            Ok((account(tx, user)?, made))
        })
        .await?;
    let link = crate::mail::link(
        &auth.settings.external_url,
        &made.issued.token,
        Some(made.verification_type),
        &target,
    );
    let Value::Object(mut members) = wire::user(&account) else {
        return Err(Refusal::internal("a user is an object"));
    };
    members.insert("action_link".to_owned(), json!(link));
    members.insert("email_otp".to_owned(), json!(made.issued.code));
    members.insert("hashed_token".to_owned(), json!(made.issued.token));
    members.insert("verification_type".to_owned(), json!(made.verification_type));
    members.insert("redirect_to".to_owned(), json!(target));
    Ok(Answer::json(&Value::Object(members)))
}

#[derive(Clone)]
struct Wanted {
    kind: String,
    email: String,
    new_email: Option<String>,
    /// The hash of the password.
    password: String,
    data: Object,
}

struct Made {
    issued: Issued,
    verification_type: &'static str,
}

fn make(auth: &Auth, tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(User, Made), Stop> {
    let known = users::by_email(tx, &wanted.email)?;
    let issue = |tx: &mut Tx<'_>, user: &User, kind: CodeKind, address: &str| {
        let code = random::digits(auth.settings.email.code_digits)?;
        auth.codes.issue(tx, (user.id, kind), (address, &code), None)
    };
    let fresh = |tx: &mut Tx<'_>| {
        let user = signup::new_user(&wanted.email, &wanted.password, wanted.data.clone());
        signup::create(tx, &Admission::granted(), user, &wanted.data)
    };
    let (mut user, kind, address, verification_type) = match (wanted.kind.as_str(), known) {
        ("signup", Some(known)) if known.is_confirmed() => return Err(email_taken().into()),
        ("signup", Some(mut known)) => {
            known.password.clone_from(&wanted.password);
            (known, CodeKind::Confirmation, wanted.email.clone(), "signup")
        }
        ("signup" | "magiclink", None) => {
            (fresh(tx)?, CodeKind::Confirmation, wanted.email.clone(), "signup")
        }
        ("invite", _) => {
            let user = invited(tx, &wanted.email, &wanted.data)?;
            (user, CodeKind::Confirmation, wanted.email.clone(), "invite")
        }
        ("magiclink", Some(known)) => {
            (known, CodeKind::Recovery, wanted.email.clone(), "magiclink")
        }
        ("recovery", Some(known)) => (known, CodeKind::Recovery, wanted.email.clone(), "recovery"),
        ("email_change_current" | "email_change_new", Some(known)) => {
            return change(auth, tx, known, wanted);
        }
        ("recovery" | "email_change_current" | "email_change_new", None) => {
            return Err(user_missing().into());
        }
        _ => {
            let message = "Invalid email action link type requested";
            return Err(Refusal::invalid(message).into());
        }
    };
    match kind {
        CodeKind::Recovery => user.recovery_sent_at = Some(now()),
        _ => user.confirmation_sent_at = Some(now()),
    }
    users::update(tx, &mut user)?;
    let issued = issue(tx, &user, kind, &address)?;
    Ok((user, Made { issued, verification_type }))
}

/// A link of one side of a change of address.
fn change(
    auth: &Auth,
    tx: &mut Tx<'_>,
    mut known: User,
    wanted: &Wanted,
) -> Result<(User, Made), Stop> {
    let Some(new) = &wanted.new_email else {
        return Err(Refusal::invalid("a new email address is required").into());
    };
    if users::by_email(tx, new)?.is_some() {
        return Err(email_taken().into());
    }
    // A change that is under way keeps the confirmation of its other side.
    if known.email_change != *new {
        user::mail_change(auth, tx, (&mut known, new), None, "")?;
    }
    let (kind, address) = if wanted.kind == "email_change_new" {
        (CodeKind::EmailChangeNew, new.clone())
    } else {
        (CodeKind::EmailChangeCurrent, known.email.clone())
    };
    let code = random::digits(auth.settings.email.code_digits)?;
    let issued = auth.codes.issue(tx, (known.id, kind), (&address, &code), None)?;
    Ok((known, Made { issued, verification_type: "email_change" }))
}
