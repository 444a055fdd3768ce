//! What a handler leaves unread of a request's body.
//!
//! A request that is refused early (a wrong key, an unknown path) leaves its body on the connection,
//! and the library then closes the connection after the answer, without a word in it: a client that
//! has sent its next request meanwhile loses it. So a small rest is read before the answer goes out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};

/// Limit: bytes that are read for nothing; behind a longer rest the connection is closed.
const BYTES_MAX: u64 = 64 * 1024;
/// Limit: time for them to come.
const TIME_MAX: Duration = Duration::from_secs(1);

/// A body that stays within reach of who handed it out.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads what is left, if it is little.
    pub(super) async fn finish(mut self) {
        let expected = self.size_hint();
        if self.is_end_stream() || expected.lower() > BYTES_MAX {
            return;
        }
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = self.frame().await {
                read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if read > BYTES_MAX {
                    break;
                }
            }
        };
        // Who does not send the rest in time has the connection closed, as without this.
        let _ = tokio::time::timeout(TIME_MAX, reading).await;
    }

    fn with<T>(&self, work: impl FnOnce(&mut Incoming) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
