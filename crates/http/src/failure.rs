//! Errors as answers: the one place where an error becomes HTTP.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use backstay_model::Error;
use backstay_rest::errors::Verbosity;
use hyper::ext::ReasonPhrase;
use serde_json::json;

use crate::gateway::Refusal;

/// An error as a response of the data API's form.
#[derive(Debug)]
pub(crate) struct Failure(backstay_rest::Response);

impl Failure {
    /// An error of the server itself; `status` is not looked up.
    pub(crate) fn new(status: StatusCode, error: Error) -> Self {
        let mut response = backstay_rest::response::error(&error, false, Verbosity::Full);
        response.status = status.as_u16();
        Self(response)
    }

    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }

    /// More is asked for than there is room; a moment later there may be.
    pub(crate) fn busy(error: Error) -> Self {
        let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, error);
        failure.0.push("Retry-After", "1");
        failure
    }

    /// Something went wrong that is nobody's business; the log has it under the request's id.
    pub(crate) fn internal() -> Self {
        let error = Error::new("PGRSTX00", "internal error")
            .with_hint("Give the X-Request-Id of this answer to whoever runs the server.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// An error of the data API, mapped by its code. `anonymous`: the effective role is the
    /// anonymous one, which turns 403 into 401.
    pub(crate) fn of_data(error: &Error, anonymous: bool) -> Self {
        if error.code.starts_with("XX") || error.code.starts_with("58") {
            tracing::error!(code = &*error.code, message = error.message, "internal error");
            return Self::internal();
        }
        let mut response = backstay_rest::response::error(error, anonymous, Verbosity::Full);
        if response.status == 503 && response.header("Retry-After").is_none() {
            response.push("Retry-After", "1");
        }
        Self(response)
    }

    /// A caller who is not let in.
    pub(crate) fn of_refusal(refusal: Refusal) -> Self {
        let plain = |message: &str, hint: &str| {
            let mut response = backstay_rest::Response {
                status: 401,
                body: json!({"message": message, "hint": hint}).to_string().into_bytes(),
                ..backstay_rest::Response::default()
            };
            response.push("Content-Type", "application/json; charset=utf-8");
            Self(response)
        };
        match refusal {
            Refusal::NoKey => plain(
                "No API key found in request",
                "No `apikey` request header or url param was found.",
            ),
            Refusal::UnknownKey => plain(
                "Invalid API key",
                "Double check your Supabase `anon` or `service_role` API key.",
            ),
            Refusal::Token(error) => Self::of_data(&error, true),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        respond(self.0)
    }
}

/// A response of the data API as the web framework's.
pub(crate) fn respond(answer: backstay_rest::Response) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(reason) = answer.reason.and_then(|text| ReasonPhrase::try_from(text).ok()) {
        response.extensions_mut().insert(reason);
    }
    // The envelope adds as many again.
    response.headers_mut().reserve(2 * answer.headers.len() + 4);
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(bytes(value))) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn bytes(text: Cow<'static, str>) -> Bytes {
    match text {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    }
}
