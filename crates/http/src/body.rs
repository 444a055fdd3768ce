//! Reading a request's body within its limits of size and time, and all bodies within one budget of
//! memory.
//!
//! Large bodies take their share of the budget as they arrive: a body that is announced and never
//! sent holds nothing. Where the budget is spent they wait, and one at a time goes on without, so
//! that bodies that each have a part cannot wait for each other for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use backstay_model::Error;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::app::Limits;
use crate::failure::Failure;

/// Bodies up to this many bytes take nothing of the budget.
const FREE_BYTES: usize = 16 * 1024;
/// What a value of a body takes beside its text while it is worked on, in bytes.
const VALUE_BYTES: usize = 48;
/// Limit: how long a body waits for its share.
const BUDGET_WAIT: Duration = Duration::from_secs(10);
/// The budget is counted in units of this many bytes.
const UNIT_BYTES: usize = 1024;

/// What the bodies of all requests may hold together.
#[derive(Debug)]
pub struct BodyBudget {
    units: Arc<Semaphore>,
    /// Who has this goes on without.
    beyond: Arc<Semaphore>,
}

/// A body, and what it holds of the budget.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    pub(crate) share: Option<Share>,
}

/// A part of the budget; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl BodyBudget {
    /// A budget of this many bytes.
    pub fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), beyond: Arc::new(Semaphore::new(1)) }
    }

    /// The whole body.
    ///
    /// # Errors
    /// 413 over the limit (before reading, where the length is declared), 408 when it does not arrive
    /// in time, 400 when the connection breaks, 415 when it is compressed, 503 when there is no
    /// memory for it.
    pub(crate) async fn read(
        &self,
        mut body: Body,
        headers: &HeaderMap,
        limits: &Limits,
    ) -> Result<Taken, Failure> {
        let declared = declared(headers, limits)?;
        if declared == Some(0) {
            return Ok(Taken::default());
        }
        let mut taken = Taken::default();
        taken.bytes.reserve_exact(declared.unwrap_or(0).min(FREE_BYTES));
        let mut weight = 0;
        let mut until = Instant::now() + limits.body_timeout;
        loop {
            let frame = match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(taken),
                Ok(Some(Err(_))) => return Err(broken()),
                Err(_) => return Err(late()),
            };
            let Ok(data) = frame.into_data() else { continue };
            if taken.bytes.len() + data.len() > limits.body_bytes_max {
                return Err(too_large(limits));
            }
            // It is there twice: as it was sent, and as values.
            weight += 2 * data.len() + VALUE_BYTES * memchr::memchr_iter(b',', &data).count();
            if taken.bytes.len() + data.len() > FREE_BYTES {
                let asked = Instant::now();
                self.grow(&mut taken.share, weight).await?;
                // The sender is not to blame for this time.
                until += asked.elapsed();
            }
            reserve(&mut taken.bytes, data.len(), declared);
            taken.bytes.extend_from_slice(&data);
        }
    }

    /// Makes the share cover this many bytes.
    async fn grow(&self, share: &mut Option<Share>, weight: usize) -> Result<(), Failure> {
        let held = match share {
            Some(Share(permit)) if Arc::ptr_eq(permit.semaphore(), &self.beyond) => return Ok(()),
            Some(Share(permit)) => permit.num_permits(),
            None => 0,
        };
        let missing = weight.div_ceil(UNIT_BYTES).saturating_sub(held);
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let got = match Arc::clone(&self.units).try_acquire_many_owned(missing) {
            Ok(permit) => permit,
            Err(_) => {
                let waiting = async {
                    tokio::select! {
                        biased;
                        got = Arc::clone(&self.units).acquire_many_owned(missing) => got,
                        got = Arc::clone(&self.beyond).acquire_owned() => got,
                    }
                };
                match timeout(BUDGET_WAIT, waiting).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) | Err(_) => return Err(no_room()),
                }
            }
        };
        match share {
            Some(Share(permit)) if Arc::ptr_eq(permit.semaphore(), got.semaphore()) => {
                permit.merge(got);
            }
            // What was held of the common budget is free for the others.
            Some(_) | None => *share = Some(Share(got)),
        }
        Ok(())
    }
}

/// Makes room for `more` bytes: for a few times what is there, since each growth copies it, and for
/// no more than was declared.
fn reserve(bytes: &mut Vec<u8>, more: usize, declared: Option<usize>) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let wanted = (8 * needed).min(declared.unwrap_or(2 * needed)).max(needed);
        bytes.reserve_exact(wanted - bytes.len());
    }
}

/// The length that the headers tell, where the body may be read at all.
fn declared(headers: &HeaderMap, limits: &Limits) -> Result<Option<usize>, Failure> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limits.body_bytes_max) {
        return Err(too_large(limits));
    }
    let encoded =
        headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    if encoded && declared != Some(0) {
        let error = Error::new("BKS415", "compressed bodies are not taken")
            .with_hint("Send the body as it is, without Content-Encoding.");
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    Ok(declared)
}

fn too_large(limits: &Limits) -> Failure {
    let message = format!("the request's body has more than {} bytes", limits.body_bytes_max);
    let error = Error::new("BKS413", message)
        .with_hint("Send less at once; the limit is the setting limits.body_bytes.");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

fn broken() -> Failure {
    let error = Error::new("BKS400", "the request's body could not be read to its end");
    Failure::new(StatusCode::BAD_REQUEST, error)
}

fn late() -> Failure {
    let error = Error::new("BKS408", "the request's body did not arrive in time")
        .with_hint("The limit is the setting limits.request_ms.");
    Failure::new(StatusCode::REQUEST_TIMEOUT, error)
}

fn no_room() -> Failure {
    let error = Error::new("BKS503", "too many large bodies at once")
        .with_hint("Send again later, less at once; the limit is the setting limits.bodies_bytes.");
    Failure::busy(error)
}
