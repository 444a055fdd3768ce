//! Pages as HTML: templates (ours, or the project's from `templates/pages/`), style, policy.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use super::Page;
use super::form::Form;
use super::way::{Target, origin};
use crate::auth::Auth;
use crate::call::Answer;
use crate::error::{Refusal, Result};

/// Our templates.
const TEMPLATES: [(&str, &str); 13] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("fields.html", include_str!("templates/fields.html")),
    ("providers.html", include_str!("templates/providers.html")),
    ("captcha.html", include_str!("templates/captcha.html")),
    ("sign-in.html", include_str!("templates/sign-in.html")),
    ("sign-up.html", include_str!("templates/sign-up.html")),
    ("code.html", include_str!("templates/code.html")),
    ("reset.html", include_str!("templates/reset.html")),
    ("password.html", include_str!("templates/password.html")),
    ("mfa.html", include_str!("templates/mfa.html")),
    ("consent.html", include_str!("templates/consent.html")),
    ("sign-out.html", include_str!("templates/sign-out.html")),
    ("failure.html", include_str!("templates/failure.html")),
];
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/keys.js");

/// How the pages look.
#[derive(Debug, Clone, Default)]
pub struct PageSettings {
    /// There are pages.
    pub enabled: bool,
    /// The project's name.
    pub project: String,
    /// The address of a logo on this server; empty for none.
    pub logo: String,
    /// The address of one more style sheet on this server; empty for none.
    pub stylesheet: String,
    /// The colour of buttons, as `#rrggbb`; empty for ours.
    pub accent: String,
    /// The widget of the captcha, where one is demanded.
    pub captcha: Option<CaptchaWidget>,
    /// Templates of the project by name (`sign-in.html`), in place of ours.
    pub templates: BTreeMap<String, String>,
}

/// The widget of a captcha: the one thing that comes from elsewhere.
#[derive(Debug, Clone)]
pub struct CaptchaWidget {
    /// Who offers it.
    pub provider: CaptchaProvider,
    /// The public key that the provider gave for the site.
    pub site_key: String,
}

/// Who offers a captcha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// hCaptcha.
    HCaptcha,
    /// Cloudflare's Turnstile.
    Turnstile,
}

impl CaptchaProvider {
    /// The class that its script looks for, the script, and where it loads things from.
    fn widget(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::HCaptcha => (
                "h-captcha",
                "https://js.hcaptcha.com/1/api.js",
                "https://hcaptcha.com https://*.hcaptcha.com",
            ),
            Self::Turnstile => (
                "cf-turnstile",
                "https://challenges.cloudflare.com/turnstile/v0/api.js",
                "https://challenges.cloudflare.com",
            ),
        }
    }
}

/// The pages of a project.
pub struct Pages {
    pub(super) settings: PageSettings,
    /// The address that pages are below, with a slash at its end.
    pub(crate) base: String,
    environment: Environment<'static>,
    style: String,
}

impl Pages {
    /// Reads templates and colours; `external_url` is where `/auth/v1` is reached.
    ///
    /// # Errors
    /// A template or colour that cannot be read, with its name.
    pub fn new(settings: PageSettings, external_url: &str) -> std::result::Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let ours = TEMPLATES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        for (name, text) in ours.chain(settings.templates.clone()) {
            environment
                .add_template_owned(name.clone(), text)
                .map_err(|error| format!("the template `pages/{name}`: {error:#}"))?;
        }
        // Behind our own, which they take the place of.
        let style = format!("{STYLE}{}", colours(&settings.accent)?);
        let server = external_url.trim_end_matches('/').trim_end_matches("/auth/v1");
        Ok(Self { base: format!("{server}/auth/"), settings, environment, style })
    }

    /// Are there pages?
    pub(crate) fn is_enabled(&self) -> bool {
        self.settings.enabled
    }

    /// Is this the address of one of the pages?
    pub(crate) fn is_page(&self, address: &str) -> bool {
        self.settings.enabled && is_page(&self.base, address)
    }
}

