//! Limits of requests: a token bucket for each client address and kind of request.
//!
//! Source: auth.md 8.1 of the protocol notes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Refusal, Result};
use crate::settings::RateSettings;

/// Limit: buckets that are kept. Full ones are forgotten first: they say nothing.
const BUCKETS_MAX: usize = 100_000;
/// Requests that may come at once, whatever the rate.
const BURST: u32 = 30;
/// Limit: wrong passwords of one client for one account in five minutes.
const GUESSES_OF_CLIENT_MAX: u32 = 20;
/// Limit: wrong passwords of everybody for one account in five minutes.
const GUESSES_MAX: u32 = 100;
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A kind of request with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Token,
    Verify,
    SignUp,
    Anonymous,
    Factor,
    Passkey,
    /// Mails of the whole service.
    Mail,
    /// Text messages of the whole service.
    Sms,
    /// Registrations of OAuth clients.
    Registration,
}

/// An account, and who tries (everybody together where it is `None`).
type Guesser = (String, Option<IpAddr>);

/// Counts requests.
pub(crate) struct Limits {
    settings: RateSettings,
    buckets: Mutex<HashMap<(Kind, IpAddr), Bucket>>,
    /// When something was last sent to an address, known or not.
    sent: Mutex<HashMap<String, Instant>>,
    /// Wrong passwords of the last minutes, and when their count began.
    guesses: Mutex<HashMap<Guesser, (u32, Instant)>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn new(settings: RateSettings) -> Self {
        Self {
            settings,
            buckets: Mutex::default(),
            sent: Mutex::default(),
            guesses: Mutex::default(),
        }
    }

    /// Takes one request of this kind from the client's bucket.
    ///
    /// # Errors
    /// 429 `over_request_rate_limit` with the time to wait.
    pub(crate) fn take(&self, kind: Kind, client: IpAddr) -> Result<()> {
        let (code, message) = match kind {
            Kind::Mail => ("over_email_send_rate_limit", "email rate limit exceeded"),
            Kind::Sms => ("over_sms_send_rate_limit", "sms rate limit exceeded"),
            _ => ("over_request_rate_limit", "Request rate limit reached"),
        };
        self.take_at(kind, network(client), Instant::now()).map_err(|wait| Refusal {
            retry_after: Some(wait.as_secs().max(1)),
            ..Refusal::new(429, code, message)
        })
    }

