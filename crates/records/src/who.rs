//! Who calls, as the gateway found out, and what functions may see of the call.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_engine::{Held, Setting, Settings};
use backstay_model::{Error, Result};

/// A caller and the request's context.
#[derive(Debug, Clone)]
pub struct Who {
    /// The role that the token or key gives.
    pub role: Arc<str>,
    /// JSON text of all claims.
    pub claims: Arc<str>,
    /// `sub`.
    pub subject: Option<Arc<str>>,
    /// JSON object of the request's headers, lower-case names.
    pub headers: Setting,
    /// JSON object of the request's cookies.
    pub cookies: Setting,
    /// Kept as long as the request is worked on, though its caller may have gone.
    pub held: Option<Held>,
}

impl Who {
    /// The settings that functions and policies may read (rest.md 18.5).
    pub(crate) fn settings(&self, method: &str, path: &str, search_path: Arc<str>) -> Settings {
        let mut settings = Settings::with_capacity(12);
        settings.set("role", Arc::clone(&self.role));
        settings.set("request.jwt.claims", Arc::clone(&self.claims));
        settings.set("request.method", method_text(method));
        settings.set("request.path", path.to_owned());
        settings.set("request.headers", self.headers.clone());
        settings.set("request.cookies", self.cookies.clone());
        settings.set("search_path", search_path);
        settings.set("request.jwt.claim.role", Arc::clone(&self.role));
        if let Some(subject) = &self.subject {
            settings.set("request.jwt.claim.sub", Arc::clone(subject));
        }
        settings
    }
}

/// The methods that all calls have, without making a text.
fn method_text(method: &str) -> Setting {
    for known in ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"] {
        if method == known {
            return known.into();
        }
    }
    method.to_owned().into()
}

/// The role must exist, and `authenticator` (where a database calls it otherwise: the server's login)
/// must be allowed to take it.
///
/// # Errors
/// `22023`, `42501`.
pub(crate) fn check_role(role: &str, catalog: &Catalog, login: &str) -> Result<()> {
    if !catalog.roles.contains_key(role) {
        return Err(Error::new("22023", format!("role \"{role}\" does not exist")));
    }
    let known = catalog.roles.contains_key("authenticator");
    let login = if known { "authenticator" } else { login };
    if catalog.roles_of(login).contains(&role) {
        Ok(())
    } else {
        Err(Error::new("42501", format!("permission denied to set role \"{role}\"")))
    }
}

/// The search path of a request: the requested schema, then the extra ones.
pub(crate) fn search_path(schema: &str, extra: &[String]) -> String {
    let quoted = |name: &str| backstay_model::quote_identifier(name);
    let mut path = quoted(schema);
    for name in extra.iter().filter(|name| *name != schema) {
        path.push_str(", ");
        path.push_str(&quoted(name));
    }
    path
}
