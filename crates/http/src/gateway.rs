//! Who is calling: from headers and keys to an [`Identity`].
//!
//! Source: gateway.md part 2 and rest.md part 18 of the protocol notes.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use backstay_auth::Bearer;
use backstay_model::Error;
use parking_lot::RwLock;
use serde_json::{Map, Value};

use crate::keys::{KeyKind, Keys};
use crate::token::{self, Claims, Expectations};

mod cache;

use cache::TokenCache;

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Refuse requests without a key (`serve`); otherwise they are anonymous (`dev`).
    pub require_key: bool,
    /// The role of requests that name none.
    pub anonymous_role: String,
    /// The path of the role in the claims: `["role"]`.
    pub role_claim: Vec<String>,
    /// What tokens must say.
    pub expectations: Expectations,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            require_key: true,
            anonymous_role: "anon".to_owned(),
            role_claim: vec!["role".to_owned()],
            expectations: Expectations::default(),
        }
    }
}

/// A caller whose key or token was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The role that the token or key gives.
    pub role: Arc<str>,
    /// `request.jwt.claims`: JSON text of all claims with `role` filled in.
    pub claims: Arc<str>,
    /// `sub`, for logs and per-user limits.
    pub subject: Option<Arc<str>>,
    /// `session_id`: the session that must still hold.
    pub session: Option<String>,
}

/// What a call of the sign-in service presents.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// The role of the API key.
    pub key_role: Option<String>,
    /// What stands in `Authorization`; not every route looks at it.
    pub bearer: Bearer,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// No key at all, where one is demanded.
    NoKey,
    /// A key that is none of ours.
    UnknownKey,
    /// A token that does not hold.
    Token(Error),
}

/// Decides who is calling. Keys may be replaced while requests run.
pub struct Gateway {
    settings: GatewaySettings,
    keys: RwLock<Arc<Keys>>,
    tokens: TokenCache,
}

