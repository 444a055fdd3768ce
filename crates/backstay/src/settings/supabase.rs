//! The settings of a `supabase/config.toml`, as far as they mean something here.

use std::collections::BTreeMap;
use std::path::Path;

use miette::IntoDiagnostic as _;

/// The key of `config.toml` and ours.
const KEYS: &[(&str, &str)] = &[
    ("project_id", "project_id"),
    ("api.port", "server.port"),
    ("api.schemas", "api.schemas"),
    ("api.extra_search_path", "api.extra_search_path"),
    ("api.max_rows", "api.max_rows"),
    ("auth.site_url", "auth.site_url"),
    ("auth.additional_redirect_urls", "auth.additional_redirect_urls"),
    ("auth.jwt_secret", "auth.jwt_secret"),
    ("auth.jwt_expiry", "auth.jwt_expiry"),
    ("auth.jwt_issuer", "auth.jwt_issuer"),
    ("auth.signing_keys_path", "auth.signing_keys_path"),
    ("auth.enable_signup", "auth.enable_signup"),
    ("auth.enable_anonymous_sign_ins", "auth.enable_anonymous_sign_ins"),
    ("auth.enable_manual_linking", "auth.enable_manual_linking"),
    ("auth.enable_refresh_token_rotation", "auth.enable_refresh_token_rotation"),
    ("auth.refresh_token_reuse_interval", "auth.refresh_token_reuse_interval"),
    ("auth.minimum_password_length", "auth.minimum_password_length"),
    ("auth.password_requirements", "auth.password_requirements"),
    ("auth.rate_limit.email_sent", "auth.rate_limit.email_sent"),
    ("auth.rate_limit.anonymous_users", "auth.rate_limit.anonymous_users"),
    ("auth.rate_limit.token_refresh", "auth.rate_limit.token_refresh"),
    ("auth.rate_limit.sign_in_sign_ups", "auth.rate_limit.sign_in_sign_ups"),
    ("auth.rate_limit.token_verifications", "auth.rate_limit.token_verifications"),
    ("auth.email.enable_signup", "auth.email.enable_signup"),
    ("auth.email.double_confirm_changes", "auth.email.double_confirm_changes"),
    ("auth.email.enable_confirmations", "auth.email.enable_confirmations"),
    ("auth.email.secure_password_change", "auth.email.secure_password_change"),
    ("auth.email.max_frequency", "auth.email.max_frequency"),
    ("auth.email.otp_length", "auth.email.otp_length"),
    ("auth.email.otp_expiry", "auth.email.otp_expiry"),
    ("auth.email.smtp.enabled", "auth.email.smtp.enabled"),
    ("auth.email.smtp.host", "auth.email.smtp.host"),
    ("auth.email.smtp.port", "auth.email.smtp.port"),
    ("auth.email.smtp.user", "auth.email.smtp.user"),
    ("auth.email.smtp.pass", "auth.email.smtp.pass"),
    ("auth.email.smtp.admin_email", "auth.email.smtp.admin_email"),
    ("auth.email.smtp.sender_name", "auth.email.smtp.sender_name"),
    ("auth.captcha.enabled", "auth.captcha.enabled"),
    ("auth.captcha.provider", "auth.captcha.provider"),
    ("auth.captcha.secret", "auth.captcha.secret"),
    ("auth.oauth_server.enabled", "auth.oauth_server.enabled"),
    ("auth.oauth_server.authorization_url_path", "auth.oauth_server.authorization_url_path"),
    (
        "auth.oauth_server.allow_dynamic_registration",
        "auth.oauth_server.allow_dynamic_registration",
    ),
    ("auth.rate_limit.sms_sent", "auth.rate_limit.sms_sent"),
    ("auth.sms.enable_signup", "auth.sms.enable_signup"),
    ("auth.sms.enable_confirmations", "auth.sms.enable_confirmations"),
    ("auth.sms.template", "auth.sms.template"),
    ("auth.sms.max_frequency", "auth.sms.max_frequency"),
    ("auth.sms.test_otp", "auth.sms.test_otp"),
    ("auth.mfa.phone.enroll_enabled", "auth.mfa.phone.enroll_enabled"),
    ("auth.mfa.phone.verify_enabled", "auth.mfa.phone.verify_enabled"),
    ("auth.sessions.timebox", "auth.sessions.timebox"),
    ("auth.sessions.inactivity_timeout", "auth.sessions.inactivity_timeout"),
    ("auth.mfa.max_enrolled_factors", "auth.mfa.max_enrolled_factors"),
    ("auth.mfa.totp.enroll_enabled", "auth.mfa.totp.enroll_enabled"),
    ("auth.mfa.totp.verify_enabled", "auth.mfa.totp.verify_enabled"),
    ("auth.mfa.web_authn.enroll_enabled", "auth.mfa.web_authn.enroll_enabled"),
    ("auth.mfa.web_authn.verify_enabled", "auth.mfa.web_authn.verify_enabled"),
    ("auth.passkey.enabled", "auth.passkey.enabled"),
    ("auth.webauthn.rp_id", "auth.webauthn.rp_id"),
    ("auth.webauthn.rp_display_name", "auth.webauthn.rp_display_name"),
    ("auth.webauthn.rp_origins", "auth.webauthn.rp_origins"),
    ("db.seed.sql_paths", "db.seed"),
];