/// Is this the address of a page below `base`?
pub(crate) fn is_page(base: &str, address: &str) -> bool {
    address.strip_prefix(base).is_some_and(|rest| {
        super::NAMES.contains(&rest.split(['?', '#']).next().unwrap_or_default())
    })
}

/// The project's colour, and black or white upon it, whichever is read more easily.
fn colours(accent: &str) -> std::result::Result<String, String> {
    if accent.is_empty() {
        return Ok(String::new());
    }
    let bytes = accent.strip_prefix('#').and_then(|text| hex::decode(text).ok());
    let Some([red, green, blue]) = bytes.as_deref() else {
        return Err(format!("accent: `{accent}` is no colour like #1d4ed8"));
    };
    // Relative luminance, W3C WCAG 2.2.
    let linear = |channel: &u8| {
        let value = f64::from(*channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let upon = if luminance > 0.179 { "#000000" } else { "#ffffff" };
    Ok(format!(":root {{ --accent: {accent}; --on-accent: {upon}; }}\n"))
}

/// What a template shows beside what all pages show.
pub(super) type Shown = Map<String, Value>;

/// A page with nothing filled in.
pub(super) fn shown(value: Value) -> Shown {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl Page<'_> {
    /// The page of this name.
    pub(super) fn render(&self, name: &str, more: Shown) -> Result<Answer> {
        self.render_with(name, (200, None), more)
    }

    /// The page again, with what is wrong.
    pub(super) fn again(&self, name: &str, refusal: &Refusal, more: Shown) -> Result<Answer> {
        if refusal.status >= 500 {
            return Err(refusal.clone());
        }
        self.render_with(name, (refusal.status, Some(refusal)), more)
    }

    fn render_with(
        &self,
        name: &str,
        (status, refusal): (u16, Option<&Refusal>),
        more: Shown,
    ) -> Result<Answer> {
        let pages = &self.auth.pages;
        let mut all = common(self.auth);
        all.insert("way".to_owned(), json!(self.way.query()));
        all.insert("csrf".to_owned(), json!(Form::token(self.auth, &self.visit)?));
        if let Some(refusal) = refusal {
            let (field, text) = words(refusal);
            all.insert("errors".to_owned(), json!({field: text}));
        }
        let form_target = more.get("form_target").and_then(Value::as_str).map(str::to_owned);
        all.extend(more);
        let html = render(pages, name, &Value::Object(all))?;
        let target = form_target.or_else(|| match self.way.target(self.auth) {
            Target::Site(url) => Some(url),
            Target::Page(_) => None,
        });
        Ok(answer(status, html, &policy(pages, target.as_deref())))
    }
}

/// What all pages show.
fn common(auth: &Auth) -> Shown {
    let (settings, look) = (&auth.settings, &auth.pages.settings);
    let captcha = look.captcha.as_ref().map(|captcha| {
        let (class, script, _) = captcha.provider.widget();
        json!({"class": class, "script": script, "site_key": captcha.site_key})
    });
    shown(json!({
        "captcha": captcha,
        "project": look.project,
        "logo": look.logo,
        "stylesheet": look.stylesheet,
        "signup": !settings.signup_disabled && settings.email.enabled,
        "email_enabled": settings.email.enabled,
        "passkeys": settings.passkeys,
        "password_min": settings.password.length_min.to_string(),
        "code_digits": settings.email.code_digits.to_string(),
    }))
}

fn render(pages: &Pages, name: &str, shown: &Value) -> Result<String> {
    pages
        .environment
        .get_template(name)
        .and_then(|template| template.render(shown))
        .map_err(|error| Refusal::internal(format!("the template `pages/{name}`: {error:#}")))
}

/// Nothing but what this server serves, and the captcha where there is one; forms may end at the
/// site that the browser returns to, since browsers look at redirects too.
fn policy(pages: &Pages, target: Option<&str>) -> String {
    let target = target.and_then(origin).map(|origin| format!(" {origin}")).unwrap_or_default();
    let captcha = pages.settings.captcha.as_ref().map(|captcha| captcha.provider.widget().2);
    let more = captcha.map(|from| format!(" {from}")).unwrap_or_default();
    let frames = captcha.map(|from| format!(" frame-src {from};")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'self'{more}; script-src 'self'{more}; img-src 'self' data:; \
         connect-src 'self'{more};{frames} form-action 'self'{target}; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

fn answer(status: u16, html: String, policy: &str) -> Answer {
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("content-security-policy", policy.to_owned()),
    ];
    Answer { status, headers, body: html.into_bytes() }
}

/// A page that tells why there is none.
pub(super) fn failure(auth: &Auth, refusal: &Refusal) -> Answer {
    let mut all = common(auth);
    let text = if refusal.status >= 500 {
        "Something went wrong on our side. Please try again in a moment.".to_owned()
    } else {
        words(refusal).1
    };
    all.insert("message".to_owned(), json!(text));
    let html = render(&auth.pages, "failure.html", &Value::Object(all)).unwrap_or(text);
    answer(refusal.status, html, &policy(&auth.pages, None))
}

/// What people read of a refusal, and the field that it is about (`form` for none).
fn words(refusal: &Refusal) -> (&'static str, String) {
    let (field, text) = match refusal.code {
        "invalid_credentials" => ("form", "The e-mail address or the password is not right."),
        "user_banned" => ("form", "This account is blocked."),
        "captcha_failed" => ("form", "Please show that you are not a robot."),
        "signup_disabled" => ("form", "New accounts cannot be made here."),
        "user_already_exists" | "email_exists" => {
            ("email", "There is an account with this address. Sign in instead.")
        }
        "otp_expired" => ("code", "This code is not right, or not good any more."),
        "mfa_verification_failed" => ("code", "This code is not right."),
        "mfa_challenge_expired" | "mfa_ip_address_mismatch" => {
            ("code", "That took too long. Please try once more.")
        }
        "webauthn_credential_not_found" => ("form", "This passkey is not known here."),
        "webauthn_verification_failed"
        | "webauthn_challenge_not_found"
        | "webauthn_challenge_expired" => ("form", "The passkey could not be checked. Try again."),
        "same_password" => ("password", "This is your present password. Choose another one."),
        "weak_password" => return ("password", refusal.message.clone()),
        "validation_failed" if refusal.message.contains("email address") => {
            ("email", "This is no e-mail address.")
        }
        "validation_failed" if refusal.message.contains("password") => {
            return ("password", refusal.message.clone());
        }
        _ => return ("form", refusal.message.clone()),
    };
    (field, text.to_owned())
}

/// The style sheet.
pub(super) fn style(auth: &Auth) -> Answer {
    asset("text/css; charset=utf-8", auth.pages.style.clone())
}

/// The script for passkeys and keys as second factors.
pub(super) fn script() -> Answer {
    asset("text/javascript; charset=utf-8", SCRIPT.to_owned())
}

fn asset(kind: &str, body: String) -> Answer {
    let headers = vec![
        ("content-type", kind.to_owned()),
        ("cache-control", "public, max-age=3600".to_owned()),
    ];
    Answer { status: 200, headers, body: body.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_the_projects_colour_can_be_read() {
        assert!(colours("#ffe000").unwrap().contains("--on-accent: #000000"));
        assert!(colours("#1d4ed8").unwrap().contains("--on-accent: #ffffff"));
        assert!(colours("red;} body{display:none").is_err());
        assert!(colours("#12345").is_err());
    }

    #[test]
    fn addresses_of_pages_are_known() {
        let base = "https://x.example/auth/";
        assert!(is_page(base, "https://x.example/auth/password?redirect_to=y"));
        for other in
            ["https://x.example/auth/v1/user", "https://x.example/auth/", "https://x.example.evil/"]
        {
            assert!(!is_page(base, other), "{other}");
        }
    }
}
