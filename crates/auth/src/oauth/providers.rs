//! The providers: where each is reached, and what it tells of a user.

use serde_json::{Value, json};

use crate::settings::ProviderSettings;
use crate::values::Object;

/// How a provider tells who somebody is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// By OpenID Connect, found by discovery at this issuer.
    Oidc {
        issuer: String,
    },
    GitHub,
    GitLab,
    Discord,
    Facebook,
}

/// Why a provider cannot be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderError {
    /// There is none of this name.
    Unknown,
    /// It is run by many, and the settings do not say at which address.
    NoUrl,
    /// The settings do not say who we are there.
    NoClientId,
}

impl ProviderSettings {
    /// Whether the provider of this name could be switched on.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self, name: &str) -> Result<(), ProviderError> {
        if matches!(name, "keycloak" | "snapchat") || name.starts_with("custom:") {
            if self.url.is_empty() {
                return Err(ProviderError::NoUrl);
            }
        } else if Provider::new(name, self).is_none() {
            return Err(ProviderError::Unknown);
        }
        if self.client_ids.is_empty() { Err(ProviderError::NoClientId) } else { Ok(()) }
    }
}

/// A provider that is switched on.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) settings: ProviderSettings,
    pub(super) scopes: &'static str,
}

/// Where a provider that is no OpenID provider is reached.
pub(super) struct Endpoints {
    pub(super) authorize: String,
    pub(super) token: String,
    pub(super) user: String,
    /// GitHub's list of addresses.
    pub(super) emails: Option<String>,
}

impl Provider {
    /// The provider of this name; `None` for one that is not known.
    pub(super) fn new(name: &str, settings: &ProviderSettings) -> Option<Self> {
        let url = settings.url.trim_end_matches('/');
        let at = |default: &str| if url.is_empty() { default.to_owned() } else { url.to_owned() };
        let oidc = |issuer: String| Kind::Oidc { issuer };
        let (kind, scopes) = match name {
            "google" => (oidc(at("https://accounts.google.com")), "openid email profile"),
            "apple" => (oidc(at("https://appleid.apple.com")), "openid email name"),
            "azure" => {
                let tenant = at("https://login.microsoftonline.com/common");
                (oidc(format!("{}/v2.0", tenant.trim_end_matches("/v2.0"))), "openid email profile")
            }
            "linkedin_oidc" => (oidc(at("https://www.linkedin.com/oauth")), "openid email profile"),
            "slack_oidc" => (oidc(at("https://slack.com")), "openid email profile"),
            "kakao" => (
                oidc(at("https://kauth.kakao.com")),
                "openid account_email profile_nickname profile_image",
            ),
            "vercel_marketplace" => (oidc(at("https://marketplace.vercel.com")), "openid"),
            // Snapchat serves no discovery document at a place of its own.
            "keycloak" | "snapchat" if !url.is_empty() => {
                (oidc(url.to_owned()), "openid email profile")
            }
            name if name.starts_with("custom:") && !url.is_empty() => {
                (oidc(url.to_owned()), "openid email profile")
            }
            "github" => (Kind::GitHub, "user:email"),
            "gitlab" => (Kind::GitLab, "read_user"),
            "discord" => (Kind::Discord, "email identify"),
            "facebook" => (Kind::Facebook, "email"),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), kind, settings: settings.clone(), scopes })
    }

    /// The id of our client there.
    pub(super) fn client_id(&self) -> &str {
        self.settings.client_ids.first().map(String::as_str).unwrap_or_default()
    }

    /// Fixed addresses; OpenID providers have theirs in the discovery document.
    pub(super) fn endpoints(&self) -> Option<Endpoints> {
        let url = self.settings.url.trim_end_matches('/');
        let at = |default: &str| if url.is_empty() { default.to_owned() } else { url.to_owned() };
        let made = |authorize: String, token: String, user: String| Endpoints {
            authorize,
            token,
            user,
            emails: None,
        };
        Some(match self.kind {
            Kind::Oidc { .. } => return None,
            Kind::GitHub => {
                let site = at("https://github.com");
                let api = if url.is_empty() {
                    "https://api.github.com".to_owned()
                } else {
                    format!("{url}/api/v3")
                };
                Endpoints {
                    emails: Some(format!("{api}/user/emails")),
                    ..made(
                        format!("{site}/login/oauth/authorize"),
                        format!("{site}/login/oauth/access_token"),
                        format!("{api}/user"),
                    )
                }
            }
            Kind::GitLab => {
                let site = at("https://gitlab.com");
                made(
                    format!("{site}/oauth/authorize"),
                    format!("{site}/oauth/token"),
                    format!("{site}/api/v4/user"),
                )
            }
            Kind::Discord => {
                let site = at("https://discord.com");
                made(
                    format!("{site}/api/oauth2/authorize"),
                    format!("{site}/api/oauth2/token"),
                    format!("{site}/api/users/@me"),
                )
            }
            Kind::Facebook => {
                let (site, graph) =
                    (at("https://www.facebook.com"), at("https://graph.facebook.com"));
                made(
                    format!("{site}/dialog/oauth"),
                    format!("{graph}/oauth/access_token"),
                    format!("{graph}/me?fields=email,first_name,last_name,name,picture"),
                )
            }
        })
    }
}

