//! Where the browser goes after the pages, and how the session travels there.

use url::Url;
use url::form_urlencoded::Serializer;

use super::NAMES;
use crate::auth::Auth;
use crate::call::Call;
use crate::error::Result;
use crate::pkce::{Challenge, Wanted};

/// The way of a visit, as the query of every page carries it.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// What was asked for; it is checked whenever it is followed.
    pub(super) redirect_to: String,
    /// The challenge of the site's client, who then gets a code instead of tokens.
    pub(super) challenge: Option<Challenge>,
}

/// The end of a way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// One of our pages, as a path.
    Page(String),
    /// Somewhere that the allow list lets the browser go.
    Site(String),
}

impl Way {
    /// Reads the way from the query.
    ///
    /// # Errors
    /// 400 for a malformed challenge.
    pub(super) fn of(call: &Call<'_>) -> Result<Self> {
        let text = |name: &str| call.parameter(name);
        let challenge =
            Wanted::new(text("code_challenge"), text("code_challenge_method")).challenge()?;
        Ok(Self { redirect_to: text("redirect_to").unwrap_or_default(), challenge })
    }

    /// The query of a link that stays on this way, with its question mark.
    pub(super) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        if !self.redirect_to.is_empty() {
            query.append_pair("redirect_to", &self.redirect_to);
        }
        if let Some(challenge) = &self.challenge {
            query.append_pair("code_challenge", &challenge.text);
            query.append_pair("code_challenge_method", challenge.method);
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// Where it ends.
    pub(super) fn target(&self, auth: &Auth) -> Target {
        if let Some(path) = own_page(&self.redirect_to) {
            return Target::Page(path);
        }
        let url = auth.redirects.choose([Some(self.redirect_to.as_str())]);
        match url.strip_prefix(&auth.pages.base).and_then(|rest| own_page(&format!("/auth/{rest}")))
        {
            Some(path) => Target::Page(path),
            None => Target::Site(url),
        }
    }

    /// Where a link in a mail leads: the end of the way, as an address.
    pub(super) fn address(&self, auth: &Auth) -> String {
        match self.target(auth) {
            Target::Site(url) => url,
            Target::Page(path) => {
                format!("{}{}", auth.pages.base, path.trim_start_matches("/auth/"))
            }
        }
    }
}

/// A path of ours, if the text is one.
fn own_page(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| b > b' ' && b < 0x7f && b != b'\\');
    let rest = text.strip_prefix("/auth/").filter(|_| plain)?;
    let name = rest.split(['?', '#']).next().unwrap_or_default();
    NAMES.contains(&name).then(|| text.to_owned())
}

/// The origin of an address, as a policy of the page's form may name it.
pub(super) fn origin(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_pages() {
        assert!(own_page("/auth/consent?authorization_id=1").is_some());
        assert!(own_page("/auth/mfa").is_some());
        for other in [
            "/auth/v1/logout",
            "/auth/",
            "//evil.example/auth/mfa",
            "/auth/mfa/../../x",
            "/auth\\mfa",
            "https://evil.example/auth/mfa",
            "/auth/consent\n",
            "",
        ] {
            assert_eq!(own_page(other), None, "{other:?}");
        }
    }
}
