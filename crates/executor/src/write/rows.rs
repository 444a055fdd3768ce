//! Storing single rows, and telling the change feed and the foreign keys of it.

use std::sync::Arc;

use backstay_catalog::Relation;
use backstay_model::{Result, Value};

use super::queue::{Queue, Touched};
use super::triggers::{self, Change};
use super::{Cx, key_of};
use crate::{Conflicting, Row, RowId, WriteEvent};

/// Stores a new row.
pub(super) fn insert(
    cx: &Cx<'_>,
    queue: &mut Queue,
    relation: &Arc<Relation>,
    row: &[Value],
) -> Result<Result<RowId, Conflicting>> {
    let stored = cx.store.insert(relation, row)?;
    let stored = first_in_the_way(cx, relation, (None, row), stored)?;
    if let Ok(id) = stored {
        record(cx, relation, None, Some(row));
        if queue.watches(cx, relation) {
            let mut touched = Touched::new(relation, id, None, Some(row.to_vec()));
            touched.triggers = triggers::due(cx, relation, Change::insert(), touched.new.as_ref())?;
            queue.push(touched);
        }
    }
    Ok(stored)
}

/// Names the first unique key that another row has: a store may meet them in another order than
/// PostgreSQL, where they come as they were made.
fn first_in_the_way(
    cx: &Cx<'_>,
    relation: &Relation,
    (own, row): (Option<RowId>, &[Value]),
    stored: Result<RowId, Conflicting>,
) -> Result<Result<RowId, Conflicting>> {
    let Err(met) = stored else { return Ok(stored) };
    if met.physical == relation.physical {
        return Ok(Err(met));
    }
    for key in relation.keys().filter(|key| !key.deferrable) {
        if key.physical == met.physical {
            break;
        }
        let values = key_of(relation, &key.columns, row);
        if values.iter().any(Value::is_null) {
            continue;
        }
        let same = cx.store.find(relation, &key.columns, &values, 2)?;
        if same.iter().any(|(id, _)| Some(*id) != own) {
            return Ok(Err(Conflicting { physical: key.physical.clone() }));
        }
    }
    Ok(Err(met))
}

/// Replaces a row.
pub(super) fn update(
    cx: &Cx<'_>,
    queue: &mut Queue,
    relation: &Arc<Relation>,
    (id, old, new, set): (RowId, &Row, &Row, &[u16]),
) -> Result<Result<RowId, Conflicting>> {
    let stored = cx.store.update(relation, id, new)?;
    let stored = first_in_the_way(cx, relation, (Some(id), new), stored)?;
    if let Ok(new_id) = stored {
        record(cx, relation, Some(old.as_slice()), Some(new.as_slice()));
        if queue.watches(cx, relation) {
            let mut touched = Touched::new(relation, new_id, Some(old.clone()), Some(new.clone()));
            touched.moved = new_id != id;
            touched.triggers = triggers::due(cx, relation, Change::update(set, old), Some(new))?;
            queue.push(touched);
        }
    }
    Ok(stored)
}

/// Deletes a row.
pub(super) fn delete(
    cx: &Cx<'_>,
    queue: &mut Queue,
    relation: &Arc<Relation>,
    (id, old): (RowId, &Row),
) -> Result<()> {
    cx.store.delete(relation, id)?;
    record(cx, relation, Some(old.as_slice()), None);
    if queue.watches(cx, relation) {
        let mut touched = Touched::new(relation, id, Some(old.clone()), None);
        touched.triggers = triggers::due(cx, relation, Change::delete(old), None)?;
        queue.push(touched);
    }
    Ok(())
}

fn record(cx: &Cx<'_>, relation: &Relation, old: Option<&[Value]>, new: Option<&[Value]>) {
    cx.run.state.record(WriteEvent {
        relation: relation.id,
        old: old.map(<[Value]>::to_vec),
        new: new.map(<[Value]>::to_vec),
    });
}
