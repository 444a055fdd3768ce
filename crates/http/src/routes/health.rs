//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use backstay_model::Error;

use crate::App;
use crate::failure::Failure;

/// The process lives.
pub(crate) async fn alive() -> impl IntoResponse {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok\n")
}

/// Requests can be served and writes stored.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let gauges = app.engine.gauges();
    let is = |ending: &str| gauges.iter().any(|(name, on)| name.ends_with(ending) && *on != 0.0);
    let (status, text) = if app.leaving.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "the server stops\n")
    } else if is("unreachable") {
        (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached\n")
    } else if is("read_only") {
        (StatusCode::SERVICE_UNAVAILABLE, "writes cannot be stored\n")
    } else {
        (StatusCode::OK, "ready\n")
    };
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Numbers for Prometheus; the service role only.
pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match app.gateway.identify(&headers, None, crate::app::now()) {
        Err(refusal) => Failure::of_refusal(refusal).into_response(),
        Ok(identity) if *identity.role != *"service_role" => {
            let error = Error::permission_denied("endpoint", "/metrics")
                .with_hint("Call it with the secret key.");
            Failure::new(StatusCode::FORBIDDEN, error).into_response()
        }
        Ok(_) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, app.metrics.text(&app.engine.gauges())).into_response()
        }
    }
}
