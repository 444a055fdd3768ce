//! What the service tells of itself. Source: auth.md 6.1 of the protocol notes.

use serde_json::{Map, Value, json};

use crate::auth::Auth;
use crate::call::Answer;

/// Names that `/settings` always holds.
const PROVIDERS: [&str; 22] = [
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "snapchat",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "keycloak",
    "kakao",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "spotify",
    "slack",
    "slack_oidc",
    "workos",
    "twitch",
    "twitter",
];

/// `GET /health`.
pub(crate) fn health() -> Answer {
    Answer::json(&json!({
        "version": concat!("v", env!("CARGO_PKG_VERSION")),
        "name": "GoTrue",
        "description": "Backstay's sign-in, in the protocol of GoTrue",
    }))
}

/// `GET /settings`.
pub(crate) fn settings(auth: &Auth) -> Answer {
    let settings = &auth.settings;
    let mut external = Map::new();
    external.insert("anonymous_users".to_owned(), json!(settings.anonymous_sign_ins));
    for name in PROVIDERS {
        external.insert(name.to_owned(), json!(settings.providers.contains_key(name)));
    }
    external.insert("email".to_owned(), json!(settings.email.enabled));
    external.insert("phone".to_owned(), json!(settings.sms.enabled));
    external.insert("zoom".to_owned(), json!(settings.providers.contains_key("zoom")));
    Answer::json(&json!({
        "external": external,
        "disable_signup": settings.signup_disabled,
        "mailer_autoconfirm": settings.email.autoconfirm,
        "phone_autoconfirm": settings.sms.autoconfirm,
        "sms_provider": "",
        "saml_enabled": false,
        "saml_private_key_next_configured": false,
        "passkeys_enabled": settings.passkeys,
    }))
}

/// `GET /.well-known/jwks.json`: public members only.
pub(crate) fn jwks(auth: &Auth) -> Answer {
    public(&json!({"keys": auth.keys().public}))
}

/// `GET /.well-known/openid-configuration`, and `oauth-authorization-server` beside it.
pub(crate) fn openid_configuration(auth: &Auth) -> Answer {
    let issuer = auth.settings.issuer.trim_end_matches('/');
    let keys = auth.keys();
    let algorithms: Vec<&Value> = keys.public.iter().filter_map(|key| key.get("alg")).collect();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
        "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "claims_supported": [
            "sub", "aud", "iss", "exp", "iat", "auth_time", "nonce", "email", "email_verified",
            "phone_number", "phone_number_verified", "name", "picture", "preferred_username",
            "updated_at",
        ],
    });
    if auth.settings.oauth_server.as_ref().is_some_and(|server| server.dynamic_registration) {
        document["registration_endpoint"] = json!(format!("{issuer}/oauth/clients/register"));
    }
    public(&document)
}

fn public(value: &Value) -> Answer {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("cache-control", "public, max-age=600".to_owned()),
    ];
    Answer { status: 200, headers, body: value.to_string().into_bytes() }
}
