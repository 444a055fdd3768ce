//! Tokens: RFC 7519 JWTs checked as PostgREST checks them, with its messages.

use backstay_model::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::keys::Keys;

/// Limit: tokens longer than this are refused unread.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Tolerance for clocks that differ, in seconds.
const SKEW_SECONDS: f64 = 30.0;

/// The claims of a verified token.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// All of them, as sent.
    pub all: Map<String, Value>,
    /// `exp` in seconds since 1970, if there is one.
    pub expires: Option<f64>,
}

/// What is expected of a token beside its signature.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// If set, `aud` must hold it where the token has an `aud`.
    pub audience: Option<String>,
}

/// Verifies a token: signature first, then times and audience. `now` is seconds since 1970.
///
/// # Errors
/// `PGRST300` without any key, `PGRST301` if it cannot be decoded, `PGRST303` if its claims do not hold.
pub fn verify(
    keys: &Keys,
    expected: &Expectations,
    token: &str,
    now: f64,
) -> Result<Claims, Error> {
    if token.is_empty() {
        return Err(undecodable("Empty JWT is sent in Authorization header"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Err(undecodable(&format!("Expected 3 parts in JWT; got {}", parts.len())));
    };
    if !keys.verifies_tokens() {
        return Err(Error::new("PGRST300", "Server lacks JWT secret"));
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(undecodable("JWT cryptographic operation failed"));
    }
    let (algorithm, id) = read_header(header)?;
    let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
    let genuine = keys.candidates(id.as_deref(), algorithm).any(|key| {
        jsonwebtoken::crypto::verify(signature, message, &key.key, algorithm).unwrap_or(false)
    });
    if !genuine {
        return Err(undecodable("No suitable key or wrong key type")
            .with_details("None of the keys was able to decode the JWT"));
    }
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| undecodable("JWT cryptographic operation failed"))?;
    let Ok(Value::Object(all)) = serde_json::from_slice::<Value>(&payload) else {
        return Err(invalid("Parsing claims failed"));
    };
    check_claims(all, expected, now)
}

fn read_header(header: &str) -> Result<(Algorithm, Option<String>), Error> {
    let corrupt = || undecodable("JWT cryptographic operation failed");
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| corrupt())?;
    let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| corrupt())?;
    let unsupported = || undecodable("Wrong or unsupported encoding algorithm");
    let name = header.get("alg").and_then(Value::as_str).ok_or_else(unsupported)?;
    if name.eq_ignore_ascii_case("none") {
        return Err(
            unsupported().with_details("JWT is unsecured but expected 'alg' was not 'none'")
        );
    }
    let algorithm: Algorithm = name.parse().map_err(|_| unsupported())?;
    Ok((algorithm, header.get("kid").and_then(Value::as_str).map(str::to_owned)))
}

fn check_claims(
    all: Map<String, Value>,
    expected: &Expectations,
    now: f64,
) -> Result<Claims, Error> {
    let time = |name: &str| match all.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(invalid(&format!("The JWT '{name}' claim must be a number"))),
    };
    let (expires, not_before, issued) = (time("exp")?, time("nbf")?, time("iat")?);
    if expires.is_some_and(|at| now > at + SKEW_SECONDS) {
        return Err(invalid("JWT expired"));
    }
    if not_before.is_some_and(|at| now < at - SKEW_SECONDS) {
        return Err(invalid("JWT not yet valid"));
    }
    if issued.is_some_and(|at| now < at - SKEW_SECONDS) {
        return Err(invalid("JWT issued at future"));
    }
    check_audience(all.get("aud"), expected)?;
    Ok(Claims { all, expires })
}

fn check_audience(claim: Option<&Value>, expected: &Expectations) -> Result<(), Error> {
    let malformed = || invalid("The JWT 'aud' claim must be a string or an array of strings");
    let audiences: Vec<&str> = match claim {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().ok_or_else(malformed)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(malformed()),
    };
    match &expected.audience {
        Some(wanted) if !audiences.is_empty() && !audiences.contains(&wanted.as_str()) => {
            Err(invalid("JWT not in audience"))
        }
        _ => Ok(()),
    }
}

fn undecodable(message: &str) -> Error {
    Error::new("PGRST301", message)
}

fn invalid(message: &str) -> Error {
    Error::new("PGRST303", message)
}

#[cfg(test)]
mod tests;
