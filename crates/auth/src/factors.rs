//! Second factors: authenticator apps, phones and keys. Source: auth.md 5.4 and 6.9.

mod key;
mod phone;
mod totp;

use std::sync::Arc;
use std::time::Duration;

use backstay_records::Tx;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::access_token::Subject;
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::hooks::Hook;
use crate::limits::Kind;
use crate::sessions::{Me, Opened, Origin, account, authenticate, bearer};
use crate::tables::factors::{self, Challenge, Factor};
use crate::tables::sessions::{self, Session};
use crate::tables::{attempts, audit};
use crate::values::now;

/// Authenticator apps.
pub(crate) const TOTP: &str = "totp";
/// Codes by text message.
pub(crate) const PHONE: &str = "phone";
/// Keys that browsers and devices hold.
pub(crate) const KEY: &str = "webauthn";
/// Unverified factors older than this are removed at the next enrolment.
const STALE: Duration = Duration::from_secs(300);
/// Limit: wrong codes for a factor in the period.
const FAILURES_MAX: i64 = 10;
const FAILURES_PERIOD: Duration = Duration::from_secs(300);

/// Everything below `/factors`.
pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    let who = bearer(call)?;
    match (call.method, path) {
        ("POST", []) => enroll(auth, call, who).await,
        ("POST", [id, "challenge"]) => challenge(auth, call, (who, factor_id(id)?)).await,
        ("POST", [id, "verify"]) => verify(auth, call, (who, factor_id(id)?)).await,
        ("DELETE", [id]) => unenroll(auth, call, (who, factor_id(id)?)).await,
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

fn factor_id(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text)
        .map_err(|_| Refusal::new(404, "validation_failed", "factor_id must be an UUID"))
}

/// The caller, who has a session and an account of their own.
fn owner(tx: &mut Tx<'_>, who: &Subject) -> Result<(Me, Session), Stop> {
    let me = authenticate(tx, who)?;
    let Some(session) = me.session.clone().filter(|_| !me.user.is_anonymous) else {
        let message = "Anonymous users and tokens without a session cannot use factors";
        return Err(Refusal::new(403, "no_authorization", message).into());
    };
    Ok((me, session))
}

fn own_factor(tx: &mut Tx<'_>, user: Uuid, id: Uuid) -> Result<Factor, Stop> {
    let found = factors::of_user(tx, user)?.into_iter().find(|factor| factor.id == id);
    found.ok_or_else(|| Refusal::new(404, "mfa_factor_not_found", "Factor not found").into())
}

#[derive(Default, Deserialize)]
struct Enrolment {
    factor_type: Option<String>,
    friendly_name: Option<String>,
    issuer: Option<String>,
    phone: Option<String>,
}

async fn enroll(auth: &Arc<Auth>, call: &Call<'_>, who: Subject) -> Result<Answer> {
    let body: Enrolment = call.json()?;
    let kind = body.factor_type.clone().unwrap_or_default();
    demand_enrolment(auth, &kind)?;
    let name = body.friendly_name.clone().unwrap_or_default();
    if name.chars().count() > 255 {
        return Err(Refusal::invalid("friendly_name is too long"));
    }
    if kind == PHONE {
        return phone::enroll(auth, call, (who, body)).await;
    }
    let secret = if kind == TOTP { Some(totp::new_secret()?) } else { None };
    let sealed = match &secret {
        Some(secret) => auth.vault.seal("factor", secret)?,
        None => String::new(),
    };
    let (inner, client, named, made) = (Arc::clone(auth), call.client, name.clone(), kind.clone());
    let (factor, label) = auth
        .write(move |tx| {
            let (me, session) = owner(tx, &who)?;
            may_enroll(&inner, tx, (&me, &session), &named)?;
            let factor = Factor {
                id: Uuid::new_v4(),
                user_id: me.user.id,
                friendly_name: named.clone(),
                kind: made.clone(),
                status: "unverified".to_owned(),
                created_at: Some(now()),
                secret: sealed.clone(),
                ..Factor::default()
            };
            factors::insert(tx, &factor)?;
            let traits = json!({"factor_id": factor.id});
            audit::note(tx, client, &me.user, "factor_in_progress", Some(traits))?;
            let label =
                if me.user.email.is_empty() { me.user.id.to_string() } else { me.user.email };
            Ok((factor, label))
        })
        .await?;
    let mut answer = json!({"id": factor.id, "type": kind, "friendly_name": name});
    if let Some(secret) = secret {
        let issuer = body.issuer.filter(|issuer| !issuer.is_empty());
        let issuer = issuer.unwrap_or_else(|| site_host(&auth.settings.site_url));
        let uri = totp::uri(&secret, &issuer, &label);
        answer[TOTP] = json!({
            "qr_code": totp::qr_code(&uri)?,
            "secret": totp::encoded(&secret),
            "uri": uri,
        });
    }
    Ok(Answer::json(&answer))
}

