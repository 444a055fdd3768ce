//! Why there is no certificate, and what to do about it.

use instant_acme::{Error, Problem};
use miette::Diagnostic;

/// What begins the name of a problem.
const PROBLEM: &str = "urn:ietf:params:acme:error:";

/// An order that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The authority could not check a domain.
    #[error("the authority could not check that `{domain}` leads here: {}", told(problem))]
    Unchecked {
        /// The domain.
        domain: String,
        /// What it says.
        problem: Problem,
    },
    /// The authority says no.
    #[error("the authority {directory} refuses: {}", told(problem))]
    Refused {
        /// The authority.
        directory: String,
        /// What it says.
        problem: Problem,
    },
    /// The authority does not answer as one.
    #[error("the authority {directory} cannot be asked: {cause}")]
    Unreachable {
        /// The authority.
        directory: String,
        /// What happened.
        cause: String,
    },
}

impl Failure {
    /// A failure of the library's.
    pub(super) fn of(directory: &str, error: Error) -> Self {
        let directory = directory.to_owned();
        match error {
            Error::Api(problem) => Self::Refused { directory, problem },
            other => Self::Unreachable { directory, cause: with_causes(&other) },
        }
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = match self {
            Self::Unchecked { .. } => {
                "each of server.tls.acme.domains must lead to this machine, and port 80 there to \
                 server.http_redirect_port"
            }
            Self::Refused { problem, .. } => match kind(problem) {
                "rateLimited" => "wait; an authority gives so many certificates a week",
                "rejectedIdentifier" | "malformed" => "check server.tls.acme.domains",
                "invalidContact" | "unsupportedContact" => {
                    "check server.tls.acme.contact, an e-mail address"
                }
                "externalAccountRequired" => {
                    "use an authority that does not need an account made elsewhere"
                }
                "caa" => "the CAA records of the domain must allow the authority",
                _ => "see what the authority's documentation says of it",
            },
            Self::Unreachable { .. } => {
                "check server.tls.acme.directory, and that this machine reaches it; the root of an \
                 authority of your own goes into SSL_CERT_FILE"
            }
        };
        Some(Box::new(help))
    }
}

/// Does the authority not know the account (any more)?
pub(super) fn is_unknown_account(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if kind(problem) == "accountDoesNotExist")
}

fn kind(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|name| name.strip_prefix(PROBLEM)).unwrap_or_default()
}

fn told(problem: &Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or("it does not say why");
    format!("{detail} ({})", kind(problem))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
