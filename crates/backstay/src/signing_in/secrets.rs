//! Secrets that the settings take from the environment: `env(NAME)`.

use miette::miette;

use crate::host::Mode;
use crate::settings::Auth;

/// Looks for secrets whose variable is not set: as a secret, the text `env(NAME)` would seem to
/// work. `dev` says so and goes on, because most of a project can be tried without them.
///
/// # Errors
/// In `serve` the first one, with its variable.
pub(super) fn require(auth: &Auth, mode: Mode) -> miette::Result<()> {
    for (name, value) in given(auth) {
        let variable = value.strip_prefix("env(").and_then(|rest| rest.strip_suffix(')'));
        let Some(variable) = variable else { continue };
        if mode == Mode::Serve {
            return Err(miette!(
                help = "set it in the environment, or in the project's .env",
                "`{name}` is the variable {variable}, which is not set"
            ));
        }
        tracing::warn!("`{name}` is the variable {variable}, which is not set");
    }
    Ok(())
}

/// The secrets of what is switched on, by their names.
fn given(auth: &Auth) -> Vec<(String, &str)> {
    let mut all: Vec<(String, &str)> = [
        ("auth.jwt_secret", &auth.jwt_secret),
        ("auth.signing_keys", &auth.signing_keys),
        ("auth.encryption_key", &auth.encryption_key),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_str()))
    .to_vec();
    for (name, one) in auth.external.iter().filter(|(_, one)| one.enabled) {
        all.push((format!("auth.external.{name}.client_id"), one.client_id.as_str()));
        all.push((format!("auth.external.{name}.secret"), one.secret.as_str()));
    }
    for (name, one) in auth.hook.iter().filter(|(_, one)| one.enabled) {
        all.push((format!("auth.hook.{name}.secrets"), one.secrets.as_str()));
    }
    for (name, pepper) in &auth.password_peppers {
        all.push((format!("auth.password_peppers.{name}"), pepper.as_str()));
    }
    if auth.captcha.enabled {
        all.push(("auth.captcha.secret".to_owned(), auth.captcha.secret.as_str()));
    }
    if auth.email.smtp.enabled && !auth.email.smtp.host.is_empty() {
        all.push(("auth.email.smtp.pass".to_owned(), auth.email.smtp.pass.as_str()));
    }
    all
}
