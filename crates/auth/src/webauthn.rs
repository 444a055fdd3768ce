//! Keys that browsers and devices hold (WebAuthn): the relying party and its two ceremonies.
//!
//! Source: W3C Web Authentication Level 3; auth.md 6.9 and 6.10 of the protocol notes. Credentials
//! and the state of ceremonies are kept as the library's JSON.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AuthenticationState, Credential, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationState, UserVerificationPolicy,
};

use crate::error::{Refusal, Result};
use crate::tables::users::User;

/// Time that a browser gives people to answer, and life of a ceremony.
pub(crate) const CEREMONY_TIME: Duration = Duration::from_secs(300);
/// The names of the machine itself. Browsers take no address as the id of a relying party.
const LOCAL: &str = "localhost";

/// The relying party: the site that credentials are made for.
#[derive(Debug, Clone)]
pub struct RelyingPartySettings {
    /// The domain that credentials are bound to.
    pub id: String,
    /// The name that browsers show.
    pub name: String,
    /// The origins whose pages may use the credentials.
    pub origins: Vec<Url>,
}

impl RelyingPartySettings {
    /// The relying party of a site: its domain, and as origins the site and, where that is below
    /// the same domain, the server with its own pages.
    ///
    /// # Errors
    /// An origin that is none, as text.
    pub fn new(
        (id, name): (&str, &str),
        origins: &[String],
        (site, server): (&str, &str),
    ) -> std::result::Result<Self, String> {
        let site_url = Url::parse(site).map_err(|error| format!("`{site}`: {error}"))?;
        let id = if id.is_empty() { domain(&site_url) } else { id.to_ascii_lowercase() };
        let name = if name.is_empty() { id.clone() } else { name.to_owned() };
        let mut known = Vec::new();
        for origin in origins {
            let url = Url::parse(origin).map_err(|error| format!("`{origin}`: {error}"))?;
            known.push(url);
        }
        if known.is_empty() {
            for url in [Some(site_url), Url::parse(server).ok()].into_iter().flatten() {
                known.extend(origins_of(&url, &id));
            }
        }
        Ok(Self { id, name, origins: known })
    }
}

/// The host as the id of a relying party.
fn domain(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) if !address.is_loopback() => address.to_string(),
        Some(Host::Ipv6(address)) if !address.is_loopback() => address.to_string(),
        _ => LOCAL.to_owned(),
    }
}

/// The origin of the address if it lies below the domain; this machine is reached by its name.
fn origins_of(url: &Url, id: &str) -> Option<Url> {
    let host = domain(url);
    if host != id && !host.ends_with(&format!(".{id}")) {
        return None;
    }
    let mut origin = Url::parse(&url.origin().ascii_serialization()).ok()?;
    origin.set_host(Some(&host)).ok()?;
    Some(origin)
}

/// The relying party at work.
pub(crate) struct RelyingParty(WebauthnCore);

/// What begins a ceremony: what the browser gets, and what is kept until it answers.
pub(crate) struct Begun {
    pub(crate) options: Value,
    pub(crate) state: String,
}

impl RelyingParty {
    pub(crate) fn new(settings: &RelyingPartySettings) -> Self {
        let RelyingPartySettings { id, name, origins } = settings;
        // The library means with the name that it enforces less than its wrapper, which demands
        // user verification and cannot ask for what the protocol's clients expect.
        Self(WebauthnCore::new_unsafe_experts_only(
            name,
            id,
            origins.clone(),
            CEREMONY_TIME,
            Some(false),
            Some(false),
        ))
    }

    /// Begins the making of a credential for the user; `resident` demands one that is found
    /// without the user's name.
    ///
    /// # Errors
    /// 500 if a stored credential cannot be read.
    pub(crate) fn begin_creation(
        &self,
        user: &User,
        known: &[String],
        resident: bool,
    ) -> Result<Begun> {
        let known = known.iter().map(|stored| Ok(read_stored::<Credential>(stored)?.cred_id));
        let known = known.collect::<Result<Vec<_>>>()?;
        let label = label(user);
        let builder = self
            .0
            .new_challenge_register_builder(handle(user.id).as_bytes(), &label, &label)
            .map_err(Refusal::internal)?
            .exclude_credentials(Some(known))
            .require_resident_key(resident)
            .user_verification_policy(UserVerificationPolicy::Preferred);
        let (options, state) =
            self.0.generate_challenge_register(builder).map_err(Refusal::internal)?;
        begun(&options, &state)
    }

