//! Settings of the service. The binary fills them in; every default has its reason in `docs/auth.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::hooks::Hook;
use crate::webauthn::RelyingPartySettings;

/// What the service does and does not.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the front end lives: the target of redirects that name no other.
    pub site_url: String,
    /// Further targets, as globs.
    pub redirect_urls: Vec<String>,
    /// Where this service is reached from outside, with its base path (`https://x.example/auth/v1`).
    pub external_url: String,
    /// `iss` of tokens.
    pub issuer: String,
    /// Life of an access token.
    pub token_life: Duration,
    /// Roles of whoever administers.
    pub admin_roles: Vec<String>,
    /// Nobody can sign up.
    pub signup_disabled: bool,
    /// Anonymous users.
    pub anonymous_sign_ins: bool,
    /// Users may link identities by themselves.
    pub manual_linking: bool,
    /// E-mail.
    pub email: EmailSettings,
    /// Text messages.
    pub sms: SmsSettings,
    /// Passwords.
    pub password: PasswordSettings,
    /// Sessions.
    pub session: SessionSettings,
    /// Second factors.
    pub mfa: MfaSettings,
    /// Whom keys of browsers and devices are made for.
    pub relying_party: RelyingPartySettings,
    /// Such keys sign in by themselves.
    pub passkeys: bool,
    /// Limits of requests.
    pub rate: RateSettings,
    /// Providers by name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Captchas, where they are demanded.
    pub captcha: Option<CaptchaSettings>,
    /// The OAuth server, where it is on.
    pub oauth_server: Option<OAuthServerSettings>,
    /// Hooks that are switched on.
    pub hooks: BTreeMap<Hook, HookSettings>,
}

/// E-mail.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// Sign-in with an address and a password or code.
    pub enabled: bool,
    /// Addresses count as confirmed without a mail.
    pub autoconfirm: bool,
    /// A change of address is confirmed on both sides.
    pub double_confirm_changes: bool,
    /// Digits of a code.
    pub code_digits: u32,
    /// Life of a code or link.
    pub code_life: Duration,
    /// Least time between two mails of a kind to one user.
    pub interval: Duration,
    /// `GET /verify` shows a page with a button instead of using the link up.
    pub confirm_page: bool,
}

/// Sign-in by phone.
#[derive(Debug, Clone)]
pub struct SmsSettings {
    /// Sign-in with a number and a password or code.
    pub enabled: bool,
    /// Numbers count as confirmed without a message.
    pub autoconfirm: bool,
    /// Digits of a code.
    pub code_digits: u32,
    /// Life of a code.
    pub code_life: Duration,
    /// Least time between two messages to one number.
    pub interval: Duration,
    /// What a message says; `{{ .Code }}` is the code.
    pub template: String,
    /// Fixed codes of numbers that tests use; nothing is sent to them.
    pub test_codes: BTreeMap<String, String>,
    /// When the fixed codes end.
    pub test_codes_until: Option<Timestamp>,
}

/// What answers a hook.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// `https://…`, or `pg-functions://postgres/SCHEMA/FUNCTION`.
    pub uri: String,
    /// What signs the requests: `v1,whsec_…`, several separated by `|`.
    pub secrets: String,
}

/// Passwords.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// Least number of characters.
    pub length_min: usize,
    /// Each of these sets must be met by one character.
    pub required: Vec<String>,
    /// The most common passwords are refused.
    pub refuse_common: bool,
    /// A change needs a recent sign-in or a code.
    pub change_needs_reauthentication: bool,
    /// A change needs the current password.
    pub change_needs_current: bool,
    /// Passwords that leaked elsewhere are looked up there.
    pub breached: Option<BreachedSettings>,
    /// Peppers of imported hashes, by the names that the hashes give them.
    pub peppers: BTreeMap<String, String>,
}

/// The service that knows passwords that leaked.
#[derive(Debug, Clone)]
pub struct BreachedSettings {
    /// What five digits of a SHA-1 are put behind.
    pub url: String,
    /// Nothing passes while it does not answer.
    pub fail_closed: bool,
}

/// The provider of captchas.
#[derive(Debug, Clone)]
pub struct CaptchaSettings {
    /// Where tokens are verified.
    pub url: String,
    /// Our secret there.
    pub secret: String,
}

/// The OAuth 2.1 server.
#[derive(Debug, Clone)]
pub struct OAuthServerSettings {
    /// The page of the site that asks for consent: a path, or an address.
    pub consent_path: String,
    /// Clients may register by themselves.
    pub dynamic_registration: bool,
}

/// Sessions.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// A refresh token is good for one use.
    pub rotate: bool,
    /// Time in which a used refresh token still gives the current one.
    pub reuse_interval: Duration,
    /// Greatest age.
    pub timebox: Option<Duration>,
    /// Greatest time without a refresh.
    pub inactivity: Option<Duration>,
    /// A new session ends the user's others.
    pub single: bool,
}

/// Second factors.
#[derive(Debug, Clone)]
pub struct MfaSettings {
    /// Greatest number of factors of a user.
    pub factors_max: usize,
    /// New factors by authenticator apps.
    pub totp_enroll: bool,
    /// Codes of authenticator apps.
    pub totp_verify: bool,
    /// New factors that are keys of browsers and devices.
    pub webauthn_enroll: bool,
    /// Use of such keys.
    pub webauthn_verify: bool,
    /// New factors by phone.
    pub phone_enroll: bool,
    /// Codes of phones.
    pub phone_verify: bool,
    /// Life of a challenge.
    pub challenge_life: Duration,
}

/// Limits: requests of one client address in a period, and mails of the whole service.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// `/token`, in five minutes.
    pub tokens: u32,
    /// `/verify`, in five minutes.
    pub verifications: u32,
    /// Sign-up, codes and recovery, and ceremonies of passkeys, in five minutes.
    pub sign_ups: u32,
    /// Anonymous users, an hour.
    pub anonymous: u32,
    /// Challenges and verifications of factors, a minute.
    pub factors: u32,
    /// Mails of the whole service, an hour.
    pub mails: u32,
    /// Text messages of the whole service, an hour.
    pub messages: u32,
    /// Registrations of OAuth clients, in five minutes.
    pub registrations: u32,
}

/// A provider of identities.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Client ids; the first is used for sign-in, all are accepted in id tokens.
    pub client_ids: Vec<String>,
    /// The client's secret.
    pub secret: String,
    /// The service's address, for providers that are run by many.
    pub url: String,
    /// Another redirect address than `<external>/callback`.
    pub redirect_uri: String,
    /// Id tokens are good with any nonce, and without one.
    pub skip_nonce_check: bool,
}
