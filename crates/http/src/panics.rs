//! Panics: each is an error of ours. It is counted, told in the log by its place, and ends no more
//! than the one request or task that met it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use crate::envelope::RequestId;
use crate::failure::Failure;

/// Panics of this process, in requests and everywhere else.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Counts and logs panics from now on. Not their messages: those may quote what callers sent.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name(), "panicked");
    }));
}

/// How many there were since [`watch`].
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// The answer of `answering`, or 500 if that panics.
pub(crate) async fn caught(id: &RequestId, answering: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answering).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(id = id.as_str(), "a handler panicked");
            Failure::internal().into_response()
        }
    }
}

#[cfg(test)]
mod tests;
