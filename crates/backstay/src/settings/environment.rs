//! Settings from the environment: `BACKSTAY_API_MAX_ROWS` is `api.max_rows`; the names that
//! PostgREST and GoTrue use are understood too.

use std::collections::BTreeMap;

use miette::miette;

use super::Settings;
use super::gotrue::{self, Remark};

/// Variables with our prefix that are no settings.
const OTHERS: &[&str] = &["BACKSTAY_LOG"];

/// Names of other servers for our settings. Lists are comma-separated there.
const ALIASES: &[(&str, &str)] = &[
    ("PGRST_DB_URI", "database.url"),
    ("PGRST_DB_POOL", "database.connections"),
    ("PGRST_DB_PREPARED_STATEMENTS", "database.prepared_statements"),
    ("PGRST_DB_SCHEMAS", "api.schemas"),
    ("PGRST_DB_SCHEMA", "api.schemas"),
    ("PGRST_DB_EXTRA_SEARCH_PATH", "api.extra_search_path"),
    ("PGRST_DB_MAX_ROWS", "api.max_rows"),
    ("PGRST_DB_AGGREGATES_ENABLED", "api.aggregates"),
    ("PGRST_DB_PLAN_ENABLED", "api.plan"),
    ("PGRST_DB_TX_END", "api.tx_end"),
    ("PGRST_DB_PRE_REQUEST", "api.pre_request"),
    ("PGRST_DB_ROOT_SPEC", "api.root_spec"),
    ("PGRST_OPENAPI_MODE", "api.openapi"),
    ("PGRST_SERVER_CORS_ALLOWED_ORIGINS", "api.cors_origins"),
    ("PGRST_JWT_SECRET", "auth.jwt_secret"),
    ("PGRST_JWT_AUD", "auth.jwt_audience"),
    ("PGRST_SERVER_PORT", "server.port"),
    ("PGRST_SERVER_HOST", "server.host"),
    ("GOTRUE_JWT_SECRET", "auth.jwt_secret"),
    ("GOTRUE_JWT_AUD", "auth.jwt_audience"),
    ("GOTRUE_JWT_KEYS", "auth.signing_keys"),
    ("GOTRUE_JWT_ADMIN_ROLES", "auth.admin_roles"),
    ("GOTRUE_SITE_URL", "auth.site_url"),
    ("GOTRUE_URI_ALLOW_LIST", "auth.additional_redirect_urls"),
    ("GOTRUE_JWT_EXP", "auth.jwt_expiry"),
    ("GOTRUE_JWT_ISSUER", "auth.jwt_issuer"),
    ("GOTRUE_EXTERNAL_EMAIL_ENABLED", "auth.email.enable_signup"),
    ("GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED", "auth.enable_anonymous_sign_ins"),
    ("GOTRUE_MAILER_SECURE_EMAIL_CHANGE_ENABLED", "auth.email.double_confirm_changes"),
    ("GOTRUE_MAILER_OTP_EXP", "auth.email.otp_expiry"),
    ("GOTRUE_MAILER_OTP_LENGTH", "auth.email.otp_length"),
    ("GOTRUE_SMTP_HOST", "auth.email.smtp.host"),
    ("GOTRUE_SMTP_PORT", "auth.email.smtp.port"),
    ("GOTRUE_SMTP_USER", "auth.email.smtp.user"),
    ("GOTRUE_SMTP_PASS", "auth.email.smtp.pass"),
    ("GOTRUE_SMTP_ADMIN_EMAIL", "auth.email.smtp.admin_email"),
    ("GOTRUE_SMTP_SENDER_NAME", "auth.email.smtp.sender_name"),
    ("GOTRUE_SMTP_MAX_FREQUENCY", "auth.email.max_frequency"),
    ("GOTRUE_EXTERNAL_PHONE_ENABLED", "auth.sms.enable_signup"),
    ("GOTRUE_SMS_OTP_EXP", "auth.sms.otp_expiry"),
    ("GOTRUE_SMS_OTP_LENGTH", "auth.sms.otp_length"),
    ("GOTRUE_SMS_MAX_FREQUENCY", "auth.sms.max_frequency"),
    ("GOTRUE_SMS_TEMPLATE", "auth.sms.template"),
    ("GOTRUE_SMS_TEST_OTP_VALID_UNTIL", "auth.sms.test_otp_valid_until"),
    ("GOTRUE_MFA_TOTP_ENROLL_ENABLED", "auth.mfa.totp.enroll_enabled"),
    ("GOTRUE_MFA_TOTP_VERIFY_ENABLED", "auth.mfa.totp.verify_enabled"),
    ("GOTRUE_RATE_LIMIT_EMAIL_SENT", "auth.rate_limit.email_sent"),
    ("GOTRUE_RATE_LIMIT_SMS_SENT", "auth.rate_limit.sms_sent"),
    ("GOTRUE_RATE_LIMIT_VERIFY", "auth.rate_limit.token_verifications"),
    ("GOTRUE_RATE_LIMIT_TOKEN_REFRESH", "auth.rate_limit.token_refresh"),
    ("GOTRUE_RATE_LIMIT_OTP", "auth.rate_limit.sign_in_sign_ups"),
    ("GOTRUE_RATE_LIMIT_ANONYMOUS_USERS", "auth.rate_limit.anonymous_users"),
    (
        "GOTRUE_SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION",
        "auth.email.secure_password_change",
    ),
    ("GOTRUE_PASSKEY_ENABLED", "auth.passkey.enabled"),
    ("GOTRUE_WEBAUTHN_RP_ID", "auth.webauthn.rp_id"),
    ("GOTRUE_WEBAUTHN_RP_DISPLAY_NAME", "auth.webauthn.rp_display_name"),
    ("GOTRUE_WEBAUTHN_RP_ORIGINS", "auth.webauthn.rp_origins"),
    ("GOTRUE_MFA_PHONE_ENROLL_ENABLED", "auth.mfa.phone.enroll_enabled"),
    ("GOTRUE_MFA_PHONE_VERIFY_ENABLED", "auth.mfa.phone.verify_enabled"),
    ("GOTRUE_SECURITY_CAPTCHA_ENABLED", "auth.captcha.enabled"),
    ("GOTRUE_SECURITY_CAPTCHA_PROVIDER", "auth.captcha.provider"),
    ("GOTRUE_SECURITY_CAPTCHA_SECRET", "auth.captcha.secret"),
    ("GOTRUE_PASSWORD_HIBP_ENABLED", "auth.breached_passwords.enabled"),
    ("GOTRUE_PASSWORD_HIBP_FAIL_CLOSED", "auth.breached_passwords.fail_closed"),
    ("GOTRUE_OAUTH_SERVER_ENABLED", "auth.oauth_server.enabled"),
    (
        "GOTRUE_OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION",
        "auth.oauth_server.allow_dynamic_registration",
    ),
    ("GOTRUE_PASSWORD_MIN_LENGTH", "auth.minimum_password_length"),
    ("GOTRUE_SECURITY_REFRESH_TOKEN_ROTATION_ENABLED", "auth.enable_refresh_token_rotation"),
    ("GOTRUE_SECURITY_REFRESH_TOKEN_REUSE_INTERVAL", "auth.refresh_token_reuse_interval"),
    ("GOTRUE_SECURITY_MANUAL_LINKING_ENABLED", "auth.enable_manual_linking"),
    ("GOTRUE_SESSIONS_TIMEBOX", "auth.sessions.timebox"),
    ("GOTRUE_SESSIONS_INACTIVITY_TIMEOUT", "auth.sessions.inactivity_timeout"),
    ("GOTRUE_SESSIONS_SINGLE_PER_USER", "auth.sessions.single_per_user"),
    ("GOTRUE_MFA_MAX_ENROLLED_FACTORS", "auth.mfa.max_enrolled_factors"),
    ("GOTRUE_MFA_WEB_AUTHN_ENROLL_ENABLED", "auth.mfa.web_authn.enroll_enabled"),
    ("GOTRUE_MFA_WEB_AUTHN_VERIFY_ENABLED", "auth.mfa.web_authn.verify_enabled"),
    ("API_EXTERNAL_URL", "auth.external_url"),
];

