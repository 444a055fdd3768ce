//! `/dev/mail`: the mails that `dev` caught instead of sending them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use backstay_auth::CaughtMail;
use serde_json::{Value, json};

use crate::App;

/// Mails are shown in frames that can run nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes of the inbox.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/dev/mail", get(page)).route("/dev/mail.json", get(list))
}

async fn page(State(app): State<Arc<App>>) -> Response {
    let Some(inbox) = &app.inbox else { return StatusCode::NOT_FOUND.into_response() };
    let mut rows = String::new();
    for mail in inbox.all() {
        let (to, subject) = (escaped(&mail.to), escaped(&mail.subject));
        let (html, text) = (escaped(&mail.html), escaped(&mail.text));
        // Writing into a String cannot fail.
        let _ = write!(
            rows,
            "<details><summary><b>{subject}</b> to {to} <time>{}</time></summary>\
             <iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" title=\"{subject}\" \
             srcdoc=\"{html}\"></iframe><pre>{text}</pre></details>",
            mail.at.strftime("%F %T UTC")
        );
    }
    if rows.is_empty() {
        rows.push_str("<p>No mail yet.</p>");
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mail</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\
         body{{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}}\
         details{{border-top:1px solid #ccc;padding:.5rem 0}}iframe{{width:100%;height:32rem;\
         border:1px solid #ccc;margin:.5rem 0}}pre{{white-space:pre-wrap}}time{{color:#666}}\
         </style><h1>Mail</h1><p>Caught by <code>backstay dev</code>; nothing was sent.</p>{rows}</html>"
    );
    let mut response = Html(page).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

async fn list(State(app): State<Arc<App>>) -> Response {
    let Some(inbox) = &app.inbox else { return StatusCode::NOT_FOUND.into_response() };
    let one = |mail: CaughtMail| {
        json!({
            "id": mail.number,
            "at": mail.at.to_string(),
            "to": mail.to,
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
        })
    };
    let mails = inbox.all().into_iter().map(one).collect::<Value>();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, mails.to_string()).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
