//! `[auth]`: tokens and sign-in, with the names of `supabase/config.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tokens and sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Auth {
    /// Where the front end lives; empty: the server itself.
    pub(crate) site_url: String,
    /// Where the server is reached from outside; empty: the address it listens on.
    pub(crate) external_url: String,
    /// Further targets of redirects, as globs.
    pub(crate) additional_redirect_urls: Vec<String>,
    /// Secret of HS256 tokens; empty: generated at first start.
    pub(crate) jwt_secret: String,
    /// A file with a JWK set whose keys verify tokens too (ES256, RS256…).
    pub(crate) jwt_keys: String,
    /// A file with a JSON array of private JWKs, one of which signs tokens; empty: `jwt_secret`
    /// does.
    pub(crate) signing_keys_path: String,
    /// Those keys themselves, in place of the file.
    pub(crate) signing_keys: String,
    /// Roles whose tokens administer users.
    pub(crate) admin_roles: Vec<String>,
    /// Expected `aud`; empty: any.
    pub(crate) jwt_audience: String,
    /// `iss` of tokens; empty: the address of `/auth/v1`.
    pub(crate) jwt_issuer: String,
    /// Life of an access token, in seconds.
    pub(crate) jwt_expiry: u64,
    /// Path of the role in the claims, dotted; empty: `role`.
    pub(crate) role_claim: String,
    /// Key that seals secrets in the database; empty: generated at first start.
    pub(crate) encryption_key: String,
    /// People may sign up.
    pub(crate) enable_signup: bool,
    /// Anonymous users.
    pub(crate) enable_anonymous_sign_ins: bool,
    /// Users may link identities by themselves.
    pub(crate) enable_manual_linking: bool,
    /// A refresh token is good for one use.
    pub(crate) enable_refresh_token_rotation: bool,
    /// Seconds in which a used refresh token still gives the current one.
    pub(crate) refresh_token_reuse_interval: u64,
    /// Least number of characters of a password.
    pub(crate) minimum_password_length: usize,
    /// `letters_digits`, `lower_upper_letters_digits`, `lower_upper_letters_digits_symbols`.
    pub(crate) password_requirements: String,
    /// Refuse the most common passwords.
    pub(crate) refuse_common_passwords: bool,
    /// `[auth.breached_passwords]`
    pub(crate) breached_passwords: BreachedPasswords,
    /// Peppers of imported hashes, by name; `env(NAME)` is replaced by the variable.
    pub(crate) password_peppers: BTreeMap<String, String>,
    /// `[auth.captcha]`
    pub(crate) captcha: Captcha,
    /// `[auth.oauth_server]`
    pub(crate) oauth_server: OAuthServer,
    /// `[auth.rate_limit]`
    pub(crate) rate_limit: RateLimit,
    /// `[auth.email]`
    pub(crate) email: Email,
    /// `[auth.sms]`
    pub(crate) sms: Sms,
    /// `[auth.hook.NAME]`
    pub(crate) hook: BTreeMap<String, HookTarget>,
    /// `[auth.sessions]`
    pub(crate) sessions: Sessions,
    /// `[auth.mfa]`
    pub(crate) mfa: Mfa,
    /// `[auth.passkey]`
    pub(crate) passkey: Passkey,
    /// `[auth.webauthn]`
    pub(crate) webauthn: Webauthn,
    /// `[auth.pages]`
    pub(crate) pages: AuthPages,
    /// `[auth.external.NAME]`
    pub(crate) external: BTreeMap<String, External>,
}

/// The hosted pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthPages {
    /// There are pages at `/auth/sign-in` and so on.
    pub(crate) enabled: bool,
    /// The path of a logo on this server; empty for none.
    pub(crate) logo: String,
    /// The path of one more style sheet on this server; empty for none.
    pub(crate) stylesheet: String,
    /// The colour of buttons, as `#rrggbb`; empty for the usual one.
    pub(crate) accent: String,
    /// The public key that the provider of `[auth.captcha]` gave for the site.
    pub(crate) captcha_site_key: String,
}

impl Default for AuthPages {
    fn default() -> Self {
        let none = String::new;
        Self {
            enabled: true,
            logo: none(),
            stylesheet: none(),
            accent: none(),
            captcha_site_key: none(),
        }
    }
}

/// Keys of browsers and devices that sign in by themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Passkey {
    /// Switched on.
    pub(crate) enabled: bool,
}

/// Whom keys of browsers and devices are made for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webauthn {
    /// The domain that keys are bound to; empty: that of `auth.site_url`.
    pub(crate) rp_id: String,
    /// The name that browsers show; empty: the project's.
    pub(crate) rp_display_name: String,
    /// The origins whose pages may use the keys; empty: the site's and the server's.
    pub(crate) rp_origins: Vec<String>,
}

