//! Passwords: hashed and verified away from the threads that serve requests, and never more at once
//! than there are processors to spare.

mod breached;
mod formats;
mod policy;
mod threads;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::error::{Refusal, Result};
use crate::settings::PasswordSettings;

use breached::{Breached, Found};
use formats::Stored;
pub(crate) use policy::weaknesses;
use threads::Threads;

/// Limit: bytes of a password. What clients know of the protocol allows no more.
pub(crate) const PASSWORD_BYTES_MAX: usize = 72;
/// Limit: bytes of a password that an imported hash may have been made of.
const IMPORTED_BYTES_MAX: usize = 1024;
/// Argon2id as OWASP recommends it: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes and verifies passwords.
pub(crate) struct Passwords {
    /// Where hashes are computed.
    threads: Threads,
    /// Verified where there is no user, so that this takes the same time.
    dummy: OnceLock<String>,
    breached: Breached,
    peppers: Arc<BTreeMap<String, String>>,
    settings: PasswordSettings,
}

/// What came of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The password is wrong, or there is none.
    Wrong,
    /// It is right.
    Right,
    /// It is right, and its hash is foreign or weaker than those that are made today.
    RightButOutdated,
}

impl Passwords {
    /// Half of the processors may hash at a time, so that a storm of logins leaves the others to
    /// everybody else.
    pub(crate) fn new(settings: &PasswordSettings) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            threads: Threads::new((processors / 2).max(1)),
            dummy: OnceLock::new(),
            breached: Breached::new(settings.breached.clone()),
            peppers: Arc::new(settings.peppers.clone()),
            settings: settings.clone(),
        }
    }

    /// Refuses a new password that cannot be stored, is too weak or leaked elsewhere.
    ///
    /// # Errors
    /// 400 `validation_failed` when it is too long, 422 `weak_password` with the reasons.
    pub(crate) async fn check(&self, password: &str) -> Result<()> {
        policy::check(&self.settings, password)?;
        match self.breached.look(password).await {
            Found::Unknown => Ok(()),
            Found::Leaked => {
                let message = "Password is known to be weak and easy to guess, please choose a \
                               different one.";
                let reasons = vec!["pwned"];
                Err(Refusal { reasons, ..Refusal::new(422, "weak_password", message) })
            }
            Found::Unanswered => {
                let message = "The password cannot be checked now, please try again later";
                Err(Refusal::new(503, "unexpected_failure", message))
            }
        }
    }

    /// Is it a hash that a password can be compared with?
    pub(crate) fn is_known(&self, stored: &str) -> bool {
        peppered(&self.peppers, "", stored)
            .is_some_and(|(_, stored)| Stored::read(stored).is_some())
    }

    /// The hash of a password, as it is stored.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.threads.run(move || hash(&password)).await?
    }

    /// Compares a password with the stored hash; without one it takes the same time and is wrong.
    ///
    /// # Errors
    /// None that the password or the hash could cause.
    pub(crate) async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict> {
        let stored = stored.filter(|hash| !hash.is_empty()).map(str::to_owned);
        if password.len() > IMPORTED_BYTES_MAX {
            return Ok(Verdict::Wrong);
        }
        let (password, dummy) = (password.to_owned(), self.dummy().await?);
        let peppers = Arc::clone(&self.peppers);
        self.threads
            .run(move || match stored {
                Some(stored) => match peppered(&peppers, &password, &stored) {
                    Some((password, stored)) => verify(&password, stored),
                    None => Verdict::Wrong,
                },
                None => {
                    verify(&password, &dummy);
                    Verdict::Wrong
                }
            })
            .await
    }

    async fn dummy(&self) -> Result<String> {
        if let Some(known) = self.dummy.get() {
            return Ok(known.clone());
        }
        let made = self.hash(&crate::random::token()?).await?;
        Ok(self.dummy.get_or_init(|| made).clone())
    }
}

fn hash(password: &str) -> Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(Refusal::internal)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let salt = SaltString::encode_b64(&crate::random::bytes::<16>()?).map_err(Refusal::internal)?;
    let hash = argon.hash_password(password.as_bytes(), &salt).map_err(Refusal::internal)?;
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str) -> Verdict {
    let right = Stored::read(stored).is_some_and(|stored| stored.matches(password));
    match (right, is_current(stored)) {
        (false, _) => Verdict::Wrong,
        (true, true) => Verdict::Right,
        (true, false) => Verdict::RightButOutdated,
    }
}

/// What a hash was made of: Devise puts a pepper behind the password, whose name stands in
/// `$ext$devise,pepper=NAME$HASH`. `None` if the settings do not know it.
fn peppered<'s>(
    peppers: &BTreeMap<String, String>,
    password: &str,
    stored: &'s str,
) -> Option<(String, &'s str)> {
    let Some(rest) = stored.strip_prefix("$ext$devise,pepper=") else {
        return Some((password.to_owned(), stored));
    };
    let (name, hash) = rest.split_once('$')?;
    Some((format!("{password}{}", peppers.get(name)?), hash))
}

/// Is it a hash as they are made today, or a stronger one?
fn is_current(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    hash.algorithm == argon2::ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && params.m_cost() >= MEMORY_KIB
        && params.t_cost() >= PASSES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pepper_of_devise_is_put_behind_the_password() {
        let peppers = BTreeMap::from([("devise".to_owned(), "pepper".to_owned())]);
        let hash = "$2a$04$abcdefghijklmnopqrstuux8aZ6QoNSkbS7/5jU/VGJv2rVxHwnZ6";
        let stored = format!("$ext$devise,pepper=devise${hash}");
        let matches = |password: &str, stored: &str| {
            let made = peppered(&peppers, password, stored);
            made.is_some_and(|(password, stored)| verify(&password, stored) != Verdict::Wrong)
        };
        let right = "Backstay-42-passw\u{f6}rd";
        assert!(matches(right, &stored));
        for wrong in ["", "Backstay-42-passw\u{f6}re", "Backstay-42-passw\u{f6}rdpepper"] {
            assert!(!matches(wrong, &stored), "{wrong}");
        }
        assert!(!matches(right, hash));
        for broken in
            ["$ext$devise,pepper=other$$2a$04$x", "$ext$devise,pepper=devise", &stored[..60]]
        {
            assert!(!matches(right, broken), "{broken}");
        }
    }
}
