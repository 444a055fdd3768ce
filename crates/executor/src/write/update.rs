//! `UPDATE`.

use std::sync::Arc;

use backstay_catalog::{Event, Relation, Timing};
use backstay_expr::{Assignment, Expr, Update};
use backstay_model::{Result, Value};

use super::messages::{self, Shown};
use super::queue::Queue;
use super::targets::{self, CARRIED, Choice, Target, Targets};
use super::triggers::{self, Change};
use super::{Cx, Written, checks, defaults, instead, keys, rows, set_column};
use crate::{Row, RowId, RowSource};

/// A row that passed its tests and waits to be stored.
struct Prepared {
    id: RowId,
    old: Row,
    new: Row,
    returning: Option<Vec<Value>>,
}

/// Runs an update.
pub(super) fn update(update: &Update, cx: Cx<'_>) -> Result<Written> {
    if let Some(view) = instead::view_of(&cx, update.relation, Event::Update)? {
        cx.demand_writable("UPDATE")?;
        return instead::update(&cx, update, view);
    }
    let relation = cx.table(update.relation, "update")?;
    refuse_computed(relation, &update.set)?;
    cx.demand_writable("UPDATE")?;
    let set: Vec<u16> = update.set.iter().map(|assignment| assignment.column).collect();
    let mut queue = Queue::default();
    triggers::before_statement(&cx, &mut queue, relation, (Event::Update, &set))?;
    let mut targets = targets::choose(
        &cx,
        Choice {
            with: &update.with,
            relation,
            rel: update.rel,
            row_filter: update.policy.row_filter.as_ref(),
            from: &update.from,
            filter: update.filter.as_ref(),
            values: given(&update.set).map(|assignment| assignment.value.clone()).collect(),
            returning: &update.returning,
        },
    );
    let shown = Shown::to_writer(&cx, relation, update.policy.binds, &set);
    let mut written = Written::default();
    let mut place = |Prepared { id, old, new, returning }: Prepared| {
        match rows::update(&cx, &mut queue, relation, (id, &old, &new, &set))? {
            Ok(id) => written.ids.push(id),
            Err(conflicting) => {
                return Err(messages::unique(&cx, relation, &conflicting, (&new, &shown))?);
            }
        }
        written.updated += 1;
        written.returning.extend(returning);
        Ok(())
    };
    let one_by_one = triggers::one_by_one(relation, Event::Update);
    let mut prepared = Vec::with_capacity(if one_by_one { 0 } else { targets.rows.len() });
    let outcome =
        std::mem::take(&mut targets.rows).into_iter().try_for_each(|target| {
            match prepare(&cx, update, relation, (target, &targets, &shown, &set))? {
                Some(row) if one_by_one => place(row),
                row => {
                    prepared.extend(row);
                    Ok(())
                }
            }
        });
    prepared.into_iter().try_for_each(&mut place)?;
    outcome?;
    if let Some(failure) = targets.failure {
        return Err(failure);
    }
    queue.end(relation, Event::Update, &set);
    keys::settle(&cx, &mut queue)?;
    Ok(written)
}

/// The assignments whose value the query computes.
pub(super) fn given(set: &[Assignment]) -> impl Iterator<Item = &Assignment> {
    set.iter().filter(|assignment| !is_default(&assignment.value))
}

pub(super) fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Default { .. })
}

/// Identity columns that are always generated, and generated columns, take only `DEFAULT`.
pub(super) fn refuse_computed(relation: &Relation, set: &[Assignment]) -> Result<()> {
    given(set)
        .filter_map(|given| relation.column_by_number(given.column))
        .try_for_each(backstay_catalog::Column::check_updatable)
}

fn prepare(
    cx: &Cx<'_>,
    update: &Update,
    relation: &Arc<Relation>,
    (target, targets, shown, set): (Target, &Targets, &Shown, &[u16]),
) -> Result<Option<Prepared>> {
    let Target { id, values, carried } = target;
    let Some(old) = cx.store.get(relation, id)? else { return Ok(None) };
    let mut new = old.clone();
    let mut values = values.into_iter();
    for assignment in &update.set {
        let value = if is_default(&assignment.value) {
            match relation.column_by_number(assignment.column) {
                Some(column) => defaults::default_of(cx, column)?,
                None => continue,
            }
        } else {
            values.next().unwrap_or(Value::Null)
        };
        set_column(relation, &mut new, assignment.column, value);
    }
    let change = (Timing::Before, Change::update(set, &old));
    let Some(mut new) = triggers::for_row(cx, relation, change, new)? else { return Ok(None) };
    triggers::demand_untouched(cx, relation, (Event::Update, id, &old))?;
    defaults::complete(cx, relation, &mut new)?;
    let policies = &update.policy.update_checks;
    checks::row_security(cx, relation, policies, (update.rel, &new, Some(id)))?;
    checks::constraints(cx, relation, &new, shown)?;
    let returning = if targets.returning.is_empty() {
        None
    } else {
        let sources = [
            (update.rel, RowSource::Stored { relation, row: &new, id: Some(id) }),
            (CARRIED, RowSource::Plain(&carried)),
        ];
        Some(cx.outputs(&targets.returning, &sources)?)
    };
    Ok(Some(Prepared { id, old, new, returning }))
}