/// A provider of identities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct External {
    /// Switched on.
    pub(crate) enabled: bool,
    /// Our client ids there, separated by commas; the first is used to sign in.
    pub(crate) client_id: String,
    /// Our secret there; `env(NAME)` is replaced by the variable.
    pub(crate) secret: String,
    /// Another redirect address than `/auth/v1/callback`.
    pub(crate) redirect_uri: String,
    /// The provider's address, where it has no fixed one; the issuer, for OpenID providers.
    pub(crate) url: String,
    /// Id tokens are good with any nonce, and without one.
    pub(crate) skip_nonce_check: bool,
}

/// Passwords that leaked elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BreachedPasswords {
    /// Look new passwords up.
    pub(crate) enabled: bool,
    /// The service, which is shown five digits of a SHA-1.
    pub(crate) url: String,
    /// Refuse every new password while the service does not answer.
    pub(crate) fail_closed: bool,
}

/// Captchas.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Captcha {
    /// Demand them.
    pub(crate) enabled: bool,
    /// `hcaptcha` or `turnstile`.
    pub(crate) provider: String,
    /// Our secret there; `env(NAME)` is replaced by the variable.
    pub(crate) secret: String,
    /// Where tokens are verified; empty: the provider's own address.
    pub(crate) verify_url: String,
}

/// The OAuth 2.1 server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OAuthServer {
    /// Other applications may sign people in with their accounts here.
    pub(crate) enabled: bool,
    /// The page of the site that asks for consent.
    pub(crate) authorization_url_path: String,
    /// Clients may register by themselves.
    pub(crate) allow_dynamic_registration: bool,
}

/// Limits; 0 switches one off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateLimit {
    /// Mails of the whole service, an hour.
    pub(crate) email_sent: u32,
    /// Text messages of the whole service, an hour.
    pub(crate) sms_sent: u32,
    /// Registrations of OAuth clients of an address, in five minutes.
    pub(crate) registrations: u32,
    /// Anonymous users of an address, an hour.
    pub(crate) anonymous_users: u32,
    /// `/token` of an address, in five minutes.
    pub(crate) token_refresh: u32,
    /// Sign-up, codes and recovery of an address, in five minutes.
    pub(crate) sign_in_sign_ups: u32,
    /// `/verify` of an address, in five minutes.
    pub(crate) token_verifications: u32,
    /// Challenges and verifications of factors of an address, a minute.
    pub(crate) factors: u32,
}

/// E-mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Email {
    /// Sign-in with an address.
    pub(crate) enable_signup: bool,
    /// A change of address is confirmed on both sides.
    pub(crate) double_confirm_changes: bool,
    /// New addresses must be confirmed.
    pub(crate) enable_confirmations: bool,
    /// A change of password needs a recent sign-in or a code.
    pub(crate) secure_password_change: bool,
    /// A change of password needs the current one.
    pub(crate) require_current_password: bool,
    /// A link opens a page with a button instead of being used up.
    pub(crate) confirm_page: bool,
    /// Least time between two mails of a kind to one address; empty: a minute, in `dev` a second.
    pub(crate) max_frequency: String,
    /// Digits of a code.
    pub(crate) otp_length: u32,
    /// Life of a code or link, in seconds.
    pub(crate) otp_expiry: u64,
    /// `[auth.email.smtp]`
    pub(crate) smtp: Smtp,
    /// `[auth.email.template.NAME]`
    pub(crate) template: BTreeMap<String, MailTemplate>,
}

/// Sign-in by phone; `[auth.hook.send_sms]` sends the messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sms {
    /// Sign-in with a number.
    pub(crate) enable_signup: bool,
    /// New numbers must be confirmed.
    pub(crate) enable_confirmations: bool,
    /// What a message says; `{{ .Code }}` is the code.
    pub(crate) template: String,
    /// Least time between two messages to one number; empty: a minute, in `dev` a second.
    pub(crate) max_frequency: String,
    /// Digits of a code.
    pub(crate) otp_length: u32,
    /// Life of a code, in seconds.
    pub(crate) otp_expiry: u64,
    /// Numbers with a fixed code, for tests; nothing is sent to them.
    pub(crate) test_otp: BTreeMap<String, String>,
    /// When the fixed codes end, as RFC 3339 writes it; empty: never.
    pub(crate) test_otp_valid_until: String,
}

/// What answers a hook.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HookTarget {
    /// Switched on.
    pub(crate) enabled: bool,
    /// `https://…`, or `pg-functions://postgres/SCHEMA/FUNCTION`.
    pub(crate) uri: String,
    /// `v1,whsec_BASE64`, several separated by `|`; `env(NAME)` is replaced by the variable.
    pub(crate) secrets: String,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Smtp {
    /// Use it although there is a host (`false` switches it off).
    pub(crate) enabled: bool,
    /// Its name; empty: no mail is sent.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// The user's name.
    pub(crate) user: String,
    /// The user's password.
    pub(crate) pass: String,
    /// The address that mails are from.
    pub(crate) admin_email: String,
    /// The name that mails are from.
    pub(crate) sender_name: String,
}

