//! The one error that travels from any room to the caller: PostgreSQL's four fields.

use std::borrow::Cow;
use std::fmt;

/// Shorthand for results of every room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The `details` member of an error body: text, or (only `PGRST201`) a JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Details {
    /// A sentence.
    Text(String),
    /// JSON text, written as it is.
    Json(String),
}

/// An error as PostgreSQL and PostgREST report it.
///
/// `code` is an SQLSTATE (`23505`), a PostgREST code (`PGRST205`) or one of ours (`BKS001`).
/// `http` maps the code to a status; nothing else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// SQLSTATE, `PGRST…` or `BKS…`.
    pub code: Cow<'static, str>,
    /// What happened, lower case, no full stop.
    pub message: String,
    /// More about it.
    pub details: Option<Details>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Byte offset into the SQL text that the error is about, if any.
    pub position: Option<usize>,
    /// The schema-qualified object (`schema`, `name`) that `hint` names, so that the edge can leave
    /// the hint out for a caller who may not see the object.
    pub hint_names: Option<(String, String)>,
    /// The column of that object that `hint` names.
    pub hint_column: Option<String>,
    /// What the error is about, where that is known.
    pub about: Option<Box<About>>,
}

/// The object that an error is about, as `GET STACKED DIAGNOSTICS` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct About {
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
    pub datatype: Option<String>,
}

impl Error {
    /// An error with a code and a message.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: None,
            hint: None,
            position: None,
            hint_names: None,
            hint_column: None,
            about: None,
        }
    }

    /// Adds the details sentence.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(Details::Text(details.into()));
        self
    }

    /// Adds the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what the error is about.
    #[must_use]
    pub fn about(mut self, about: About) -> Self {
        self.about = Some(Box::new(about));
        self
    }

    /// Adds the byte offset in the SQL text, unless an inner one is known already.
    #[must_use]
    pub fn at(mut self, position: usize) -> Self {
        self.position.get_or_insert(position);
        self
    }

    /// `0A000`: this engine cannot do it; `what` completes "… is not supported".
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new("0A000", format!("{} is not supported", what.into()))
    }

    /// `XX000`: a state that no caller should be able to reach.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("XX000", message)
    }

    /// `22P02` in PostgreSQL's words.
    pub fn invalid_input(type_name: &str, text: &str) -> Self {
        Self::new("22P02", format!("invalid input syntax for type {type_name}: \"{text}\""))
    }

    /// `42501` in PostgreSQL's words; `kind` is `table`, `view`, `function`, `schema`, `sequence`.
    pub fn permission_denied(kind: &str, name: &str) -> Self {
        Self::new("42501", format!("permission denied for {kind} {name}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}
