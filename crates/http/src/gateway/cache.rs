//! Verified tokens, kept until they expire or the keys change.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use super::Identity;

/// Limit: tokens kept. One takes about 1 KiB.
const TOKENS_MAX: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
/// Tolerance for clocks that differ, as in [`crate::token`].
const SKEW_SECONDS: f64 = 30.0;

struct Entry {
    identity: Arc<Identity>,
    expires: Option<f64>,
}

/// A bounded map from token to identity.
pub(super) struct TokenCache(Mutex<LruCache<String, Entry>>);

impl Default for TokenCache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(TOKENS_MAX)))
    }
}

impl TokenCache {
    pub(super) fn get(&self, token: &str, now: f64) -> Option<Arc<Identity>> {
        let mut tokens = self.0.lock();
        let entry = tokens.get(token)?;
        if entry.expires.is_some_and(|at| now > at + SKEW_SECONDS) {
            tokens.pop(token);
            return None;
        }
        Some(Arc::clone(&entry.identity))
    }

    pub(super) fn put(&self, token: &str, identity: &Arc<Identity>, expires: Option<f64>) {
        let entry = Entry { identity: Arc::clone(identity), expires };
        self.0.lock().put(token.to_owned(), entry);
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}
