//! Id tokens: verified against the provider's own keys, and exchanged for a session.
//!
//! The issuer is the one that the settings name, never one that the token or the caller names.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::accounts::{self, Signed};
use super::issuers;
use super::providers::{Kind, Profile, Provider};
use super::registry::Registry;
use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::sessions::{Origin, authenticate, bearer};
use crate::tables::flows::Flow;
use crate::tables::sessions::By;

/// Limit: bytes of an id token.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Providers with id tokens, which may be switched off.
const KNOWN: [&str; 8] =
    ["apple", "azure", "facebook", "google", "kakao", "keycloak", "snapchat", "vercel_marketplace"];
/// Tolerance for clocks that differ, in seconds.
const SKEW_SECONDS: u64 = 30;

fn invalid(message: &str) -> Refusal {
    Refusal::oauth("invalid request", message)
}

/// What the `nonce` of a token is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Nonce<'n> {
    /// Ours, which the provider was given.
    Own(&'n str),
    /// The caller's, as the caller keeps it; `None` where it names none.
    Raw(Option<&'n str>),
}

impl Nonce<'_> {
    /// A token with this `nonce` is the one that was asked for.
    fn fits(self, provider: &Provider, held: Option<&str>) -> bool {
        let same =
            |wanted: &str| held.is_some_and(|held| wanted.as_bytes().ct_eq(held.as_bytes()).into());
        match self {
            // LinkedIn leaves it out of what it hands us itself.
            Self::Own(wanted) => {
                same(wanted) || (held.is_none() && provider.name == "linkedin_oidc")
            }
            Self::Raw(_) if provider.settings.skip_nonce_check => true,
            Self::Raw(None) => held.is_none(),
            Self::Raw(Some(raw)) if provider.kind == Kind::Facebook => same(raw),
            // The token holds the digest, so that whoever sees the token cannot replay it.
            Self::Raw(Some(raw)) => same(&hex::encode(Sha256::digest(raw.as_bytes()))),
        }
    }
}

