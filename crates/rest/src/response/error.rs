//! Errors as responses.

use backstay_model::{Details, Error};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Response;
use super::own::is_header;
use crate::errors::{self, Verbosity};

/// The answer that an error becomes. `anonymous`: the effective role is the anonymous one.
/// A `HEAD` request gets the status and headers only; that is for the caller to see to.
pub fn error(error: &Error, anonymous: bool, verbosity: Verbosity) -> Response {
    if error.code == "PGRST" {
        return match raised(error) {
            Ok(response) => response,
            Err(unreadable) => self::error(&unreadable, anonymous, verbosity),
        };
    }
    let status = errors::status(&error.code, &error.message, anonymous);
    let mut response = Response { status, ..Response::default() };
    if error.code.starts_with("PT") {
        response.reason = Some(error.message.clone());
    }
    if let Some(range) = content_range(error) {
        response.push("Content-Range", range);
    }
    if let Some(challenge) = errors::authenticate(error, status) {
        response.push("WWW-Authenticate", challenge);
    }
    if error.code == "PGRST002" {
        response.push("Retry-After", "1");
    }
    response.push("Content-Type", "application/json; charset=utf-8");
    response.push("Proxy-Status", format!("Backstay; error={}", error.code));
    response.body = errors::body(error, verbosity);
    response
}

/// `*/25` of an offset beyond 25 counted rows; the number stands only in the details.
fn content_range(error: &Error) -> Option<String> {
    let Some(Details::Text(details)) = &error.details else { return None };
    if error.code != "PGRST103" {
        return None;
    }
    let (_, tail) = details.split_once("but there are only ")?;
    let total: u64 = tail.strip_suffix(" rows.")?.parse().ok()?;
    Some(format!("*/{total}"))
}

#[derive(Deserialize)]
struct RaisedMessage {
    code: String,
    message: String,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    hint: Option<String>,
}

#[derive(Deserialize)]
struct RaisedAnswer {
    status: u16,
    #[serde(default)]
    status_text: Option<String>,
    headers: Map<String, Value>,
}

const MESSAGE_HINT: &str = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' \
                            and optional keys: 'details', 'hint'.";
const DETAIL_HINT: &str = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' \
                           and optional key: 'status_text'.";

/// An answer that a function chose by `raise sqlstate 'PGRST'`.
fn raised(error: &Error) -> Result<Response, Error> {
    let message: RaisedMessage = serde_json::from_str(&error.message).map_err(|_| {
        let details = format!("Invalid JSON value for MESSAGE: '{}'", error.message);
        errors::raised_answer(details, MESSAGE_HINT)
    })?;
    let Some(Details::Text(detail)) = &error.details else {
        let details = "DETAIL is missing in the RAISE statement";
        return Err(errors::raised_answer(details, DETAIL_HINT));
    };
    let unreadable =
        || errors::raised_answer(format!("Invalid JSON value for DETAIL: '{detail}'"), DETAIL_HINT);
    let answer: RaisedAnswer = serde_json::from_str(detail).map_err(|_| unreadable())?;
    if !(200..=599).contains(&answer.status) {
        return Err(unreadable());
    }
    let mut response =
        Response { status: answer.status, reason: answer.status_text, ..Response::default() };
    response.push("Content-Type", "application/json; charset=utf-8");
    response.push("Proxy-Status", format!("Backstay; error={}", safe_token(&message.code)));
    for (name, value) in answer.headers {
        match value {
            Value::String(value) if is_header(&name, &value) => {
                response.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(&name));
                response.headers.push((name.into(), value.into()));
            }
            _ => return Err(unreadable()),
        }
    }
    let mut chosen = Error::new(message.code, message.message);
    chosen.details = message.details.map(Details::Text);
    chosen.hint = message.hint;
    response.body = errors::body(&chosen, Verbosity::Full);
    Ok(response)
}

/// A code that may stand in a header.
fn safe_token(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).collect()
}
