//! What a new password must be like.

use super::PASSWORD_BYTES_MAX;
use crate::error::{Refusal, Result};
use crate::settings::PasswordSettings;

/// The most common passwords, which are guessed first. All others of their length are left to
/// `auth.minimum_password_length` and `auth.password_requirements`.
const COMMON: &str = include_str!("common.txt");

/// Refuses a password that cannot be stored or is too weak.
///
/// # Errors
/// 400 `validation_failed` when it is too long, 422 `weak_password` with the reasons.
pub(super) fn check(settings: &PasswordSettings, password: &str) -> Result<()> {
    if password.len() > PASSWORD_BYTES_MAX {
        let message = format!("Password cannot be longer than {PASSWORD_BYTES_MAX} bytes");
        return Err(Refusal::invalid(message));
    }
    if password.contains('\0') {
        return Err(Refusal::invalid("Password cannot contain a NUL character"));
    }
    let (reasons, messages) = weaknesses(settings, password);
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Refusal { reasons, ..Refusal::new(422, "weak_password", messages.join(" ")) })
}

/// Why the password is weak, as codes and as sentences.
pub(crate) fn weaknesses(
    settings: &PasswordSettings,
    password: &str,
) -> (Vec<&'static str>, Vec<String>) {
    let (mut reasons, mut messages) = (Vec::new(), Vec::new());
    if password.chars().count() < settings.length_min {
        reasons.push("length");
        let least = settings.length_min;
        messages.push(format!("Password should be at least {least} characters."));
    }
    let missing = |set: &&String| !password.chars().any(|c| set.contains(c));
    if settings.required.iter().any(|set| missing(&set)) {
        reasons.push("characters");
        let sets = settings.required.join(", ");
        messages.push(format!("Password should contain at least one character of each: {sets}."));
    }
    let refused = settings.refuse_common;
    if refused && COMMON.lines().any(|common| common.eq_ignore_ascii_case(password)) {
        reasons.push("pwned");
        messages.push(
            "Password is known to be weak and easy to guess, please choose a different one."
                .to_owned(),
        );
    }
    (reasons, messages)
}