/// The claims of a token that the provider signed for us.
///
/// # Errors
/// 400 in OAuth's form.
pub(super) async fn verify(
    registry: &Registry,
    provider: &Provider,
    token: &str,
    nonce: Nonce<'_>,
) -> Result<Value> {
    let Some(home) = issuers::home(provider) else {
        return Err(invalid("the provider has no id tokens"));
    };
    if token.len() > TOKEN_BYTES_MAX {
        return Err(invalid("Bad ID token"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("Bad ID token"))?;
    if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return Err(invalid("Bad ID token"));
    }
    let document = registry.discovery(provider, home).await?;
    let named = document["issuer"].as_str().unwrap_or(home);
    let keys_url = document["jwks_uri"].as_str().ok_or_else(|| invalid("Bad ID token"))?;
    let key = key(registry, keys_url, header.kid.as_deref(), header.alg).await?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = SKEW_SECONDS;
    validation.validate_nbf = true;
    validation.set_audience(&provider.settings.client_ids);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .map_err(|_| invalid("Bad ID token"))?
        .claims;
    let issuers = issuers::accepted(provider, named, &claims);
    if !issuers.iter().any(|issuer| claims["iss"] == **issuer) {
        return Err(invalid("Bad ID token"));
    }
    if nonce.fits(provider, claims["nonce"].as_str()) {
        Ok(claims)
    } else {
        Err(Refusal::oauth("invalid nonce", "Nonces mismatch"))
    }
}

/// The provider's key with this id; its set is fetched again where it lacks one.
async fn key(
    registry: &Registry,
    url: &str,
    id: Option<&str>,
    algorithm: Algorithm,
) -> Result<DecodingKey> {
    for again in [false, true] {
        let set = registry.document(url, again).await?;
        let keys = set["keys"].as_array().cloned().unwrap_or_default();
        let known: Vec<Jwk> =
            keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let fits = |key: &&Jwk| {
            let of_id = id.is_none() || key.common.key_id.as_deref() == id;
            let of_kind =
                key.common.key_algorithm.is_none_or(|named| is_algorithm(named, algorithm));
            of_id && of_kind
        };
        let found = known.iter().find(fits);
        if let Some(key) = found.and_then(|key| DecodingKey::from_jwk(key).ok()) {
            return Ok(key);
        }
    }
    Err(invalid("Bad ID token"))
}

fn is_algorithm(named: KeyAlgorithm, algorithm: Algorithm) -> bool {
    named.to_string().parse::<Algorithm>().is_ok_and(|named| named == algorithm)
}

#[derive(Default, Deserialize)]
struct Body {
    id_token: Option<String>,
    provider: Option<String>,
    client_id: Option<String>,
    issuer: Option<String>,
    access_token: Option<String>,
    nonce: Option<String>,
    link_identity: Option<bool>,
}

/// `POST /token?grant_type=id_token`.
pub(crate) async fn grant(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    let body: Body = call.json()?;
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let Some(token) = filled(&body.id_token) else {
        return Err(Refusal::oauth("invalid request", "id_token required"));
    };
    let provider = find(auth, &body)?;
    let nonce = filled(&body.nonce);
    let claims = verify(&auth.registry, provider, &token, Nonce::Raw(nonce.as_deref())).await?;
    if let (Some(hash), Some(access)) = (claims["at_hash"].as_str(), filled(&body.access_token)) {
        let digest = Sha256::digest(access.as_bytes());
        if URL_SAFE_NO_PAD.encode(&digest[..16]) != hash {
            return Err(invalid("at_hash does not match the access token"));
        }
    }
    let profile = Profile::of_claims(&claims, &provider.name);
    let linking = if body.link_identity == Some(true) {
        super::demand_linking(auth)?;
        Some(bearer(call)?)
    } else {
        None
    };
    let flow = Flow { provider: provider.name.clone(), ..Flow::default() };
    let (inner, origin) = (Arc::clone(auth), Origin::of(call));
    let (opened, letter) = auth
        .admitting(call.client, move |tx, admission| {
            let mut flow = flow.clone();
            if let Some(who) = &linking {
                flow.linking = Some(authenticate(tx, who)?.user.id);
            }
            match accounts::sign_in(&inner, tx, &flow, &profile, (&origin, admission))? {
                Signed::In(mut user) => {
                    let opened = inner.open_session(
                        tx,
                        (&mut user, By::provider("oauth", &flow.provider)),
                        &origin,
                    )?;
                    Ok((Some(opened), None))
                }
                Signed::Unverified(letter) => Ok((None, letter)),
            }
        })
        .await?;
    if let Some(letter) = letter {
        auth.deliver(&[letter], call.client).await?;
    }
    match opened {
        Some(opened) => auth.session_answer(&opened).await,
        None => {
            let message = "Unverified email with the provider. A confirmation email has been sent";
            Err(Refusal::new(422, "provider_email_needs_verification", message))
        }
    }
}

/// The provider by its name, or by issuer and client as the settings know them.
fn find<'a>(auth: &'a Auth, body: &Body) -> Result<&'a Provider> {
    let disabled = || {
        let message = "Provider could not be found or is not enabled";
        Refusal::new(400, "provider_disabled", message)
    };
    let name = body.provider.as_deref().unwrap_or_default();
    if !name.is_empty() {
        let known = KNOWN.contains(&name) || name.starts_with("custom:");
        return auth.registry.get(name).ok_or_else(|| match known {
            true => disabled(),
            false => Refusal::invalid(format!("There is no provider {name:?} with id tokens")),
        });
    }
    let (Some(client), Some(issuer)) = (&body.client_id, &body.issuer) else {
        return Err(Refusal::invalid("provider or client_id and issuer required"));
    };
    let fits = |provider: &&Provider| {
        issuers::is_meant(provider, issuer) && provider.settings.client_ids.contains(client)
    };
    auth.registry.all().find(fits).ok_or_else(disabled)
}
