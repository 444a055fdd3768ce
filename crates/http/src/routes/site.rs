//! The static site of the project, at `/`, and what it needs to know to call the API.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use backstay_model::Error;
use serde_json::json;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::App;
use crate::failure::Failure;

/// Services of the protocol that this version does not have; answered clearly rather than with the
/// site's "not found".
const ABSENT: &[&str] = &["/storage/v1", "/realtime/v1", "/functions/v1", "/graphql/v1"];

/// `/backstay.json`: the project's name, the key that may stand in a page, and the schemas.
pub(crate) async fn project(State(app): State<Arc<App>>) -> Response {
    let body = json!({
        "project": app.site.project,
        "publishableKey": app.site.publishable_key,
        "schemas": app.records.settings().dialect.schemas,
    });
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (kind, body.to_string()).into_response()
}

/// Everything that is no route: a file of `public/`, or a clear "no".
pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    if let Some(absent) = ABSENT.iter().find(|absent| path.starts_with(**absent)) {
        let error = Error::new("BKS501", format!("{absent} is not part of this version"));
        return Failure::new(StatusCode::NOT_IMPLEMENTED, error).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not_found(path);
    }
    let Some(folder) = &app.site.folder else {
        if path == "/" {
            return welcome(&app).into_response();
        }
        return not_found(path);
    };
    let path = path.to_owned();
    match ServeDir::new(folder).oneshot(request).await {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => not_found(&path),
        Ok(response) => response.map(axum::body::Body::new),
        Err(never) => match never {},
    }
}

fn not_found(path: &str) -> Response {
    let shown: String = path.chars().take(200).collect();
    let error = Error::new("BKS404", format!("there is nothing at {shown}"))
        .with_hint("The data API is at /rest/v1, its documentation at /docs.");
    Failure::new(StatusCode::NOT_FOUND, error).into_response()
}

/// What stands at `/` while the project has no site of its own.
fn welcome(app: &App) -> Html<String> {
    let name = if app.site.project.is_empty() { "Backstay" } else { &app.site.project };
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\
         <body style=\"font:16px/1.5 system-ui;margin:3rem\"><h1>{name}</h1>\
         <p>The data API is at <code>/rest/v1</code>; <a href=\"/docs\">its documentation</a>.</p>\
         <p>Put a site into <code>public/</code> and it is served here.</p></body></html>"
    ))
}
