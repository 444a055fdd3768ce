//! The rows that a statement has touched, in order, until their keys are looked at.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_expr::RelationId;

use super::Cx;
use crate::{Row, RowId};

/// A row that was written.
pub(super) struct Touched {
    /// Its table.
    pub(super) relation: Arc<Relation>,
    /// Its identity now (for a deleted row: the one it had).
    pub(super) id: RowId,
    /// The row before.
    pub(super) old: Option<Row>,
    /// The row afterwards.
    pub(super) new: Option<Row>,
    /// The update gave it another identity.
    pub(super) moved: bool,
}

impl Touched {
    pub(super) fn new(
        relation: &Arc<Relation>,
        id: RowId,
        old: Option<Row>,
        new: Option<Row>,
    ) -> Self {
        Self { relation: Arc::clone(relation), id, old, new, moved: false }
    }
}

/// First in, first out, as PostgreSQL fires its constraint triggers.
#[derive(Default)]
pub(super) struct Queue {
    items: VecDeque<Touched>,
    watched: HashMap<RelationId, bool>,
    /// A referential action has written rows: what is queued may be out of date.
    pub(super) acted: bool,
}

impl Queue {
    /// Do the rows of this relation have keys to look at, at the end of the statement?
    pub(super) fn watches(&mut self, cx: &Cx<'_>, relation: &Relation) -> bool {
        *self.watched.entry(relation.id).or_insert_with(|| {
            !relation.foreign_keys.is_empty()
                || relation.keys().any(|key| key.deferrable)
                || cx.scope.catalog.references_to(relation.id).next().is_some()
        })
    }

    pub(super) fn push(&mut self, touched: Touched) {
        self.items.push_back(touched);
    }

    pub(super) fn pop(&mut self) -> Option<Touched> {
        self.items.pop_front()
    }
}
