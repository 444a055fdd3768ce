//! The providers that are switched on, with what is known of them: discovery documents and keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use parking_lot::Mutex;
use reqwest::Client;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::id_token::Nonce;
use super::providers::{Kind, Profile, Provider};
use super::{issuers, network};
use crate::error::{Refusal, Result};
use crate::settings::Settings;
use crate::vault::Vault;

/// How long a document is taken as it is.
const FRESH: Duration = Duration::from_secs(600);

/// The providers.
pub(crate) struct Registry {
    providers: BTreeMap<String, Provider>,
    client: Option<Client>,
    callback: String,
    /// From it the verifiers and nonces of flows are derived.
    key: [u8; 32],
    documents: Mutex<HashMap<String, (Instant, Arc<Value>)>>,
}

/// What a code was exchanged for.
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) id_token: String,
}

fn unavailable() -> Refusal {
    Refusal::new(400, "bad_oauth_callback", "The identity provider did not answer as expected")
}

impl Registry {
    pub(crate) fn new(settings: &Settings, vault: &Vault) -> Self {
        let providers: BTreeMap<String, Provider> = settings
            .providers
            .iter()
            .filter_map(|(name, one)| {
                let provider = Provider::new(name, one);
                if provider.is_none() {
                    tracing::warn!(%name, "a provider that is not known, or needs its url, is off");
                }
                Some((name.clone(), provider?))
            })
            .collect();
        Self {
            client: if providers.is_empty() { None } else { network::client() },
            providers,
            callback: format!("{}/callback", settings.external_url.trim_end_matches('/')),
            key: vault.derive("oauth flows"),
            documents: Mutex::default(),
        }
    }

    /// The provider of this name, if it is switched on.
    pub(super) fn get(&self, name: &str) -> Option<&Provider> {
        self.providers.get(name)
    }

