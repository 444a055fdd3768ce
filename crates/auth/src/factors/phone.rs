//! Codes by text message as a second factor. Source: auth.md 6.9.

use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{Enrolment, PHONE, own_factor, owner};
use crate::access_token::Subject;
use crate::address;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;
use crate::sms::Sms;
use crate::tables::audit;
use crate::tables::factors::{self, Challenge, Factor};
use crate::values::now;

/// `POST /factors` with `phone`.
pub(super) async fn enroll(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (who, body): (Subject, Enrolment),
) -> Result<Answer> {
    let phone = address::phone(body.phone.as_deref().unwrap_or_default())?;
    let name = body.friendly_name.unwrap_or_default();
    let (inner, client) = (Arc::clone(auth), call.client);
    let factor = auth
        .write(move |tx| {
            let (me, session) = owner(tx, &who)?;
            for known in factors::of_user(tx, me.user.id)?.iter().filter(|one| one.phone == phone) {
                if known.status == "verified" {
                    let message = "A verified phone factor already exists, unenroll the existing factor to continue";
                    return Err(Refusal::new(422, "mfa_verified_factor_exists", message).into());
                }
                factors::delete(tx, known.id)?;
            }
            super::may_enroll(&inner, tx, (&me, &session), &name)?;
            let factor = Factor {
                id: Uuid::new_v4(),
                user_id: me.user.id,
                friendly_name: name.clone(),
                kind: PHONE.to_owned(),
                status: "unverified".to_owned(),
                created_at: Some(now()),
                phone: phone.clone(),
                ..Factor::default()
            };
            factors::insert(tx, &factor)?;
            let traits = json!({"factor_id": factor.id});
            audit::note(tx, client, &me.user, "factor_in_progress", Some(traits))?;
            Ok(factor)
        })
        .await?;
    Ok(Answer::json(&json!({
        "id": factor.id,
        "type": PHONE,
        "friendly_name": factor.friendly_name,
        "phone": factor.phone,
    })))
}

/// `POST /factors/{id}/challenge` of a phone: sends a code.
pub(super) async fn challenge(
    auth: &Arc<Auth>,
    call: &Call<'_>,
    (who, factor): (Subject, Factor),
) -> Result<Answer> {
    super::demand_use(auth, PHONE)?;
    auth.limits.take(Kind::Factor, call.client)?;
    auth.allow_sms("factor", &factor.phone)?;
    let code = auth.sms_code(&factor.phone)?;
    let phone = factor.phone.clone();
    let sms = Sms { user: factor.user_id, phone, code: code.clone(), purpose: "mfa" };
    let (inner, client) = (Arc::clone(auth), call.client);
    let made = auth
        .write(move |tx| {
            let (me, _) = owner(tx, &who)?;
            let mut factor = own_factor(tx, me.user.id, factor.id)?;
            let id = Uuid::new_v4();
            let challenge = Challenge {
                id,
                factor_id: factor.id,
                created_at: now(),
                verified_at: None,
                ip: client.to_string(),
                code: hash(&inner, id, &code),
                ceremony: None,
            };
            factors::put_challenge(tx, &challenge)?;
            factor.last_challenged_at = Some(challenge.created_at);
            factors::update(tx, &factor)?;
            let traits = json!({"factor_id": factor.id, "factor_status": factor.status});
            audit::note(tx, client, &me.user, "challenge_created", Some(traits))?;
            Ok(challenge)
        })
        .await?;
    auth.send_sms(sms, call.client).await?;
    let expires_at = super::expiry(auth, &made);
    Ok(Answer::json(&json!({"id": made.id, "type": PHONE, "expires_at": expires_at})))
}

/// Is this the code that was sent for the challenge?
pub(super) fn is_code_of(auth: &Auth, challenge: &Challenge, code: &str) -> bool {
    hash(auth, challenge.id, code).as_bytes().ct_eq(challenge.code.as_bytes()).into()
}

/// What is stored of a code: nothing that could be guessed without the key.
fn hash(auth: &Auth, challenge: Uuid, code: &str) -> String {
    let key = auth.vault.derive("phone factors");
    // A key of this length is always taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(challenge.as_bytes());
    mac.update(code.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
