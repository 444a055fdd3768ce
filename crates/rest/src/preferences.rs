//! The `Prefer` header.

/// What was preferred; `None` where nothing (valid) was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `return=…`.
    pub returning: Option<Return>,
    /// `resolution=…`.
    pub resolution: Option<Resolution>,
    /// `missing=…`.
    pub missing: Option<Missing>,
    /// `count=…`.
    pub count: Option<Count>,
    /// `tx=…`.
    pub transaction: Option<Transaction>,
    /// `handling=strict` (true) or `handling=lenient` (false).
    pub strict: Option<bool>,
    /// `timezone=…`, unchecked.
    pub timezone: Option<String>,
    /// `max-affected=…`; without effect unless strict.
    pub max_affected: Option<u64>,
    /// Tokens that mean nothing, in order: an error if strict.
    pub unknown: Vec<String>,
}

/// What the answer to a write holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// The rows.
    Representation,
    /// Nothing.
    Minimal,
    /// The row's place.
    HeadersOnly,
}

/// What an insert does with rows that exist already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Update them in the supplied columns.
    MergeDuplicates,
    /// Leave them.
    IgnoreDuplicates,
}

/// What a key that is absent from a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The column's default.
    Default,
    /// Null.
    Null,
}

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One by one.
    Exact,
    /// As the planner guesses.
    Planned,
    /// Exactly while few, else guessed.
    Estimated,
}

/// How the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// As usual.
    Commit,
    /// Undone.
    Rollback,
}
