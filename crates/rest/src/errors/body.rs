//! The JSON body of an error.

use backstay_model::{Details, Error};

/// How much of an error the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Everything.
    #[default]
    Full,
    /// Code and message.
    Terse,
}

/// The body of an error: exactly `code`, `details`, `hint`, `message`.
pub fn body(error: &Error, verbosity: Verbosity) -> Vec<u8> {
    let mut out = String::from("{\"code\":");
    push_json_string(&mut out, &error.code);
    if verbosity == Verbosity::Full {
        out.push_str(",\"details\":");
        match &error.details {
            None => out.push_str("null"),
            Some(Details::Text(text)) => push_json_string(&mut out, text),
            Some(Details::Json(json)) => out.push_str(json),
        }
        out.push_str(",\"hint\":");
        match &error.hint {
            None => out.push_str("null"),
            Some(hint) => push_json_string(&mut out, hint),
        }
    }
    out.push_str(",\"message\":");
    push_json_string(&mut out, &error.message);
    out.push('}');
    out.into_bytes()
}

/// Appends the text as a JSON string.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    // Writing a string into a string cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}
