//! What a browser's visit of the pages knows, in a sealed cookie.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::Auth;
use crate::call::Call;
use crate::error::{Refusal, Result};
use crate::random;
use crate::values::now;

/// The cookie's name.
const NAME: &str = "backstay-page";
/// What it is sealed for.
const PURPOSE: &str = "page visit";
/// Life of a visit, in seconds.
const LIFE_SECONDS: i64 = 12 * 3600;

/// A visit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Visit {
    /// What the token of every form of this visit is made of.
    pub(super) secret: String,
    /// When it began, in seconds since 1970.
    began: i64,
    /// Who signed in: user and session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) session: Option<(Uuid, Uuid)>,
    /// The code that is awaited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) pending: Option<Pending>,
    /// The authenticator app that is being set up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) enrolling: Option<Enrolling>,
    /// The factor whose challenge was sent, and the challenge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) challenge: Option<(Uuid, Uuid)>,
}

/// A code that was mailed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The `type` of its verification: `signup`, `email` or `recovery`.
    pub(super) kind: String,
    /// Where it was sent.
    pub(super) email: String,
}

/// An authenticator app that is being set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Enrolling {
    pub(super) factor: Uuid,
    /// The secret as people type it.
    pub(super) secret: String,
    /// The secret as apps read it.
    pub(super) uri: String,
}

impl Visit {
    /// A visit of nobody.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            secret: random::token()?,
            began: now().as_second(),
            session: None,
            pending: None,
            enrolling: None,
            challenge: None,
        })
    }

    /// A visit of somebody. Nothing of what was there before is taken over.
    pub(super) fn signed_in(user: Uuid, session: Uuid) -> Result<Self> {
        Ok(Self { session: Some((user, session)), ..Self::new()? })
    }

    /// The visit that the call's cookie tells of; a new one where there is none that holds.
    pub(super) fn of(auth: &Auth, call: &Call<'_>) -> Result<Self> {
        let cookies = call.header("cookie").unwrap_or_default();
        let found = cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
            .filter_map(|sealed| auth.vault.try_open(PURPOSE, sealed))
            .filter_map(|json| serde_json::from_slice::<Self>(&json).ok())
            .find(|visit| (0..LIFE_SECONDS).contains(&(now().as_second() - visit.began)));
        found.map_or_else(Self::new, Ok)
    }

    /// The cookie.
    pub(super) fn cookie(&self, auth: &Auth) -> Result<String> {
        let json = serde_json::to_vec(self).map_err(Refusal::internal)?;
        let sealed = auth.vault.seal(PURPOSE, &json)?;
        let secure = if auth.pages.base.starts_with("https:") { "; Secure" } else { "" };
        Ok(format!("{NAME}={sealed}; Path=/auth; HttpOnly; SameSite=Lax{secure}"))
    }
}
