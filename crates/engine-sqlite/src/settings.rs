//! How a database file is opened.

use std::path::PathBuf;

/// What [`crate::SqliteEngine::open`] needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database file; made if it does not exist.
    pub path: PathBuf,
    /// When a write counts as done.
    pub durability: Durability,
    /// Who holds the file, for the message to a second process: an address or a command's name.
    pub holder: String,
}

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it would survive a loss of power: one sync for each group of commits.
    Full,
    /// When the system has it: a loss of power may take the last commits, never the consistency.
    Normal,
    /// When it is in memory: a loss of power may damage the file. For tests only.
    Off,
}

impl Durability {
    /// The value of `PRAGMA synchronous`.
    pub(crate) fn synchronous(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}