/// No other factor has this name.
///
/// # Errors
/// 422 `mfa_factor_name_conflict`.
pub(crate) fn demand_name(others: &[Factor], name: &str) -> Result<()> {
    if name.is_empty() || others.iter().all(|factor| factor.friendly_name != name) {
        return Ok(());
    }
    let message = format!("A factor with the friendly name {name:?} exists already");
    Err(Refusal::new(422, "mfa_factor_name_conflict", message))
}

/// New factors of this kind must be switched on.
fn demand_enrolment(auth: &Auth, kind: &str) -> Result<()> {
    let mfa = &auth.settings.mfa;
    let code = match kind {
        TOTP if mfa.totp_enroll => return Ok(()),
        PHONE if mfa.phone_enroll => return Ok(()),
        KEY if mfa.webauthn_enroll => return Ok(()),
        TOTP => "mfa_totp_enroll_not_enabled",
        PHONE => "mfa_phone_enroll_not_enabled",
        KEY => "mfa_webauthn_enroll_not_enabled",
        _ => return Err(Refusal::invalid("factor_type needs to be totp, phone, or webauthn")),
    };
    Err(Refusal::new(422, code, format!("MFA enroll is disabled for {kind}")))
}

/// The use of factors of this kind must be switched on.
fn demand_use(auth: &Auth, kind: &str) -> Result<()> {
    let mfa = &auth.settings.mfa;
    let (code, name) = match kind {
        TOTP if mfa.totp_verify => return Ok(()),
        PHONE if mfa.phone_verify => return Ok(()),
        KEY if mfa.webauthn_verify => return Ok(()),
        TOTP => ("mfa_totp_verify_not_enabled", "TOTP"),
        PHONE => ("mfa_phone_verify_not_enabled", "Phone"),
        _ => ("mfa_webauthn_verify_not_enabled", "WebAuthn"),
    };
    Err(Refusal::new(422, code, format!("MFA verification is disabled for {name}")))
}

/// Can the user prove anything with this factor?
pub(crate) fn is_usable(auth: &Auth, factor: &Factor) -> bool {
    factor.status == "verified" && demand_use(auth, &factor.kind).is_ok()
}

/// Does the session lack the proof of a second factor that its user has?
pub(crate) fn awaits_second(auth: &Auth, opened: &Opened) -> bool {
    let factors = &opened.account.factors;
    opened.session.aal != "aal2" && factors.iter().any(|factor| is_usable(auth, factor))
}

/// The address of an authenticator app's secret as a picture.
///
/// # Errors
/// 500 if it is too long for one.
pub(crate) fn qr_code(uri: &str) -> Result<String> {
    totp::qr_code(uri)
}

fn site_host(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    host.unwrap_or_else(|| "Backstay".to_owned())
}

fn may_enroll(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (me, session): (&Me, &Session),
    name: &str,
) -> Result<(), Stop> {
    let mut known = factors::of_user(tx, me.user.id)?;
    let stale = |factor: &Factor| {
        factor.status == "unverified"
            && factor.created_at.is_none_or(|at| now().duration_since(at).unsigned_abs() > STALE)
    };
    for factor in known.iter().filter(|factor| stale(factor)) {
        factors::delete(tx, factor.id)?;
    }
    known.retain(|factor| !stale(factor));
    if known.iter().any(|factor| factor.status == "verified") && session.aal != "aal2" {
        let message = "AAL2 required to enroll a new factor";
        return Err(Refusal::new(403, "insufficient_aal", message).into());
    }
    if known.len() >= auth.settings.mfa.factors_max {
        let message = "Maximum number of enrolled factors reached, unenroll to continue";
        return Err(Refusal::new(422, "too_many_enrolled_mfa_factors", message).into());
    }
    demand_name(&known, name)?;
    Ok(())
}

