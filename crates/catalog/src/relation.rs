//! Relations: tables, views, materialised views, and what hangs on them.

use backstay_expr::{Expr, Query, RelId, RelationId};
use backstay_model::{Error, Modifier, Result, Type, TypeId};
use serde::{Deserialize, Serialize};

use crate::{Acl, Event, Timing, Trigger};

/// Every expression stored with a relation (checks, defaults' generated columns, index
/// expressions, policies) refers to the relation's own row by this identity.
pub const ROW: RelId = RelId(0);

/// A table, view or materialised view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// Identity; never reused.
    pub id: RelationId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Columns in order; dropped ones are gone, their numbers stay unused.
    pub columns: Vec<Column>,
    /// The number that the next new column gets.
    pub next_column: u16,
    /// The row type.
    pub row_type: TypeId,
    /// Primary key.
    pub primary_key: Option<KeyConstraint>,
    /// Unique constraints.
    pub unique: Vec<KeyConstraint>,
    /// Checks, in name order (the order in which PostgreSQL tests them).
    pub checks: Vec<CheckConstraint>,
    /// Foreign keys of this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes that no constraint owns.
    pub indexes: Vec<Index>,
    /// Row policies.
    pub policies: Vec<Policy>,
    /// Triggers, in name order (the order in which they fire).
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`.
    pub force_row_security: bool,
    /// Owner.
    pub owner: String,
    /// Grants.
    pub acl: Acl,
    /// `COMMENT ON`.
    pub comment: Option<String>,
    /// `REPLICA IDENTITY FULL`.
    pub replica_identity_full: bool,
    /// The engine's own name for it, unique regardless of case.
    pub physical: String,
}

/// What a relation is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RelationKind {
    /// Rows are stored.
    Table,
    /// Rows are computed.
    View(Box<View>),
}

/// A view's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Who computes it.
    pub body: ViewBody,
    /// The text after `AS`.
    pub definition: String,
    /// `WITH (security_invoker = true)`: reads with the caller's rights.
    pub security_invoker: bool,
    /// `WITH CHECK OPTION`.
    pub check_option: bool,
    /// A materialised view.
    pub materialized: bool,
    /// The rows of a materialised view. Without them it is computed when it is read.
    #[serde(default)]
    pub kept: Option<Box<KeptRows>>,
}

/// The rows of a materialised view as they were when it was refreshed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRows {
    /// The table that holds them, in [`HIDDEN`]; the view's body reads it.
    pub table: RelationId,
    /// What the view was defined as.
    pub query: Query,
}

/// The schema of tables that nobody names: copies of materialised views. It is not among the
/// catalogue's schemas.
pub const HIDDEN: &str = "_backstay";

/// Who computes a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a view holds one of them")]
pub enum ViewBody {
    /// Backstay: the bound query; output n is column n.
    Bound(Query),
    /// The database.
    Native(NativeView),
}

/// What the database tells of a view that it computes itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NativeView {
    /// For each column the relation's column that it shows unchanged.
    pub origins: Vec<Option<(RelationId, u16)>>,
    /// Columns that take values on insert, by themselves or by a trigger.
    pub insertable: Vec<u16>,
    /// Columns that take updates, by themselves or by a trigger.
    pub updatable: Vec<u16>,
    /// Its rows can be deleted, by itself or by a trigger.
    pub deletable: bool,
}

impl View {
    /// The bound query.
    ///
    /// # Errors
    /// `XX000` where the database computes the view.
    pub fn query(&self) -> Result<&Query> {
        match &self.body {
            ViewBody::Bound(query) => Ok(query),
            ViewBody::Native(_) => {
                Err(Error::internal("a view of the database's own was to be computed"))
            }
        }
    }

    /// What the view was defined as; `None` where the database computes it.
    pub fn defined_as(&self) -> Option<&Query> {
        match (&self.kept, &self.body) {
            (Some(kept), _) => Some(&kept.query),
            (None, ViewBody::Bound(query)) => Some(query),
            (None, ViewBody::Native(_)) => None,
        }
    }

    /// The relation (a table or another view) and the column of it that a column shows unchanged.
    pub fn origin(&self, column: u16) -> Option<(RelationId, u16)> {
        let output = usize::from(column).checked_sub(1)?;
        if let Some(kept) = &self.kept {
            return kept.query.origin(output);
        }
        match &self.body {
            ViewBody::Bound(query) => query.origin(output),
            ViewBody::Native(native) => native.origins.get(output).copied().flatten(),
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Attribute number, from 1; never reused within the relation.
    pub number: u16,
    /// Name.
    pub name: String,
    /// Type.
    pub ty: Type,
    /// Length or precision.
    pub modifier: Option<Modifier>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// `DEFAULT`, coerced to the column's type. `serial` has `nextval` here.
    pub default: Option<Expr>,
    /// The default as text, for people and API documentation.
    pub default_text: Option<String>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…) STORED`.
    pub generated: Option<Generated>,
    /// The sequence behind an identity or serial column (`schema.name`).
    pub sequence: Option<String>,
    /// `COMMENT ON`.
    pub comment: Option<String>,
    /// The engine's own name for it, unique within the relation regardless of case.
    pub physical: String,
}

impl Column {
    /// May a new row give a value for the column? `overrides`: the statement says that it overrides
    /// an identity.
    ///
    /// # Errors
    /// `428C9` where the column computes its own values.
    pub fn check_insertable(&self, overrides: bool) -> Result<()> {
        let name = &self.name;
        let error = || {
            let message = format!("cannot insert a non-DEFAULT value into column \"{name}\"");
            Error::new("428C9", message)
        };
        if self.generated.is_some() {
            return Err(error().with_details(self.how_computed()));
        }
        if self.identity == Some(Identity::Always) && !overrides {
            let error = error().with_details(self.how_computed());
            return Err(error.with_hint("Use OVERRIDING SYSTEM VALUE to override."));
        }
        Ok(())
    }

