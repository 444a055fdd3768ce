//! Proof keys for code exchange (RFC 7636). Source: auth.md 7.1 of the protocol notes.

use backstay_records::Tx;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::error::{Refusal, Result};
use crate::tables::flows::{self, Flow};
use crate::values::now;

/// What a client sends to bind a flow to itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// A challenge that was checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Challenge {
    pub(crate) text: String,
    /// `s256` or `plain`.
    pub(crate) method: &'static str,
}

impl Wanted {
    /// From two parameters.
    pub(crate) fn new(challenge: Option<String>, method: Option<String>) -> Self {
        Self { code_challenge: challenge, code_challenge_method: method }
    }

    /// The challenge, if the client sent one.
    ///
    /// # Errors
    /// 400 `validation_failed` for one of the two alone, or a malformed one.
    pub(crate) fn challenge(&self) -> Result<Option<Challenge>> {
        let challenge = self.code_challenge.as_deref().unwrap_or_default();
        let method = self.code_challenge_method.as_deref().unwrap_or_default();
        if challenge.is_empty() && method.is_empty() {
            return Ok(None);
        }
        if challenge.is_empty() || method.is_empty() {
            return Err(Refusal::invalid(
                "PKCE flow requires code_challenge_method and code_challenge",
            ));
        }
        let method = if method.eq_ignore_ascii_case("s256") {
            "s256"
        } else if method.eq_ignore_ascii_case("plain") {
            "plain"
        } else {
            return Err(Refusal::invalid("code_challenge_method must be s256 or plain"));
        };
        if !is_well_formed(challenge) {
            return Err(Refusal::invalid(
                "code_challenge must have 43 to 128 characters of A-Z, a-z, 0-9, '-', '.', '_', '~'",
            ));
        }
        Ok(Some(Challenge { text: challenge.to_owned(), method }))
    }
}

fn is_well_formed(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
}

/// Does the verifier belong to the flow's challenge?
pub(crate) fn is_verified(flow: &Flow, verifier: &str) -> bool {
    matches((&flow.challenge_method, &flow.challenge), verifier)
}

/// Does the verifier belong to the challenge of this method?
pub(crate) fn matches((method, challenge): (&str, &str), verifier: &str) -> bool {
    if !is_well_formed(verifier) {
        return false;
    }
    let made = match method {
        "s256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
        "plain" => verifier.to_owned(),
        _ => return false,
    };
    made.as_bytes().ct_eq(challenge.as_bytes()).into()
}

/// Begins the flow of a link in a mail.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    user: Uuid,
    challenge: &Challenge,
    method: &str,
) -> backstay_model::Result<()> {
    let flow = Flow {
        id: Uuid::new_v4(),
        user_id: Some(user),
        challenge_method: challenge.method.to_owned(),
        challenge: challenge.text.clone(),
        provider: "email".to_owned(),
        created_at: Some(now()),
        method: method.to_owned(),
        ..Flow::default()
    };
    flows::put(tx, &flow)
}

/// Gives the flow its code, which the client exchanges for a session.
pub(crate) fn issue_code(tx: &mut Tx<'_>, flow: &mut Flow) -> backstay_model::Result<String> {
    flow.auth_code = Uuid::new_v4().to_string();
    flow.code_issued_at = Some(now());
    flows::put(tx, flow)?;
    Ok(flow.auth_code.clone())
}
