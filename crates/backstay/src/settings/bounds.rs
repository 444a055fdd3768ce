//! Numbers that a server could not work with.

use miette::{MietteDiagnostic, diagnostic};

use super::Settings;

/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// A year, in seconds.
const YEAR: u64 = 31_536_000;

/// A setting with its value and the least and greatest that make sense.
type Bound = (&'static str, u64, u64, u64);

/// Refuses a number out of its bounds.
///
/// # Errors
/// The first one.
pub(super) fn check(settings: &Settings) -> Result<(), MietteDiagnostic> {
    let all = limits(settings).into_iter().chain(times(settings));
    for (name, value, least, greatest) in all {
        if !(least..=greatest).contains(&value) {
            return Err(diagnostic!(
                help = format!("use a number from {least} to {greatest}"),
                "`{name}` is {value}"
            ));
        }
    }
    Ok(())
}

fn limits(settings: &Settings) -> Vec<Bound> {
    let Settings { limits, database, auth, .. } = settings;
    let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    vec![
        ("limits.body_bytes", number(limits.body_bytes), 1, 4 << 30),
        ("limits.url_bytes", number(limits.url_bytes), 64, 1 << 20),
        ("limits.header_bytes", number(limits.header_bytes), 256, 1 << 20),
        // Deeper nesting would need more stack than a thread has.
        ("limits.embed_depth", number(limits.embed_depth), 0, 100),
        ("limits.logic_depth", number(limits.logic_depth), 1, 200),
        ("limits.embeds", number(limits.embeds), 0, 10_000),
        ("limits.list_elements", number(limits.list_elements), 1, 1_000_000),
        ("limits.connections", number(limits.connections), 1, 1_000_000),
        ("database.connections", number(database.connections), 1, 10_000),
        // What a password may have at all.
        ("auth.minimum_password_length", number(auth.minimum_password_length), 1, 72),
        ("auth.mfa.max_enrolled_factors", number(auth.mfa.max_enrolled_factors), 0, 1_000),
    ]
}

fn times(settings: &Settings) -> Vec<Bound> {
    let Settings { limits, database, auth, server, .. } = settings;
    vec![
        ("limits.anon_statement_ms", limits.anon_statement_ms, 0, DAY_MS),
        ("limits.statement_ms", limits.statement_ms, 0, DAY_MS),
        ("limits.request_ms", limits.request_ms, 1, DAY_MS),
        ("limits.idle_ms", limits.idle_ms, 1, DAY_MS),
        ("database.queue_ms", database.queue_ms, 0, DAY_MS),
        ("server.shutdown_delay_ms", server.shutdown_delay_ms, 0, DAY_MS),
        ("server.tls.hsts_seconds", server.tls.hsts_seconds, 0, 10 * YEAR),
        ("auth.jwt_expiry", auth.jwt_expiry, 1, 10 * YEAR),
        ("auth.refresh_token_reuse_interval", auth.refresh_token_reuse_interval, 0, 86_400),
        ("auth.email.otp_expiry", auth.email.otp_expiry, 1, YEAR),
        ("auth.sms.otp_expiry", auth.sms.otp_expiry, 1, YEAR),
        ("auth.email.smtp.port", auth.email.smtp.port.into(), 1, 65_535),
    ]
}
