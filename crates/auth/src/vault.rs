//! Secrets at rest: sealed with a key that is not in the database.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

use crate::error::{Refusal, Result};

/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// Seals and opens secrets with AES-256-GCM.
#[derive(Clone)]
pub struct Vault {
    /// The first seals, all open.
    ciphers: Vec<Aes256Gcm>,
    first: [u8; 32],
}

impl Vault {
    /// A vault with these keys, the newest first. Each is any text with 256 bits of randomness.
    pub fn new(keys: &[String]) -> Self {
        let cipher = |key: &String| {
            let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
            Aes256Gcm::new(&digest.into())
        };
        let first = keys.first().map(|key| Sha256::digest(key.as_bytes()).into());
        Self { ciphers: keys.iter().map(cipher).collect(), first: first.unwrap_or_default() }
    }

    /// A key for one purpose, derived from the newest.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut out = [0; 32];
        // A key of this length is always taken.
        if let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(&self.first) {
            mac.update(purpose.as_bytes());
            out.copy_from_slice(&mac.finalize().into_bytes());
        }
        out
    }

    /// Seals a secret; `purpose` and place are bound to it, so that it cannot be moved.
    ///
    /// # Errors
    /// If there is no key, or the system gives no random numbers.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String> {
        let cipher = self.ciphers.first().ok_or_else(|| Refusal::internal("no sealing key"))?;
        let nonce: [u8; NONCE_BYTES] = crate::random::bytes()?;
        let payload = Payload { msg: secret, aad: purpose.as_bytes() };
        let sealed = cipher
            .encrypt(&nonce.into(), payload)
            .map_err(|_| Refusal::internal("a secret could not be sealed"))?;
        Ok(format!("v1.{}", STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// If no key opens it.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>> {
        let opened = self.try_open(purpose, sealed);
        opened.ok_or_else(|| Refusal::internal("a sealed secret cannot be opened"))
    }

    /// Opens what a caller brought, if it was sealed for this purpose.
    pub(crate) fn try_open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD_NO_PAD.decode(sealed.strip_prefix("v1.")?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.ciphers.iter().find_map(|cipher| {
            let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
            cipher.decrypt(&(*nonce).into(), payload).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a15_a_sealed_secret_opens_only_with_its_key_and_for_its_purpose() {
        let vault = Vault::new(&["first".to_owned()]);
        let sealed = vault.seal("factor", b"JBSWY3DP").unwrap();
        assert!(!sealed.contains("JBSWY3DP"));
        assert_eq!(vault.open("factor", &sealed).unwrap(), b"JBSWY3DP");
        assert!(vault.open("session", &sealed).is_err());
        assert!(Vault::new(&["other".to_owned()]).open("factor", &sealed).is_err());
        let rotated = Vault::new(&["second".to_owned(), "first".to_owned()]);
        assert_eq!(rotated.open("factor", &sealed).unwrap(), b"JBSWY3DP");
        assert!(vault.open("factor", "v1.").is_err());
    }
}
