//! The rows that a statement has touched, in order, until their keys are looked at.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use backstay_catalog::{Event, Relation, Timing};
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
    /// The `AFTER` triggers that it fires, in order.
    pub(super) triggers: Vec<String>,
}

impl Touched {
    pub(super) fn new(
        relation: &Arc<Relation>,
        id: RowId,
        old: Option<Row>,
        new: Option<Row>,
    ) -> Self {
        Self { relation: Arc::clone(relation), id, old, new, moved: false, triggers: Vec::new() }
    }

    /// What was done to it.
    pub(super) fn event(&self) -> Event {
        match (&self.old, &self.new) {
            (None, _) => Event::Insert,
            (Some(_), Some(_)) => Event::Update,
            (Some(_), None) => Event::Delete,
        }
    }
}

/// What waits.
pub(super) enum Item {
    /// A row.
    Row(Touched),
    /// The end of a statement (or of a referential action) on a relation, with the columns that an
    /// update set.
    Statement(Arc<Relation>, Event, Vec<u16>),
}

/// Old and new rows of a statement.
type Tables = (Vec<Row>, Vec<Row>);

/// First in, first out, as PostgreSQL fires its constraint triggers.
#[derive(Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// What fired `BEFORE STATEMENT` triggers already.
    begun: HashSet<(RelationId, Event)>,
    /// The rows that triggers look back on.
    tables: HashMap<(RelationId, Event), Tables>,
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
                || !relation.triggers.is_empty()
                || cx.scope.catalog.references_to(relation.id).next().is_some()
        })
    }

    pub(super) fn push(&mut self, touched: Touched) {
        let key = (touched.relation.id, touched.event());
        let looked_back_on = touched.relation.triggers.iter().any(|trigger| {
            trigger.events.contains(&key.1)
                && (trigger.old_table.is_some() || trigger.new_table.is_some())
        });
        if looked_back_on {
            let (old, new) = self.tables.entry(key).or_default();
            old.extend(touched.old.clone());
            new.extend(touched.new.clone());
        }
        self.items.push_back(Item::Row(touched));
    }

    /// Puts the end of a statement into the queue; an earlier one of its kind counts no more.
    pub(super) fn end(&mut self, relation: &Arc<Relation>, event: Event, set: &[u16]) {
        if relation.triggers_for(Timing::After, event, false).next().is_none() {
            return;
        }
        self.items.retain(|item| match item {
            Item::Row(_) => true,
            Item::Statement(known, of, _) => (known.id, *of) != (relation.id, event),
        });
        self.items.push_back(Item::Statement(Arc::clone(relation), event, set.to_vec()));
    }

    /// Is this the first time that the event meets the relation?
    pub(super) fn begins(&mut self, relation: RelationId, event: Event) -> bool {
        self.begun.insert((relation, event))
    }

    /// The rows that a trigger may look back on.
    pub(super) fn tables(&self, relation: RelationId, event: Event) -> (&[Row], &[Row]) {
        match self.tables.get(&(relation, event)) {
            Some((old, new)) => (old, new),
            None => (&[], &[]),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }
}
