//! Requests that the service sends to others: never redirected, and bounded in time and size.

use std::time::Duration;

use reqwest::{Client, Response};

/// A client whose requests take at most this time.
pub(crate) fn client(time_max: Duration) -> Option<Client> {
    let made = Client::builder()
        .timeout(time_max)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build();
    made.inspect_err(|error| tracing::error!(%error, "no requests to other services")).ok()
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// The connection ended, or the time was over.
    #[error("the answer broke off")]
    Broken,
    /// There is more than the limit.
    #[error("the answer is too large")]
    TooLarge,
}

/// The body of an answer.
///
/// # Errors
/// More bytes than the limit, or an answer that breaks off.
pub(crate) async fn body(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|_| Unread::Broken)? {
        body.extend_from_slice(&part);
        if body.len() > bytes_max {
            return Err(Unread::TooLarge);
        }
    }
    Ok(body)
}
