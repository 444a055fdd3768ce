//! Codes and links that are good for one use: made, stored as hashes, and checked.
//!
//! The link's token is derived from the address and the code with a key that is not in the
//! database, and the database holds only its hash: neither can the code be guessed from the token,
//! nor the token be made from what is stored. Source: auth.md 7.3 of the protocol notes.

use std::time::Duration;

use backstay_records::Tx;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::auth::Stop;
use crate::error::{Refusal, Result};
use crate::pkce::{self, Challenge};
use crate::tables::attempts;
use crate::tables::codes::{self, Code, CodeKind};
use crate::values::now;
use crate::vault::Vault;

/// What stands before the token of a link whose flow demands a verifier.
pub(crate) const PKCE_PREFIX: &str = "pkce_";
/// Limit: wrong codes in the life of one.
const FAILURES_MAX: i64 = 10;
/// How long failures are remembered.
const FAILURES_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Derives tokens from codes.
#[derive(Clone)]
pub(crate) struct Codes {
    key: [u8; 32],
}

/// A code that was made and goes into a mail.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// The digits.
    pub(crate) code: String,
    /// The token of the link.
    pub(crate) token: String,
}

impl Codes {
    pub(crate) fn new(vault: &Vault) -> Self {
        Self { key: vault.derive("one-time codes") }
    }

    /// The token of a code that was sent to an address.
    fn token(&self, address: &str, code: &str) -> String {
        // A key of this length is always taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        mac.update(address.as_bytes());
        mac.update(&[0]);
        mac.update(code.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..28])
    }

    /// Stores a new code of the kind in place of the earlier one.
    ///
    /// # Errors
    /// As the database fails.
    pub(crate) fn issue(
        &self,
        tx: &mut Tx<'_>,
        (user, kind): (Uuid, CodeKind),
        (address, code): (&str, &str),
        pkce: Option<(&Challenge, &str)>,
    ) -> Result<Issued, Stop> {
        let mut token = self.token(address, code);
        if let Some((challenge, method)) = pkce {
            pkce::begin(tx, user, challenge, method)?;
            token.insert_str(0, PKCE_PREFIX);
        }
        let stored = Code {
            user_id: user,
            kind,
            hash: stored_hash(&token),
            relates_to: address.to_owned(),
            created_at: now(),
        };
        codes::put(tx, &stored)?;
        attempts::clear(tx, &subject(user, kind))?;
        Ok(Issued { code: code.to_owned(), token })
    }

    /// Which of these kinds of the user's codes this is. It stays stored.
    ///
    /// A wrong one is counted: answer the inner error only after the transaction is committed. As
    /// many statements run without such codes as with them, and for an id of nobody's.
    ///
    /// # Errors
    /// As the database fails.
    pub(crate) fn check(
        &self,
        tx: &mut Tx<'_>,
        user: Uuid,
        (kinds, life): (&[CodeKind], Duration),
        (address, code): (&str, &str),
    ) -> Result<Result<Code>, Stop> {
        let wrong = || Refusal::new(403, "otp_expired", "Token has expired or is invalid");
        let token = self.token(address, code);
        let candidates: Vec<Code> = codes::of_user(tx, user)?
            .into_iter()
            .filter(|stored| kinds.contains(&stored.kind) && stored.relates_to == address)
            .collect();
        for _ in candidates.len()..kinds.len() {
            attempts::pretend(tx, FAILURES_PERIOD)?;
        }
        for stored in candidates {
            let guessed = subject(user, stored.kind);
            if attempts::count(tx, &guessed, FAILURES_PERIOD)? >= FAILURES_MAX {
                codes::delete(tx, user, stored.kind)?;
                continue;
            }
            let with_prefix = format!("{PKCE_PREFIX}{token}");
            let same = |token: &str| -> bool {
                stored_hash(token).as_bytes().ct_eq(stored.hash.as_bytes()).into()
            };
            if !code.is_empty() && (same(&token) || same(&with_prefix)) {
                return Ok(if is_alive(&stored, life) { Ok(stored) } else { Err(wrong()) });
            }
            attempts::add(tx, &guessed, FAILURES_PERIOD)?;
        }
        Ok(Err(wrong()))
    }

    /// The code behind the token of a link, if it is one of these kinds and still good.
    ///
    /// # Errors
    /// 403 `otp_expired`.
    pub(crate) fn by_token(
        tx: &mut Tx<'_>,
        token: &str,
        (kinds, life): (&[CodeKind], Duration),
    ) -> Result<Code, Stop> {
        let found = codes::by_hash(tx, &stored_hash(token))?;
        let good = found.filter(|code| kinds.contains(&code.kind) && is_alive(code, life));
        good.ok_or_else(|| {
            Refusal::new(403, "otp_expired", "Email link is invalid or has expired").into()
        })
    }
}

fn stored_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn subject(user: Uuid, kind: CodeKind) -> String {
    format!("code:{user}:{}", kind.name())
}

fn is_alive(code: &Code, life: Duration) -> bool {
    let age = now().duration_since(code.created_at);
    !age.is_negative() && age.unsigned_abs() <= life
}
