//! What waits for the end of a statement: foreign keys (the child's test at the end of the statement, the parent's actions),
//! `AFTER` triggers, and what waits for the end of the request.

mod actions;
mod compatible;
mod deferred;

use backstay_catalog::{ForeignKey, KeyConstraint, Relation};
use backstay_expr::CompareOp;
use backstay_model::{Result, Value};

use super::messages::{self, Shown};
use super::queue::{Item, Queue, Touched};
use super::triggers;
use super::{Cx, key_of};
use crate::eval::matches;
use crate::state::Deferred;
use crate::{Conflicting, Row, RowId};

pub use deferred::finish;

/// Looks at the keys of all rows in the queue, and of those that the actions add to it.
pub(super) fn settle(cx: &Cx<'_>, queue: &mut Queue) -> Result<()> {
    while let Some(item) = queue.pop() {
        let touched = match item {
            Item::Row(touched) => touched,
            Item::Statement(relation, event, set) => {
                triggers::after_statement(cx, queue, &relation, (event, &set))?;
                continue;
            }
        };
        if let Some(old) = &touched.old {
            for (holder, key) in cx.scope.catalog.references_to(touched.relation.id) {
                actions::on_parent(cx, queue, (holder, key), (old, touched.new.as_ref()))?;
            }
        }
        if let Some(new) = &touched.new {
            for key in &touched.relation.foreign_keys {
                on_child(cx, queue, &touched, (key, new))?;
            }
            for key in touched.relation.keys().filter(|key| key.deferrable) {
                on_unique(cx, &touched, (key, new))?;
            }
        }
        triggers::after_row(cx, queue, &touched)?;
    }
    Ok(())
}

fn on_child(
    cx: &Cx<'_>,
    queue: &Queue,
    touched: &Touched,
    (key, new): (&ForeignKey, &Row),
) -> Result<()> {
    let child = &touched.relation;
    let unchanged =
        touched.old.as_ref().is_some_and(|old| same_key(cx, child, &key.columns, (old, new)));
    if unchanged && !(touched.moved && key.deferred) {
        return Ok(());
    }
    if key.deferred {
        let (relation, key) = (child.id, key.name.clone());
        cx.run.state.defer(Deferred::Child { relation, key, id: touched.id });
        return Ok(());
    }
    if queue.acted && !is_current(cx, child, &key.columns, (touched.id, new))? {
        return Ok(());
    }
    demand_parent(cx, child, key, new)
}

/// Is the stored row still the one that was queued, as far as the key goes? If not, the later
/// change is queued as well.
fn is_current(
    cx: &Cx<'_>,
    relation: &Relation,
    columns: &[u16],
    (id, row): (RowId, &Row),
) -> Result<bool> {
    let stored = cx.store.get(relation, id)?;
    Ok(stored.is_some_and(|stored| same_key(cx, relation, columns, (&stored, row))))
}

/// The row must find its parent, unless its key is null.
fn demand_parent(cx: &Cx<'_>, child: &Relation, key: &ForeignKey, row: &[Value]) -> Result<()> {
    let values = key_of(child, &key.columns, row);
    let nulls = values.iter().filter(|value| value.is_null()).count();
    if nulls > 0 {
        return if key.match_full && nulls < values.len() {
            Err(messages::mixed_nulls(child, key))
        } else {
            Ok(())
        };
    }
    let parent = cx.relation(key.target)?;
    let sides = ((child, key.columns.as_slice()), (&**parent, key.target_columns.as_slice()));
    let found = match compatible::converted(cx, sides, values)? {
        Some(values) => cx.store.holds(parent, &key.target_columns, &values)?,
        None => false,
    };
    if found { Ok(()) } else { Err(messages::no_parent(cx, child, key, row)?) }
}

fn on_unique(cx: &Cx<'_>, touched: &Touched, (key, new): (&KeyConstraint, &Row)) -> Result<()> {
    let relation = &touched.relation;
    let unchanged =
        touched.old.as_ref().is_some_and(|old| same_key(cx, relation, &key.columns, (old, new)));
    if unchanged && !touched.moved {
        return Ok(());
    }
    if key.deferred {
        let (relation, key) = (relation.id, key.name.clone());
        cx.run.state.defer(Deferred::Unique { relation, key, id: touched.id });
        return Ok(());
    }
    demand_unique(cx, relation, (key, new))
}

fn demand_unique(
    cx: &Cx<'_>,
    relation: &Relation,
    (key, row): (&KeyConstraint, &Row),
) -> Result<()> {
    let values = key_of(relation, &key.columns, row);
    if values.iter().any(Value::is_null)
        || cx.store.find(relation, &key.columns, &values, 2)?.len() < 2
    {
        return Ok(());
    }
    let shown = Shown::to_role(cx, relation);
    let conflicting = Conflicting::on(key.physical.clone());
    Err(messages::unique(cx, relation, &conflicting, (row, &shown))?)
}

/// Do both rows have the same values in these columns, nulls counting as equal?
fn same_key(cx: &Cx<'_>, relation: &Relation, columns: &[u16], (a, b): (&Row, &Row)) -> bool {
    columns.iter().filter_map(|number| relation.position(*number)).all(|position| {
        match (relation.columns.get(position), a.get(position), b.get(position)) {
            (Some(column), Some(a), Some(b)) => {
                let ty = column.ty.base(cx.scope.env.types());
                (a.is_null() && b.is_null()) || matches(CompareOp::Eq, &ty, a, b) == Some(true)
            }
            _ => false,
        }
    })
}
