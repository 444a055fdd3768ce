//! Captchas and passwords that leaked, from `[auth.captcha]` and `[auth.breached_passwords]`.

use backstay_auth::{BreachedSettings, CaptchaSettings};
use miette::miette;

use crate::settings::{BreachedPasswords, Captcha};

pub(super) fn captcha(captcha: &Captcha) -> miette::Result<Option<CaptchaSettings>> {
    if !captcha.enabled {
        return Ok(None);
    }
    let usual = match captcha.provider.as_str() {
        "hcaptcha" => "https://hcaptcha.com/siteverify",
        "turnstile" => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        other => {
            return Err(miette!(
                help = "use hcaptcha or turnstile",
                "`auth.captcha.provider` is unknown: `{other}`"
            ));
        }
    };
    if captcha.secret.is_empty() {
        return Err(miette!(
            help = "the provider gives it when you register the site there",
            "`auth.captcha.secret` is empty"
        ));
    }
    let url = if captcha.verify_url.is_empty() { usual } else { &captcha.verify_url };
    Ok(Some(CaptchaSettings { url: url.to_owned(), secret: captcha.secret.clone() }))
}

pub(super) fn breached(settings: &BreachedPasswords) -> Option<BreachedSettings> {
    settings
        .enabled
        .then(|| BreachedSettings { url: settings.url.clone(), fail_closed: settings.fail_closed })
}