    /// The credential that the browser made, as it is stored, and its id.
    ///
    /// # Errors
    /// Why the answer does not hold.
    pub(crate) fn create(&self, state: &str, response: &Value) -> Result<(String, String), String> {
        let state: RegistrationState = read_stored(state).map_err(|error| error.message)?;
        let response: RegisterPublicKeyCredential = read(response)?;
        let made = self.0.register_credential(&response, &state, None).map_err(reason)?;
        let id = encoded(made.cred_id.as_slice());
        let stored = serde_json::to_string(&made).map_err(|error| error.to_string())?;
        Ok((id, stored))
    }

    /// Begins the use of one of these credentials; of any that the browser finds, if there are
    /// none.
    ///
    /// # Errors
    /// 500 if a stored credential cannot be read.
    pub(crate) fn begin_use(&self, known: &[String]) -> Result<Begun> {
        let known = known.iter().map(|stored| read_stored::<Credential>(stored));
        let known = known.collect::<Result<Vec<_>>>()?;
        let builder = self
            .0
            .new_challenge_authenticate_builder(known, Some(UserVerificationPolicy::Preferred))
            .map_err(Refusal::internal)?
            .allow_backup_eligible_upgrade(true);
        let (options, state) =
            self.0.generate_challenge_authenticate(builder).map_err(Refusal::internal)?;
        begun(&options, &state)
    }

    /// The credential after its use, as it is stored.
    ///
    /// # Errors
    /// Why the answer does not hold.
    pub(crate) fn check_use(
        &self,
        state: &str,
        stored: &str,
        response: &Value,
    ) -> Result<String, String> {
        let state: AuthenticationState = read_stored(state).map_err(|error| error.message)?;
        let mut known: Credential = read_stored(stored).map_err(|error| error.message)?;
        let response: PublicKeyCredential = read(response)?;
        let used =
            self.0.authenticate_single_credential(&response, &state, &known).map_err(reason)?;
        known.counter = used.counter();
        known.backup_state = used.backup_state();
        known.backup_eligible = used.backup_eligible();
        serde_json::to_string(&known).map_err(|error| error.to_string())
    }
}

/// What a browser says of a credential before its signature is checked.
pub(crate) struct Claimed {
    /// The credential's id, base64url.
    pub(crate) id: String,
    /// Whose it is, as the browser tells.
    pub(crate) user: Option<Uuid>,
}

/// Reads which credential an answer is of.
///
/// # Errors
/// What is wrong with its form.
pub(crate) fn claimed(response: &Value) -> Result<Claimed, String> {
    let response: PublicKeyCredential = read(response)?;
    let user = response.get_user_unique_id().and_then(|id| Uuid::try_parse_ascii(id).ok());
    Ok(Claimed { id: encoded(response.get_credential_id()), user })
}

/// The user's id as authenticators keep it: the text of the UUID.
fn handle(user: Uuid) -> String {
    user.as_hyphenated().to_string()
}

/// What authenticators show of the user.
fn label(user: &User) -> String {
    let known = [&user.email, &user.phone].into_iter().find(|text| !text.is_empty());
    known.cloned().unwrap_or_else(|| user.id.to_string())
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn begun(options: &impl serde::Serialize, state: &impl serde::Serialize) -> Result<Begun> {
    let options = serde_json::to_value(options).map_err(Refusal::internal)?;
    let state = serde_json::to_string(state).map_err(Refusal::internal)?;
    Ok(Begun { options, state })
}

fn read_stored<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Refusal::internal)
}

fn read<T: DeserializeOwned>(response: &Value) -> Result<T, String> {
    T::deserialize(response).map_err(|error| format!("the credential cannot be read: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn reason(error: WebauthnError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(site: &str, server: &str) -> (String, Vec<String>) {
        let made = RelyingPartySettings::new(("", ""), &[], (site, server)).unwrap();
        let origins = made.origins.iter().map(|url| url.origin().ascii_serialization());
        (made.id, origins.collect())
    }

    #[test]
    fn the_relying_party_is_the_site() {
        let (id, known) = origins("https://shop.example/welcome", "https://api.shop.example");
        assert_eq!(id, "shop.example");
        assert_eq!(known, ["https://shop.example", "https://api.shop.example"]);
        let (id, known) = origins("https://shop.example", "https://other.example");
        assert_eq!((id.as_str(), known.len()), ("shop.example", 1));
        assert_eq!(origins("https://evilshop.example", "https://x.shop.example").1.len(), 1);
    }

    #[test]
    fn this_machine_is_reached_by_its_name() {
        let (id, known) = origins("http://127.0.0.1:3000", "http://127.0.0.1:8000");
        assert_eq!(id, "localhost");
        assert_eq!(known, ["http://localhost:3000", "http://localhost:8000"]);
    }
}
