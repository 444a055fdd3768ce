//! Stored hashes in every form that users bring along, and how a password is compared with each.
//!
//! Source: auth.md part 16 of the protocol notes.

mod compute;
mod read;

/// Limit: bytes of a stored hash; the column holds no more.
const STORED_BYTES_MAX: usize = 255;

/// A stored hash whose form is known and whose cost is bearable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    /// A PHC string of argon2i or argon2id.
    Argon2(String),
    /// bcrypt (`$2b$`), of the password or of something made from it.
    Bcrypt(String, BcryptInput),
    /// PBKDF2; the key's length is that of the derivation.
    Pbkdf2 { digest: Digest, rounds: u32, salt: Vec<u8>, key: Vec<u8> },
    /// scrypt.
    Scrypt { cost: ScryptCost, salt: Vec<u8>, key: Vec<u8> },
    /// phpass (WordPress, phpBB, Drupal 7).
    Phpass { digest: Digest, rounds: u32, salt: Vec<u8>, encoded: String, md5_first: bool },
    /// Firebase's use of scrypt.
    Firebase { cost: ScryptCost, salt: Vec<u8>, signer: Vec<u8>, key: Vec<u8> },
    /// Symfony's repeated digest.
    Repeated { rounds: u32, salt: String, key: Vec<u8> },
}

/// What goes into bcrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BcryptInput {
    /// The password; Symfony takes a digest of one that is too long for bcrypt.
    Password,
    /// Its SHA-256 in hexadecimal (Django).
    HexSha256,
    /// Base64 of a keyed SHA-384 (WordPress since 6.8).
    WordPress,
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

/// The parameters of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScryptCost {
    /// Binary logarithm of N.
    pub(crate) log_n: u8,
    pub(crate) r: u32,
    pub(crate) p: u32,
}

impl Stored {
    /// Reads a stored hash; `None` where the form is unknown or the cost too high.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let stored = if text.len() > STORED_BYTES_MAX { None } else { read::read(text) };
        stored.filter(Self::is_bearable)
    }

    /// Is it the hash of this password?
    pub(crate) fn matches(&self, password: &str) -> bool {
        compute::matches(self, password)
    }

    /// Limits of what one login may cost.
    fn is_bearable(&self) -> bool {
        match self {
            Self::Argon2(_) | Self::Bcrypt(..) => true,
            Self::Pbkdf2 { rounds, salt, key, .. } => {
                (1..=10_000_000).contains(rounds) && !salt.is_empty() && key.len() >= 16
            }
            Self::Scrypt { cost, salt, key } | Self::Firebase { cost, salt, key, .. } => {
                cost.is_bearable() && !salt.is_empty() && key.len() >= 16
            }
            Self::Phpass { rounds, .. } => *rounds <= 1 << 24,
            Self::Repeated { rounds, key, .. } => {
                (1..=10_000_000).contains(rounds) && key.len() >= 16
            }
        }
    }
}

impl ScryptCost {
    fn is_bearable(self) -> bool {
        let n = 1_u64.checked_shl(u32::from(self.log_n)).unwrap_or(u64::MAX);
        let memory = n.saturating_mul(u64::from(self.r)).saturating_mul(128);
        let work = n.saturating_mul(u64::from(self.r)).saturating_mul(u64::from(self.p));
        (1..32).contains(&self.log_n)
            && self.r > 0
            && self.p > 0
            && memory <= 256 << 20
            && work <= 1 << 24
    }
}

#[cfg(test)]
mod tests;
