//! The project's keys: what may stand in `apikey`, and what signs tokens.
//!
//! Source: gateway.md part 2 of the protocol notes, RFC 7517 (JWK), RFC 7519 (JWT).

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest, Sha256};

/// What an opaque key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `sb_publishable_…`: the anonymous role.
    Publishable,
    /// `sb_secret_…`: the service role.
    Secret,
}

/// A key that verifies tokens.
pub struct VerifyingKey {
    /// `kid`; tokens that name one are tried with this key only.
    pub id: Option<String>,
    /// Algorithms that this key may serve.
    pub algorithms: Vec<Algorithm>,
    /// The key.
    pub key: DecodingKey,
}

/// All keys of a project. Opaque keys are kept as SHA-256 only, so that looking one up takes the
/// same time whatever is presented.
#[derive(Default)]
pub struct Keys {
    opaque: HashMap<[u8; 32], KeyKind>,
    verifying: Vec<VerifyingKey>,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Too short to resist guessing.
    #[error("the token secret has {0} bytes; it needs at least 32")]
    ShortSecret(usize),
    /// No key this server understands.
    #[error("the JSON web key `{id}` cannot be used: {reason}")]
    UnusableKey {
        /// `kid`, or `?`.
        id: String,
        /// Why.
        reason: String,
    },
}

impl Keys {
    /// No keys at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts an opaque key.
    pub fn add_opaque(&mut self, key: &str, kind: KeyKind) {
        self.opaque.insert(Sha256::digest(key.as_bytes()).into(), kind);
    }

    /// Accepts tokens signed with a shared secret (HS256, HS384, HS512).
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] below 32 bytes.
    pub fn add_secret(&mut self, id: Option<String>, secret: &[u8]) -> Result<(), KeyError> {
        if secret.len() < 32 {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        self.verifying.push(VerifyingKey {
            id,
            algorithms: vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
            key: DecodingKey::from_secret(secret),
        });
        Ok(())
    }

    /// Accepts tokens signed with the private half of this JSON web key (RSA, EC, EdDSA), or with
    /// it, if it is symmetric.
    ///
    /// # Errors
    /// [`KeyError::UnusableKey`] for an unknown kind of key.
    pub fn add_jwk(&mut self, jwk: &Jwk) -> Result<(), KeyError> {
        let id = jwk.common.key_id.clone();
        let unusable = |reason: String| KeyError::UnusableKey {
            id: id.clone().unwrap_or_else(|| "?".to_owned()),
            reason,
        };
        let key = DecodingKey::from_jwk(jwk).map_err(|error| unusable(error.to_string()))?;
        let algorithms = match (jwk.common.key_algorithm, &jwk.algorithm) {
            (Some(named), _) => vec![
                algorithm(named)
                    .ok_or_else(|| unusable(format!("algorithm {named} signs nothing")))?,
            ],
            (None, AlgorithmParameters::RSA(_)) => vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            (None, AlgorithmParameters::EllipticCurve(_)) => {
                vec![Algorithm::ES256, Algorithm::ES384]
            }
            (None, AlgorithmParameters::OctetKeyPair(_)) => vec![Algorithm::EdDSA],
            (None, AlgorithmParameters::OctetKey(_)) => {
                vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
            }
        };
        self.verifying.push(VerifyingKey { id: jwk.common.key_id.clone(), algorithms, key });
        Ok(())
    }

    /// What the opaque key stands for, if it is one of ours.
    pub fn opaque(&self, key: &str) -> Option<KeyKind> {
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.opaque.get(&digest).copied()
    }

    /// The keys that may have signed a token with this header.
    pub fn candidates<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a VerifyingKey> {
        self.verifying.iter().filter(move |key| {
            key.algorithms.contains(&algorithm)
                && match (id, key.id.as_deref()) {
                    (Some(wanted), Some(known)) => wanted == known,
                    _ => true,
                }
        })
    }

    /// Can any token be verified at all?
    pub fn verifies_tokens(&self) -> bool {
        !self.verifying.is_empty()
    }
}

fn algorithm(named: KeyAlgorithm) -> Option<Algorithm> {
    named.to_string().parse().ok()
}
