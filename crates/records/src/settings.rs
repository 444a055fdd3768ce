//! Settings of the data API.

use std::collections::BTreeMap;
use std::time::Duration;

/// What the data API does and does not.
#[derive(Debug, Clone)]
pub struct RecordsSettings {
    /// The dialect: exposed schemas, row cap, aggregates, limits.
    pub dialect: backstay_rest::Settings,
    /// What requests mean: search path, guard against unfiltered writes.
    pub meaning: backstay_plan::ApiSettings,
    /// A function without arguments that runs before each request, with its schema; it refuses a
    /// request by raising an error.
    pub pre_request: Option<String>,
    /// The role of callers without one.
    pub anonymous_role: String,
    /// Tables without row security are closed to `anon` and `authenticated`.
    pub require_row_security: bool,
    /// The description of the API.
    pub openapi: OpenApi,
    /// Greatest time of a statement.
    pub statement_timeouts: StatementTimeouts,
    /// `app.settings.…`.
    pub app_settings: BTreeMap<String, String>,
}

/// Greatest time of a statement by role; `None` for no limit.
#[derive(Debug, Clone, Copy)]
pub struct StatementTimeouts {
    /// Of the anonymous role.
    pub anonymous: Option<Duration>,
    /// Of every other role.
    pub others: Option<Duration>,
}

/// The description of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApi {
    /// What it shows.
    pub mode: OpenApiMode,
    /// Where the data API is, without a slash at the end.
    pub base_path: String,
}

/// What the description of the API shows (`api.openapi`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenApiMode {
    /// What the caller may use.
    FollowPrivileges,
    /// Everything.
    IgnorePrivileges,
    /// Nothing: there is none.
    Disabled,
}
