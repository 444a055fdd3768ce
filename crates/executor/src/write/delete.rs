//! `DELETE`.

use std::sync::Arc;

use backstay_catalog::{Event, Relation, Timing};
use backstay_expr::Delete;
use backstay_model::{Result, Value};

use super::queue::Queue;
use super::targets::{self, CARRIED, Choice, Target, Targets};
use super::triggers::{self, Change};
use super::{Cx, Written, instead, keys, rows};
use crate::{Row, RowId, RowSource, Scope, Store};

/// Sees which rows are chosen, in order, while they are still there.
pub type Look<'l> = dyn FnMut(&[RowId]) -> Result<()> + 'l;

/// Runs a delete. `look` sees which rows go, in order, before any of them is gone; a representation
/// with embedded rows is read there.
///
/// # Errors
/// As PostgreSQL raises, and as `look` raises.
pub fn delete_after(
    delete: &Delete,
    scope: &Scope<'_>,
    store: &dyn Store,
    look: Option<&mut Look<'_>>,
) -> Result<Written> {
    let cx = Cx::new(scope, store)?;
    if let Some(view) = instead::view_of(&cx, delete.relation, Event::Delete)? {
        cx.demand_writable("DELETE")?;
        return instead::delete(&cx, delete, view);
    }
    let relation = cx.table(delete.relation, "delete from")?;
    cx.demand_writable("DELETE")?;
    if !triggers::one_by_one(relation, Event::Delete) {
        return together(&cx, delete, relation, look);
    }
    if let Some(look) = look {
        // Which rows the triggers keep is known only afterwards.
        let depth = cx.run.state.enter_savepoint();
        let mark = cx.run.state.mark();
        store.savepoint(depth)?;
        let tried = one_by_one(&cx, delete, relation);
        store.roll_back(depth)?;
        cx.run.state.cut_back(mark);
        cx.run.state.leave_savepoint();
        look(&tried?.ids)?;
    }
    one_by_one(&cx, delete, relation)
}

fn choose(cx: &Cx<'_>, delete: &Delete, relation: &Relation) -> Targets {
    targets::choose(
        cx,
        Choice {
            with: &delete.with,
            relation,
            rel: delete.rel,
            row_filter: delete.policy.row_filter.as_ref(),
            from: &delete.using,
            filter: delete.filter.as_ref(),
            values: Vec::new(),
            returning: &delete.returning,
        },
    )
}

fn returned(
    cx: &Cx<'_>,
    delete: &Delete,
    (relation, targets): (&Relation, &Targets),
    (id, row, carried): (RowId, &Row, &[Value]),
) -> Result<Option<Vec<Value>>> {
    if targets.returning.is_empty() {
        return Ok(None);
    }
    let sources = [
        (delete.rel, RowSource::Stored { relation, row, id: Some(id) }),
        (CARRIED, RowSource::Plain(carried)),
    ];
    cx.outputs(&targets.returning, &sources).map(Some)
}

/// Looks at all rows before the first of them goes.
fn together(
    cx: &Cx<'_>,
    delete: &Delete,
    relation: &Arc<Relation>,
    look: Option<&mut Look<'_>>,
) -> Result<Written> {
    let mut queue = Queue::default();
    triggers::before_statement(cx, &mut queue, relation, (Event::Delete, &[]))?;
    let mut targets = choose(cx, delete, relation);
    let mut written = Written::default();
    let mut chosen: Vec<(RowId, Row)> = Vec::with_capacity(targets.rows.len());
    for Target { id, carried, .. } in std::mem::take(&mut targets.rows) {
        let Some(row) = cx.store.get(relation, id)? else { continue };
        let values = returned(cx, delete, (relation, &targets), (id, &row, &carried))?;
        written.returning.extend(values);
        written.ids.push(id);
        chosen.push((id, row));
    }
    if let Some(failure) = targets.failure {
        return Err(failure);
    }
    if let Some(look) = look {
        look(&written.ids)?;
    }
    for (id, row) in chosen {
        rows::delete(cx, &mut queue, relation, (id, &row))?;
        written.deleted += 1;
        written.old_rows.push(row);
    }
    queue.end(relation, Event::Delete, &[]);
    keys::settle(cx, &mut queue)?;
    Ok(written)
}

/// Deletes one row after the other, since a trigger may keep a row.
fn one_by_one(cx: &Cx<'_>, delete: &Delete, relation: &Arc<Relation>) -> Result<Written> {
    let mut queue = Queue::default();
    triggers::before_statement(cx, &mut queue, relation, (Event::Delete, &[]))?;
    let mut targets = choose(cx, delete, relation);
    let mut written = Written::default();
    for Target { id, carried, .. } in std::mem::take(&mut targets.rows) {
        let Some(row) = cx.store.get(relation, id)? else { continue };
        let change = (Timing::Before, Change::delete(&row));
        if triggers::for_row(cx, relation, change, row.clone())?.is_none() {
            continue;
        }
        triggers::demand_untouched(cx, relation, (Event::Delete, id, &row))?;
        let values = returned(cx, delete, (relation, &targets), (id, &row, &carried))?;
        written.returning.extend(values);
        rows::delete(cx, &mut queue, relation, (id, &row))?;
        written.ids.push(id);
        written.deleted += 1;
        written.old_rows.push(row);
    }
    if let Some(failure) = targets.failure {
        return Err(failure);
    }
    queue.end(relation, Event::Delete, &[]);
    keys::settle(cx, &mut queue)?;
    Ok(written)
}
