//! Which issuers the id tokens of a provider may name. Source: auth.md 6.3, `id_token`.
//!
//! All of them follow from the settings. A token only ever says which tenant of Microsoft's it
//! comes from, and that only where the settings let all tenants in.

use serde_json::Value;
use uuid::Uuid;

use super::providers::{Kind, Provider};

/// What Microsoft's document of all tenants has in place of one.
const TENANT: &str = "{tenantid}";
/// What every other issuer of Microsoft's ends with.
const VERSION: &str = "/v2.0";

/// Where the discovery document lies; `None` for a provider without id tokens.
pub(super) fn home(provider: &Provider) -> Option<&str> {
    match &provider.kind {
        Kind::Oidc { issuer } => Some(issuer),
        Kind::Facebook => {
            let url = provider.settings.url.trim_end_matches('/');
            Some(if url.is_empty() { "https://www.facebook.com" } else { url })
        }
        Kind::GitHub | Kind::GitLab | Kind::Discord => None,
    }
}

/// The discovery document found at `home` may name this issuer.
pub(super) fn may_name(provider: &Provider, home: &str, named: &str) -> bool {
    if named.trim_end_matches('/') == home.trim_end_matches('/') {
        return true;
    }
    // A tenant asked for by its domain, or as one of many, is named by its id.
    let place = |issuer: &str| Some(issuer.strip_suffix(VERSION)?.rsplit_once('/')?.0.to_owned());
    provider.name == "azure" && place(named).is_some_and(|found| place(home) == Some(found))
}

/// The issuers of whom a token with these claims may come. `named` is the discovery document's.
pub(super) fn accepted(provider: &Provider, named: &str, claims: &Value) -> Vec<String> {
    let split = named.strip_suffix(VERSION).and_then(|rest| rest.rsplit_once('/'));
    let (Some((place, tenant)), "azure") = (split, provider.name.as_str()) else {
        let others = others(provider).iter().copied().filter(|other| *other != named);
        return others.chain([named]).map(str::to_owned).collect();
    };
    let told = || claims["tid"].as_str().filter(|id| Uuid::parse_str(id).is_ok());
    let Some(tenant) = (if tenant == TENANT { told() } else { Some(tenant) }) else {
        return Vec::new();
    };
    vec![format!("{place}/{tenant}{VERSION}"), format!("https://sts.windows.net/{tenant}/")]
}

/// A caller who names this issuer means this provider. What the token holds is looked at later.
pub(super) fn is_meant(provider: &Provider, issuer: &str) -> bool {
    if home(provider) == Some(issuer) || others(provider).contains(&issuer) {
        return true;
    }
    let microsoft = ["https://login.microsoftonline.com/", "https://sts.windows.net/"];
    provider.name == "azure" && microsoft.iter().any(|place| issuer.starts_with(place))
}

/// Names that a provider uses besides that of its document.
fn others(provider: &Provider) -> &'static [&'static str] {
    match provider.name.as_str() {
        "google" if provider.settings.url.is_empty() => &["accounts.google.com"],
        "apple" if provider.settings.url.is_empty() => {
            &["https://appleid.apple.com", "https://account.apple.com"]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::ProviderSettings;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn provider(name: &str, url: &str) -> Provider {
        let settings = ProviderSettings { url: url.to_owned(), ..ProviderSettings::default() };
        Provider::new(name, &settings).unwrap()
    }

    /// The issuers, where the document is named as Microsoft's documents or as its home.
    fn check(name: &str, url: &str, named: &str, accepts: &[&str]) {
        let provider = provider(name, url);
        let home = home(&provider).unwrap();
        assert!(may_name(&provider, home, named), "{named} at {home}");
        assert_eq!(accepted(&provider, named, &json!({"tid": ID})), accepts);
        assert!(accepts.iter().all(|issuer| is_meant(&provider, issuer)), "{accepts:?}");
        assert!(!may_name(&provider, home, "https://evil.example/x/v2.0"));
    }

    #[test]
    fn issuers_are_those_of_the_protocol_notes() {
        let google = "https://accounts.google.com";
        check("google", "", google, &["accounts.google.com", google]);
        let facebook = "https://www.facebook.com";
        check("facebook", "", facebook, &[facebook]);
        check("kakao", "", "https://kauth.kakao.com", &["https://kauth.kakao.com"]);
        let vercel = "https://marketplace.vercel.com";
        check("vercel_marketplace", "", vercel, &[vercel]);
        let apple = accepted(&provider("apple", ""), "https://appleid.apple.com", &json!({}));
        assert!(apple.iter().any(|issuer| issuer == "https://account.apple.com"));
        let shop = "https://id.example/realms/shop";
        check("keycloak", shop, shop, &[shop]);
        check("custom:shop", shop, shop, &[shop]);
    }

    #[test]
    fn azure_has_one_tenant_or_all() {
        let (v2, v1) = (
            format!("https://login.microsoftonline.com/{ID}/v2.0"),
            format!("https://sts.windows.net/{ID}/"),
        );
        let pattern = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let both: &[&str] = &[&v2, &v1];
        check("azure", "", pattern, both);
        check("azure", "https://login.microsoftonline.com/organizations", pattern, both);
        check("azure", &format!("https://login.microsoftonline.com/{ID}"), &v2, both);
        check("azure", "https://login.microsoftonline.com/city.example/v2.0", &v2, both);
        let all = provider("azure", "");
        for tenant in [json!("x/../y"), json!(7), json!(null)] {
            assert!(accepted(&all, pattern, &json!({"tid": tenant})).is_empty());
        }
        let other = accepted(&all, &v2, &json!({"tid": "99999999-2222-4333-8444-555555555555"}));
        assert_eq!(other, both, "the tenant of the settings, not the token's");
    }

    #[test]
    fn providers_without_id_tokens_have_no_issuer() {
        for name in ["github", "gitlab", "discord"] {
            assert_eq!(home(&provider(name, "")), None);
        }
    }
}