/// Puts the variables on top of the table; the settings that they give, with their names.
///
/// # Errors
/// An unknown `BACKSTAY_…` name, a value of the wrong kind, two names that disagree.
pub(super) fn apply(
    table: &mut toml::Table,
    variables: &BTreeMap<String, String>,
) -> miette::Result<BTreeMap<String, String>> {
    let known = defaults()?;
    let mut taken: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (name, value) in variables {
        for (path, value) in meant(&known, name, value)? {
            take(&mut taken, path, (name, &value))?;
        }
    }
    for (path, (name, value)) in &taken {
        // By itself first, so that a mistake is told by the variable's name.
        let mut alone = toml::Table::new();
        set(&mut alone, &known, path, name, value)?;
        super::read(alone).map_err(|mut mistake| {
            mistake.message = format!("the environment variable {name}: {}", mistake.message);
            mistake
        })?;
        set(table, &known, path, name, value)?;
    }
    Ok(taken.into_iter().map(|(path, (name, _))| (path, name)).collect())
}

/// Lines about variables of other servers that mean nothing here.
///
/// # Errors
/// As [`apply`].
pub(super) fn unread(variables: &BTreeMap<String, String>) -> miette::Result<Vec<String>> {
    let known = defaults()?;
    let (mut lines, mut names) = (Vec::new(), Vec::new());
    let theirs = |name: &str| name.starts_with("GOTRUE_") || name.starts_with("PGRST_");
    for (name, value) in variables.iter().filter(|(name, _)| theirs(name)) {
        if !meant(&known, name, value)?.is_empty() {
            continue;
        }
        match gotrue::remark(name, value) {
            Remark::Same => {}
            Remark::Instead(line) => lines.push(line),
            Remark::Nothing => names.push(name.as_str()),
        }
    }
    if !names.is_empty() {
        lines.push(format!("not read from the environment: {}", names.join(", ")));
    }
    Ok(lines)
}

