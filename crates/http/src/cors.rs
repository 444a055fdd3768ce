//! CORS: one rule for all routes.
//!
//! Source: the Fetch standard; rest.md part 19 and gateway.md part 3 of the protocol notes.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

const METHODS: &str = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD";
const MAX_AGE: &str = "86400";
const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, \
    Location, Server, Transfer-Encoding, Range-Unit, Range, Content-Profile, Preference-Applied, \
    Etag, X-Total-Count, Link, X-Supabase-Api-Version, Retry-After, X-Relay-Error, Content-Length, \
    Content-Disposition, X-Request-Id, Server-Timing, Tus-Resumable, Tus-Version, Tus-Max-Size, \
    Tus-Extension, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires";

/// Who may call from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Everybody, without credentials.
    Any,
    /// Exactly these, with credentials.
    Only(Vec<String>),
}

impl Origins {
    /// From the setting: a `*` anywhere means everybody.
    pub fn new(listed: &[String]) -> Self {
        if listed.iter().any(|origin| origin == "*") {
            Self::Any
        } else {
            Self::Only(listed.iter().map(|o| o.trim_end_matches('/').to_owned()).collect())
        }
    }

    /// Is it a preflight, which is answered without looking at keys?
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of the answer to a preflight.
    pub fn answer_preflight(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if !self.allow(asked, answer) {
            return;
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        let wanted = asked
            .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .and_then(|wanted| wanted.to_str().ok())
            .map(|wanted| format!("{wanted}, "))
            .unwrap_or_default();
        let allowed = format!("Authorization, {wanted}Accept, Accept-Language, Content-Language");
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }

    /// The headers of any other answer, errors included.
    pub fn answer(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if self.allow(asked, answer) {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    fn allow(&self, asked: &HeaderMap, answer: &mut HeaderMap) -> bool {
        if let Self::Only(_) = self {
            append(answer, header::VARY, "Origin");
        }
        let Some(origin) = asked.get(header::ORIGIN) else { return false };
        match self {
            Self::Any => {
                let any = HeaderValue::from_static("*");
                answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
                true
            }
            Self::Only(listed)
                if listed.iter().any(|known| known.as_bytes() == origin.as_bytes()) =>
            {
                answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                let yes = HeaderValue::from_static("true");
                answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
                true
            }
            Self::Only(_) => false,
        }
    }
}

/// Adds an element to a header that is a list.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &'static str) {
    let joined = match headers.get(&name).and_then(|known| known.to_str().ok()) {
        Some(known) => HeaderValue::from_str(&format!("{known}, {element}")).ok(),
        None => Some(HeaderValue::from_static(element)),
    };
    if let Some(joined) = joined {
        headers.insert(name, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(origins: &Origins, origin: Option<&'static str>) -> Option<String> {
        let mut asked = HeaderMap::new();
        if let Some(origin) = origin {
            asked.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        let mut answer = HeaderMap::new();
        origins.answer(&asked, &mut answer);
        let allowed = answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(allowed.to_str().expect("text").to_owned())
    }

    #[test]
    fn everybody_may_call_without_credentials() {
        assert_eq!(answered(&Origins::Any, Some("https://a.example")), Some("*".to_owned()));
        assert_eq!(answered(&Origins::Any, None), None);
    }

    #[test]
    fn t10_only_exact_origins_of_the_list_are_allowed() {
        let listed = Origins::new(&["https://a.example".to_owned()]);
        assert_eq!(
            answered(&listed, Some("https://a.example")),
            Some("https://a.example".to_owned())
        );
        for other in ["https://a.example.evil", "https://xa.example", "null", "https://b.a.example"]
        {
            assert_eq!(answered(&listed, Some(other)), None, "{other}");
        }
    }

    #[test]
    fn a_preflight_echoes_the_headers_that_were_asked_for() {
        let mut asked = HeaderMap::new();
        asked.insert(header::ORIGIN, HeaderValue::from_static("https://a.example"));
        let wanted = HeaderValue::from_static("apikey, x-client-info");
        asked.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, wanted);
        let mut answer = HeaderMap::new();
        Origins::Any.answer_preflight(&asked, &mut answer);
        let allowed = answer[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("text");
        assert!(allowed.contains("apikey, x-client-info"), "{allowed}");
    }
}
