//! Providers of identities, from `[auth.external.NAME]`.

use std::collections::BTreeMap;

use backstay_auth::{ProviderError, ProviderSettings};
use miette::miette;

use crate::project::Project;

/// Names that Supabase knows and that are not there.
const ABSENT: [&str; 12] = [
    "bitbucket",
    "figma",
    "fly",
    "linkedin",
    "notion",
    "slack",
    "spotify",
    "twitch",
    "twitter",
    "workos",
    "x",
    "zoom",
];

/// The providers that are switched on.
///
/// # Errors
/// One that cannot be used as it is set. Those that only Supabase has are told and left out.
pub(super) fn settings(project: &Project) -> miette::Result<BTreeMap<String, ProviderSettings>> {
    let all = &project.loaded.settings.auth.external;
    let mut providers = BTreeMap::new();
    for (name, one) in all.iter().filter(|(_, one)| one.enabled) {
        let setting = format!("auth.external.{name}");
        let client_ids = one.client_id.split(',').map(|id| id.trim().to_owned());
        let provider = ProviderSettings {
            client_ids: client_ids.filter(|id| !id.is_empty()).collect(),
            secret: one.secret.clone(),
            url: one.url.clone(),
            redirect_uri: one.redirect_uri.clone(),
            skip_nonce_check: one.skip_nonce_check,
        };
        match provider.check(name) {
            // Files of Supabase's are of all ages.
            Err(ProviderError::Unknown) if project.supabase || ABSENT.contains(&name.as_str()) => {
                let place = project.loaded.places.line(&setting).unwrap_or_default();
                tracing::warn!("{place}: `{setting}` is switched on in vain: it is not there");
                continue;
            }
            Err(ProviderError::Unknown) => {
                return Err(miette!(
                    help =
                        "docs/auth-providers.md lists them; any OpenID provider is `custom:NAME`",
                    "`{setting}` is no provider"
                ));
            }
            Err(ProviderError::NoUrl) => {
                return Err(miette!(
                    help = "it is the provider's issuer, like https://id.example/realms/shop",
                    "`{setting}.url` is empty"
                ));
            }
            Err(ProviderError::NoClientId) => {
                return Err(miette!(
                    help = "the provider gives it when you register the project there",
                    "`{setting}.client_id` is empty"
                ));
            }
            Ok(()) => {}
        }
        providers.insert(name.clone(), provider);
    }
    Ok(providers)
}
