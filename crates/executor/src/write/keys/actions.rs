//! What becomes of the rows that refer to a parent row that is deleted or gets another key.
//!
//! Actions are the system's own statements: they pass row security by and show all details, but
//! every other rule of the child holds.

use std::sync::Arc;

use backstay_catalog::{Event, ForeignKey, KeyAction, Relation, Timing};
use backstay_model::{Result, Value};

use super::super::messages::{self, Shown};
use super::super::queue::Queue;
use super::super::triggers::{self, Change};
use super::super::{checks, defaults, key_of, rows, set_column};
use super::{Cx, compatible, same_key};
use crate::state::Deferred;
use crate::{Row, RowId};

/// "All of them", in a form that every database takes as a limit.
const ALL_ROWS: usize = i64::MAX as usize;

/// A foreign key with the relation that holds it.
type Held<'a> = (&'a Arc<Relation>, &'a ForeignKey);

/// The parent row `old` was deleted, or updated to `new`.
pub(super) fn on_parent(
    cx: &Cx<'_>,
    queue: &mut Queue,
    held: Held<'_>,
    (old, new): (&Row, Option<&Row>),
) -> Result<()> {
    let (holder, key) = held;
    let parent = cx.relation(key.target)?;
    let old_key = key_of(parent, &key.target_columns, old);
    if old_key.iter().any(Value::is_null)
        || new.is_some_and(|new| same_key(cx, parent, &key.target_columns, (old, new)))
    {
        return Ok(());
    }
    let action = if new.is_none() { key.on_delete } else { key.on_update };
    match action {
        KeyAction::NoAction if key.deferred => {
            let (holder, key) = (holder.id, key.name.clone());
            cx.run.state.defer(Deferred::Parent { holder, key, old: old.clone() });
            Ok(())
        }
        KeyAction::NoAction => demand_unreferenced(cx, held, old),
        KeyAction::Restrict => {
            if children(cx, held, old_key, 1)?.is_empty() {
                Ok(())
            } else {
                Err(messages::still_referenced(cx, holder, key, old)?)
            }
        }
        KeyAction::Cascade => match new {
            None => {
                triggers::before_statement(cx, queue, holder, (Event::Delete, &[]))?;
                for (id, row) in acting(cx, queue, held, old_key)? {
                    let change = (Timing::Before, Change::delete(&row));
                    if triggers::for_row(cx, holder, change, row.clone())?.is_some() {
                        rows::delete(cx, queue, holder, (id, &row))?;
                    }
                }
                queue.end(holder, Event::Delete, &[]);
                Ok(())
            }
            Some(new) => {
                let sides = (
                    (&**parent, key.target_columns.as_slice()),
                    (&**holder, key.columns.as_slice()),
                );
                let values = key_of(parent, &key.target_columns, new);
                let values = compatible::converted(cx, sides, values)?.unwrap_or_default();
                set_all(cx, queue, held, (old_key, &key.columns, &mut |_| Ok(values.clone())))
            }
        },
        KeyAction::SetNull => {
            let columns = columns_to_set(key, new.is_none());
            let nulls = vec![Value::Null; columns.len()];
            set_all(cx, queue, held, (old_key, columns, &mut |_| Ok(nulls.clone())))
        }
        KeyAction::SetDefault => {
            let columns = columns_to_set(key, new.is_none());
            let mut values = |holder: &Relation| {
                columns
                    .iter()
                    .filter_map(|number| holder.column_by_number(*number))
                    .map(|column| defaults::default_of(cx, column))
                    .collect()
            };
            set_all(cx, queue, held, (old_key, columns, &mut values))?;
            // The default may be the very key that is going away.
            demand_unreferenced(cx, held, old)
        }
    }
}

/// No row may refer to the old parent row, unless another parent row has taken its key.
pub(super) fn demand_unreferenced(cx: &Cx<'_>, held: Held<'_>, old: &Row) -> Result<()> {
    let (holder, key) = held;
    let parent = cx.relation(key.target)?;
    let old_key = key_of(parent, &key.target_columns, old);
    if cx.store.holds(parent, &key.target_columns, &old_key)?
        || children(cx, held, old_key, 1)?.is_empty()
    {
        return Ok(());
    }
    Err(messages::still_referenced(cx, holder, key, old)?)
}

fn columns_to_set(key: &ForeignKey, deleted: bool) -> &[u16] {
    if deleted && !key.set_columns.is_empty() { &key.set_columns } else { &key.columns }
}

fn acting(
    cx: &Cx<'_>,
    queue: &mut Queue,
    held: Held<'_>,
    old_key: Vec<Value>,
) -> Result<Vec<(RowId, Row)>> {
    let children = children(cx, held, old_key, ALL_ROWS)?;
    queue.acted |= !children.is_empty();
    Ok(children)
}

fn children(
    cx: &Cx<'_>,
    (holder, key): Held<'_>,
    old_key: Vec<Value>,
    limit: usize,
) -> Result<Vec<(RowId, Row)>> {
    let parent = cx.relation(key.target)?;
    let sides = ((&**parent, key.target_columns.as_slice()), (&**holder, key.columns.as_slice()));
    match compatible::converted(cx, sides, old_key)? {
        Some(values) => cx.store.find(holder, &key.columns, &values, limit),
        None => Ok(Vec::new()),
    }
}

/// The columns to set and their values, for each row that refers to the key.
type Setting<'s> = (Vec<Value>, &'s [u16], &'s mut dyn FnMut(&Relation) -> Result<Vec<Value>>);

/// Sets columns of all rows that refer to the key.
fn set_all(
    cx: &Cx<'_>,
    queue: &mut Queue,
    held: Held<'_>,
    (old_key, columns, values): Setting<'_>,
) -> Result<()> {
    let (holder, _) = held;
    triggers::before_statement(cx, queue, holder, (Event::Update, columns))?;
    for child in acting(cx, queue, held, old_key)? {
        set(cx, queue, holder, (child, columns, &values(holder)?))?;
    }
    queue.end(holder, Event::Update, columns);
    Ok(())
}

fn set(
    cx: &Cx<'_>,
    queue: &mut Queue,
    holder: &Arc<Relation>,
    ((id, old), columns, values): ((RowId, Row), &[u16], &[Value]),
) -> Result<()> {
    let mut new = old.clone();
    for (column, value) in columns.iter().zip(values) {
        set_column(holder, &mut new, *column, value.clone());
    }
    let change = (Timing::Before, Change::update(columns, &old));
    let Some(mut new) = triggers::for_row(cx, holder, change, new)? else { return Ok(()) };
    defaults::complete(cx, holder, &mut new)?;
    checks::constraints(cx, holder, &new, &Shown::All)?;
    match rows::update(cx, queue, holder, (id, &old, &new, columns))? {
        Ok(_) => Ok(()),
        Err(conflicting) => Err(messages::unique(cx, holder, &conflicting, (&new, &Shown::All))?),
    }
}
