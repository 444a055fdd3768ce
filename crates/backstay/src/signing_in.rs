//! The sign-in service, wired from the project's settings.

mod hooks;
mod pages;
mod protection;
mod providers;
mod secrets;
mod sms;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_auth::{
    Auth, EmailSettings, Inbox, MailSettings, Mailer, MfaSettings, OAuthServerSettings, Parts,
    PasswordSettings, RateSettings, RelyingPartySettings, SessionSettings, Settings, SmtpSettings,
    Template, Vault, go_duration,
};
use backstay_engine::Engine;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::host::Mode;
use crate::keyring::{Keyring, PrivateKeys};
use crate::project::Project;
use crate::settings;

/// Life of a challenge of a second factor.
const CHALLENGE_LIFE: Duration = Duration::from_secs(300);

/// The service of a project.
///
/// # Errors
/// A setting that cannot be used, with its name.
pub(crate) fn service(
    project: &Project,
    mode: Mode,
    engine: Arc<dyn Engine>,
    keyring: &Keyring,
    inbox: Option<&Arc<Inbox>>,
) -> miette::Result<Arc<Auth>> {
    let settings = settings_of(project, mode)?;
    Ok(Arc::new(Auth::new(Parts {
        engine,
        pages: pages::pages(project, &settings.external_url)?,
        settings,
        keys: keyring.signing(&private_keys(project)?)?,
        vault: Vault::new(&keyring.encryption_keys()),
        mailer: mailer(project, inbox)?,
        inbox: inbox.cloned(),
    })))
}

/// Looks for secrets whose variable is not set.
///
/// # Errors
/// In `serve` the first one.
pub(crate) fn require_secrets(project: &Project, mode: Mode) -> miette::Result<()> {
    secrets::require(&project.loaded.settings.auth, mode)
}

/// Whether a server could serve with these settings.
///
/// # Errors
/// As [`service`] and [`require_secrets`].
pub(crate) fn check(project: &Project) -> miette::Result<()> {
    let check = || {
        require_secrets(project, Mode::Serve)?;
        let settings = settings_of(project, Mode::Serve)?;
        pages::pages(project, &settings.external_url)?;
        mailer(project, None)?;
        Ok(())
    };
    check().map_err(|report| project.loaded.places.show(report))
}

/// The address of the server as the world reaches it, without a slash at its end.
fn external(settings: &settings::Settings) -> String {
    let given = settings.auth.external_url.trim_end_matches('/');
    if !given.is_empty() {
        return given.trim_end_matches("/auth/v1").to_owned();
    }
    local_url(settings)
}