async fn challenge(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (who, id): (Subject, Uuid),
) -> Result<Answer> {
    let factor = known_factor(auth, &who, id).await?;
    if factor.kind == PHONE {
        return phone::challenge(auth, call, (who, factor)).await;
    }
    auth.limits.take(Kind::Factor, call.client)?;
    demand_use(auth, &factor.kind)?;
    let (client, inner) = (call.client, Arc::clone(auth));
    let (made, kind, ceremony) = auth
        .write(move |tx| {
            let (me, _) = owner(tx, &who)?;
            let mut factor = own_factor(tx, me.user.id, id)?;
            let ceremony = match factor.kind.as_str() {
                KEY => Some(key::begin(&inner, tx, (&me.user, &factor))?),
                _ => None,
            };
            let challenge = Challenge {
                id: Uuid::new_v4(),
                factor_id: factor.id,
                created_at: now(),
                ip: client.to_string(),
                ceremony: ceremony.as_ref().map(|(_, begun)| begun.state.clone()),
                ..Challenge::default()
            };
            factors::put_challenge(tx, &challenge)?;
            factor.last_challenged_at = Some(challenge.created_at);
            factors::update(tx, &factor)?;
            let traits = json!({"factor_id": factor.id, "factor_status": factor.status});
            audit::note(tx, client, &me.user, "challenge_created", Some(traits))?;
            Ok((challenge, factor.kind, ceremony))
        })
        .await?;
    let expires_at = expiry(auth, &made);
    let mut answer = json!({"id": made.id, "type": kind, "expires_at": expires_at});
    if let Some((step, begun)) = ceremony {
        answer[KEY] = json!({"type": step, "credential_options": begun.options});
    }
    Ok(Answer::json(&answer))
}

/// When the challenge ends, in seconds since 1970.
fn expiry(auth: &Auth, challenge: &Challenge) -> i64 {
    let life = i64::try_from(auth.settings.mfa.challenge_life.as_secs()).unwrap_or(i64::MAX);
    challenge.created_at.as_second().saturating_add(life)
}

/// The caller's factor with this id.
async fn known_factor(auth: &Arc<Auth>, who: &Subject, id: Uuid) -> Result<Factor> {
    let who = who.clone();
    auth.read(move |tx| {
        let (me, _) = owner(tx, &who)?;
        own_factor(tx, me.user.id, id)
    })
    .await
}

#[derive(Default, Deserialize)]
struct Body {
    challenge_id: Option<String>,
    code: Option<String>,
    webauthn: Option<key::Proof>,
}

async fn verify(auth: &Arc<Auth>, call: &Call<'_>, (who, id): (Subject, Uuid)) -> Result<Answer> {
    auth.limits.take(Kind::Factor, call.client)?;
    let factor = known_factor(auth, &who, id).await?;
    demand_use(auth, &factor.kind)?;
    let body: Body = call.json()?;
    let challenge = body.challenge_id.unwrap_or_default();
    let challenge = Uuid::parse_str(&challenge).map_err(|_| unknown_challenge())?;
    let code = body.code.unwrap_or_default();
    let tried = Tried { factor: id, challenge, code, webauthn: body.webauthn };
    let origin = Origin::of(call);
    if auth.hooks.has(Hook::MfaVerificationAttempt) {
        let (inner, seen, origin) = (Arc::clone(auth), tried.clone(), origin.clone());
        let kind = factor.kind.clone();
        let user = factor.user_id;
        let valid = auth.read(move |tx| Ok(seen.proof(&inner, tx, &factor, &origin)?.is_ok()));
        let about = (user, id, kind.as_str());
        auth.factor_tried(about, valid.await?, call.client).await?;
    }
    let inner = Arc::clone(auth);
    // A wrong code is counted although the caller is refused: hence the inner result.
    let opened = auth.write(move |tx| judge(&inner, tx, (&who, &tried), &origin)).await??;
    auth.sessions_ended();
    auth.session_answer(&opened).await
}

/// What a caller proves a factor with.
#[derive(Clone)]
struct Tried {
    factor: Uuid,
    challenge: Uuid,
    code: String,
    webauthn: Option<key::Proof>,
}

/// What a proof leaves behind.
struct Proven {
    /// What is noted as used, so that it is good once.
    used: String,
    /// The key as it is kept from now on.
    credential: Option<String>,
}

impl Proven {
    fn by_code(used: String) -> Self {
        Self { used, credential: None }
    }
}

impl Tried {
    /// Does it meet the challenge, and was it not used already? Else the reason.
    fn proof(
        &self,
        auth: &Auth,
        tx: &mut Tx<'_>,
        factor: &Factor,
        origin: &Origin,
    ) -> Result<Result<Proven, String>, Stop> {
        let challenge = good_challenge(auth, tx, (self.challenge, self.factor), origin)?;
        if factor.kind == KEY {
            let proven = key::prove(auth, (factor, &challenge), self.webauthn.as_ref());
            return Ok(proven.map(|key| Proven { used: String::new(), credential: Some(key) }));
        }
        if factor.kind == PHONE {
            let right = phone::is_code_of(auth, &challenge, &self.code);
            let proven = right.then(|| Proven::by_code(challenge.code));
            return Ok(proven.ok_or_else(|| "Invalid MFA Phone code entered".to_owned()));
        }
        let secret = auth.vault.open("factor", &factor.secret)?;
        if let Some(step) = totp::step_of(&secret, &self.code, now().as_second()) {
            let step = step.to_string();
            if !factors::is_used(tx, self.factor, &step)? {
                return Ok(Ok(Proven::by_code(step)));
            }
        }
        Ok(Err("Invalid TOTP code entered".to_owned()))
    }
}

