//! Accounts with a phone number: sign-up, codes by text message, changes of the number.
//! Source: auth.md 6.2, 6.4, 6.5 and 6.6.

use std::sync::Arc;

use backstay_records::Tx;
use serde_json::json;
use uuid::Uuid;

use crate::admission::Admission;
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::hooks::Hook;
use crate::sessions::{Opened, Origin, account};
use crate::signup::{Claim, new_user, obfuscated};
use crate::sms::Sms;
use crate::tables::codes::{self, CodeKind};
use crate::tables::users::User;
use crate::tables::{attempts, audit, identities, users};
use crate::values::{Object, now};
use crate::wire::{self, Account};

/// A sign-up that was checked.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) phone: String,
    /// The hash of the password; empty for none.
    pub(crate) password: String,
    pub(crate) data: Object,
}

/// What came of a sign-up.
enum Done {
    Session(Box<Opened>),
    /// A message goes out; the answer shows the account. Tells whether the account is new.
    Sent(Box<Account>, Sms, bool),
    /// There is such an account; the answer does not tell.
    Known,
}

/// Sign-in by phone must be on, and the channel one that there is.
///
/// # Errors
/// 400 `phone_provider_disabled`, 400 `validation_failed`.
pub(crate) fn demand(auth: &Auth, channel: Option<&str>) -> Result<()> {
    if !auth.settings.sms.enabled {
        return Err(Refusal::new(400, "phone_provider_disabled", "Phone provider is disabled"));
    }
    match channel.unwrap_or_default() {
        "" | "sms" | "whatsapp" => Ok(()),
        _ => Err(Refusal::invalid("Invalid channel, supported values are 'sms' or 'whatsapp'")),
    }
}

/// `POST /signup` with a number.
pub(crate) async fn sign_up(auth: &Arc<Auth>, call: &Call<'_>, wanted: Wanted) -> Result<Answer> {
    let autoconfirm = auth.settings.sms.autoconfirm;
    if !autoconfirm {
        auth.allow_sms("sign_in", &wanted.phone)?;
    }
    let (inner, origin, given) = (Arc::clone(auth), Origin::of(call), wanted.clone());
    let done = auth
        .admitting(call.client, move |tx, admission| {
            register(&inner, tx, (&given, admission), &origin)
        })
        .await?;
    match done {
        Done::Session(opened) => auth.session_answer(&opened).await,
        Done::Sent(account, sms, new) => {
            send(auth, call, (sms, new)).await?;
            Ok(Answer::json(&wire::user(&account)))
        }
        Done::Known => {
            auth.pretend(Hook::SendSms).await;
            let user = User { phone: wanted.phone, ..new_user("", "", wanted.data) };
            Ok(Answer::json(&obfuscated(user, "phone")))
        }
    }
}

fn register(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (wanted, admission): (&Wanted, &Admission),
    origin: &Origin,
) -> Result<Done, Stop> {
    let autoconfirm = auth.settings.sms.autoconfirm;
    let known = users::by_phone(tx, &wanted.phone)?;
    let new = known.is_none();
    let mut user = match known {
        Some(known) => {
            let claim = Claim {
                proven: known.phone_confirmed_at.is_some(),
                autoconfirm,
                password: &wanted.password,
                data: &wanted.data,
                client: origin.client,
            };
            let Some(unproven) = claim.of(tx, known)? else { return Ok(Done::Known) };
            unproven
        }
        None => create(tx, admission, wanted)?,
    };
    if autoconfirm {
        confirm(tx, &mut user)?;
        audit::note(tx, origin.client, &user, "user_signedup", None)?;
        let opened = auth.open_session(tx, (&mut user, "password"), origin)?;
        return Ok(Done::Session(Box::new(opened)));
    }
    audit::note(tx, origin.client, &user, "user_confirmation_requested", None)?;
    let sms = write_code(auth, tx, &mut user)?;
    Ok(Done::Sent(Box::new(account(tx, user)?), sms, new))
}