/// The address of the server on this machine.
pub(crate) fn local_url(settings: &settings::Settings) -> String {
    let host = match settings.server.host.as_str() {
        "0.0.0.0" | "::" => "127.0.0.1",
        host => host,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let scheme = if settings.server.tls.cert.is_empty() { "http" } else { "https" };
    format!("{scheme}://{host}:{}", settings.server.port)
}

/// The private keys that the settings give.
///
/// # Errors
/// Two places for them.
pub(crate) fn private_keys(project: &Project) -> miette::Result<PrivateKeys> {
    let auth = &project.loaded.settings.auth;
    match (auth.signing_keys_path.as_str(), auth.signing_keys.as_str()) {
        ("", "") => Ok(PrivateKeys::None),
        (file, "") => Ok(PrivateKeys::File(project.source.join(file.trim_start_matches("./")))),
        ("", text) => Ok(PrivateKeys::Text(text.to_owned())),
        (_, _) => Err(miette!(
            help = "leave one of them out",
            "`auth.signing_keys` and `auth.signing_keys_path` both give keys"
        )),
    }
}

fn settings_of(project: &Project, mode: Mode) -> miette::Result<Settings> {
    let all = &project.loaded.settings;
    let auth = &all.auth;
    let external = external(all);
    let external_url = format!("{external}/auth/v1");
    let or = |given: &String, other: &str| {
        if given.is_empty() { other.to_owned() } else { given.clone() }
    };
    // Nobody is flooded by an inbox that catches everything.
    let usual = if mode == Mode::Dev { "1s" } else { "60s" };
    let interval = duration("auth.email.max_frequency", &or(&auth.email.max_frequency, usual))?;
    let site_url = or(&auth.site_url, &external);
    Ok(Settings {
        relying_party: relying_party(all, (&site_url, &external))?,
        passkeys: auth.passkey.enabled,
        site_url,
        redirect_urls: auth.additional_redirect_urls.clone(),
        issuer: or(&auth.jwt_issuer, &external_url),
        external_url,
        token_life: Duration::from_secs(auth.jwt_expiry),
        admin_roles: auth.admin_roles.clone(),
        signup_disabled: !auth.enable_signup,
        anonymous_sign_ins: auth.enable_anonymous_sign_ins,
        manual_linking: auth.enable_manual_linking,
        email: EmailSettings {
            enabled: auth.email.enable_signup,
            autoconfirm: !auth.email.enable_confirmations,
            double_confirm_changes: auth.email.double_confirm_changes,
            code_digits: auth.email.otp_length,
            code_life: Duration::from_secs(auth.email.otp_expiry),
            interval: interval.unwrap_or_default(),
            confirm_page: auth.email.confirm_page,
        },
        sms: sms::settings(&auth.sms, mode)?,
        hooks: hooks::settings(&auth.hook)?,
        captcha: protection::captcha(&auth.captcha)?,
        oauth_server: auth.oauth_server.enabled.then(|| OAuthServerSettings {
            consent_path: auth.oauth_server.authorization_url_path.clone(),
            dynamic_registration: auth.oauth_server.allow_dynamic_registration,
        }),
        password: PasswordSettings {
            length_min: auth.minimum_password_length,
            required: required_characters(&auth.password_requirements)?,
            refuse_common: auth.refuse_common_passwords,
            change_needs_reauthentication: auth.email.secure_password_change,
            change_needs_current: auth.email.require_current_password,
            breached: protection::breached(&auth.breached_passwords),
            peppers: auth.password_peppers.clone(),
        },
        session: SessionSettings {
            rotate: auth.enable_refresh_token_rotation,
            reuse_interval: Duration::from_secs(auth.refresh_token_reuse_interval),
            timebox: duration("auth.sessions.timebox", &auth.sessions.timebox)?,
            inactivity: duration(
                "auth.sessions.inactivity_timeout",
                &auth.sessions.inactivity_timeout,
            )?,
            single: auth.sessions.single_per_user,
        },
        mfa: MfaSettings {
            factors_max: auth.mfa.max_enrolled_factors,
            totp_enroll: auth.mfa.totp.enroll_enabled,
            totp_verify: auth.mfa.totp.verify_enabled,
            webauthn_enroll: auth.mfa.web_authn.enroll_enabled,
            webauthn_verify: auth.mfa.web_authn.verify_enabled,
            phone_enroll: auth.mfa.phone.enroll_enabled,
            phone_verify: auth.mfa.phone.verify_enabled,
            challenge_life: CHALLENGE_LIFE,
        },
        rate: rate(&auth.rate_limit),
        providers: providers::settings(project)?,
    })
}

/// Whom keys of browsers and devices are made for.
fn relying_party(
    all: &settings::Settings,
    addresses: (&str, &str),
) -> miette::Result<RelyingPartySettings> {
    let given = &all.auth.webauthn;
    let name =
        if given.rp_display_name.is_empty() { &all.project_id } else { &given.rp_display_name };
    RelyingPartySettings::new((&given.rp_id, name), &given.rp_origins, addresses).map_err(|error| {
        miette!(
            help = "write each in full, like https://shop.example",
            "`auth.site_url`, `auth.external_url` or `auth.webauthn.rp_origins` is no address: {error}"
        )
    })
}

fn rate(limits: &settings::RateLimit) -> RateSettings {
    RateSettings {
        tokens: limits.token_refresh,
        verifications: limits.token_verifications,
        sign_ups: limits.sign_in_sign_ups,
        anonymous: limits.anonymous_users,
        factors: limits.factors,
        mails: limits.email_sent,
        messages: limits.sms_sent,
        registrations: limits.registrations,
    }
}

/// A span of time; empty or zero for none.
fn duration(name: &str, text: &str) -> miette::Result<Option<Duration>> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = go_duration(text).ok_or_else(|| {
        miette!(help = "write it like 30s, 5m or 24h", "`{name}` is no span of time: `{text}`")
    })?;
    Ok((!read.is_zero()).then_some(read))
}

