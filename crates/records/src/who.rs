//! Who calls, as the gateway found out, and what functions may see of the call.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_model::{Error, Result};

/// A caller and the request's context.
#[derive(Debug, Clone)]
pub struct Who {
    /// The role that the token or key gives.
    pub role: String,
    /// JSON text of all claims.
    pub claims: String,
    /// `sub`.
    pub subject: Option<String>,
    /// JSON object of the request's headers, lower-case names.
    pub headers: String,
    /// JSON object of the request's cookies.
    pub cookies: String,
}

impl Who {
    /// The settings that functions and policies may read (rest.md 18.5).
    pub(crate) fn settings(
        &self,
        method: &str,
        path: &str,
        search_path: String,
    ) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::from([
            ("role".to_owned(), self.role.clone()),
            ("request.jwt.claims".to_owned(), self.claims.clone()),
            ("request.method".to_owned(), method.to_owned()),
            ("request.path".to_owned(), path.to_owned()),
            ("request.headers".to_owned(), self.headers.clone()),
            ("request.cookies".to_owned(), self.cookies.clone()),
            ("search_path".to_owned(), search_path),
        ]);
        settings.insert("request.jwt.claim.role".to_owned(), self.role.clone());
        if let Some(subject) = &self.subject {
            settings.insert("request.jwt.claim.sub".to_owned(), subject.clone());
        }
        settings
    }

    /// The role must exist, and `authenticator` (where a database calls it otherwise: the server's
    /// login) must be allowed to take it.
    pub(crate) fn check_role(&self, catalog: &Catalog, login: &str) -> Result<()> {
        if !catalog.roles.contains_key(&self.role) {
            let message = format!("role \"{}\" does not exist", self.role);
            return Err(Error::new("22023", message));
        }
        let known = catalog.roles.contains_key("authenticator");
        let login = if known { "authenticator" } else { login };
        if catalog.roles_of(login).contains(&self.role.as_str()) {
            Ok(())
        } else {
            let message = format!("permission denied to set role \"{}\"", self.role);
            Err(Error::new("42501", message))
        }
    }
}

/// The search path of a request: the requested schema, then the extra ones.
pub(crate) fn search_path(schema: &str, extra: &Arc<[String]>) -> String {
    let quoted = |name: &str| backstay_model::quote_identifier(name);
    let mut path = quoted(schema);
    for name in extra.iter().filter(|name| *name != schema) {
        path.push_str(", ");
        path.push_str(&quoted(name));
    }
    path
}