/// What a provider says of a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Profile {
    /// The provider's id of the user.
    pub(super) subject: String,
    /// The address, in lower case; empty if the provider tells none.
    pub(super) email: String,
    /// The provider vouches for the address.
    pub(super) email_verified: bool,
    /// `identity_data`.
    pub(super) data: Object,
}

fn text(value: &Value, member: &str) -> String {
    match &value[member] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

impl Profile {
    /// From the members of a provider's answer.
    pub(super) fn new(
        (issuer, subject): (&str, String),
        (email, email_verified): (String, bool),
        names: [(&str, String); 4],
    ) -> Self {
        // An address in a form of its own is as good as none.
        let email = crate::address::email(&email).unwrap_or_default();
        let email_verified = email_verified && !email.is_empty();
        let mut data = Object::new();
        data.insert("iss".to_owned(), json!(issuer));
        data.insert("sub".to_owned(), json!(subject));
        data.insert("provider_id".to_owned(), json!(subject));
        data.insert("email_verified".to_owned(), json!(email_verified));
        data.insert("phone_verified".to_owned(), json!(false));
        for (name, text) in names.into_iter().chain([("email", email.clone())]) {
            if !text.is_empty() {
                data.insert(name.to_owned(), json!(text));
            }
        }
        if let Some(name) = data.get("name").cloned() {
            data.insert("full_name".to_owned(), name);
        }
        if let Some(picture) = data.get("avatar_url").cloned() {
            data.insert("picture".to_owned(), picture);
        }
        Self { subject, email, email_verified, data }
    }

    /// From OpenID's claims, as the provider of this name means them.
    pub(super) fn of_claims(claims: &Value, provider: &str) -> Self {
        let flag =
            |member: &str| matches!(&claims[member], Value::Bool(true)) || claims[member] == "true";
        let first = |members: [&str; 2]| {
            let [usual, other] = members.map(|member| text(claims, member));
            if usual.is_empty() { other } else { usual }
        };
        let verified = match provider {
            // Whoever runs a tenant writes its addresses; only the mark says that one was proven.
            "azure" => flag("xms_edov") || claims["xms_edov"] == "1" || claims["xms_edov"] == 1,
            // They tell an address only once it was confirmed there.
            "facebook" | "vercel_marketplace" => true,
            _ => flag("email_verified"),
        };
        let (email, name, picture) = match provider {
            "vercel_marketplace" => ("user_email", "user_name", "user_avatar_url"),
            _ => ("email", "name", "picture"),
        };
        Self::new(
            (&text(claims, "iss"), text(claims, "sub")),
            (text(claims, email), verified),
            [
                ("name", first([name, "nickname"])),
                ("avatar_url", text(claims, picture)),
                ("preferred_username", text(claims, "preferred_username")),
                ("user_name", text(claims, "nickname")),
            ],
        )
    }

    /// From the answer of one of the other providers; `emails` is GitHub's list.
    pub(super) fn of_answer(kind: &Kind, user: &Value, emails: &Value) -> Self {
        let id = text(user, "id");
        match kind {
            Kind::GitHub => {
                let list = emails.as_array().cloned().unwrap_or_default();
                let primary = list.iter().find(|email| email["primary"] == true);
                let email = primary.map(|email| (text(email, "email"), email["verified"] == true));
                let login = text(user, "login");
                Self::new(
                    ("https://api.github.com", id),
                    email.unwrap_or_default(),
                    [
                        ("name", text(user, "name")),
                        ("avatar_url", text(user, "avatar_url")),
                        ("user_name", login.clone()),
                        ("preferred_username", login),
                    ],
                )
            }
            Kind::GitLab => {
                let confirmed = user["confirmed_at"].is_string();
                Self::new(
                    ("https://gitlab.com", id),
                    (text(user, "email"), confirmed),
                    [
                        ("name", text(user, "name")),
                        ("avatar_url", text(user, "avatar_url")),
                        ("user_name", text(user, "username")),
                        ("preferred_username", text(user, "username")),
                    ],
                )
            }
            Kind::Discord => {
                let avatar = text(user, "avatar");
                let picture = if avatar.is_empty() {
                    String::new()
                } else {
                    format!("https://cdn.discordapp.com/avatars/{id}/{avatar}.png")
                };
                Self::new(
                    ("https://discord.com/api", id),
                    (text(user, "email"), user["verified"] == true),
                    [
                        ("name", text(user, "username")),
                        ("avatar_url", picture),
                        ("user_name", text(user, "username")),
                        ("preferred_username", text(user, "global_name")),
                    ],
                )
            }
            Kind::Facebook | Kind::Oidc { .. } => Self::new(
                ("https://graph.facebook.com", id),
                // Facebook gives an address only once it was confirmed there.
                (text(user, "email"), true),
                [
                    ("name", text(user, "name")),
                    ("avatar_url", text(&user["picture"]["data"], "url")),
                    ("user_name", String::new()),
                    ("preferred_username", String::new()),
                ],
            ),
        }
    }

    /// Apple tells the name beside the token, once.
    pub(super) fn with_name_of(&mut self, user: Option<&str>) {
        let told: Value = user.and_then(|user| serde_json::from_str(user).ok()).unwrap_or_default();
        let name = &told["name"];
        let full = format!("{} {}", text(name, "firstName"), text(name, "lastName"));
        if !full.trim().is_empty() {
            self.data.insert("name".to_owned(), json!(full.trim()));
            self.data.insert("full_name".to_owned(), json!(full.trim()));
        }
    }
}
