//! Whole tables in and out, for `backstay move` from one database to another.

use backstay_expr::RelationId;

use crate::Running;

/// A row in the text forms that PostgreSQL's types have; null is `None`.
pub type Cells = Vec<Option<String>>;

/// Rows past the rules: no grants, policies, triggers, checks or defaults. Nothing that serves a
/// caller may use it.
pub trait Transfer: Send + Sync {
    /// How many rows a table has.
    fn count(&self, table: RelationId) -> Running<'_, u64>;

    /// The rows of a table in the order of its primary key, else as they are stored: up to `limit`
    /// from `from` on. Cells are in the order of the table's columns.
    fn export(&self, table: RelationId, from: Start, limit: u32) -> Running<'_, Page>;

    /// Appends rows to a table in one transaction; `columns` (numbers) are those that the cells are
    /// for, others stay null. Columns that the database generates by itself are left to it.
    fn import(&self, table: RelationId, columns: Vec<u16>, rows: Vec<Cells>) -> Running<'_, ()>;

    /// Removes all rows of these tables in one transaction.
    fn clear(&self, tables: Vec<RelationId>) -> Running<'_, ()>;

    /// Where the sequences stand.
    fn positions(&self) -> Running<'_, Vec<Position>>;

    /// Sets sequences, in one transaction, and brings up to date what is computed from rows.
    fn finish(&self, positions: Vec<Position>) -> Running<'_, ()>;
}

/// Where an export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After so many rows.
    Skipping(u64),
    /// After the row that [`Page::last`] tells of.
    After(Vec<String>),
}

/// Some rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows; fewer than asked for are the last.
    pub rows: Vec<Cells>,
    /// What the last of them is found by.
    pub last: Vec<String>,
}

/// Where a sequence stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Schema and name.
    pub name: (String, String),
    /// The last number, or the first one to come.
    pub last: i64,
    /// Was `last` handed out?
    pub called: bool,
}
