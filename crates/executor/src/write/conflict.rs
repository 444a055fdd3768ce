//! `ON CONFLICT`: which unique index decides, and what becomes of the row that meets another.

use std::collections::HashSet;
use std::sync::Arc;

use backstay_catalog::{ROW, Relation, Timing};
use backstay_expr::{Assignment, Conflict, ConflictAction, ConflictTarget, Expr, Insert};
use backstay_model::{Error, Result, Value};

use super::messages::{self, Shown};
use super::queue::Queue;
use super::triggers::{self, Change};
use super::update::{is_default, refuse_computed};
use super::{Cx, checks, defaults, key_of, rows, set_column};
use crate::{Row, RowId, RowSource};

/// A unique constraint or index that `ON CONFLICT` names.
pub(super) struct Arbiter {
    columns: Vec<u16>,
    /// Physical names of all unique indexes over these columns.
    physical: Vec<String>,
}

/// How conflicts of a statement are handled.
pub(super) struct Handling<'a> {
    pub(super) insert: &'a Insert,
    pub(super) relation: &'a Arc<Relation>,
    conflict: &'a Conflict,
    arbiter: Option<Arbiter>,
    shown: Shown,
    /// Rows that this statement has inserted or updated.
    written: HashSet<RowId>,
}

/// What became of a proposed row.
pub(super) enum Outcome {
    /// Stored as a new row.
    Inserted(RowId),
    /// The existing row was updated to this one.
    Updated(RowId, Row),
    /// Left out.
    Skipped,
}

impl<'a> Handling<'a> {
    /// Looks the target up; `None` if the statement has no `ON CONFLICT`.
    pub(super) fn of(
        cx: &Cx<'_>,
        insert: &'a Insert,
        relation: &'a Arc<Relation>,
    ) -> Result<Option<Self>> {
        let Some(conflict) = &insert.conflict else { return Ok(None) };
        let arbiter = match &conflict.target {
            ConflictTarget::Any => None,
            ConflictTarget::Columns(columns) => Some(arbiter(relation, columns)?),
        };
        let mut written = insert.columns.clone();
        if let ConflictAction::Update { set, .. } = &conflict.action {
            refuse_computed(relation, set)?;
            written.extend(set.iter().map(|assignment| assignment.column));
        }
        let shown = Shown::to_writer(cx, relation, insert.policy.binds, &written);
        Ok(Some(Self { insert, relation, conflict, arbiter, shown, written: HashSet::new() }))
    }

    /// Stores the proposed row or does what the statement says about the row in its way.
    pub(super) fn place(
        &mut self,
        cx: &Cx<'_>,
        queue: &mut Queue,
        proposed: &Row,
    ) -> Result<Outcome> {
        let relation = self.relation;
        if let Some(arbiter) = &self.arbiter {
            let key = key_of(relation, &arbiter.columns, proposed);
            let existing = cx.store.find(relation, &arbiter.columns, &key, 1)?;
            if let Some((id, row)) = existing.into_iter().next() {
                return match &self.conflict.action {
                    ConflictAction::Nothing => Ok(Outcome::Skipped),
                    ConflictAction::Update { set, filter } => {
                        self.update(cx, queue, (set, filter.as_ref()), (id, row, proposed))
                    }
                };
            }
        }
        match rows::insert(cx, queue, relation, proposed)? {
            Ok(id) => {
                self.written.insert(id);
                Ok(Outcome::Inserted(id))
            }
            Err(conflicting) if self.ignores(&conflicting.physical) => Ok(Outcome::Skipped),
            Err(conflicting) => {
                Err(messages::unique(cx, relation, &conflicting, (proposed, &self.shown))?)
            }
        }
    }

    /// The columns that the update branch sets, if there is one.
    pub(super) fn sets(&self) -> Option<Vec<u16>> {
        match &self.conflict.action {
            ConflictAction::Nothing => None,
            ConflictAction::Update { set, .. } => {
                Some(set.iter().map(|assignment| assignment.column).collect())
            }
        }
    }

