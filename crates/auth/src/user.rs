//! The current user: `GET` and `PUT /user`, `GET /reauthenticate`. Source: auth.md 6.6 and 7.5.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use backstay_records::Tx;
use serde::Deserialize;

use crate::auth::{Auth, Stop};
use crate::call::{Answer, Bearer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::mail::{Letter, MailKind};
use crate::passwords::Verdict;
use crate::pkce::{self, Challenge};
use crate::sessions::{Me, account, authenticate, authenticate_any, bearer};
use crate::sms::Sms;
use crate::tables::codes::{self, CodeKind};
use crate::tables::users::User;
use crate::tables::{audit, factors, identities, sessions, users};
use crate::values::{Object, now};
use crate::wire;
use crate::{address, phone, random, signup};

/// A session younger than this may change the password without a code.
const RECENT: Duration = Duration::from_secs(24 * 3600);

/// `GET /user`.
pub(crate) async fn show(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let audience = call.header("x-jwt-aud").map(str::to_owned);
    let account = auth
        .read(move |tx| {
            let me = authenticate_any(tx, &who)?;
            if audience.as_deref().is_some_and(|wanted| wanted != me.user.aud) {
                let message = "Token audience doesn't match request audience";
                return Err(Refusal::invalid(message).into());
            }
            Ok(account(tx, me.user)?)
        })
        .await?;
    Ok(Answer::json(&wire::user(&account)))
}

#[derive(Default, Deserialize)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    channel: Option<String>,
    password: Option<String>,
    current_password: Option<String>,
    nonce: Option<String>,
    data: Option<Object>,
    app_metadata: Option<Object>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

impl Body {
    /// The new number, if one is given.
    fn number(&self, auth: &Auth) -> Result<Option<String>> {
        let Some(number) = self.phone.as_deref().filter(|number| !number.is_empty()) else {
            return Ok(None);
        };
        phone::demand(auth, self.channel.as_deref())?;
        address::phone(number).map(Some)
    }
}

/// A change that was checked as far as it can be without the account.
#[derive(Clone)]
struct Wanted {
    email: Option<String>,
    phone: Option<String>,
    /// The hash of the new password.
    password: Option<String>,
    nonce: String,
    data: Option<Object>,
    challenge: Option<Challenge>,
    redirect_to: String,
}

/// `PUT /user`.
pub(crate) async fn change(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    auth.limits.take(Kind::SignUp, call.client)?;
    let who = bearer(call)?;
    let body: Body = call.json()?;
    if body.app_metadata.is_some() && !is_administrator(auth, call) {
        let message = "Updating app_metadata requires admin privileges";
        return Err(Refusal::new(403, "not_admin", message));
    }
    let number = body.number(auth)?;
    let seen = who.clone();
    let (me, by_mail) = auth
        .read(move |tx| {
            let me = authenticate(tx, &seen)?;
            let by_mail = is_opened_by_code(tx, &me)?;
            Ok((me, by_mail))
        })
        .await?;
    let given = body.email.as_deref().filter(|email| !email.is_empty());
    let email = given.map(address::email).transpose()?.filter(|email| *email != me.user.email);
    let password = body.password.as_deref().filter(|password| !password.is_empty());
    if let Some(password) = password {
        if auth.settings.password.change_needs_current && !by_mail {
            demand_current(auth, &me, body.current_password.as_deref()).await?;
        }
        check_password(auth, &me, password).await?;
    }
    let challenge =
        pkce::Wanted::new(body.code_challenge, body.code_challenge_method).challenge()?;
    let mails = email.is_some() && !changes_at_once(auth, &me.user);
    if let (true, Some(email)) = (mails, &email) {
        auth.allow_mail("email_change", email)?;
    }
    let number = number.filter(|number| *number != me.user.phone);
    if let (Some(number), false) = (&number, auth.settings.sms.autoconfirm) {
        auth.allow_sms("phone_change", number)?;
    }
    let wanted = Wanted {
        email,
        phone: number,
        password: match password {
            Some(password) => Some(auth.passwords.hash(password).await?),
            None => None,
        },
        nonce: body.nonce.unwrap_or_default(),
        data: body.data,
        challenge,
        redirect_to: auth.redirect_target(call, None),
    };
    let (inner, client, stored) = (Arc::clone(auth), call.client, me.user.password);
    let (account, sent) = auth
        .write(move |tx| {
            let mut me = authenticate(tx, &who)?;
            if me.user.password != stored {
                let message = "The account was changed meanwhile; try again";
                return Err(Refusal::new(409, "conflict", message).into());
            }
            let sent = match apply(&inner, tx, &mut me, &wanted)? {
                Ok(sent) => sent,
                // A wrong code was counted, which must last.
                Err(refusal) => return Ok(Err(refusal)),
            };
            audit::note(tx, client, &me.user, "user_modified", None)?;
            Ok(Ok((account(tx, me.user)?, sent)))
        })
        .await??;
    auth.sessions_ended();
    send(auth, sent, client).await?;
    Ok(Answer::json(&wire::user(&account)))
}

/// Sends what the change makes necessary; a code that cannot be sent is taken back.
async fn send(auth: &Arc<Auth>, sent: Sent, client: IpAddr) -> Result<()> {
    if !sent.letters.is_empty() {
        auth.deliver(&sent.letters, client).await?;
    }
    let Some(sms) = sent.sms else { return Ok(()) };
    let user = sms.user;
    if let Err(refusal) = auth.send_sms(sms, client).await {
        phone::take_back(auth, user, CodeKind::PhoneChange).await?;
        return Err(refusal);
    }
    Ok(())
}

fn is_administrator(auth: &Auth, call: &Call<'_>) -> bool {
    let Bearer::Token(claims) = &call.bearer else { return false };
    let role = claims.get("role").and_then(|role| role.as_str());
    role.is_some_and(|role| auth.is_admin_role(role))
}

/// Is a new address taken without a mail?
fn changes_at_once(auth: &Auth, user: &User) -> bool {
    let email = &auth.settings.email;
    // Where both sides must confirm, they must, whatever else counts as confirmed.
    email.autoconfirm
        && (user.is_anonymous || user.email.is_empty() || !email.double_confirm_changes)
}

/// Was the session opened by a code or link? Who lost the password cannot tell it.
fn is_opened_by_code(tx: &mut Tx<'_>, me: &Me) -> Result<bool, Stop> {
    let Some(session) = &me.session else { return Ok(false) };
    let methods = sessions::methods(tx, session.id)?;
    Ok(methods.iter().any(|one| matches!(one.name.as_str(), "recovery" | "otp" | "magiclink")))
}

/// The current password must be told, where there is one.
async fn demand_current(auth: &Auth, me: &Me, current: Option<&str>) -> Result<()> {
    if me.user.password.is_empty() {
        return Ok(());
    }
    let message = "Current password required when setting new password.";
    let Some(current) = current.filter(|current| !current.is_empty()) else {
        return Err(Refusal::new(400, "current_password_required", message));
    };
    if auth.passwords.verify(current, Some(&me.user.password)).await? == Verdict::Wrong {
        return Err(Refusal::new(400, "current_password_invalid", message));
    }
    Ok(())
}

async fn check_password(auth: &Auth, me: &Me, password: &str) -> Result<()> {
    auth.passwords.check(password).await?;
    let stored = Some(me.user.password.as_str());
    if !me.user.password.is_empty()
        && auth.passwords.verify(password, stored).await? != Verdict::Wrong
    {
        let message = "New password should be different from the old password.";
        return Err(Refusal::new(422, "same_password", message));
    }
    Ok(())
}

/// What a change makes necessary to send.
#[derive(Default)]
struct Sent {
    letters: Vec<Letter>,
    sms: Option<Sms>,
}

/// Changes the user within the transaction; the inner error is committed with what it counted.
fn apply(auth: &Auth, tx: &mut Tx<'_>, me: &mut Me, wanted: &Wanted) -> Result<Result<Sent>, Stop> {
    let aal = me.session.as_ref().map_or("aal1", |session| session.aal.as_str());
    let Wanted { email, phone: number, .. } = wanted;
    if (email.is_some() || number.is_some() || wanted.password.is_some()) && aal != "aal2" {
        let factors = factors::of_user(tx, me.user.id)?;
        if factors.iter().any(|factor| factor.status == "verified") {
            let message =
                "AAL2 session is required to update email or password when MFA is enabled.";
            return Err(Refusal::new(401, "insufficient_aal", message).into());
        }
    }
    if let Some(hash) = &wanted.password {
        if me.user.is_anonymous && email.is_none() && number.is_none() {
            let message =
                "Updating password of an anonymous user without an email or phone is not allowed";
            return Err(Refusal::new(422, "validation_failed", message).into());
        }
        if let Err(refusal) = reauthenticated(auth, tx, me, &wanted.nonce)? {
            return Ok(Err(refusal));
        }
        me.user.password.clone_from(hash);
        codes::delete_all(tx, me.user.id)?;
        let keep = me.session.as_ref().map(|session| session.id);
        sessions::delete_of_user(tx, me.user.id, keep)?;
    }
    if let Some(data) = &wanted.data {
        User::merge(&mut me.user.user_metadata, data);
        signup::checked_metadata(me.user.user_metadata.clone())?;
    }
    users::update(tx, &mut me.user)?;
    let mut sent = Sent::default();
    if let Some(number) = number {
        if users::by_phone(tx, number)?.is_some() {
            return Err(phone::taken().into());
        }
        if auth.settings.sms.autoconfirm {
            phone::change(tx, &mut me.user, number)?;
        } else {
            sent.sms = Some(phone::write_change(auth, tx, (&mut me.user, number))?);
        }
    }
    let Some(email) = email else { return Ok(Ok(sent)) };
    if users::by_email(tx, email)?.is_some() {
        return Err(taken().into());
    }
    if changes_at_once(auth, &me.user) {
        change_email(tx, &mut me.user, email)?;
        return Ok(Ok(sent));
    }
    let about = (&mut me.user, email.as_str());
    let pkce = wanted.challenge.as_ref();
    sent.letters = mail_change(auth, tx, about, pkce, &wanted.redirect_to)?;
    Ok(Ok(sent))
}

fn taken() -> Refusal {
    let message = "A user with this email address has already been registered";
    Refusal::new(422, "email_exists", message)
}

/// A change of password in an old session needs the code of a mail, where the setting says so.
fn reauthenticated(auth: &Auth, tx: &mut Tx<'_>, me: &Me, nonce: &str) -> Result<Result<()>, Stop> {
    let since = me.session.as_ref().and_then(|session| session.created_at);
    let recent = since.is_some_and(|at| now().duration_since(at).unsigned_abs() < RECENT);
    if !auth.settings.password.change_needs_reauthentication || recent {
        return Ok(Ok(()));
    }
    if nonce.is_empty() {
        let message = "Password update requires reauthentication";
        return Err(Refusal::new(400, "reauthentication_needed", message).into());
    }
    let (address, life) = if me.user.email.is_empty() {
        (&me.user.phone, auth.settings.sms.code_life)
    } else {
        (&me.user.email, auth.settings.email.code_life)
    };
    let kinds: (&[CodeKind], Duration) = (&[CodeKind::Reauthentication], life);
    let checked = auth.codes.check(tx, me.user.id, kinds, (address, nonce))?;
    if checked.is_err() {
        let message = "Nonce has expired or is invalid";
        return Ok(Err(Refusal::new(422, "reauthentication_not_valid", message)));
    }
    codes::delete(tx, me.user.id, CodeKind::Reauthentication)?;
    Ok(Ok(()))
}

/// Issues the codes of a change of address, for both sides or for the new one, and writes the mails.
pub(crate) fn mail_change(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (user, email): (&mut User, &str),
    challenge: Option<&Challenge>,
    redirect_to: &str,
) -> Result<Vec<Letter>, Stop> {
    user.email_change = email.to_owned();
    user.email_change_sent_at = Some(now());
    user.email_change_confirmed = 0;
    users::update(tx, user)?;
    let mut letters = Vec::new();
    let mut sides = vec![(CodeKind::EmailChangeNew, email.to_owned())];
    if needs_both(auth, user) {
        sides.push((CodeKind::EmailChangeCurrent, user.email.clone()));
    } else {
        codes::delete(tx, user.id, CodeKind::EmailChangeCurrent)?;
    }
    for (kind, address) in sides {
        let code = random::digits(auth.settings.email.code_digits)?;
        let pkce = challenge.map(|challenge| (challenge, "email_change"));
        let issued = auth.codes.issue(tx, (user.id, kind), (&address, &code), pkce)?;
        let addresses = (address.as_str(), user.email.as_str());
        let letter = Letter::new(auth, MailKind::EmailChange, addresses, &issued, redirect_to);
        letters.push(letter.about(user).changing_to(email));
    }
    Ok(letters)
}

/// Must the present address confirm too?
pub(crate) fn needs_both(auth: &Auth, user: &User) -> bool {
    auth.settings.email.double_confirm_changes && !user.email.is_empty() && !user.is_anonymous
}

/// The new address is the user's from now on.
///
/// # Errors
/// 422 `email_exists` if somebody took it meanwhile.
pub(crate) fn change_email(tx: &mut Tx<'_>, user: &mut User, email: &str) -> Result<(), Stop> {
    if users::by_email(tx, email)?.is_some_and(|other| other.id != user.id) {
        return Err(taken().into());
    }
    user.email = email.to_owned();
    user.email_change = String::new();
    user.email_change_confirmed = 0;
    user.email_confirmed_at = Some(now());
    user.is_anonymous = false;
    // Whatever was sent to the old address is void.
    codes::delete_all(tx, user.id)?;
    set_email_identity(tx, user)?;
    signup::confirm_email(tx, user)
}

/// Makes the identity of the user's address, or changes it.
pub(crate) fn set_email_identity(tx: &mut Tx<'_>, user: &mut User) -> Result<(), Stop> {
    let known = identities::of_user(tx, user.id)?;
    let mut data = Object::new();
    data.insert("sub".to_owned(), serde_json::json!(user.id));
    data.insert("email".to_owned(), serde_json::json!(user.email));
    data.insert("email_verified".to_owned(), user.email_confirmed_at.is_some().into());
    data.insert("phone_verified".to_owned(), user.phone_confirmed_at.is_some().into());
    match known.iter().find(|identity| identity.provider == "email") {
        Some(identity) => {
            let mut identity = identity.clone();
            identity.data.extend(data);
            identities::update(tx, &identity)?;
        }
        None => {
            identities::insert(tx, user.id, "email", &user.id.to_string(), &data)?;
        }
    }
    user.note_providers(&identities::providers(tx, user.id)?);
    Ok(())
}

/// `GET /reauthenticate`.
pub(crate) async fn reauthenticate(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let seen = who.clone();
    let me = auth.read(move |tx| authenticate(tx, &seen)).await?;
    if me.user.email.is_empty() && !me.user.phone.is_empty() {
        return reauthenticate_by_phone(auth, call, me.user).await;
    }
    if me.user.email.is_empty() {
        let message = "Reauthentication requires the user to have an email or a phone number";
        return Err(Refusal::invalid(message));
    }
    if me.user.email_confirmed_at.is_none() {
        let message = "Please verify your email first.";
        return Err(Refusal::new(422, "email_not_confirmed", message));
    }
    auth.allow_mail("reauthenticate", &me.user.email)?;
    let (inner, client) = (Arc::clone(auth), call.client);
    let letter = auth
        .write(move |tx| {
            let mut me = authenticate(tx, &who)?;
            let code = random::digits(inner.settings.email.code_digits)?;
            let kind = (me.user.id, CodeKind::Reauthentication);
            let issued = inner.codes.issue(tx, kind, (&me.user.email, &code), None)?;
            me.user.reauthentication_sent_at = Some(now());
            users::update(tx, &mut me.user)?;
            audit::note(tx, client, &me.user, "user_reauthenticate_requested", None)?;
            let addresses = (me.user.email.as_str(), me.user.email.as_str());
            let letter = Letter::new(&inner, MailKind::Reauthentication, addresses, &issued, "");
            Ok(letter.about(&me.user))
        })
        .await?;
    auth.deliver(&[letter], client).await?;
    Ok(Answer::empty_object())
}

async fn reauthenticate_by_phone(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    mut user: User,
) -> Result<Answer> {
    if user.phone_confirmed_at.is_none() {
        let message = "Please verify your phone first.";
        return Err(Refusal::new(422, "phone_not_confirmed", message));
    }
    auth.allow_sms("reauthenticate", &user.phone)?;
    let code = auth.sms_code(&user.phone)?;
    let phone = user.phone.clone();
    let sms = Sms { user: user.id, phone, code, purpose: "reauthentication" };
    let (inner, client, sent) = (Arc::clone(auth), call.client, sms.clone());
    auth.write(move |tx| {
        let kind = (user.id, CodeKind::Reauthentication);
        inner.codes.issue(tx, kind, (&sent.phone, &sent.code), None)?;
        user.reauthentication_sent_at = Some(now());
        users::update(tx, &mut user)?;
        audit::note(tx, client, &user, "user_reauthenticate_requested", None)?;
        Ok(())
    })
    .await?;
    Ok(phone::message_answer(auth.send_sms(sms, client).await?))
}

/// `GET /user/sessions`: where the user is signed in.
pub(crate) async fn list_sessions(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let who = bearer(call)?;
    let (current, found) = auth
        .read(move |tx| {
            let me = authenticate(tx, &who)?;
            Ok((me.session.map(|session| session.id), sessions::of_user(tx, me.user.id)?))
        })
        .await?;
    let current = Some(current.unwrap_or_default());
    Ok(Answer::json(&found.iter().map(|session| wire::session(session, current)).collect()))
}

/// `DELETE /user/sessions/{id}`.
pub(crate) async fn end_session(auth: &Arc<Auth>, call: &Call<'_>, id: &str) -> Result<Answer> {
    let who = bearer(call)?;
    let missing = || Refusal::new(404, "session_not_found", "Session not found");
    let id = uuid::Uuid::parse_str(id).map_err(|_| missing())?;
    auth.write(move |tx| {
        let me = authenticate(tx, &who)?;
        let found = sessions::by_id(tx, id)?.filter(|found| found.user_id == me.user.id);
        if found.is_none() {
            return Err(missing().into());
        }
        sessions::delete(tx, id)?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::no_content())
}
