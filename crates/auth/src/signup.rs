//! `POST /signup`: new accounts, with an address or without. Source: auth.md 6.2.

use std::net::IpAddr;
use std::sync::Arc;

use backstay_records::Tx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admission::Admission;
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::mail::{Letter, MailKind};
use crate::pkce::{self, Challenge};
use crate::sessions::{Opened, Origin, account};
use crate::tables::codes::CodeKind;
use crate::tables::users::User;
use crate::tables::{audit, identities, users};
use crate::values::{Object, now};
use crate::wire::{self, Account};
use crate::{address, phone, random};

#[derive(Default, Deserialize)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    data: Option<Object>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    channel: Option<String>,
}

/// A sign-up that was checked.
#[derive(Clone)]
struct Wanted {
    email: String,
    /// The hash of the password.
    password: String,
    data: Object,
    challenge: Option<Challenge>,
    redirect_to: String,
    origin: Origin,
}

/// What came of a sign-up.
enum Done {
    Session(Box<Opened>),
    /// A mail goes out; the answer shows the account.
    Mailed(Box<Account>, Box<Letter>),
    /// There is such an account; the answer does not tell.
    Known,
}

pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let (email, phone) = (filled(&body.email), filled(&body.phone));
    auth.limits.take(if email || phone { Kind::SignUp } else { Kind::Anonymous }, call.client)?;
    if auth.settings.signup_disabled {
        let message = "Signups not allowed for this instance";
        return Err(Refusal::new(422, "signup_disabled", message));
    }
    match (email, phone) {
        (false, false) => anonymous(auth, call, body.data.unwrap_or_default()).await,
        (true, true) => {
            let message = "Only an email address or phone number should be provided on signup.";
            Err(Refusal::invalid(message))
        }
        (false, true) => by_phone(auth, call, body).await,
        (true, false) => by_email(auth, call, body).await,
    }
}

async fn by_email(auth: &Arc<Auth>, call: &Call<'_>, body: Body) -> Result<Answer> {
    if !auth.settings.email.enabled {
        return Err(Refusal::new(400, "email_provider_disabled", "Email signups are disabled"));
    }
    let password = body.password.unwrap_or_default();
    if password.is_empty() {
        return Err(Refusal::invalid("Signup requires a valid password"));
    }
    let email = address::email(&body.email.unwrap_or_default())?;
    auth.passwords.check(&password).await?;
    let challenge =
        pkce::Wanted::new(body.code_challenge, body.code_challenge_method).challenge()?;
    let autoconfirm = auth.settings.email.autoconfirm;
    if !autoconfirm {
        auth.allow_mail("signup", &email)?;
    }
    let wanted = Wanted {
        email,
        password: auth.passwords.hash(&password).await?,
        data: checked_metadata(body.data.unwrap_or_default())?,
        challenge,
        redirect_to: auth.redirect_target(call, None),
        origin: Origin::of(call),
    };
    let (inner, given) = (Arc::clone(auth), wanted.clone());
    let work = move |tx: &mut Tx<'_>, admission: &Admission| sign_up(&inner, tx, admission, &given);
    match auth.admitting(call.client, work).await? {
        Done::Session(opened) => auth.session_answer(&opened).await,
        Done::Mailed(account, letter) => {
            auth.deliver(&[*letter], call.client).await?;
            Ok(Answer::json(&wire::user(&account)))
        }
        Done::Known => {
            auth.deliver(&[], call.client).await?;
            let user = new_user(&wanted.email, "", wanted.data);
            Ok(Answer::json(&obfuscated(user, "email")))
        }
    }
}