    fn ignores(&self, physical: &String) -> bool {
        self.conflict.action == ConflictAction::Nothing
            && self.arbiter.as_ref().is_none_or(|arbiter| arbiter.physical.contains(physical))
    }

    fn update(
        &mut self,
        cx: &Cx<'_>,
        queue: &mut Queue,
        (set, filter): (&[Assignment], Option<&Expr>),
        (id, existing, proposed): (RowId, Row, &Row),
    ) -> Result<Outcome> {
        if self.written.contains(&id) {
            return Err(second_time());
        }
        let (relation, insert) = (self.relation, self.insert);
        let sources = [
            (insert.rel, RowSource::Stored { relation, row: &existing, id: Some(id) }),
            (insert.excluded, RowSource::Stored { relation, row: proposed, id: None }),
        ];
        if let Some(filter) = filter
            && cx.truth(filter, &sources)? != Some(true)
        {
            return Ok(Outcome::Skipped);
        }
        let policies = &insert.policy;
        let old = (insert.rel, existing.as_slice(), Some(id));
        checks::row_security(cx, relation, &policies.conflict_checks, old)?;
        let mut new = existing.clone();
        for assignment in set {
            let value = assigned(cx, relation, assignment, &sources)?;
            set_column(relation, &mut new, assignment.column, value);
        }
        let columns: Vec<u16> = set.iter().map(|assignment| assignment.column).collect();
        let change = (Timing::Before, Change::update(&columns, &existing));
        let Some(mut new) = triggers::for_row(cx, relation, change, new)? else {
            return Ok(Outcome::Skipped);
        };
        defaults::complete(cx, relation, &mut new)?;
        let row = (insert.rel, new.as_slice(), Some(id));
        checks::row_security(cx, relation, &policies.update_checks, row)?;
        checks::constraints(cx, relation, &new, &self.shown)?;
        match rows::update(cx, queue, relation, (id, &existing, &new, &columns))? {
            Ok(id) => {
                self.written.insert(id);
                Ok(Outcome::Updated(id, new))
            }
            Err(conflicting) => {
                Err(messages::unique(cx, relation, &conflicting, (&new, &self.shown))?)
            }
        }
    }
}

fn assigned(
    cx: &Cx<'_>,
    relation: &Relation,
    assignment: &Assignment,
    sources: &[(backstay_expr::RelId, RowSource<'_>)],
) -> Result<Value> {
    if !is_default(&assignment.value) {
        return cx.eval(&assignment.value, sources);
    }
    match relation.column_by_number(assignment.column) {
        Some(column) => defaults::default_of(cx, column),
        None => Ok(Value::Null),
    }
}

/// The unique constraints and full unique indexes over exactly these columns, in any order.
fn arbiter(relation: &Relation, columns: &[u16]) -> Result<Arbiter> {
    let wanted: HashSet<u16> = columns.iter().copied().collect();
    let mut physical = Vec::new();
    for key in relation.keys().filter(|key| same_columns(&wanted, &key.columns)) {
        if key.deferrable {
            return Err(Error::new(
                "55000",
                "ON CONFLICT does not support deferrable unique constraints/exclusion constraints \
                 as arbiters",
            ));
        }
        physical.push(key.physical.clone());
        if relation.primary_key.as_ref() == Some(key) && relation.integer_key().is_some() {
            physical.push(relation.physical.clone());
        }
    }
    for index in relation.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
        let plain: Option<Vec<u16>> = index
            .keys
            .iter()
            .map(|key| match &key.expr {
                Expr::Column { rel, column, .. } if *rel == ROW => Some(*column),
                _ => None,
            })
            .collect();
        if plain.is_some_and(|plain| same_columns(&wanted, &plain)) {
            physical.extend(index.physical.clone());
        }
    }
    if physical.is_empty() {
        return Err(Error::new(
            "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ));
    }
    Ok(Arbiter { columns: columns.to_vec(), physical })
}

fn same_columns(wanted: &HashSet<u16>, columns: &[u16]) -> bool {
    columns.iter().copied().collect::<HashSet<u16>>() == *wanted
}

fn second_time() -> Error {
    Error::new("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time").with_hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate \
         constrained values.",
    )
}
