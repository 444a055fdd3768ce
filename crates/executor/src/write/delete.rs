//! `DELETE`.

use backstay_expr::Delete;
use backstay_model::Result;

use super::queue::Queue;
use super::targets::{self, CARRIED, Choice, Target};
use super::{Cx, Written, keys, rows};
use crate::{Row, RowId, RowSource, Scope, Store};

/// Runs a delete. `look` sees which rows are chosen, in order, before any of them is gone; a
/// representation with embedded rows is read there.
///
/// # Errors
/// As PostgreSQL raises, and as `look` raises.
pub fn delete_after(
    delete: &Delete,
    scope: &Scope<'_>,
    store: &dyn Store,
    look: &mut dyn FnMut(&[RowId]) -> Result<()>,
) -> Result<Written> {
    let cx = Cx::new(scope, store)?;
    let relation = cx.table(delete.relation, "delete from")?;
    cx.demand_writable("DELETE")?;
    let targets = targets::choose(
        &cx,
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
    );
    let mut written = Written::default();
    let mut chosen: Vec<(RowId, Row)> = Vec::with_capacity(targets.rows.len());
    for Target { id, carried, .. } in targets.rows {
        let Some(row) = store.get(relation, id)? else { continue };
        if !targets.returning.is_empty() {
            let sources = [
                (delete.rel, RowSource::Stored { relation, row: &row, id: Some(id) }),
                (CARRIED, RowSource::Plain(&carried)),
            ];
            written.returning.push(cx.outputs(&targets.returning, &sources)?);
        }
        written.ids.push(id);
        chosen.push((id, row));
    }
    if let Some(failure) = targets.failure {
        return Err(failure);
    }
    look(&written.ids)?;
    let mut queue = Queue::default();
    for (id, row) in chosen {
        rows::delete(&cx, &mut queue, relation, (id, &row))?;
        written.deleted += 1;
        written.old_rows.push(row);
    }
    keys::settle(&cx, &mut queue)?;
    Ok(written)
}
