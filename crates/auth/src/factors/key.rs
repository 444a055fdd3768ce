//! Factors that are keys of browsers and devices (`webauthn`).

use backstay_records::Tx;
use serde::Deserialize;
use serde_json::Value;

use super::{Challenge, Factor, KEY};
use crate::auth::{Auth, Stop};
use crate::tables::factors;
use crate::tables::users::User;
use crate::webauthn::{Begun, claimed};

/// The ceremony that makes the key of a new factor.
const CREATE: &str = "create";
/// The ceremony that uses it.
const REQUEST: &str = "request";

/// What a browser answers. Members that name the relying party are not looked at: it is the
/// server's to say.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Proof {
    r#type: String,
    credential_response: Value,
}

fn ceremony(factor: &Factor) -> &'static str {
    if factor.status == "verified" { REQUEST } else { CREATE }
}

/// Begins the ceremony that the factor needs, and tells which.
pub(super) fn begin(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (user, factor): (&User, &Factor),
) -> Result<(&'static str, Begun), Stop> {
    let step = ceremony(factor);
    let known = factors::of_user(tx, user.id)?;
    let known = known.into_iter().filter(|one| one.kind == KEY && one.status == "verified");
    let begun = if step == CREATE {
        let known: Vec<String> = known.filter_map(|one| one.credential).collect();
        auth.relying_party.begin_creation(user, &known, false)?
    } else {
        auth.relying_party.begin_use(factor.credential.as_slice())?
    };
    Ok((step, begun))
}

/// Does the browser's answer meet the challenge? The key as the factor keeps it from now on, with
/// its counter; else the reason.
pub(super) fn prove(
    auth: &Auth,
    (factor, challenge): (&Factor, &Challenge),
    proof: Option<&Proof>,
) -> Result<String, String> {
    let proof = proof.ok_or("webauthn is required to verify this factor")?;
    let step = ceremony(factor);
    if proof.r#type != step {
        return Err(format!("webauthn.type needs to be {step}"));
    }
    let state = challenge.ceremony.as_deref().ok_or("the challenge is of another kind")?;
    if step == CREATE {
        return Ok(auth.relying_party.create(state, &proof.credential_response)?.1);
    }
    let known = factor.credential.as_deref().ok_or("the factor has no key")?;
    let claimed = claimed(&proof.credential_response)?;
    if claimed.user.is_some_and(|user| user != factor.user_id) {
        return Err("the key is another user's".to_owned());
    }
    auth.relying_party.check_use(state, known, &proof.credential_response)
}