fn judge(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (who, tried): (&Subject, &Tried),
    origin: &Origin,
) -> Result<Result<Opened>, Stop> {
    let (me, session) = owner(tx, who)?;
    let mut factor = own_factor(tx, me.user.id, tried.factor)?;
    let subject = format!("factor:{}", factor.id);
    if attempts::count(tx, &subject, FAILURES_PERIOD)? >= FAILURES_MAX {
        let message = "Too many wrong codes for this factor; try again later";
        return Err(Refusal::new(429, "over_request_rate_limit", message).into());
    }
    let proven = match tried.proof(auth, tx, &factor, origin)? {
        Ok(proven) => proven,
        Err(message) => {
            attempts::add(tx, &subject, FAILURES_PERIOD)?;
            let traits = json!({"factor_id": factor.id, "valid": false});
            audit::note(tx, origin.client, &me.user, "verification_attempted", Some(traits))?;
            return Ok(Err(Refusal::new(422, "mfa_verification_failed", message)));
        }
    };
    attempts::clear(tx, &subject)?;
    factors::use_challenge(tx, tried.challenge, &proven.used)?;
    factor.credential = proven.credential.or(factor.credential);
    upgrade(auth, tx, (me, session, factor), origin).map(Ok)
}

fn unknown_challenge() -> Refusal {
    let message = "MFA factor with the provided challenge ID not found";
    Refusal::new(422, "mfa_factor_not_found", message)
}

/// The challenge, if it belongs to the factor and is still open.
fn good_challenge(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (challenge, factor): (Uuid, Uuid),
    origin: &Origin,
) -> Result<Challenge, Stop> {
    let found = factors::challenge(tx, challenge)?.filter(|found| found.factor_id == factor);
    let Some(found) = found else { return Err(unknown_challenge().into()) };
    if found.verified_at.is_some() || found.ip != origin.client.to_string() {
        let message = "Challenge and verify IP addresses mismatch";
        return Err(Refusal::new(422, "mfa_ip_address_mismatch", message).into());
    }
    if now().duration_since(found.created_at).unsigned_abs() > auth.settings.mfa.challenge_life {
        let message = "MFA challenge has expired, verify against another challenge";
        return Err(Refusal::new(422, "mfa_challenge_expired", message).into());
    }
    Ok(found)
}

/// The session is of level two from now on; its earlier refresh tokens, and the user's weaker
/// sessions, are void.
fn upgrade(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (me, mut session, mut factor): (Me, Session, Factor),
    origin: &Origin,
) -> Result<Opened, Stop> {
    let is_new = factor.status != "verified";
    factor.status = "verified".to_owned();
    factors::update(tx, &factor)?;
    if is_new {
        for other in factors::of_user(tx, me.user.id)? {
            if other.status != "verified" && other.kind == factor.kind {
                factors::delete(tx, other.id)?;
            }
        }
    }
    session.aal = "aal2".to_owned();
    session.factor_id = Some(factor.id);
    session.refresh_counter += 2;
    session.refresh_floor = session.refresh_counter;
    session.refreshed_at = Some(now());
    sessions::update(tx, &session)?;
    let method = match factor.kind.as_str() {
        PHONE => "mfa/phone",
        KEY => "mfa/webauthn",
        _ => TOTP,
    };
    sessions::add_method(tx, session.id, method.into())?;
    sessions::delete_weak(tx, me.user.id, session.id)?;
    let traits = json!({"factor_id": factor.id, "valid": true});
    audit::note(tx, origin.client, &me.user, "verification_attempted", Some(traits))?;
    let key = auth.refresh_key(&session)?;
    let methods = sessions::methods(tx, session.id)?;
    Ok(Opened { account: account(tx, me.user)?, session, methods, key })
}

async fn unenroll(auth: &Arc<Auth>, call: &Call<'_>, (who, id): (Subject, Uuid)) -> Result<Answer> {
    let client = call.client;
    auth.write(move |tx| {
        let (me, session) = owner(tx, &who)?;
        let factor = own_factor(tx, me.user.id, id)?;
        if factor.status == "verified" && session.aal != "aal2" {
            let message = "AAL2 required to unenroll verified factor";
            return Err(Refusal::new(422, "insufficient_aal", message).into());
        }
        factors::delete(tx, id)?;
        if factor.status == "verified" {
            sessions::lower(tx, me.user.id)?;
        }
        let traits = json!({"factor_id": id, "factor_status": factor.status});
        audit::note(tx, client, &me.user, "factor_unenrolled", Some(traits))?;
        Ok(())
    })
    .await?;
    auth.sessions_ended();
    Ok(Answer::json(&json!({"id": id})))
}
