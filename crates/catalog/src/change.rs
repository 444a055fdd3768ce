//! A change of the catalogue and the work that it means for an engine that stores rows.

use backstay_expr::{Expr, RelationId};

use crate::Catalog;

/// The catalogue after a statement, and what an engine must do to its tables to fit it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The catalogue afterwards; its version is one above the one before.
    pub catalog: Catalog,
    /// The work, in order. Ids refer to the catalogue afterwards, where not said otherwise.
    pub work: Vec<Work>,
}

/// One piece of physical work. Names are the engine's own (`physical`).
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Create the table with all its columns and the indexes of its keys.
    CreateTable(RelationId),
    /// Drop the table of this physical name with all its rows and indexes.
    DropTable {
        /// Physical name.
        physical: String,
    },
    /// Rename a table.
    RenameTable {
        /// Physical name before.
        from: String,
        /// Physical name afterwards.
        to: String,
    },
    /// Add a column, null in every row.
    AddColumn {
        /// The table.
        relation: RelationId,
        /// The column's attribute number.
        column: u16,
    },
    /// Drop a column and the indexes that use it (they are gone from the catalogue already).
    DropColumn {
        /// The table.
        relation: RelationId,
        /// Physical name of the column.
        physical: String,
    },
    /// Rename a column.
    RenameColumn {
        /// The table.
        relation: RelationId,
        /// Physical name before.
        from: String,
        /// Physical name afterwards.
        to: String,
    },
    /// Compute a column for every row (a default for old rows, a generated column); `value` is over
    /// [`crate::ROW`], evaluated per row when volatile.
    Fill {
        /// The table.
        relation: RelationId,
        /// Attribute number.
        column: u16,
        /// The value.
        value: Expr,
    },
    /// Change the stored form of a column: the value is computed over the row as it was
    /// (columns of `before`'s types) and stored under the new type.
    Retype {
        /// The table.
        relation: RelationId,
        /// Attribute number.
        column: u16,
        /// From the old row to the new value.
        value: Expr,
    },
    /// Create the index with this physical name (of a key constraint or a plain index).
    CreateIndex {
        /// The table.
        relation: RelationId,
        /// Physical name.
        physical: String,
    },
    /// Drop an index.
    DropIndex {
        /// Physical name.
        physical: String,
    },
    /// The row id changes (a primary key over one integer column came or went): rebuild the table.
    Rebuild(RelationId),
    /// No row may hold null in the column: else `23502`.
    ValidateNotNull {
        /// The table.
        relation: RelationId,
        /// Attribute number.
        column: u16,
    },
    /// Every row must pass the check: else `23514`.
    ValidateCheck {
        /// The table.
        relation: RelationId,
        /// Name of the constraint.
        name: String,
    },
    /// Every row must find its parent: else `23503`.
    ValidateForeignKey {
        /// The table.
        relation: RelationId,
        /// Name of the constraint.
        name: String,
    },
    /// Create a sequence at its start.
    CreateSequence {
        /// Schema.
        schema: String,
        /// Name.
        name: String,
    },
    /// Forget a sequence.
    DropSequence {
        /// Schema.
        schema: String,
        /// Name.
        name: String,
    },
    /// A sequence got another name and keeps its position.
    RenameSequence {
        /// Schema and name before.
        from: (String, String),
        /// Schema and name afterwards.
        to: (String, String),
    },
    /// `ALTER SEQUENCE … RESTART WITH`.
    RestartSequence {
        /// Schema.
        schema: String,
        /// Name.
        name: String,
        /// The next number.
        value: i64,
    },
}
