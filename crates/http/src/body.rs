//! Reading a request's body within its limits of size and time.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use backstay_model::Error;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::app::Limits;
use crate::failure::Failure;

/// The whole body.
///
/// # Errors
/// 413 over the limit (before reading, where the length is declared), 408 when it does not arrive in
/// time, 400 when the connection breaks, 415 when it is compressed.
pub(crate) async fn read(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<Bytes, Failure> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if declared == Some(0) {
        return Ok(Bytes::new());
    }
    if declared.is_some_and(|length| length > limits.body_bytes_max) {
        return Err(too_large(limits));
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let error = Error::new("BKS415", "compressed bodies are not taken")
            .with_hint("Send the body as it is, without Content-Encoding.");
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let limited = Limited::new(body, limits.body_bytes_max).collect();
    match tokio::time::timeout(limits.body_timeout, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits)),
        Ok(Err(_)) => {
            let error = Error::new("BKS400", "the request's body could not be read to its end");
            Err(Failure::new(StatusCode::BAD_REQUEST, error))
        }
        Err(_) => {
            let error = Error::new("BKS408", "the request's body did not arrive in time")
                .with_hint("The limit is the setting limits.request_ms.");
            Err(Failure::new(StatusCode::REQUEST_TIMEOUT, error))
        }
    }
}

fn too_large(limits: &Limits) -> Failure {
    let message = format!("the request's body has more than {} bytes", limits.body_bytes_max);
    let error = Error::new("BKS413", message)
        .with_hint("Send less at once; the limit is the setting limits.body_bytes.");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}
