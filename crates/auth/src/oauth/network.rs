//! Requests to providers: within limits of time and size, and never redirected.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::error::{Refusal, Result};
use crate::outgoing;

/// Time for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);
/// Limit: bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A client for providers.
pub(super) fn client() -> Option<Client> {
    outgoing::client(ANSWER_TIME_MAX)
}

/// The JSON that the provider answers.
///
/// # Errors
/// 400 `bad_oauth_callback` where it does not answer, or not with JSON. What it says is logged, and
/// not told: it may hold secrets.
pub(super) async fn json(request: RequestBuilder) -> Result<Value> {
    let failed = |what: &str| {
        tracing::warn!(what, "a provider of identities failed");
        Refusal::new(400, "bad_oauth_callback", "The identity provider did not answer as expected")
    };
    let request = request.header("accept", "application/json");
    let answer = request.send().await.map_err(|error| failed(&error.without_url().to_string()))?;
    let status = answer.status();
    let body = outgoing::body(answer, ANSWER_BYTES_MAX)
        .await
        .map_err(|unread| failed(&unread.to_string()))?;
    if !status.is_success() {
        return Err(failed(&format!("status {status}")));
    }
    serde_json::from_slice(&body).map_err(|_| failed("the answer is no JSON"))
}