impl Gateway {
    /// A gateway with these keys.
    pub fn new(settings: GatewaySettings, keys: Keys) -> Self {
        Self { settings, keys: RwLock::new(Arc::new(keys)), tokens: TokenCache::default() }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &GatewaySettings {
        &self.settings
    }

    /// Takes new keys; tokens that only an old key verified are refused from now on.
    pub fn replace_keys(&self, keys: Keys) {
        *self.keys.write() = Arc::new(keys);
        self.tokens.clear();
    }

    /// The caller behind these headers. `query_key` is the value of the query parameter `apikey`.
    ///
    /// # Errors
    /// [`Refusal`]: always 401.
    pub fn identify(
        &self,
        headers: &HeaderMap,
        query_key: Option<&str>,
        now: f64,
    ) -> Result<Arc<Identity>, Refusal> {
        let keys = Arc::clone(&self.keys.read());
        let bearer = bearer(headers)?;
        if let Some(token) = bearer
            && !token.starts_with("sb_")
        {
            return self.by_token(&keys, token, now);
        }
        let header_key = headers.get("apikey").map(|key| key.to_str().unwrap_or_default());
        match header_key.or(query_key).or(bearer) {
            Some(key) => self.by_key(&keys, key, now),
            None if self.settings.require_key => Err(Refusal::NoKey),
            None => Ok(Arc::new(self.identity(&self.settings.anonymous_role, Map::new()))),
        }
    }

    /// What a call of the sign-in service presents: the key's role, and the bearer as it is. `open`
    /// routes need no key.
    ///
    /// # Errors
    /// [`Refusal`] without a key where one is demanded, or for a wrong one.
    pub fn present(
        &self,
        headers: &HeaderMap,
        query_key: Option<&str>,
        open: bool,
        now: f64,
    ) -> Result<Presented, Refusal> {
        let keys = Arc::clone(&self.keys.read());
        let bearer = match bearer(headers) {
            Ok(None) => Bearer::Missing,
            Ok(Some(token)) if token.starts_with("sb_") => match keys.opaque(token) {
                Some(kind) => Bearer::Key(self.role_of(kind)),
                None => Bearer::Invalid("unknown API key".to_owned()),
            },
            Ok(Some(token)) => {
                match token::verify(&keys, &self.settings.expectations, token, now) {
                    Ok(claims) => Bearer::Token(claims.all),
                    Err(error) => Bearer::Invalid(error.message),
                }
            }
            Err(Refusal::Token(error)) => Bearer::Invalid(error.message),
            Err(refusal) => return Err(refusal),
        };
        let header_key = headers.get("apikey").map(|key| key.to_str().unwrap_or_default());
        let key_role = match header_key.or(query_key) {
            Some(key) => match self.by_key(&keys, key, now) {
                Ok(identity) => Some(identity.role.to_string()),
                Err(_) if open => None,
                Err(refusal) => return Err(refusal),
            },
            None => None,
        };
        let identified = key_role.is_some() || matches!(bearer, Bearer::Key(_) | Bearer::Token(_));
        if !identified && !open && self.settings.require_key {
            return Err(Refusal::NoKey);
        }
        Ok(Presented { key_role, bearer })
    }

    fn role_of(&self, kind: KeyKind) -> String {
        match kind {
            KeyKind::Secret => "service_role".to_owned(),
            KeyKind::Publishable => self.settings.anonymous_role.clone(),
        }
    }

    fn by_key(&self, keys: &Keys, key: &str, now: f64) -> Result<Arc<Identity>, Refusal> {
        match keys.opaque(key) {
            Some(KeyKind::Secret) => Ok(Arc::new(self.identity("service_role", Map::new()))),
            Some(KeyKind::Publishable) => {
                Ok(Arc::new(self.identity(&self.settings.anonymous_role, Map::new())))
            }
            None if key.split('.').count() == 3 => {
                self.by_token(keys, key, now).map_err(|refusal| match refusal {
                    Refusal::Token(error) if error.code == "PGRST301" => Refusal::UnknownKey,
                    other => other,
                })
            }
            None => Err(Refusal::UnknownKey),
        }
    }

    fn by_token(&self, keys: &Keys, token: &str, now: f64) -> Result<Arc<Identity>, Refusal> {
        if let Some(known) = self.tokens.get(token, now) {
            return Ok(known);
        }
        let claims =
            token::verify(keys, &self.settings.expectations, token, now).map_err(Refusal::Token)?;
        let identity = Arc::new(self.identity_of(&claims).map_err(Refusal::Token)?);
        self.tokens.put(token, &identity, claims.expires);
        Ok(identity)
    }

    fn identity_of(&self, claims: &Claims) -> Result<Identity, Error> {
        let mut at: Option<&Value> = None;
        for (depth, step) in self.settings.role_claim.iter().enumerate() {
            at = if depth == 0 {
                claims.all.get(step)
            } else {
                at.and_then(|inner| inner.get(step))
            };
        }
        let role = match at {
            None | Some(Value::Null) => &self.settings.anonymous_role,
            Some(Value::String(role)) => role,
            Some(_) => return Err(Error::new("PGRST303", "Parsing claims failed")),
        };
        Ok(self.identity(role, claims.all.clone()))
    }

    fn identity(&self, role: &str, mut claims: Map<String, Value>) -> Identity {
        claims.entry("role").or_insert_with(|| Value::String(role.to_owned()));
        Identity {
            role: role.into(),
            subject: claims.get("sub").and_then(Value::as_str).map(Arc::from),
            session: claims.get("session_id").and_then(Value::as_str).map(str::to_owned),
            claims: Value::Object(claims).to_string().into(),
        }
    }
}

/// The token of the one `Authorization: Bearer` header, if there is one.
///
/// Two such headers, or one that is no text, are refused: which of them counts would be a guess.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let malformed = |message: &str| Refusal::Token(Error::new("PGRST301", message));
    if values.next().is_some() {
        return Err(malformed("Several Authorization headers were sent"));
    }
    let text = value.to_str().map_err(|_| malformed("JWT cryptographic operation failed"))?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        let token = token.trim();
        if token.is_empty() {
            return Err(malformed("Empty JWT is sent in Authorization header"));
        }
        Ok(Some(token))
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