/// A mail's template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailTemplate {
    /// Its subject.
    pub(crate) subject: String,
    /// The file of its page, relative to the project.
    pub(crate) content_path: String,
}

/// Sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sessions {
    /// Greatest age, like `24h`; empty for none.
    pub(crate) timebox: String,
    /// Greatest time without a refresh; empty for none.
    pub(crate) inactivity_timeout: String,
    /// A new session ends the user's others.
    pub(crate) single_per_user: bool,
}

/// Second factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mfa {
    /// Greatest number of factors of a user.
    pub(crate) max_enrolled_factors: usize,
    /// `[auth.mfa.totp]`
    pub(crate) totp: Totp,
    /// `[auth.mfa.phone]`
    pub(crate) phone: PhoneFactor,
    /// `[auth.mfa.web_authn]`
    pub(crate) web_authn: Keys,
}

/// Factors that are keys of browsers and devices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// New factors.
    pub(crate) enroll_enabled: bool,
    /// Their use.
    pub(crate) verify_enabled: bool,
}

/// Authenticator apps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Totp {
    /// New factors.
    pub(crate) enroll_enabled: bool,
    /// Their codes.
    pub(crate) verify_enabled: bool,
}

/// Codes by text message as a second factor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PhoneFactor {
    /// New factors.
    pub(crate) enroll_enabled: bool,
    /// Their codes.
    pub(crate) verify_enabled: bool,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            site_url: String::new(),
            external_url: String::new(),
            additional_redirect_urls: Vec::new(),
            jwt_secret: String::new(),
            jwt_keys: String::new(),
            signing_keys_path: String::new(),
            signing_keys: String::new(),
            admin_roles: ["service_role", "supabase_admin"].map(str::to_owned).to_vec(),
            jwt_audience: String::new(),
            jwt_issuer: String::new(),
            jwt_expiry: 3600,
            role_claim: String::new(),
            encryption_key: String::new(),
            enable_signup: true,
            enable_anonymous_sign_ins: false,
            enable_manual_linking: false,
            enable_refresh_token_rotation: true,
            refresh_token_reuse_interval: 10,
            minimum_password_length: 6,
            password_requirements: String::new(),
            refuse_common_passwords: true,
            breached_passwords: BreachedPasswords::default(),
            password_peppers: BTreeMap::new(),
            captcha: Captcha::default(),
            oauth_server: OAuthServer::default(),
            rate_limit: RateLimit::default(),
            email: Email::default(),
            sms: Sms::default(),
            hook: BTreeMap::new(),
            sessions: Sessions::default(),
            mfa: Mfa::default(),
            passkey: Passkey::default(),
            webauthn: Webauthn::default(),
            pages: AuthPages::default(),
            external: BTreeMap::new(),
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            email_sent: 30,
            sms_sent: 30,
            registrations: 10,
            anonymous_users: 30,
            token_refresh: 150,
            sign_in_sign_ups: 30,
            token_verifications: 30,
            factors: 15,
        }
    }
}

impl Default for Email {
    fn default() -> Self {
        Self {
            enable_signup: true,
            double_confirm_changes: true,
            enable_confirmations: true,
            secure_password_change: false,
            require_current_password: false,
            confirm_page: false,
            max_frequency: String::new(),
            otp_length: 6,
            otp_expiry: 3600,
            smtp: Smtp::default(),
            template: BTreeMap::new(),
        }
    }
}

impl Default for BreachedPasswords {
    fn default() -> Self {
        let url = "https://api.pwnedpasswords.com/range".to_owned();
        Self { enabled: false, url, fail_closed: false }
    }
}

impl Default for OAuthServer {
    fn default() -> Self {
        Self {
            enabled: false,
            authorization_url_path: "/oauth/consent".to_owned(),
            allow_dynamic_registration: false,
        }
    }
}

impl Default for Sms {
    fn default() -> Self {
        Self {
            enable_signup: false,
            enable_confirmations: true,
            template: "Your code is {{ .Code }}".to_owned(),
            max_frequency: String::new(),
            otp_length: 6,
            otp_expiry: 60,
            test_otp: BTreeMap::new(),
            test_otp_valid_until: String::new(),
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            enabled: true,
            host: String::new(),
            port: 587,
            user: String::new(),
            pass: String::new(),
            admin_email: String::new(),
            sender_name: String::new(),
        }
    }
}

impl Default for Mfa {
    fn default() -> Self {
        Self {
            max_enrolled_factors: 10,
            totp: Totp::default(),
            phone: PhoneFactor::default(),
            web_authn: Keys::default(),
        }
    }
}

impl Default for Totp {
    fn default() -> Self {
        Self { enroll_enabled: true, verify_enabled: true }
    }
}