async fn by_phone(auth: &Arc<Auth>, call: &Call<'_>, body: Body) -> Result<Answer> {
    phone::demand(auth, body.channel.as_deref())?;
    if pkce::Wanted::new(body.code_challenge, body.code_challenge_method).challenge()?.is_some() {
        return Err(Refusal::invalid("PKCE is not supported for phone signups"));
    }
    let password = body.password.unwrap_or_default();
    if password.is_empty() {
        return Err(Refusal::invalid("Signup requires a valid password"));
    }
    let number = address::phone(&body.phone.unwrap_or_default())?;
    auth.passwords.check(&password).await?;
    let wanted = phone::Wanted {
        phone: number,
        password: auth.passwords.hash(&password).await?,
        data: checked_metadata(body.data.unwrap_or_default())?,
    };
    phone::sign_up(auth, call, wanted).await
}

fn sign_up(
    auth: &Auth,
    tx: &mut Tx<'_>,
    admission: &Admission,
    wanted: &Wanted,
) -> Result<Done, Stop> {
    let autoconfirm = auth.settings.email.autoconfirm;
    let mut user = match users::by_email(tx, &wanted.email)? {
        Some(known) => {
            let claim = Claim {
                proven: known.email_confirmed_at.is_some(),
                autoconfirm,
                password: &wanted.password,
                data: &wanted.data,
                client: wanted.origin.client,
            };
            let Some(unproven) = claim.of(tx, known)? else { return Ok(Done::Known) };
            unproven
        }
        None => {
            let user = new_user(&wanted.email, &wanted.password, wanted.data.clone());
            create(tx, admission, user, &wanted.data)?
        }
    };
    if autoconfirm {
        confirm_email(tx, &mut user)?;
        audit::note(tx, wanted.origin.client, &user, "user_signedup", None)?;
        let opened = auth.open_session(tx, (&mut user, "password"), &wanted.origin)?;
        return Ok(Done::Session(Box::new(opened)));
    }
    audit::note(tx, wanted.origin.client, &user, "user_confirmation_requested", None)?;
    let kind = if user.invited_at.is_some() { MailKind::Invite } else { MailKind::Confirmation };
    let pkce = wanted.challenge.as_ref();
    let letter = mail_confirmation(auth, tx, (&mut user, kind), pkce, &wanted.redirect_to)?;
    let mut account = account(tx, user)?;
    if account.user.invited_at.is_some() {
        // Whoever was invited is told nothing of what the invitation says.
        account.user.user_metadata.clear();
        account.identities.clear();
    }
    Ok(Done::Mailed(Box::new(account), Box::new(letter)))
}

/// A sign-up with an address or number that has an account.
pub(crate) struct Claim<'c> {
    /// Somebody proved that it is theirs.
    pub(crate) proven: bool,
    /// New accounts count as proven.
    pub(crate) autoconfirm: bool,
    /// The hash of the new password.
    pub(crate) password: &'c str,
    pub(crate) data: &'c Object,
    pub(crate) client: IpAddr,
}

impl Claim<'_> {
    /// The account, if it may be had; `None` where it is somebody's, which the answer does not tell.
    ///
    /// # Errors
    /// 422 `user_already_exists` where the answer tells anyway.
    pub(crate) fn of(&self, tx: &mut Tx<'_>, mut known: User) -> Result<Option<User>, Stop> {
        if self.proven && self.autoconfirm {
            let refusal = Refusal::new(422, "user_already_exists", "User already registered");
            return Err(refusal.into());
        }
        if self.proven {
            audit::note(tx, self.client, &known, "user_repeated_signup", None)?;
            return Ok(None);
        }
        if self.autoconfirm {
            // Nobody ever proved it: whatever was set for it before is void.
            self.password.clone_into(&mut known.password);
            known.user_metadata.clone_from(self.data);
            users::update(tx, &mut known)?;
        }
        Ok(Some(known))
    }
}

/// A user with an e-mail address who is not stored yet.
pub(crate) fn new_user(email: &str, password: &str, data: Object) -> User {
    User {
        id: Uuid::new_v4(),
        aud: "authenticated".to_owned(),
        role: "authenticated".to_owned(),
        email: email.to_owned(),
        password: password.to_owned(),
        user_metadata: data,
        created_at: Some(now()),
        updated_at: Some(now()),
        ..User::default()
    }
}

