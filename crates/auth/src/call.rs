//! A call of the service and its answer, free of any web framework.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Refusal, Result};

/// A call; its bearer token was verified by the gateway.
pub struct Call<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path below the service's base, beginning with a slash.
    pub path: &'a str,
    /// The query string.
    pub query: &'a str,
    /// Headers that the service looks at, lower-case names.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Who calls.
    pub bearer: Bearer,
    /// The role of the API key.
    pub key_role: Option<String>,
    /// The client's address.
    pub client: IpAddr,
    /// The request's id, for logs and answers to failures.
    pub request_id: &'a str,
}

/// What stood in `Authorization`.
#[derive(Debug, Clone, PartialEq)]
pub enum Bearer {
    /// Nothing, or another scheme.
    Missing,
    /// An opaque API key of this role.
    Key(String),
    /// A token whose signature and times hold.
    Token(Map<String, Value>),
    /// A token that does not hold, and why.
    Invalid(String),
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// JSON with status 200.
    pub(crate) fn json(value: &Value) -> Self {
        Self::json_with(200, value)
    }

    /// JSON with another status.
    pub(crate) fn json_with(status: u16, value: &Value) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    /// `{}`.
    pub(crate) fn empty_object() -> Self {
        Self::json(&Value::Object(Map::new()))
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self { status: 204, ..Self::default() }
    }

    /// A redirect.
    pub(crate) fn redirect(status: u16, location: String) -> Self {
        let headers = vec![("location", location), ("cache-control", "no-store".to_owned())];
        Self { status, headers, body: Vec::new() }
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Call<'_> {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The decoded value of a query parameter; an empty one counts as absent.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 400 `bad_json` for an empty or malformed body, or a member of the wrong type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.body.trim_ascii_start().starts_with(b"{") {
            return Err(bad_json("Could not parse request body as JSON: an object is expected"));
        }
        serde_json::from_slice(self.body)
            .map_err(|error| bad_json(&format!("Could not parse request body as JSON: {error}")))
    }

    /// The body as JSON where it may be left out.
    ///
    /// # Errors
    /// As [`Call::json`].
    pub(crate) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T> {
        if self.body.trim_ascii().is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Does the caller read errors in the older form?
    pub(crate) fn is_initial_version(&self) -> bool {
        let Some(version) = self.header("x-supabase-api-version") else { return true };
        let date: Result<jiff::civil::Date, _> = version.trim().parse();
        date.map_or(true, |date| date < jiff::civil::date(2024, 1, 1))
    }

    /// The user agent, cut to a decent length.
    pub(crate) fn user_agent(&self) -> String {
        self.header("user-agent").unwrap_or_default().chars().take(512).collect()
    }
}

fn bad_json(message: &str) -> Refusal {
    Refusal::new(400, "bad_json", message)
}
