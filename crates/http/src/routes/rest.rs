//! `/rest/v1`: the data API.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts};
use axum::response::{IntoResponse as _, Response};
use backstay_engine::{Held, Setting};
use backstay_records::{Served, Who};
use backstay_rest::Call;
use percent_encoding::percent_decode_str;
use serde::Serializer as _;
use serde_json::{Map, Value};

use crate::App;
use crate::app::now;
use crate::body::Taken;
use crate::failure::{Failure, respond};

/// Headers that functions and policies never see.
const SECRET_HEADERS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, HeaderName::from_static("apikey")];

pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request).await
}

/// Answers a call of the data API.
pub(crate) async fn answer(app: &App, request: Request) -> Response {
    let mut response = match try_answer(app, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    };
    // Another caller's answer is another, and not every cache heeds `Authorization` and `apikey`; a
    // function that answers everybody alike says so itself in `response.headers`.
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}

async fn try_answer(app: &App, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let parts = Arc::new(parts);
    let (query, query_key) = without_key(parts.uri.query());
    let identity = app
        .gateway
        .identify(&parts.headers, query_key.as_deref(), now())
        .map_err(Failure::of_refusal)?;
    app.sessions.check(&app.auth, &identity).await.map_err(Failure::of_refusal)?;
    let takes_body = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let taken = if takes_body {
        app.body_budget.read(body, &parts.headers, &app.limits).await?
    } else {
        Taken::default()
    };
    let who = Who {
        role: Arc::clone(&identity.role),
        claims: Arc::clone(&identity.claims),
        subject: identity.subject.clone(),
        headers: of_request(&parts, shown_headers),
        cookies: if parts.headers.contains_key(header::COOKIE) {
            of_request(&parts, cookies)
        } else {
            Setting::Fixed("{}")
        },
        held: taken.share.map(|share| Arc::new(share) as Held),
    };
    let texts = parts.headers.iter();
    let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let mut headers: Vec<(&str, &str)> = Vec::with_capacity(parts.headers.len());
    headers.extend(texts);
    let call = Call {
        method: parts.method.as_str(),
        path: path_below_base(&parts),
        query: query.as_deref(),
        headers: &headers,
        body: taken.bytes.into(),
    };
    let anonymous = *who.role == *app.gateway.settings().anonymous_role;
    let served =
        app.records.serve(call, &who).await.map_err(|error| Failure::of_data(&error, anonymous))?;
    Ok(finish(app, served, parts.method == Method::HEAD))
}

fn path_below_base(parts: &Parts) -> &str {
    parts.uri.path().strip_prefix("/rest/v1").unwrap_or_default()
}

fn finish(app: &App, served: Served, head: bool) -> Response {
    let mut response = respond(served.response);
    if app.server_timing
        && let Ok(timing) = HeaderValue::from_str(&served.timing.header())
    {
        response.headers_mut().insert(HeaderName::from_static("server-timing"), timing);
    }
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

/// The query string without the parameter `apikey`, and that parameter.
pub(crate) fn without_key(query: Option<&str>) -> (Option<Cow<'_, str>>, Option<String>) {
    let Some(query) = query else { return (None, None) };
    let is_key = |part: &&str| part.starts_with("apikey=");
    if !query.split('&').any(|part| is_key(&part)) {
        return (Some(Cow::Borrowed(query)), None);
    }
    let key = query
        .split('&')
        .find(is_key)
        .and_then(|part| part.strip_prefix("apikey="))
        .map(|key| percent_decode_str(key).decode_utf8_lossy().into_owned());
    let rest: Vec<&str> = query.split('&').filter(|part| !is_key(part)).collect();
    (Some(Cow::Owned(rest.join("&"))), key)
}

/// A text of the request's headers that is made when it is asked for.
fn of_request(parts: &Arc<Parts>, make: fn(&HeaderMap) -> String) -> Setting {
    let parts = Arc::clone(parts);
    Setting::lazy(move || make(&parts.headers))
}

/// `request.headers`: JSON of the headers, without credentials.
fn shown_headers(headers: &HeaderMap) -> String {
    let shown = headers.keys().filter_map(|name| {
        if SECRET_HEADERS.contains(name) || name == header::COOKIE {
            return None;
        }
        let last =
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).next_back()?;
        Some((name.as_str(), last))
    });
    let mut json = Vec::with_capacity(512);
    let written = serde_json::Serializer::new(&mut json).collect_map(shown);
    match written.map(|()| String::from_utf8(json)) {
        Ok(Ok(json)) => json,
        // Texts into memory: neither can fail.
        Ok(Err(_)) | Err(_) => "{}".to_owned(),
    }
}

/// `request.cookies`: JSON of the cookies.
fn cookies(headers: &HeaderMap) -> String {
    let mut cookies = Map::new();
    for header in headers.get_all(header::COOKIE) {
        for pair in header.to_str().unwrap_or_default().split(';') {
            if let Some((name, value)) = pair.trim().split_once('=') {
                cookies.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        }
    }
    Value::Object(cookies).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_in_the_query_is_no_filter() {
        let (query, key) = without_key(Some("id=eq.1&apikey=sb%5Fx&select=id"));
        assert_eq!(query.as_deref(), Some("id=eq.1&select=id"));
        assert_eq!(key.as_deref(), Some("sb_x"));
        assert_eq!(without_key(Some("id=eq.1")).1, None);
    }
}
