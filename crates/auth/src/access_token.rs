//! Access tokens: the claims that policies read, signed.
//!
//! Source: auth.md 3.5 and 4 of the protocol notes.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::{Refusal, Result};
use crate::settings::Settings;
use crate::tables::sessions::{Method, Session};
use crate::tables::users::User;

/// What signs tokens, and what may be shown of it.
pub struct SigningKeys {
    /// `kid` of the signing key.
    pub id: Option<String>,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The key.
    pub key: EncodingKey,
    /// Public members of all asymmetric keys, as JSON web keys.
    pub public: Vec<Value>,
}

impl SigningKeys {
    /// Signs claims.
    ///
    /// # Errors
    /// If the key does not fit its algorithm.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String> {
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(Refusal::internal)
    }
}

/// The claims of a user's token.
pub(crate) fn claims(
    settings: &Settings,
    user: &User,
    session: &Session,
    methods: &[Method],
) -> Map<String, Value> {
    let now = crate::values::now().as_second();
    let life = i64::try_from(settings.token_life.as_secs()).unwrap_or(i64::MAX);
    let methods: Vec<Value> = methods
        .iter()
        .map(|method| {
            let mut told = json!({"method": method.name, "timestamp": method.at.as_second()});
            if let Some(provider) = &method.provider {
                told["provider"] = json!(provider);
            }
            told
        })
        .collect();
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(settings.issuer));
    put("sub", json!(user.id));
    put("aud", json!(user.aud));
    put("exp", json!(now.saturating_add(life)));
    put("iat", json!(now));
    put("email", json!(user.email));
    put("phone", json!(user.phone));
    put("app_metadata", Value::Object(user.app_metadata.clone()));
    put("user_metadata", Value::Object(user.user_metadata.clone()));
    put("role", json!(user.role));
    put("aal", json!(session.aal));
    put("amr", Value::Array(methods));
    put("session_id", json!(session.id));
    put("is_anonymous", json!(user.is_anonymous));
    if let Some(client) = session.client {
        put("client_id", json!(client));
        put("scope", json!(session.scopes));
    }
    claims
}

/// What a token of ours says of its owner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    pub(crate) user: Uuid,
    /// `None` for tokens without a session.
    pub(crate) session: Option<Uuid>,
}

/// Reads user and session of verified claims.
///
/// # Errors
/// `bad_jwt` for claims that are missing or no UUIDs.
pub(crate) fn subject(claims: &Map<String, Value>) -> Result<Subject> {
    let bad =
        |status, what: &str| Refusal::new(status, "bad_jwt", format!("invalid claim: {what}"));
    let sub = match claims.get("sub") {
        None | Some(Value::Null) => return Err(bad(403, "missing sub claim")),
        Some(Value::String(sub)) if sub.is_empty() => return Err(bad(403, "missing sub claim")),
        Some(sub) => sub.as_str().ok_or_else(|| bad(400, "sub claim must be a UUID"))?,
    };
    let user = Uuid::parse_str(sub).map_err(|_| bad(400, "sub claim must be a UUID"))?;
    let session = match claims.get("session_id") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let id = id.as_str().and_then(|id| Uuid::parse_str(id).ok());
            Some(id.ok_or_else(|| bad(403, "session_id claim must be a UUID"))?)
        }
    };
    Ok(Subject { user, session: session.filter(|id| !id.is_nil()) })
}
