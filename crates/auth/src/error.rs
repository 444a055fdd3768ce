//! Refusals: what a caller is told, in the forms that clients read.
//!
//! Source: auth.md 1.3 to 1.5 of the protocol notes.

use backstay_model::Error;
use serde_json::{Value, json};

/// Shorthand for results of this room.
pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The error code that applications compare.
    pub code: &'static str,
    /// For people; some texts are compared by applications too.
    pub message: String,
    /// Why a password is weak.
    pub reasons: Vec<&'static str>,
    /// The error's name in OAuth's form; such answers have a body of their own.
    pub oauth: Option<&'static str>,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with its status, code and text.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, reasons: Vec::new(), oauth: None, retry_after: None }
    }

    /// 400 `validation_failed`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "validation_failed", message)
    }

    /// 400 in OAuth's form.
    pub(crate) fn oauth(error: &'static str, description: impl Into<String>) -> Self {
        Self { oauth: Some(error), ..Self::new(400, "validation_failed", description) }
    }

    /// Something that no caller can cause; the log has the reason.
    pub(crate) fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "sign-in failed inside");
        Self::new(500, "unexpected_failure", "Unexpected failure, please check server logs")
    }

    /// The body in the form that the caller's version reads.
    pub(crate) fn body(&self, initial_version: bool, request_id: &str) -> Value {
        if let Some(error) = self.oauth {
            return json!({"error": error, "error_description": self.message});
        }
        let mut body = if initial_version {
            json!({"code": self.status, "error_code": self.code, "msg": self.message})
        } else {
            json!({"code": self.code, "message": self.message})
        };
        if initial_version && self.status >= 500 {
            body["error_id"] = json!(request_id);
        }
        if !self.reasons.is_empty() {
            body["weak_password"] = json!({"reasons": self.reasons});
        }
        body
    }

    /// OAuth's name for the status, as redirects carry it.
    pub(crate) fn oauth_name(&self) -> &'static str {
        match self.status {
            401 => "unauthorized_client",
            403 => "access_denied",
            503 => "temporarily_unavailable",
            500..=599 => "server_error",
            _ => "invalid_request",
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match &*error.code {
            "57014" => Self::new(504, "request_timeout", "The request took too long"),
            "40001" | "40P01" => {
                Self::new(409, "conflict", "Too many requests change the same account; try again")
            }
            "53100" => Self::new(507, "unexpected_failure", "The server's disk is full"),
            "57P01" | "53300" | "57P03" | "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" => {
                Self::new(503, "unexpected_failure", "The database is not available")
            }
            // What a trigger or constraint of the project refuses is the caller's to hear of.
            code if code.starts_with("23") || code.starts_with("P0") || code.starts_with("22") => {
                tracing::warn!(code, message = error.message, "the project's database refused");
                Self::new(422, "validation_failed", format!("Database error: {}", error.message))
            }
            _ => Self::internal(&error),
        }
    }
}