fn defaults() -> miette::Result<toml::Table> {
    toml::Table::try_from(Settings::default())
        .map_err(|error| miette!("the default settings: {error}"))
}

/// The settings that a variable means, with their values.
fn meant(known: &toml::Table, name: &str, value: &str) -> miette::Result<Vec<(String, String)>> {
    if let Some((_, path)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Ok(vec![((*path).to_owned(), value.to_owned())]);
    }
    match name.strip_prefix("BACKSTAY_") {
        Some(_) if OTHERS.contains(&name) => Ok(Vec::new()),
        Some(rest) => {
            let path = path_of(known, rest).ok_or_else(|| unknown(name))?;
            Ok(vec![(path, value.to_owned())])
        }
        None => gotrue::read(name, value),
    }
}

/// Notes who sets what: our own name before those of others, which must agree.
fn take(
    taken: &mut BTreeMap<String, (String, String)>,
    path: String,
    (name, value): (&str, &str),
) -> miette::Result<()> {
    let ours = name.starts_with("BACKSTAY_");
    match taken.get(&path) {
        Some((other, known)) if !ours && !other.starts_with("BACKSTAY_") && known != value => {
            return Err(miette!("{name} and {other} both set `{path}`, to different values"));
        }
        Some((other, _)) if other.starts_with("BACKSTAY_") && !ours => {}
        _ => {
            taken.insert(path, (name.to_owned(), value.to_owned()));
        }
    }
    Ok(())
}

fn unknown(name: &str) -> miette::Report {
    miette!(
        help = "docs/settings.md lists every setting; `api.max_rows` is BACKSTAY_API_MAX_ROWS",
        "the environment variable {name} is no setting"
    )
}

/// `API_MAX_ROWS` → `api.max_rows`, if there is such a setting. Optional ones are not in the
/// serialised defaults and named here.
fn path_of(known: &toml::Table, rest: &str) -> Option<String> {
    let rest = rest.to_ascii_lowercase();
    if rest == "project_id" || rest == "api_require_key" {
        return Some(rest.replacen("api_", "api.", 1));
    }
    if let Some(key) = rest.strip_prefix("app_") {
        return Some(format!("app.{key}"));
    }
    nested(known, &rest)
}

/// `auth_email_smtp_host` → `auth.email.smtp.host`: table by table.
fn nested(known: &toml::Table, rest: &str) -> Option<String> {
    known.iter().find_map(|(key, value)| {
        let tail = rest.strip_prefix(key.as_str())?;
        match (value, tail.strip_prefix('_')) {
            (toml::Value::Table(inner), Some(tail)) => {
                nested(inner, tail).map(|path| format!("{key}.{path}"))
            }
            (toml::Value::Table(_), None) => None,
            (_, _) => tail.is_empty().then(|| key.clone()),
        }
    })
}

/// The default of a setting.
fn default_of<'t>(known: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let mut steps = path.split('.');
    let first = known.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// Is it a switch of a provider or hook? Those have names of their own and no defaults.
fn is_switch(path: &str) -> bool {
    let named = path.starts_with("auth.external.") || path.starts_with("auth.hook.");
    named && (path.ends_with(".enabled") || path.ends_with(".skip_nonce_check"))
}

fn set(
    table: &mut toml::Table,
    known: &toml::Table,
    path: &str,
    name: &str,
    text: &str,
) -> miette::Result<()> {
    let default = default_of(known, path);
    let bad = |kind: &str| miette!("the environment variable {name} must be {kind}, not `{text}`");
    let value = match default {
        Some(toml::Value::Integer(_)) => {
            toml::Value::Integer(text.trim().parse().map_err(|_| bad("a whole number"))?)
        }
        Some(toml::Value::Boolean(_)) => {
            toml::Value::Boolean(text.trim().parse().map_err(|_| bad("true or false"))?)
        }
        None if path == "api.require_key" || is_switch(path) => {
            toml::Value::Boolean(text.trim().parse().map_err(|_| bad("true or false"))?)
        }
        Some(toml::Value::Array(_)) => toml::Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| toml::Value::String(part.to_owned()))
                .collect(),
        ),
        _ => toml::Value::String(text.to_owned()),
    };
    super::put(table, path, value);
    Ok(())
}