/// Stores a new user with the identity of their number.
fn create(tx: &mut Tx<'_>, admission: &Admission, wanted: &Wanted) -> Result<User, Stop> {
    let mut user = new_user("", &wanted.password, wanted.data.clone());
    user.phone.clone_from(&wanted.phone);
    user.note_providers(&["phone".to_owned()]);
    admission.insert(tx, &mut user)?;
    set_identity(tx, &mut user, &wanted.data)?;
    Ok(user)
}

/// Issues a code that proves the number and lets the user in.
fn write_code(auth: &Auth, tx: &mut Tx<'_>, user: &mut User) -> Result<Sms, Stop> {
    let code = auth.sms_code(&user.phone)?;
    let issued =
        auth.codes.issue(tx, (user.id, CodeKind::Confirmation), (&user.phone, &code), None)?;
    user.confirmation_sent_at = Some(now());
    users::update(tx, user)?;
    let phone = user.phone.clone();
    Ok(Sms { user: user.id, phone, code: issued.code, purpose: "confirmation" })
}

/// Sends the message. Where that fails nothing is kept: neither the code nor an account that was
/// made for it.
async fn send(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (sms, new): (Sms, bool),
) -> Result<Option<&'static str>> {
    let user = sms.user;
    let sent = auth.send_sms(sms, call.client).await;
    if sent.is_err() {
        auth.write(move |tx| {
            let unproven = users::by_id(tx, user)?.is_some_and(|user| !user.is_confirmed());
            if new && unproven {
                users::delete(tx, user)?;
            } else {
                codes::delete(tx, user, CodeKind::Confirmation)?;
            }
            Ok(())
        })
        .await?;
    }
    sent
}

/// The answer to a request for a message.
pub(crate) fn message_answer(id: Option<&str>) -> Answer {
    match id {
        Some(id) => Answer::json(&json!({"message_id": id})),
        None => Answer::empty_object(),
    }
}

/// `POST /otp` with a number: the user may be new if `create` has their data.
pub(crate) async fn code(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (phone, create_with): (String, Option<Object>),
) -> Result<Answer> {
    auth.allow_sms("sign_in", &phone)?;
    let (inner, client) = (Arc::clone(auth), call.client);
    let asked = auth
        .admitting(client, move |tx, admission| {
            let known = users::by_phone(tx, &phone)?;
            let new = known.is_none();
            let mut user = match (known, &create_with) {
                (Some(user), _) if user.is_banned() => {
                    attempts::pretend_code(tx)?;
                    return Ok(None);
                }
                (Some(user), _) => {
                    audit::note(tx, client, &user, "user_recovery_requested", None)?;
                    user
                }
                (None, Some(data)) if !inner.settings.signup_disabled => {
                    let (phone, data) = (phone.clone(), data.clone());
                    let wanted = Wanted { phone, password: String::new(), data };
                    let user = create(tx, admission, &wanted)?;
                    audit::note(tx, client, &user, "user_confirmation_requested", None)?;
                    user
                }
                (None, _) => {
                    let message = "Signups not allowed for otp";
                    return Err(Refusal::new(422, "otp_disabled", message).into());
                }
            };
            Ok(Some((write_code(&inner, tx, &mut user)?, new)))
        })
        .await?;
    match asked {
        Some(asked) => Ok(message_answer(send(auth, call, asked).await?)),
        None => {
            auth.pretend(Hook::SendSms).await;
            Ok(Answer::empty_object())
        }
    }
}

