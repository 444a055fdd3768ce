//! Who is asking.

use std::sync::Arc;

use backstay_catalog::Routine;

/// The rights under which something runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The effective role: `anon`, `authenticated`, `service_role`, or one of the project's.
    pub role: Arc<str>,
    /// What is enforced.
    pub enforcement: Enforcement,
}

/// What is enforced for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// Grants and row policies; and, if `require_row_security`, tables without row security, views
    /// and functions with their owner's rights are closed to `anon` and `authenticated` (the last
    /// two: unless granted by a `GRANT`).
    Rules {
        /// `api.require_rls`.
        require_row_security: bool,
    },
    /// Nothing: Backstay's own work (`Caller::system`) and migrations.
    Nothing,
}

impl Caller {
    /// A caller of the API.
    pub fn role(role: impl Into<Arc<str>>, require_row_security: bool) -> Self {
        Self { role: role.into(), enforcement: Enforcement::Rules { require_row_security } }
    }

    /// Whose rights hold inside the function when this caller calls it: the owner's for `SECURITY
    /// DEFINER`, else the caller's.
    #[must_use]
    pub fn within(&self, routine: &Routine) -> Self {
        if routine.security_definer {
            Self { role: routine.owner.as_str().into(), enforcement: self.enforcement }
        } else {
            self.clone()
        }
    }

    /// Backstay itself, named after the service that acts (`Caller::system("migrate")`); the role
    /// that SQL sees is `postgres`.
    pub fn system(_service: &'static str) -> Self {
        Self { role: "postgres".into(), enforcement: Enforcement::Nothing }
    }
}
