//! Second factors: authenticator apps and keys. Source: auth.md 5.4 and 6.9.

mod key;
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
use crate::limits::Kind;
use crate::sessions::{Me, Opened, Origin, account, authenticate, bearer};
use crate::tables::factors::{self, Challenge, Factor};
use crate::tables::sessions::{self, Session};
use crate::tables::{attempts, audit};
use crate::values::now;

/// Authenticator apps.
const TOTP: &str = "totp";
/// Keys that browsers and devices hold.
const KEY: &str = "webauthn";
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
}

async fn enroll(auth: &Arc<Auth>, call: &Call<'_>, who: Subject) -> Result<Answer> {
    let body: Enrolment = call.json()?;
    let kind = body.factor_type.clone().unwrap_or_default();
    may_enroll_kind(auth, &kind)?;
    let name = body.friendly_name.unwrap_or_default();
    if name.chars().count() > 255 {
        return Err(Refusal::invalid("friendly_name is too long"));
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
        answer["totp"] = json!({
            "qr_code": totp::qr_code(&uri)?,
            "secret": totp::encoded(&secret),
            "uri": uri,
        });
    }
    Ok(Answer::json(&answer))
}

/// Are new factors of this kind switched on?
fn may_enroll_kind(auth: &Auth, kind: &str) -> Result<()> {
    let mfa = &auth.settings.mfa;
    let code = match kind {
        TOTP if mfa.totp_enroll => return Ok(()),
        KEY if mfa.webauthn_enroll => return Ok(()),
        TOTP => "mfa_totp_enroll_not_enabled",
        KEY => "mfa_webauthn_enroll_not_enabled",
        "phone" => "mfa_phone_enroll_not_enabled",
        _ => return Err(Refusal::invalid("factor_type needs to be totp, phone, or webauthn")),
    };
    Err(Refusal::new(422, code, format!("MFA enroll is disabled for {kind}")))
}

/// Are factors of this kind good for anything?
fn may_verify_kind(auth: &Auth, kind: &str) -> Result<()> {
    let mfa = &auth.settings.mfa;
    let (code, name) = match kind {
        TOTP if mfa.totp_verify => return Ok(()),
        KEY if mfa.webauthn_verify => return Ok(()),
        TOTP => ("mfa_totp_verify_not_enabled", "TOTP"),
        KEY => ("mfa_webauthn_verify_not_enabled", "WebAuthn"),
        _ => ("mfa_phone_verify_not_enabled", "Phone"),
    };
    Err(Refusal::new(422, code, format!("MFA verification is disabled for {name}")))
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
    if !name.is_empty() && known.iter().any(|factor| factor.friendly_name == name) {
        let message = format!("A factor with the friendly name {name:?} exists already");
        return Err(Refusal::new(422, "mfa_factor_name_conflict", message).into());
    }
    Ok(())
}

async fn challenge(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (who, id): (Subject, Uuid),
) -> Result<Answer> {
    auth.limits.take(Kind::Factor, call.client)?;
    let (client, inner) = (call.client, Arc::clone(auth));
    let (made, kind, ceremony) = auth
        .write(move |tx| {
            let (me, _) = owner(tx, &who)?;
            let mut factor = own_factor(tx, me.user.id, id)?;
            may_verify_kind(&inner, &factor.kind)?;
            let ceremony = match factor.kind.as_str() {
                KEY => Some(key::begin(&inner, tx, (&me.user, &factor))?),
                _ => None,
            };
            let challenge = Challenge {
                id: Uuid::new_v4(),
                factor_id: factor.id,
                created_at: now(),
                verified_at: None,
                ip: client.to_string(),
                ceremony: ceremony.as_ref().map(|(_, begun)| begun.state.clone()),
            };
            factors::put_challenge(tx, &challenge)?;
            factor.last_challenged_at = Some(challenge.created_at);
            factors::update(tx, &factor)?;
            let traits = json!({"factor_id": factor.id, "factor_status": factor.status});
            audit::note(tx, client, &me.user, "challenge_created", Some(traits))?;
            Ok((challenge, factor.kind, ceremony))
        })
        .await?;
    let life = i64::try_from(auth.settings.mfa.challenge_life.as_secs()).unwrap_or(i64::MAX);
    let expires_at = made.created_at.as_second().saturating_add(life);
    let mut answer = json!({"id": made.id, "type": kind, "expires_at": expires_at});
    if let Some((step, begun)) = ceremony {
        answer[KEY] = json!({"type": step, "credential_options": begun.options});
    }
    Ok(Answer::json(&answer))
}

#[derive(Default, Deserialize)]
struct Body {
    challenge_id: Option<String>,
    code: Option<String>,
    webauthn: Option<key::Proof>,
}

/// What a caller shows to meet a challenge.
struct Proof {
    code: String,
    webauthn: Option<key::Proof>,
}

async fn verify(auth: &Arc<Auth>, call: &Call<'_>, (who, id): (Subject, Uuid)) -> Result<Answer> {
    auth.limits.take(Kind::Factor, call.client)?;
    let body: Body = call.json()?;
    let challenge = body.challenge_id.unwrap_or_default();
    let challenge = Uuid::parse_str(&challenge).map_err(|_| unknown_challenge())?;
    let proof = Proof { code: body.code.unwrap_or_default(), webauthn: body.webauthn };
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    // A wrong code is counted although the caller is refused: hence the inner result.
    let opened = auth
        .write(move |tx| {
            let (me, session) = owner(tx, &who)?;
            let mut factor = own_factor(tx, me.user.id, id)?;
            may_verify_kind(&inner, &factor.kind)?;
            let subject = format!("factor:{id}");
            if attempts::count(tx, &subject, FAILURES_PERIOD)? >= FAILURES_MAX {
                let message = "Too many wrong codes for this factor; try again later";
                return Err(Refusal::new(429, "over_request_rate_limit", message).into());
            }
            let challenge = good_challenge(&inner, tx, (challenge, id), &origin)?;
            match prove(&inner, tx, (&mut factor, &challenge), &proof)? {
                Ok(used) => {
                    attempts::clear(tx, &subject)?;
                    factors::use_challenge(tx, challenge.id, &used)?;
                    upgrade(&inner, tx, (me, session, factor), &origin).map(Ok)
                }
                Err(message) => {
                    attempts::add(tx, &subject, FAILURES_PERIOD)?;
                    let traits = json!({"factor_id": id, "valid": false});
                    let action = "verification_attempted";
                    audit::note(tx, origin.client, &me.user, action, Some(traits))?;
                    Ok(Err(Refusal::new(422, "mfa_verification_failed", message)))
                }
            }
        })
        .await??;
    auth.sessions_ended();
    auth.session_answer(&opened)
}

/// Does the proof meet the challenge? What was used up, or why not.
fn prove(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (factor, challenge): (&mut Factor, &Challenge),
    proof: &Proof,
) -> Result<Result<String, String>, Stop> {
    if factor.kind == KEY {
        return Ok(key::prove(auth, (factor, challenge), proof.webauthn.as_ref()));
    }
    let secret = auth.vault.open("factor", &factor.secret)?;
    if let Some(step) = totp::step_of(&secret, &proof.code, now().as_second()) {
        let step = step.to_string();
        if !factors::is_used(tx, factor.id, &step)? {
            return Ok(Ok(step));
        }
    }
    Ok(Err("Invalid TOTP code entered".to_owned()))
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
    let method = if factor.kind == KEY { "mfa/webauthn" } else { TOTP };
    sessions::add_method(tx, session.id, method)?;
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
