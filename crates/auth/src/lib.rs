//! Sign-in: users, sessions, factors and providers, in the protocol of Supabase's clients.
//!
//! Owns: [`Auth`], which serves the calls below `/auth/v1`; passwords, codes, tokens, mails.
//! May depend on: `model` to `records`, and no engine and no web framework.
//!
//! Invariants: passwords, codes and refresh tokens are never stored nor logged, only hashes and
//! derivations of them; what decides about an account is read and written in one transaction; an
//! address that is not known is answered like one that is.

mod access_token;
mod address;
mod admin;
mod admission;
mod auth;
mod call;
mod captcha;
mod codes;
mod duration;
mod error;
mod factors;
mod grants;
mod hooks;
mod identities;
mod limits;
mod logout;
mod mail;
mod oauth;
mod oauth_server;
mod otp;
mod outgoing;
mod pages;
mod passkeys;
mod passwords;
mod phone;
mod pkce;
mod random;
mod redirect;
mod refresh_token;
mod service_information;
mod sessions;
mod settings;
mod signup;
mod sms;
mod tables;
mod user;
mod values;
mod vault;
mod verify;
mod webauthn;
mod wire;

pub use access_token::SigningKeys;
pub use auth::{Auth, Parts, refused};
pub use call::{Answer, Bearer, Call};
pub use duration::go_duration;
pub use error::Refusal;
pub use hooks::Hook;
pub use mail::{CaughtMail, Inbox, MailSettings, Mailer, SmtpSettings, Template};
pub use oauth::ProviderError;
pub use pages::{CaptchaProvider, CaptchaWidget, PATHS as PAGE_PATHS, PageSettings, Pages};
pub use settings::{
    BreachedSettings, CaptchaSettings, EmailSettings, HookSettings, MfaSettings,
    OAuthServerSettings, PasswordSettings, ProviderSettings, RateSettings, SessionSettings,
    Settings, SmsSettings,
};
pub use vault::Vault;
pub use webauthn::RelyingPartySettings;
