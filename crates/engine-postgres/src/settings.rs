//! How the database is reached and how hard it may be leant on.

use std::time::Duration;

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `postgres://user:password@host:port/database?options`.
    pub url: String,
    /// Limit: connections at once.
    pub connections_max: usize,
    /// Limit: requests that wait for a connection; more are turned away with 503.
    pub queue_max: usize,
    /// How long a request waits for a connection before it is turned away with 504.
    pub queue_timeout: Duration,
    /// Keep statements prepared on connections. A pooler between transactions (PgBouncer) may not
    /// allow it; when that shows, it ends by itself.
    pub prepared_statements: bool,
}
