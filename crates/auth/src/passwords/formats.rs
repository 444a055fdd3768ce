//! Stored hashes in every form that users bring along, and how a password is compared with each.
//!
//! Source: auth.md part 16 of the protocol notes.

use argon2::password_hash::{PasswordHash, PasswordVerifier as _};
use argon2::Argon2;

/// Limit: bytes of a stored hash.
const STORED_BYTES_MAX: usize = 1024;

/// A stored hash whose form is known and whose cost is bearable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    /// A PHC string of argon2i or argon2id.
    Argon2(String),
    /// `$2a$`, `$2b$` or `$2y$`.
    Bcrypt(String),
}

impl Stored {
    /// Reads a stored hash; `None` where the form is unknown or the cost too high.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > STORED_BYTES_MAX {
            return None;
        }
        if text.starts_with("$argon2") {
            return argon2_is_bearable(text).then(|| Self::Argon2(text.to_owned()));
        }
        if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            let cost: u32 = text.get(4..6)?.parse().ok()?;
            return (text.len() == 60 && (4..=16).contains(&cost))
                .then(|| Self::Bcrypt(text.to_owned()));
        }
        None
    }

    /// Is it the hash of this password?
    pub(crate) fn matches(&self, password: &str) -> bool {
        match self {
            Self::Argon2(phc) => PasswordHash::new(phc).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            }),
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
        }
    }
}

/// Limits of memory, passes and lanes: what a login may cost.
fn argon2_is_bearable(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let decimal = |name| hash.params.get_decimal(name).unwrap_or(0);
    matches!(hash.algorithm.as_str(), "argon2id" | "argon2i")
        && hash.hash.is_some()
        && decimal("m") <= 256 * 1024
        && decimal("t") <= 20
        && decimal("p") <= 16
}
