//! Writes to views with `INSTEAD OF` triggers: the triggers do all the work.
//!
//! Rows of a view have no identity; `policy` puts the view's own query where the statement reads the
//! rows that it changes ([`Update::from`], [`Delete::using`]).

use std::sync::Arc;

use backstay_catalog::{Event, Relation, Timing};
use backstay_expr::{Delete, Expr, From, Insert, Output, Query, RelId, Select, Update};
use backstay_model::{Error, Result, Value};

use super::insert::each_row;
use super::triggers::{self, Change};
use super::update::{given, is_default};
use super::{Cx, Written, set_column};
use crate::{Row, RowSource};

/// The view, if writes of this kind go to its triggers.
pub(super) fn view_of<'a>(
    cx: &Cx<'a>,
    id: backstay_expr::RelationId,
    event: Event,
) -> Result<Option<&'a Arc<Relation>>> {
    let relation = cx.relation(id)?;
    let fires = relation.triggers_for(Timing::InsteadOf, event, true).next().is_some();
    Ok((relation.view().is_some() && fires).then_some(relation))
}

pub(super) fn insert(cx: &Cx<'_>, insert: &Insert, view: &Arc<Relation>) -> Result<Written> {
    if insert.conflict.is_some() {
        return Err(Error::unsupported("ON CONFLICT on a view with INSTEAD OF triggers"));
    }
    let mut written = Written::default();
    each_row(cx, insert, &mut |cells| {
        let mut row: Row = Vec::with_capacity(view.columns.len());
        for column in &view.columns {
            let at = insert.columns.iter().position(|number| *number == column.number);
            let value = at.and_then(|at| cells.get(at).cloned().flatten());
            row.push(match (value, &column.default) {
                (Some(value), _) => value,
                (None, Some(default)) => cx.eval(default, &[])?,
                (None, None) => Value::Null,
            });
        }
        let change = (Timing::InsteadOf, Change::insert());
        let Some(row) = triggers::for_row(cx, view, change, row)? else { return Ok(()) };
        written.inserted += 1;
        note(cx, &mut written, (insert.rel, view, &insert.returning), row)
    })?;
    Ok(written)
}

pub(super) fn update(cx: &Cx<'_>, update: &Update, view: &Arc<Relation>) -> Result<Written> {
    let set: Vec<u16> = update.set.iter().map(|assignment| assignment.column).collect();
    let values: Vec<Expr> = given(&update.set).map(|one| one.value.clone()).collect();
    let mut query = rows_of((view, update.rel), &update.from, (values, update.filter.as_ref()));
    query.with.clone_from(&update.with);
    let mut written = Written::default();
    for (old, values) in read(cx, &query, view.columns.len())? {
        let mut new = old.clone();
        let mut values = values.into_iter();
        for assignment in &update.set {
            let value = if is_default(&assignment.value) {
                Value::Null
            } else {
                values.next().unwrap_or(Value::Null)
            };
            set_column(view, &mut new, assignment.column, value);
        }
        let change = (Timing::InsteadOf, Change::update(&set, &old));
        let Some(new) = triggers::for_row(cx, view, change, new)? else { continue };
        written.updated += 1;
        note(cx, &mut written, (update.rel, view, &update.returning), new)?;
    }
    Ok(written)
}

pub(super) fn delete(cx: &Cx<'_>, delete: &Delete, view: &Arc<Relation>) -> Result<Written> {
    let mut query =
        rows_of((view, delete.rel), &delete.using, (Vec::new(), delete.filter.as_ref()));
    query.with.clone_from(&delete.with);
    let mut written = Written::default();
    for (old, _) in read(cx, &query, view.columns.len())? {
        let change = (Timing::InsteadOf, Change::delete(&old));
        if triggers::for_row(cx, view, change, old.clone())?.is_none() {
            continue;
        }
        written.deleted += 1;
        note(cx, &mut written, (delete.rel, view, &delete.returning), old)?;
    }
    Ok(written)
}

/// Keeps a row that was written, and what `RETURNING` shows of it.
fn note(
    cx: &Cx<'_>,
    written: &mut Written,
    (rel, relation, returning): (RelId, &Relation, &[Output]),
    row: Row,
) -> Result<()> {
    if !returning.is_empty() {
        let sources = [(rel, RowSource::Stored { relation, row: &row, id: None })];
        written.returning.push(cx.outputs(returning, &sources)?);
    }
    written.view_rows.push(row);
    Ok(())
}

/// The rows of the view that the statement changes, each with the computed values.
fn rows_of(
    (view, rel): (&Relation, RelId),
    from: &[From],
    (values, filter): (Vec<Expr>, Option<&Expr>),
) -> Query {
    let columns = view.columns.iter();
    let outputs = columns
        .map(|column| Expr::column(rel, column.number, column.ty.clone()))
        .chain(values)
        .enumerate()
        .map(|(index, expr)| Output { name: format!("column{}", index + 1), expr })
        .collect();
    let mut select = Select::new(outputs, from.to_vec());
    select.filter = filter.cloned();
    Query::select(select)
}

fn read(cx: &Cx<'_>, query: &Query, width: usize) -> Result<Vec<(Row, Vec<Value>)>> {
    let mut rows = Vec::new();
    cx.store.query(query, &cx.scope, &mut |mut row| {
        let values = row.split_off(width.min(row.len()));
        rows.push((row, values));
        Ok(true)
    })?;
    Ok(rows)
}
