//! Errors of tokens (`PGRST300` to `PGRST303`).

use backstay_model::Error;

/// `PGRST300` (500).
pub fn no_jwt_secret() -> Error {
    Error::new("PGRST300", "Server lacks JWT secret")
}

/// `PGRST301` (401): the token cannot be decoded; `message` and `details` say why.
pub fn invalid_token(message: impl Into<String>, details: Option<&str>) -> Error {
    let error = Error::new("PGRST301", message.into());
    match details {
        Some(details) => error.with_details(details),
        None => error,
    }
}

/// `PGRST302` (401).
pub fn anonymous_disabled() -> Error {
    Error::new("PGRST302", "Anonymous access is disabled")
}

/// `PGRST303` (401): a claim does not hold (`JWT expired`, …).
pub fn invalid_claims(message: impl Into<String>) -> Error {
    Error::new("PGRST303", message.into())
}
