//! The listener that sends whoever speaks plain HTTP to the same address over TLS, and answers the
//! challenges by which an authority checks that a domain leads here (RFC 8555, section 8.3).

use std::collections::HashMap;
use std::future::ready;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use parking_lot::RwLock;
use tokio::net::TcpListener;

use super::{ConnectionLimits, Listener, accept};

/// Where an authority looks for the answers to its challenges.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Answers to challenges of the kind `http-01`, by token.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<RwLock<HashMap<String, String>>>);

impl Challenges {
    /// Answers this token with this text from now on.
    pub fn answer(&self, token: &str, text: &str) {
        self.0.write().insert(token.to_owned(), text.to_owned());
    }

    /// Forgets all answers.
    pub fn clear(&self) {
        self.0.write().clear();
    }

    fn find(&self, path: &str) -> Option<Response> {
        let text = self.0.read().get(path.strip_prefix(CHALLENGES)?)?.clone();
        Some(([(header::CONTENT_TYPE, "application/octet-stream")], text).into_response())
    }
}

/// Answers every request but those of challenges with the same address at `https` and this port.
///
/// # Errors
/// Only if the listener itself breaks.
pub async fn redirect(
    socket: TcpListener,
    (port, challenges): (u16, Challenges),
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let handler = move |request: Request, _| {
        let found = challenges.find(request.uri().path());
        ready(found.unwrap_or_else(|| elsewhere(&request, port)))
    };
    accept(Listener { socket, tls: None }, handler, limits, shutdown).await
}

/// 308: method and body stay what they are.
fn elsewhere(request: &Request, port: u16) -> Response {
    let Some(location) = location(request, port) else {
        return (StatusCode::BAD_REQUEST, "the request names no host\n").into_response();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn location(request: &Request, port: u16) -> Option<HeaderValue> {
    let uri = request.uri();
    let named = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok()?.parse::<Authority>().ok()?,
        None => uri.authority()?.clone(),
    };
    let host = named.host();
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    HeaderValue::try_from(format!("https://{host}{port}{path}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, target: &str, port: u16, expected: Option<&str>) {
        let request = Request::builder().uri(target).header(header::HOST, host);
        let request = request.body(Body::empty()).expect("a request");
        let found = location(&request, port);
        assert_eq!(found.as_ref().and_then(|value| value.to_str().ok()), expected);
    }

    #[test]
    fn the_address_stays_but_for_scheme_and_port() {
        check("a.example", "/x?y=1", 443, Some("https://a.example/x?y=1"));
        check("a.example:8080", "/", 8443, Some("https://a.example:8443/"));
        check("[::1]:80", "/", 443, Some("https://[::1]/"));
        check("a b", "/", 443, None);
    }
}
