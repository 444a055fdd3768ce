//! Do the sessions behind tokens still hold? Asked once a second at most for each, and again after
//! any session ended on this node.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use backstay_auth::Auth;
use backstay_model::Error;
use lru::LruCache;
use parking_lot::Mutex;

use crate::gateway::{Identity, Refusal};

/// Limit: sessions remembered.
const SESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
/// How long an answer holds: what other nodes end is noticed within this time.
const FRESH: Duration = Duration::from_secs(1);

/// Remembers which sessions held a moment ago.
pub struct SessionChecks(Mutex<LruCache<String, (u64, Instant)>>);

impl Default for SessionChecks {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(SESSIONS_MAX)))
    }
}

impl SessionChecks {
    /// Refuses a token whose session ended, or whose user is gone or banned.
    ///
    /// # Errors
    /// [`Refusal::Token`].
    pub(crate) async fn check(&self, auth: &Auth, identity: &Identity) -> Result<(), Refusal> {
        let (Some(session), Some(user)) = (&identity.session, &identity.subject) else {
            return Ok(());
        };
        let version = auth.sessions_version();
        let known = self.0.lock().get(session).copied();
        if known.is_some_and(|(at, when)| at == version && when.elapsed() < FRESH) {
            return Ok(());
        }
        match Box::pin(auth.is_alive(user, session)).await {
            Ok(true) => {
                self.0.lock().put(session.clone(), (version, Instant::now()));
                Ok(())
            }
            Ok(false) => {
                self.0.lock().pop(session);
                let error = Error::new("PGRST303", "The session of this JWT has ended")
                    .with_hint("Sign in again.");
                Err(Refusal::Token(error))
            }
            Err(_) => {
                let error = Error::new("PGRST001", "The session of this JWT cannot be checked");
                Err(Refusal::Token(error))
            }
        }
    }
}
