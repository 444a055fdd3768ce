//! What surrounds every request: its id, limits, CORS, security headers, counting, and logging.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use backstay_model::Error;

use crate::App;
use crate::cors::Origins;
use crate::failure::Failure;
use crate::panics;

/// The header that carries the request's id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, for routes that tell it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

impl RequestId {
    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Serves a request inside the envelope; `inner` is what it surrounds.
pub(crate) async fn envelope<F>(
    app: &App,
    request: Request,
    inner: impl FnOnce(Request, RequestId) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let id = request_id(app, request.headers());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let asked = cors_headers(request.headers());
    app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let mut response =
        answer(app, request, |request| panics::caught(&id, inner(request, id.clone()))).await;
    app.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    let took = started.elapsed();
    let headers = response.headers_mut();
    if Origins::is_preflight(&method, &asked) {
        app.origins.answer_preflight(&asked, headers);
    } else {
        app.origins.answer(&asked, headers);
    }
    secure(headers);
    headers.insert(REQUEST_ID, id.0.clone());
    let status = response.status().as_u16();
    app.metrics.answered(status, took);
    // In whole microseconds: more digits are noise.
    let millis = (took.as_secs_f64() * 1e6).round() / 1e3;
    let (path, id, code) = (uri.path(), id.as_str(), error_code(response.headers()));
    tracing::info!(target: "backstay::request", %method, path, status, code, millis, id, "");
    response
}

/// The code of the error that an answer tells, from the headers of the data API and of sign-in.
fn error_code(headers: &HeaderMap) -> Option<&str> {
    let told = move |name: &str| headers.get(name)?.to_str().ok();
    told("x-sb-error-code")
        .or_else(|| told("proxy-status")?.split_once("error=").map(|(_, code)| code))
}

async fn answer<F>(app: &App, request: Request, inner: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    if Origins::is_preflight(request.method(), request.headers()) {
        return StatusCode::OK.into_response();
    }
    let target_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > app.limits.url_bytes_max {
        let error = Error::new("BKS414", format!("the URL has {target_bytes} bytes")).with_hint(
            format!("At most {} are taken (limits.url_bytes).", app.limits.url_bytes_max),
        );
        return Failure::new(StatusCode::URI_TOO_LONG, error).into_response();
    }
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        let error = Error::new("BKS405", format!("the method {} is not served", request.method()));
        return Failure::new(StatusCode::METHOD_NOT_ALLOWED, error).into_response();
    }
    inner(request).await
}

/// The caller's id if it is a decent one, else one of ours: a random start and a number.
fn request_id(app: &App, headers: &HeaderMap) -> RequestId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = headers.get(&REQUEST_ID).filter(|id| {
        !id.is_empty()
            && id.len() <= 128
            && id
                .as_bytes()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(*b, b'-' | b'_' | b'.'))
    });
    if let Some(id) = given {
        return RequestId(id.clone());
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut digits = itoa::Buffer::new();
    let text = Bytes::from([&*app.instance, "-", digits.format(number)].concat());
    // Letters, digits and a dash.
    RequestId(HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static("0")))
}

/// The few headers that CORS looks at.
fn cors_headers(headers: &HeaderMap) -> HeaderMap {
    let mut asked = HeaderMap::new();
    for name in [
        header::ORIGIN,
        header::ACCESS_CONTROL_REQUEST_METHOD,
        header::ACCESS_CONTROL_REQUEST_HEADERS,
    ] {
        if let Some(value) = headers.get(&name) {
            asked.insert(name, value.clone());
        }
    }
    asked
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy =
            HeaderValue::from_static("frame-ancestors 'none'; object-src 'none'; base-uri 'self'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}
