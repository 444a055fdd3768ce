//! `/auth/v1`: sign-in.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use backstay_auth::{Answer, Call, Refusal};

use crate::App;
use crate::app::now;
use crate::body::Taken;
use crate::client;
use crate::failure::Failure;
use crate::routes::rest::without_key;

/// Where the service stands.
const BASE: &str = "/auth/v1";
/// Limit: bytes of a body.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Headers that the service looks at.
const HEADERS: [&str; 6] =
    ["user-agent", "x-supabase-api-version", "redirect_to", "referer", "x-jwt-aud", "origin"];

pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

fn is_basic(header: &str) -> bool {
    header.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "))
}

/// Browsers and mail clients open these without a key.
fn is_open(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/health" | "/authorize" | "/verify" | "/oauth/authorize" => reads,
        "/verify/confirm" => *method == Method::POST,
        // Other applications have no key; they prove who they are by themselves.
        "/oauth/token" | "/oauth/clients/register" => *method == Method::POST,
        "/oauth/userinfo" => reads || *method == Method::POST,
        "/callback" => reads || *method == Method::POST,
        _ => path.starts_with("/.well-known/") || path.starts_with("/sso/saml/"),
    }
}

async fn answer(app: &Arc<App>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let (query, query_key) = without_key(parts.uri.query());
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    let presented = app
        .gateway
        .present(&parts.headers, query_key.as_deref(), is_open(&parts.method, path), now())
        .map_err(Failure::of_refusal)?;
    let mut limits = app.limits;
    limits.body_bytes_max = limits.body_bytes_max.min(BODY_BYTES_MAX);
    let (taken, too_large) = match app.body_budget.read(body, &parts.headers, &limits).await {
        Ok(taken) => (taken, false),
        Err(failure) if failure.status() == StatusCode::PAYLOAD_TOO_LARGE.as_u16() => {
            (Taken::default(), true)
        }
        Err(failure) => return Err(failure),
    };
    let mut headers: Vec<(&str, &str)> = HEADERS
        .into_iter()
        .filter_map(|name| Some((name, parts.headers.get(name)?.to_str().ok()?)))
        .collect();
    // The one credential that is not the gateway's to check: that of an OAuth client.
    let basic = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if let Some(basic) = basic.filter(|value| is_basic(value) && path == "/oauth/token") {
        headers.push(("authorization", basic));
    }
    let peer = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>();
    let request_id = parts.extensions.get::<crate::envelope::RequestId>();
    let call = Call {
        method: parts.method.as_str(),
        path,
        query: query.as_deref().unwrap_or_default(),
        headers: &headers,
        body: &taken.bytes,
        bearer: presented.bearer,
        key_role: presented.key_role,
        client: client::address(peer, &parts.headers, &app.trusted_proxies),
        request_id: request_id.map_or("", |id| id.as_str()),
    };
    let answer = if too_large {
        let message = "Request body is too large";
        backstay_auth::refused(&call, &Refusal::new(413, "request_entity_too_large", message))
    } else {
        app.auth.serve(&call).await
    };
    Ok(respond(answer))
}

/// An answer of the service as the web framework's.
pub(crate) fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // A value that no header may hold can only come from a caller's own text.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
