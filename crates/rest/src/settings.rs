//! The settings of the data API that reading requests and writing answers depend on.

/// Settings of the data API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The exposed schemas; the first is the default. Must not be empty.
    pub schemas: Vec<String>,
    /// Greatest number of rows of a read, at each level.
    pub max_rows: Option<u64>,
    /// Are aggregates allowed?
    pub aggregates: bool,
    /// May callers ask for execution plans?
    pub plans: bool,
    /// How transactions end.
    pub transaction_end: TransactionEnd,
    /// A function, perhaps with its schema, that answers reads of the root instead of the description.
    pub root_spec: Option<String>,
    /// May filters name an aliased embed by its target?
    pub legacy_targets: bool,
    /// Bounds on what a request may hold.
    pub limits: Limits,
}

/// How transactions end, and whether `Prefer: tx=…` may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEnd {
    /// Always commit.
    Commit,
    /// Commit unless `tx=rollback`.
    CommitAllowOverride,
    /// Always roll back.
    Rollback,
    /// Roll back unless `tx=commit`.
    RollbackAllowOverride,
}

impl TransactionEnd {
    /// May `Prefer: tx=…` change it?
    pub fn allows_override(self) -> bool {
        matches!(self, Self::CommitAllowOverride | Self::RollbackAllowOverride)
    }
}

/// Bounds on what a request may hold. Going over one is `PGRST100` (`PGRST102` in a body), with
/// details that name the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Limit: embeds inside each other (`limits.embed_depth`).
    pub embed_depth: usize,
    /// Limit: embeds of a request (`limits.embeds`).
    pub embeds: usize,
    /// Limit: logic trees inside each other (`limits.logic_depth`).
    pub logic_depth: usize,
    /// Limit: elements of any list in the query string, parameters included
    /// (`limits.list_elements`).
    pub list_elements: usize,
    /// Limit: JSON values inside each other in a body, and steps of a JSON path
    /// (`limits.json_depth`).
    pub json_depth: usize,
    /// Limit: rows times columns of a body (`limits.payload_cells`). Without it a short body of
    /// many empty rows and a long column list would take memory without end.
    pub payload_cells: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            embed_depth: 32,
            embeds: 100,
            logic_depth: 64,
            list_elements: 10_000,
            json_depth: 128,
            payload_cells: 10_000_000,
        }
    }
}

impl Settings {
    /// The defaults of a new project, with these exposed schemas.
    pub fn new(schemas: Vec<String>) -> Self {
        Self {
            schemas,
            max_rows: Some(1000),
            aggregates: false,
            plans: false,
            transaction_end: TransactionEnd::Commit,
            root_spec: None,
            legacy_targets: true,
            limits: Limits::default(),
        }
    }
}