/// `POST /resend` with a number, of the kind `sms` or `phone_change`.
pub(crate) async fn resend(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (phone, change): (String, bool),
) -> Result<Answer> {
    auth.allow_sms(if change { "phone_change" } else { "sign_in" }, &phone)?;
    let inner = Arc::clone(auth);
    let sms = auth
        .write(move |tx| {
            if change {
                let waiting = users::by_phone_change(tx, &phone)?;
                let Some(mut user) = waiting.into_iter().find(|user| !user.is_banned()) else {
                    attempts::pretend_code(tx)?;
                    return Ok(None);
                };
                return write_change(&inner, tx, (&mut user, &phone)).map(Some);
            }
            let known = users::by_phone(tx, &phone)?;
            let unproven =
                known.filter(|user| !user.is_banned() && user.phone_confirmed_at.is_none());
            let Some(mut user) = unproven else {
                attempts::pretend_code(tx)?;
                return Ok(None);
            };
            write_code(&inner, tx, &mut user).map(Some)
        })
        .await?;
    match sms {
        Some(sms) => Ok(message_answer(auth.send_sms(sms, call.client).await?)),
        None => {
            auth.pretend(Hook::SendSms).await;
            Ok(Answer::empty_object())
        }
    }
}

/// The number is the user's.
pub(crate) fn confirm(tx: &mut Tx<'_>, user: &mut User) -> Result<(), Stop> {
    user.phone_confirmed_at.get_or_insert(now());
    set_identity(tx, user, &Object::new())?;
    Ok(users::update(tx, user)?)
}

/// Issues the code of a change of number.
///
/// # Errors
/// As the database fails.
pub(crate) fn write_change(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (user, phone): (&mut User, &str),
) -> Result<Sms, Stop> {
    user.phone_change = phone.to_owned();
    user.phone_change_sent_at = Some(now());
    users::update(tx, user)?;
    let code = auth.sms_code(phone)?;
    auth.codes.issue(tx, (user.id, CodeKind::PhoneChange), (phone, &code), None)?;
    Ok(Sms { user: user.id, phone: phone.to_owned(), code, purpose: "phone_change" })
}

/// The new number is the user's from now on.
///
/// # Errors
/// 422 `phone_exists` if somebody took it meanwhile.
pub(crate) fn change(tx: &mut Tx<'_>, user: &mut User, phone: &str) -> Result<(), Stop> {
    if users::by_phone(tx, phone)?.is_some_and(|other| other.id != user.id) {
        return Err(taken().into());
    }
    // Whatever was sent to the old number is void.
    for code in codes::of_user(tx, user.id)? {
        if code.relates_to == user.phone || code.kind == CodeKind::PhoneChange {
            codes::delete(tx, user.id, code.kind)?;
        }
    }
    user.phone = phone.to_owned();
    user.phone_change = String::new();
    user.phone_confirmed_at = Some(now());
    user.is_anonymous = false;
    confirm(tx, user)
}

/// 422 `phone_exists`.
pub(crate) fn taken() -> Refusal {
    let message = "A user with this phone number has already been registered";
    Refusal::new(422, "phone_exists", message)
}

/// Makes the identity of the user's number, or changes it.
pub(crate) fn set_identity(tx: &mut Tx<'_>, user: &mut User, data: &Object) -> Result<(), Stop> {
    let mut claims = data.clone();
    claims.insert("sub".to_owned(), json!(user.id));
    claims.insert("phone".to_owned(), json!(user.phone));
    claims.insert("email_verified".to_owned(), json!(false));
    claims.insert("phone_verified".to_owned(), json!(user.phone_confirmed_at.is_some()));
    let known = identities::of_user(tx, user.id)?;
    match known.into_iter().find(|identity| identity.provider == "phone") {
        Some(mut identity) => {
            identity.data.extend(claims);
            identities::update(tx, &identity)?;
        }
        None => {
            identities::insert(tx, user.id, "phone", &user.id.to_string(), &claims)?;
        }
    }
    user.note_providers(&identities::providers(tx, user.id)?);
    Ok(())
}

/// Takes a code that could not be sent back.
pub(crate) async fn take_back(auth: &Arc<Auth>, user: Uuid, kind: CodeKind) -> Result<()> {
    auth.write(move |tx| Ok(codes::delete(tx, user, kind)?)).await
}
