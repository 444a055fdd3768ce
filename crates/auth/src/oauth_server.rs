//! The OAuth 2.1 server: other applications sign people in with their accounts here.
//! Source: auth.md 6.12.
//!
//! Invariants: a code and its refresh tokens are good for the client they were made for, and nobody
//! else; a client's token acts for the user on the data API, within their rights, and changes
//! nothing of the account.

mod authorize;
mod claims;
mod clients;
mod grants;
mod scopes;
mod token;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};
use crate::limits::Kind;

/// Everything below `/oauth`.
pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    demand(auth)?;
    match (call.method, path) {
        ("POST", ["clients", "register"]) => clients::register(auth, call).await,
        ("GET", ["authorize"]) => authorize::begin(auth, call).await,
        ("GET", ["authorizations", id]) => authorize::details(auth, call, id).await,
        ("POST", ["authorizations", id, "consent"]) => authorize::consent(auth, call, id).await,
        ("POST", ["token"]) => {
            auth.limits.take(Kind::Token, call.client)?;
            token::serve(auth, call).await
        }
        ("GET" | "POST", ["userinfo"]) => claims::user_info(auth, call).await,
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

/// Everything below `/admin/oauth`, for administrators.
pub(crate) async fn administer(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    demand(auth)?;
    match (call.method, path) {
        ("POST", ["clients"]) => clients::create(auth, call).await,
        ("GET", ["clients"]) => clients::list(auth, call).await,
        ("GET", ["clients", id]) => clients::get(auth, client_id(id)?).await,
        ("PUT", ["clients", id]) => clients::update(auth, call, client_id(id)?).await,
        ("DELETE", ["clients", id]) => clients::delete(auth, client_id(id)?).await,
        ("POST", ["clients", id, "regenerate_secret"]) => {
            clients::regenerate_secret(auth, client_id(id)?).await
        }
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

/// Everything below `/user/oauth`.
pub(crate) async fn of_user(auth: &Arc<Auth>, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
    demand(auth)?;
    match (call.method, path) {
        ("GET", ["grants"]) => grants::list(auth, call).await,
        ("DELETE", ["grants"]) => grants::revoke(auth, call).await,
        _ => Err(Refusal::new(404, "validation_failed", "There is nothing at this path")),
    }
}

/// The server must be on.
///
/// # Errors
/// 404 `feature_disabled`.
pub(crate) fn demand(auth: &Auth) -> Result<()> {
    if auth.settings.oauth_server.is_some() {
        return Ok(());
    }
    Err(Refusal::new(404, "feature_disabled", "The OAuth server is disabled"))
}

fn client_id(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Refusal::invalid("invalid client_id format"))
}

fn client_missing(status: u16) -> Refusal {
    Refusal::new(status, "oauth_client_not_found", "OAuth client not found")
}

/// What is stored of a secret or code with 256 random bits.
fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
