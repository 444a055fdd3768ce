//! `/auth/sign-in` and its sisters: the hosted pages.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use backstay_auth::{Bearer, Call, PAGE_PATHS};

use crate::App;
use crate::client;
use crate::failure::Failure;

/// Where the pages stand.
const BASE: &str = "/auth/";
/// Limit: bytes of a form.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The routes of the pages; none where they are switched off, so that the site may have its own.
pub(crate) fn routes(enabled: bool) -> Router<Arc<App>> {
    let paths = if enabled { PAGE_PATHS.as_slice() } else { &[] };
    paths
        .iter()
        .fold(Router::new(), |router, path| router.route(&format!("{BASE}{path}"), any(serve)))
}

async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn answer(app: &Arc<App>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let mut limits = app.limits;
    limits.body_bytes_max = limits.body_bytes_max.min(FORM_BYTES_MAX);
    let taken = app.body_budget.read(body, &parts.headers, &limits).await?;
    // HTTP/2 sends each cookie in a header of its own.
    let cookies: Vec<&str> =
        parts.headers.get_all(header::COOKIE).iter().filter_map(|one| one.to_str().ok()).collect();
    let cookies = cookies.join("; ");
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let headers = [("cookie", cookies.as_str()), ("user-agent", agent.unwrap_or_default())];
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let request_id = parts.extensions.get::<crate::envelope::RequestId>();
    let call = Call {
        method: parts.method.as_str(),
        path: parts.uri.path().strip_prefix(BASE).unwrap_or_default(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &taken.bytes,
        bearer: Bearer::Missing,
        key_role: None,
        client: client::address(peer, &parts.headers, &app.trusted_proxies),
        request_id: request_id.map_or("", |id| id.as_str()),
    };
    Ok(super::auth::respond(app.auth.page(&call).await))
}