    /// May an update set the column to a value?
    ///
    /// # Errors
    /// `428C9` where the column computes its own values.
    pub fn check_updatable(&self) -> Result<()> {
        if self.generated.is_none() && self.identity != Some(Identity::Always) {
            return Ok(());
        }
        let message = format!("column \"{}\" can only be updated to DEFAULT", self.name);
        Err(Error::new("428C9", message).with_details(self.how_computed()))
    }

    fn how_computed(&self) -> String {
        let name = &self.name;
        if self.generated.is_some() {
            format!("Column \"{name}\" is a generated column.")
        } else {
            format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.")
        }
    }
}

/// `GENERATED ALWAYS AS IDENTITY` or `BY DEFAULT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Identity {
    Always,
    ByDefault,
}

/// A stored generated column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// Over the row ([`ROW`]).
    pub expr: Expr,
    /// Its text.
    pub text: String,
}

/// A primary key or unique constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyConstraint {
    /// Constraint name (also the index's).
    pub name: String,
    /// Attribute numbers in order.
    pub columns: Vec<u16>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `COMMENT ON`.
    pub comment: Option<String>,
    /// The engine's name of the index.
    pub physical: String,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckConstraint {
    /// Name.
    pub name: String,
    /// Over the row ([`ROW`]).
    pub expr: Expr,
    /// Its text.
    pub text: String,
    /// `NOT VALID` was said and never validated.
    pub not_valid: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Name.
    pub name: String,
    /// Referencing columns.
    pub columns: Vec<u16>,
    /// Referenced relation.
    pub target: RelationId,
    /// Referenced columns.
    pub target_columns: Vec<u16>,
    /// `ON DELETE`.
    pub on_delete: KeyAction,
    /// `ON UPDATE`.
    pub on_update: KeyAction,
    /// `ON DELETE SET NULL (columns)`: only these.
    pub set_columns: Vec<u16>,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `NOT VALID` was said and never validated.
    pub not_valid: bool,
}

/// A referential action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum KeyAction {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// An index that no constraint owns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Name; unique within the schema.
    pub name: String,
    /// What it is over.
    pub keys: Vec<IndexKey>,
    /// `UNIQUE`.
    pub unique: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WHERE`, over the row ([`ROW`]).
    pub predicate: Option<Expr>,
    /// `btree`, `gin`…
    pub method: String,
    /// The statement's text.
    pub definition: String,
    /// Made for a foreign key without one; not shown.
    pub hidden: bool,
    /// The engine's name of the index; `None` where the engine keeps none (gin, expressions that
    /// may raise).
    pub physical: Option<String>,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexKey {
    /// Over the row ([`ROW`]); a plain [`Expr::Column`] mostly.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// A row policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// `AS PERMISSIVE` (or `RESTRICTIVE`).
    pub permissive: bool,
    /// `FOR …`.
    pub command: PolicyCommand,
    /// `TO …`; [`crate::PUBLIC`] for everybody.
    pub roles: Vec<String>,
    /// `USING`, over the row ([`ROW`]).
    pub using: Option<Expr>,
    /// `WITH CHECK`, over the row ([`ROW`]).
    pub check: Option<Expr>,
    /// The text of `USING`.
    pub using_text: Option<String>,
    /// The text of `WITH CHECK`.
    pub check_text: Option<String>,
}

/// The command a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum PolicyCommand {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

impl Relation {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column with this attribute number.
    pub fn column_by_number(&self, number: u16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// Position (from 0) of the column with this attribute number among the present columns.
    pub fn position(&self, number: u16) -> Option<usize> {
        self.columns.iter().position(|column| column.number == number)
    }

    /// The names of these columns.
    pub fn column_names(&self, numbers: &[u16]) -> Vec<&str> {
        numbers
            .iter()
            .filter_map(|number| self.column_by_number(*number))
            .map(|column| column.name.as_str())
            .collect()
    }

    /// Is it a view?
    pub fn view(&self) -> Option<&View> {
        match &self.kind {
            RelationKind::View(view) => Some(view),
            RelationKind::Table => None,
        }
    }

    /// The triggers that fire at this time, for this event, for rows (or for statements), in order.
    pub fn triggers_for(
        &self,
        timing: Timing,
        event: Event,
        row: bool,
    ) -> impl Iterator<Item = &Trigger> {
        self.triggers.iter().filter(move |trigger| trigger.fires(timing, event, row))
    }

    /// Primary key and unique constraints.
    pub fn keys(&self) -> impl Iterator<Item = &KeyConstraint> {
        self.primary_key.iter().chain(&self.unique)
    }

    /// The column that is the engine's row id: the primary key, if it is one integer column.
    pub fn integer_key(&self) -> Option<&Column> {
        let [number] = self.primary_key.as_ref()?.columns.as_slice() else { return None };
        self.column_by_number(*number)
            .filter(|column| matches!(column.ty, Type::Int2 | Type::Int4 | Type::Int8))
    }

    /// Does nobody name it ([`HIDDEN`])?
    pub fn is_hidden(&self) -> bool {
        self.schema == HIDDEN
    }

    /// `table` or `view`, as permission errors say.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            RelationKind::Table => "table",
            RelationKind::View(view) if view.materialized => "materialized view",
            RelationKind::View(_) => "view",
        }
    }
}
