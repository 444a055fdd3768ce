//! Triggers.

use backstay_expr::{Expr, FunctionId, RelId};
use serde::{Deserialize, Serialize};

/// The old row in the condition of a trigger; the new one is [`crate::ROW`].
pub const OLD_ROW: RelId = RelId(u32::MAX - 1);

/// A trigger of a relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Name; unique within the relation.
    pub name: String,
    /// Before, after, or instead of.
    pub timing: Timing,
    /// Which statements fire it.
    pub events: Vec<Event>,
    /// `UPDATE OF`: only updates that name one of these columns; empty for all.
    pub columns: Vec<u16>,
    /// `FOR EACH ROW` rather than `FOR EACH STATEMENT`.
    pub row: bool,
    /// `WHEN`, over [`OLD_ROW`] and [`crate::ROW`].
    pub condition: Option<Expr>,
    /// The function.
    pub function: TriggerFunction,
    /// Its arguments (`TG_ARGV`).
    pub arguments: Vec<String>,
    /// `REFERENCING OLD TABLE AS`.
    pub old_table: Option<String>,
    /// `REFERENCING NEW TABLE AS`.
    pub new_table: Option<String>,
    /// `CREATE CONSTRAINT TRIGGER`.
    pub constraint: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `ENABLE`, `DISABLE`, `ENABLE ALWAYS | REPLICA TRIGGER`.
    pub firing: Firing,
    /// The statement's text.
    pub definition: String,
    /// `COMMENT ON`.
    pub comment: Option<String>,
}

/// What a trigger calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerFunction {
    /// A function of the project.
    Routine(FunctionId),
    /// One that is built in (`moddatetime`, `tsvector_update_trigger`…), by its name.
    BuiltIn(String),
}

/// When a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Timing {
    Before,
    After,
    InsteadOf,
}

/// What fires a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// Whether a trigger fires (`pg_trigger.tgenabled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Firing {
    /// In ordinary sessions.
    Origin,
    /// Never.
    Disabled,
    /// In sessions that replicate: a seed after `SET session_replication_role = replica`.
    Replica,
    /// Everywhere.
    Always,
}

impl Firing {
    /// Does it fire in sessions that replicate?
    pub fn in_replication(self) -> bool {
        matches!(self, Self::Replica | Self::Always)
    }
}

impl Trigger {
    /// Does it fire at all?
    pub fn is_enabled(&self) -> bool {
        matches!(self.firing, Firing::Origin | Firing::Always)
    }

    /// Does it fire at this time, for this event, for rows (or for statements)?
    pub fn fires(&self, timing: Timing, event: Event, row: bool) -> bool {
        self.timing == timing
            && self.row == row
            && self.events.contains(&event)
            && self.is_enabled()
    }

    /// `UPDATE OF`: does a statement that sets these columns fire it?
    pub fn meets(&self, event: Event, set: &[u16]) -> bool {
        event != Event::Update
            || self.columns.is_empty()
            || self.columns.iter().any(|column| set.contains(column))
    }
}

impl Event {
    /// `INSERT`, `UPDATE`…, as `TG_OP` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

impl Timing {
    /// `BEFORE`, `AFTER`, `INSTEAD OF`, as `TG_WHEN` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "BEFORE",
            Self::After => "AFTER",
            Self::InsteadOf => "INSTEAD OF",
        }
    }
}