    /// All providers.
    pub(super) fn all(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values()
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| Refusal::internal("no client for providers"))
    }

    /// A secret of the flow for one purpose; it need not be stored.
    fn secret(&self, flow: Uuid, purpose: &str) -> String {
        // A key of this length is always taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        mac.update(flow.as_bytes());
        mac.update(purpose.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// A document of a provider, fetched at most every ten minutes; `again` fetches it anyway.
    pub(super) async fn document(&self, url: &str, again: bool) -> Result<Arc<Value>> {
        let known = self.documents.lock().get(url).cloned();
        if let Some((at, document)) = known
            && at.elapsed() < if again { Duration::from_secs(10) } else { FRESH }
        {
            return Ok(document);
        }
        let document = Arc::new(network::json(self.client()?.get(url)).await?);
        self.documents.lock().insert(url.to_owned(), (Instant::now(), Arc::clone(&document)));
        Ok(document)
    }

    /// The discovery document of a provider, which must name the provider's issuer.
    pub(super) async fn discovery(&self, provider: &Provider, home: &str) -> Result<Arc<Value>> {
        let url = format!("{}/.well-known/openid-configuration", home.trim_end_matches('/'));
        let document = self.document(&url, false).await?;
        let named = document["issuer"].as_str().unwrap_or_default();
        if !issuers::may_name(provider, home, named) {
            tracing::warn!(home, named, "a discovery document names another issuer");
            return Err(unavailable());
        }
        Ok(document)
    }

    async fn endpoint(&self, provider: &Provider, name: &str) -> Result<String> {
        let Kind::Oidc { issuer } = &provider.kind else {
            let fixed = provider.endpoints().ok_or_else(unavailable)?;
            return Ok(if name == "token_endpoint" { fixed.token } else { fixed.authorize });
        };
        let document = self.discovery(provider, issuer).await?;
        document[name].as_str().map(str::to_owned).ok_or_else(unavailable)
    }

    fn redirect_uri<'r>(&'r self, provider: &'r Provider) -> &'r str {
        let given = provider.settings.redirect_uri.as_str();
        if given.is_empty() { &self.callback } else { given }
    }

    /// Where the browser signs in.
    ///
    /// # Errors
    /// 400 where the provider's discovery document cannot be had.
    pub(super) async fn authorize_url(
        &self,
        provider: &Provider,
        flow: Uuid,
        scopes: &str,
        more: &[(String, String)],
    ) -> Result<String> {
        let endpoint = self.endpoint(provider, "authorization_endpoint").await?;
        let mut wanted: Vec<&str> = provider.scopes.split(' ').collect();
        let usual = wanted.clone();
        wanted.extend(scopes.split_whitespace().filter(|scope| !usual.contains(scope)));
        let mut query = Serializer::new(String::new());
        query
            .append_pair("client_id", provider.client_id())
            .append_pair("redirect_uri", self.redirect_uri(provider))
            .append_pair("response_type", "code")
            .append_pair("scope", &wanted.join(" "))
            .append_pair("state", &flow.to_string());
        if matches!(provider.kind, Kind::Oidc { .. }) {
            let verifier = self.secret(flow, "verifier");
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            query
                .append_pair("nonce", &self.secret(flow, "nonce"))
                .append_pair("code_challenge", &challenge)
                .append_pair("code_challenge_method", "S256");
        }
        if provider.name == "apple" {
            query.append_pair("response_mode", "form_post");
        }
        query.extend_pairs(more);
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{mark}{}", query.finish()))
    }

    /// Exchanges the code that the browser brought back.
    ///
    /// # Errors
    /// 400 where the provider refuses it.
    pub(super) async fn exchange(
        &self,
        provider: &Provider,
        flow: Uuid,
        code: &str,
    ) -> Result<Granted> {
        let endpoint = self.endpoint(provider, "token_endpoint").await?;
        let verifier = self.secret(flow, "verifier");
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri(provider)),
            ("client_id", provider.client_id()),
            ("client_secret", provider.settings.secret.as_str()),
        ];
        if matches!(provider.kind, Kind::Oidc { .. }) {
            form.push(("code_verifier", verifier.as_str()));
        }
        let request = self.client()?.post(endpoint).form(&form);
        let answer = network::json(request).await?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let granted = Granted {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            id_token: text("id_token"),
        };
        if granted.access_token.is_empty() { Err(unavailable()) } else { Ok(granted) }
    }

    /// What the provider says of the user.
    ///
    /// # Errors
    /// 400 where it does not answer, or its id token does not hold.
    pub(super) async fn profile(
        &self,
        provider: &Provider,
        flow: Uuid,
        granted: &Granted,
    ) -> Result<Profile> {
        let profile = match (&provider.kind, provider.endpoints()) {
            (Kind::Oidc { .. }, _) => self.openid_profile(provider, flow, granted).await?,
            (kind, Some(fixed)) => {
                let get = |url: &str| {
                    self.client().map(|client| client.get(url).bearer_auth(&granted.access_token))
                };
                let mut user = get(&fixed.user)?;
                if *kind == Kind::Facebook {
                    user = user.query(&[("appsecret_proof", proof(provider, granted))]);
                }
                let user = network::json(user).await?;
                let emails = match &fixed.emails {
                    Some(url) => network::json(get(url)?).await?,
                    None => Value::Null,
                };
                Profile::of_answer(kind, &user, &emails)
            }
            (_, None) => return Err(unavailable()),
        };
        if profile.subject.is_empty() { Err(unavailable()) } else { Ok(profile) }
    }

    async fn openid_profile(
        &self,
        provider: &Provider,
        flow: Uuid,
        granted: &Granted,
    ) -> Result<Profile> {
        let nonce = self.secret(flow, "nonce");
        let mut claims =
            super::id_token::verify(self, provider, &granted.id_token, Nonce::Own(&nonce)).await?;
        let azure = provider.name == "azure";
        let userinfo = self.endpoint(provider, "userinfo_endpoint").await;
        if let (false, Ok(url)) = (azure, userinfo) {
            let request = self.client()?.get(url).bearer_auth(&granted.access_token);
            let told = network::json(request).await?;
            if told["sub"] != claims["sub"] {
                tracing::warn!(provider = provider.name, "userinfo is about another subject");
                return Err(unavailable());
            }
            if let (Some(claims), Value::Object(told)) = (claims.as_object_mut(), told) {
                for (name, value) in told {
                    claims.entry(name).or_insert(value);
                }
            }
        }
        Ok(Profile::of_claims(&claims, &provider.name))
    }
}

/// Facebook's proof that the token is used by who knows the secret.
fn proof(provider: &Provider, granted: &Granted) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(provider.settings.secret.as_bytes()) else {
        return String::new();
    };
    mac.update(granted.access_token.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