/// Tables of tables, with the keys of each that mean something here.
const GROUPS: &[(&str, &[&str])] = &[
    ("auth.email.template", &["subject", "content_path"]),
    ("auth.hook", &["enabled", "uri", "secrets"]),
    (
        "auth.external",
        &["enabled", "client_id", "secret", "redirect_uri", "url", "skip_nonce_check"],
    ),
];

/// The port on which Supabase's command line serves.
const PORT: i64 = 54321;

/// What their command line takes for granted where the file says nothing.
const THEIR_DEFAULTS: &str = "auth.email.enable_confirmations = false\n\
    auth.sms.enable_confirmations = false\nauth.sms.max_frequency = \"5s\"\n\
    auth.email.max_frequency = \"1s\"\nauth.refuse_common_passwords = false\n\
    auth.jwt_issuer = \"http://127.0.0.1:54321/auth/v1\"\n";

/// Reads the file into a table of our own names. Tables of services that this version does not have
/// are noted, not refused: files of all ages are around.
pub(super) fn read(
    path: &Path,
    text: &str,
    variables: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> miette::Result<toml::Table> {
    let mut theirs: toml::Table =
        toml::from_str(text).map_err(|error| super::located(path, text, &error))?;
    for value in theirs.iter_mut().map(|(_, value)| value) {
        replace_variables(value, variables);
    }
    let mut ours: toml::Table =
        toml::from_str(&format!("server.port = {PORT}\napi.require_rls = false\n{THEIR_DEFAULTS}"))
            .into_diagnostic()?;
    for (their, our) in KEYS {
        if let Some(value) = get(&theirs, their) {
            super::put(&mut ours, our, value.clone());
        }
    }
    for (group, keys) in GROUPS {
        let Some(toml::Value::Table(members)) = get(&theirs, group) else { continue };
        for (name, member) in members {
            for key in *keys {
                if let Some(value) = member.get(*key) {
                    super::put(&mut ours, &format!("{group}.{name}.{key}"), value.clone());
                }
            }
        }
    }
    if let Some(toml::Value::Boolean(false)) = get(&theirs, "db.seed.enabled") {
        super::put(&mut ours, "db.seed", toml::Value::Array(Vec::new()));
    }
    let unused: Vec<&str> = theirs
        .keys()
        .map(String::as_str)
        .filter(|key| !["project_id", "api", "db", "auth"].contains(key))
        .collect();
    if !unused.is_empty() {
        notes.push(format!("not used from {}: {}", path.display(), unused.join(", ")));
    }
    Ok(ours)
}

/// What the file calls one of our settings.
pub(super) fn theirs(setting: &str) -> &str {
    KEYS.iter().find(|(_, ours)| *ours == setting).map_or(setting, |(theirs, _)| theirs)
}

/// `env(NAME)` is replaced where the variable is set.
pub(super) fn replace_variables(value: &mut toml::Value, variables: &BTreeMap<String, String>) {
    match value {
        toml::Value::String(text) => {
            let name = text.strip_prefix("env(").and_then(|rest| rest.strip_suffix(')'));
            if let Some(known) = name.and_then(|name| variables.get(name)) {
                *text = known.clone();
            }
        }
        toml::Value::Array(items) => {
            for item in items {
                replace_variables(item, variables);
            }
        }
        toml::Value::Table(table) => {
            for (_, item) in table.iter_mut() {
                replace_variables(item, variables);
            }
        }
        _ => {}
    }
}

fn get<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let mut steps = path.split('.');
    let first = table.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}