/// The sets of characters that a password must have one of each of.
fn required_characters(name: &str) -> miette::Result<Vec<String>> {
    let (lower, upper) = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let (digits, symbols) = ("0123456789", "!@#$%^&*()_+-=[]{};'\\:\"|<>?,./`~");
    let letters = format!("{lower}{upper}");
    let sets: Vec<&str> = match name {
        "" => Vec::new(),
        "letters_digits" => vec![&letters, digits],
        "lower_upper_letters_digits" => vec![lower, upper, digits],
        "lower_upper_letters_digits_symbols" => vec![lower, upper, digits, symbols],
        other => {
            return Err(miette!(
                help = "use letters_digits, lower_upper_letters_digits or \
                        lower_upper_letters_digits_symbols",
                "`auth.password_requirements` is unknown: `{other}`"
            ));
        }
    };
    Ok(sets.into_iter().map(str::to_owned).collect())
}

fn mailer(project: &Project, inbox: Option<&Arc<Inbox>>) -> miette::Result<Mailer> {
    let settings = &project.loaded.settings;
    let smtp = &settings.auth.email.smtp;
    let given = smtp.enabled && !smtp.host.is_empty();
    if given && smtp.admin_email.is_empty() {
        return Err(miette!(
            help = "mails need an address that they are from, like shop@example.com",
            "`auth.email.smtp.admin_email` is empty"
        ));
    }
    let transport = if given {
        MailSettings::Smtp(SmtpSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            user: smtp.user.clone(),
            password: smtp.pass.clone(),
            admin_email: smtp.admin_email.clone(),
            sender_name: smtp.sender_name.clone(),
            require_tls: false,
        })
    } else if let Some(inbox) = inbox {
        MailSettings::Caught(Arc::clone(inbox))
    } else {
        MailSettings::Nowhere
    };
    Mailer::new(transport, settings.project_id.clone(), &templates(project)?)
        .map_err(|error| miette!(help = "look at [auth.email] in the settings", "mail: {error}"))
}

/// The project's templates: those that the settings name, else `templates/NAME.html`.
fn templates(project: &Project) -> miette::Result<BTreeMap<String, Template>> {
    let names =
        ["confirmation", "invite", "magic_link", "recovery", "email_change", "reauthentication"];
    let mut templates = BTreeMap::new();
    let all = &project.loaded.settings.auth.email.template;
    // A file of Supabase's may name mails that are not sent here.
    let unknown = all.keys().find(|name| !project.supabase && !names.contains(&name.as_str()));
    if let Some(name) = unknown {
        let known = names.join(", ");
        return Err(miette!("`auth.email.template.{name}` is no mail; there are {known}"));
    }
    for name in names {
        let given = all.get(name).cloned().unwrap_or_default();
        let path = if given.content_path.is_empty() {
            Some(project.source.join("templates").join(format!("{name}.html")))
                .filter(|path| path.is_file())
        } else {
            Some(project.root.join(given.content_path.trim_start_matches("./")))
        };
        let html = match path {
            Some(path) => std::fs::read_to_string(&path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read the mail template {}", path.display()))?,
            None => String::new(),
        };
        templates.insert(name.to_owned(), Template { subject: given.subject, html });
    }
    Ok(templates)
}