    /// Takes a mail from what the whole service may send.
    ///
    /// # Errors
    /// 429 `over_email_send_rate_limit`.
    pub(crate) fn take_mail(&self) -> Result<()> {
        self.take(Kind::Mail, IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }

    /// Takes a text message from what the whole service may send.
    ///
    /// # Errors
    /// 429 `over_sms_send_rate_limit`.
    pub(crate) fn take_sms(&self) -> Result<()> {
        self.take(Kind::Sms, IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }

    /// Lets a guess at the password of an account pass, unless too many were wrong: from this
    /// client, or, far more, from all together. The owner at another address is let in meanwhile.
    ///
    /// # Errors
    /// 429 `over_request_rate_limit`.
    pub(crate) fn guess(&self, account: &str, client: IpAddr) -> Result<()> {
        let guesses = self.guesses.lock();
        let now = Instant::now();
        for (key, most) in guess_keys(account, client) {
            let Some((failures, since)) = guesses.get(&key) else { continue };
            let age = now.duration_since(*since);
            if *failures >= most && age < FIVE_MINUTES {
                let wait = (FIVE_MINUTES - age).as_secs() + 1;
                let message = "Too many wrong passwords for this account; try again later";
                let refusal = Refusal::new(429, "over_request_rate_limit", message);
                return Err(Refusal { retry_after: Some(wait), ..refusal });
            }
        }
        Ok(())
    }

    /// Counts a wrong password, whether there is such an account or not.
    pub(crate) fn guessed_wrong(&self, account: &str, client: IpAddr) {
        let mut guesses = self.guesses.lock();
        let now = Instant::now();
        if guesses.len() >= BUCKETS_MAX {
            guesses.retain(|_, (_, since)| now.duration_since(*since) < FIVE_MINUTES);
        }
        for (key, _) in guess_keys(account, client) {
            let entry = guesses.entry(key).or_insert((0, now));
            if now.duration_since(entry.1) >= FIVE_MINUTES {
                *entry = (0, now);
            }
            entry.0 += 1;
        }
    }

    /// Lets one mail of a kind to this address pass in each interval. An address that is not known
    /// is counted like one that is, so that the answer tells nothing.
    ///
    /// # Errors
    /// 429 `over_email_send_rate_limit` with the seconds to wait.
    pub(crate) fn pace(&self, what: &str, address: &str, interval: Duration) -> Result<()> {
        self.pace_by(format!("{what}:{address}"), interval, "over_email_send_rate_limit")
    }

    /// Lets one message to this number pass in each interval.
    ///
    /// # Errors
    /// 429 `over_sms_send_rate_limit` with the seconds to wait.
    pub(crate) fn pace_sms(&self, what: &str, phone: &str, interval: Duration) -> Result<()> {
        self.pace_by(format!("sms:{what}:{phone}"), interval, "over_sms_send_rate_limit")
    }

    fn pace_by(&self, key: String, interval: Duration, code: &'static str) -> Result<()> {
        if interval.is_zero() {
            return Ok(());
        }
        let now = Instant::now();
        let mut sent = self.sent.lock();
        if sent.len() >= BUCKETS_MAX {
            sent.retain(|_, at| now.duration_since(*at) < interval);
        }
        let waited = sent.get(&key).map(|at| now.duration_since(*at));
        if let Some(rest) = waited.and_then(|waited| interval.checked_sub(waited)) {
            let seconds = rest.as_secs() + 1;
            let message = format!(
                "For security purposes, you can only request this after {seconds} seconds."
            );
            let refusal = Refusal::new(429, code, message);
            return Err(Refusal { retry_after: Some(seconds), ..refusal });
        }
        sent.insert(key, now);
        Ok(())
    }

    fn rate(&self, kind: Kind) -> (u32, Duration) {
        let rate = &self.settings;
        match kind {
            Kind::Token => (rate.tokens, FIVE_MINUTES),
            Kind::Verify => (rate.verifications, FIVE_MINUTES),
            Kind::SignUp | Kind::Passkey => (rate.sign_ups, FIVE_MINUTES),
            Kind::Anonymous => (rate.anonymous, HOUR),
            Kind::Factor => (rate.factors, MINUTE),
            Kind::Mail => (rate.mails, HOUR),
            Kind::Sms => (rate.messages, HOUR),
            Kind::Registration => (rate.registrations, FIVE_MINUTES),
        }
    }

    fn take_at(&self, kind: Kind, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let (count, period) = self.rate(kind);
        if count == 0 {
            // Switched off.
            return Ok(());
        }
        let capacity = f64::from(count.min(BURST));
        let each = period.as_secs_f64() / f64::from(count);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < HOUR && bucket.tokens < 1.0);
        }
        let bucket = buckets.entry((kind, client)).or_insert(Bucket { tokens: capacity, at: now });
        let gained = now.duration_since(bucket.at).as_secs_f64() / each;
        bucket.tokens = (bucket.tokens + gained).min(capacity);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) * each));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

/// What a wrong password is counted for, and how many are borne.
fn guess_keys(account: &str, client: IpAddr) -> [((String, Option<IpAddr>), u32); 2] {
    let own = (account.to_owned(), Some(network(client)));
    [(own, GUESSES_OF_CLIENT_MAX), ((account.to_owned(), None), GUESSES_MAX)]
}

/// One household has a whole network of IPv6 addresses: they count as one.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(RateSettings {
            tokens: 150,
            verifications: 30,
            sign_ups: 30,
            anonymous: 30,
            factors: 15,
            mails: 30,
            messages: 30,
            registrations: 10,
        })
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate_holds() {
        let (limits, client, start) = (limits(), IpAddr::from([1, 2, 3, 4]), Instant::now());
        for _ in 0..30 {
            assert_eq!(limits.take_at(Kind::Token, client, start), Ok(()));
        }
        let wait = limits.take_at(Kind::Token, client, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(2));
        assert_eq!(limits.take_at(Kind::Token, client, start + wait), Ok(()));
        assert_eq!(limits.take_at(Kind::Token, IpAddr::from([1, 2, 3, 5]), start), Ok(()));
        assert_eq!(limits.take_at(Kind::Verify, client, start), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_share_a_bucket() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
        assert_eq!(address("::ffff:1.2.3.4"), address("1.2.3.4"));
    }
}
