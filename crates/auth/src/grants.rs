//! `POST /token`: what is exchanged for a session. Source: auth.md 6.3.

mod password;
mod pkce;
pub(crate) mod refresh;

use std::sync::Arc;

use crate::auth::Auth;
use crate::call::{Answer, Call};
use crate::error::{Refusal, Result};

pub(crate) async fn serve(auth: &Arc<Auth>, call: &Call<'_>) -> Result<Answer> {
    match call.parameter("grant_type").as_deref() {
        Some("password") => password::serve(auth, call).await,
        Some("refresh_token") => refresh::serve(auth, call).await,
        Some("pkce") => pkce::serve(auth, call).await,
        Some("web3") => {
            Err(Refusal::new(422, "web3_provider_disabled", "Web3 provider is disabled"))
        }
        Some("id_token") => crate::oauth::grant(auth, call).await,
        _ => Err(Refusal::new(400, "invalid_credentials", "unsupported_grant_type")),
    }
}
