//! Passwords that leaked elsewhere: the first five digits of the SHA-1 are shown to a service that
//! answers with the rest of all that begin so. Source: auth.md 8.3.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Client;
use sha1::{Digest as _, Sha1};

use crate::outgoing;
use crate::settings::BreachedSettings;

/// Time for an answer; people wait for it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
/// Limit: bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long an answer is taken as it is.
const FRESH: Duration = Duration::from_secs(3600);
/// Limit: answers that are kept.
const KEPT_MAX: usize = 500;
/// Digits that are shown to the service.
const PREFIX_DIGITS: usize = 5;

/// Looks passwords up.
pub(crate) struct Breached {
    settings: Option<BreachedSettings>,
    client: Option<Client>,
    known: Mutex<HashMap<String, (Instant, Arc<str>)>>,
}

/// What is known of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is in a list.
    Leaked,
    /// It is not, or nobody looks.
    Unknown,
    /// The service does not answer, and the settings say that nothing passes then.
    Unanswered,
}

impl Breached {
    pub(crate) fn new(settings: Option<BreachedSettings>) -> Self {
        let client = settings.as_ref().and_then(|_| outgoing::client(ANSWER_TIME_MAX));
        Self { settings, client, known: Mutex::default() }
    }

    /// Did this password leak?
    pub(crate) async fn look(&self, password: &str) -> Found {
        let (Some(settings), Some(client)) = (&self.settings, &self.client) else {
            return Found::Unknown;
        };
        let digest = hex::encode_upper(Sha1::digest(password.as_bytes()));
        let (prefix, rest) = digest.split_at(PREFIX_DIGITS);
        match self.range(settings, client, prefix).await {
            Some(range) if holds(&range, rest) => Found::Leaked,
            Some(_) => Found::Unknown,
            None if settings.fail_closed => Found::Unanswered,
            None => Found::Unknown,
        }
    }

    async fn range(
        &self,
        settings: &BreachedSettings,
        client: &Client,
        prefix: &str,
    ) -> Option<Arc<str>> {
        let known = self.known.lock().get(prefix).cloned();
        if let Some((at, range)) = known
            && at.elapsed() < FRESH
        {
            return Some(range);
        }
        let url = format!("{}/{prefix}", settings.url.trim_end_matches('/'));
        // With padding the length of the answer tells nothing to who listens.
        let request = client.get(url).header("add-padding", "true");
        let failed = |what: String| tracing::warn!(what, "leaked passwords cannot be looked up");
        let answer = match request.send().await {
            Ok(answer) if answer.status().is_success() => answer,
            Ok(answer) => {
                failed(answer.status().to_string());
                return None;
            }
            Err(error) => {
                failed(error.without_url().to_string());
                return None;
            }
        };
        let body = outgoing::body(answer, ANSWER_BYTES_MAX).await;
        let body = body.inspect_err(|unread| failed(unread.to_string())).ok()?;
        let range: Arc<str> = String::from_utf8(body).ok()?.into();
        let mut kept = self.known.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(prefix.to_owned(), (Instant::now(), Arc::clone(&range)));
        Some(range)
    }
}

/// Lines are `REST:COUNT`; a count of zero is padding.
fn holds(range: &str, rest: &str) -> bool {
    range.lines().filter_map(|line| line.trim().split_once(':')).any(|(digits, count)| {
        digits.eq_ignore_ascii_case(rest) && count.trim().parse() != Ok(0_u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_find() {
        let range =
            "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n";
        assert!(holds(range, "0018a45c4d1def81644b54ab7f969b88d65"));
        assert!(!holds(range, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC"));
        assert!(!holds(range, "011053FD0102E94D6AE2F8B83D76FAF94F6"));
    }
}