/// Stores a user with the identity of their address.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    admission: &Admission,
    mut user: User,
    data: &Object,
) -> Result<User, Stop> {
    user.note_providers(&["email".to_owned()]);
    admission.insert(tx, &mut user)?;
    let mut claims = data.clone();
    claims.insert("sub".to_owned(), json!(user.id));
    claims.insert("email".to_owned(), json!(user.email));
    claims.insert("email_verified".to_owned(), json!(false));
    claims.insert("phone_verified".to_owned(), json!(false));
    identities::insert(tx, user.id, "email", &user.id.to_string(), &claims)?;
    Ok(user)
}

/// The address is the user's.
pub(crate) fn confirm_email(tx: &mut Tx<'_>, user: &mut User) -> Result<(), Stop> {
    user.email_confirmed_at.get_or_insert(now());
    user.user_metadata.insert("email_verified".to_owned(), json!(true));
    users::update(tx, user)?;
    for mut identity in identities::of_user(tx, user.id)? {
        if identity.provider == "email" && identity.email == user.email {
            identity.data.insert("email_verified".to_owned(), json!(true));
            identities::update(tx, &identity)?;
        }
    }
    Ok(())
}

/// Issues a confirmation and writes its mail.
pub(crate) fn mail_confirmation(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (user, kind): (&mut User, MailKind),
    pkce: Option<&Challenge>,
    redirect_to: &str,
) -> Result<Letter, Stop> {
    let code = random::digits(auth.settings.email.code_digits)?;
    let method = if kind == MailKind::Invite { "invite" } else { "email/signup" };
    let issued = auth.codes.issue(
        tx,
        (user.id, CodeKind::Confirmation),
        (&user.email, &code),
        pkce.map(|challenge| (challenge, method)),
    )?;
    user.confirmation_sent_at = Some(now());
    users::update(tx, user)?;
    let addresses = (user.email.as_str(), user.email.as_str());
    Ok(Letter::new(auth, kind, addresses, &issued, redirect_to).about(user))
}

/// What a stranger is shown for an address or number that has an account: a user as if made now.
pub(crate) fn obfuscated(mut user: User, provider: &str) -> Value {
    user.note_providers(&[provider.to_owned()]);
    user.role = String::new();
    user.confirmation_sent_at = Some(now());
    wire::user(&Account { user, ..Account::default() })
}

async fn anonymous(auth: &Arc<Auth>, call: &Call<'_>, data: Object) -> Result<Answer> {
    if !auth.settings.anonymous_sign_ins {
        let message = "Anonymous sign-ins are disabled";
        return Err(Refusal::new(422, "anonymous_provider_disabled", message));
    }
    let (inner, origin, data) = (Arc::clone(auth), Origin::of(call), checked_metadata(data)?);
    let opened = auth
        .admitting(call.client, move |tx, admission| {
            let mut user = new_user("", "", data.clone());
            user.is_anonymous = true;
            admission.insert(tx, &mut user)?;
            audit::note(tx, origin.client, &user, "user_signedup", None)?;
            inner.open_session(tx, (&mut user, "anonymous"), &origin)
        })
        .await?;
    auth.session_answer(&opened).await
}

/// Limit: bytes of a user's metadata as JSON; it travels in every token.
const METADATA_BYTES_MAX: usize = 16 * 1024;

/// Metadata of a bearable size.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn checked_metadata(data: Object) -> Result<Object> {
    let data = Value::Object(data);
    if data.to_string().len() > METADATA_BYTES_MAX {
        let message = format!("user metadata may have at most {METADATA_BYTES_MAX} bytes");
        return Err(Refusal::invalid(message));
    }
    match data {
        Value::Object(data) => Ok(data),
        _ => Ok(Object::new()),
    }
}
