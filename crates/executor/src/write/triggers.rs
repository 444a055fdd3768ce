//! Firing triggers.

use std::sync::Arc;

use backstay_catalog::{Event, OLD_ROW, ROW, Relation, Timing, Trigger, TriggerFunction};
use backstay_model::{Error, Result, Value};

use super::Cx;
use super::queue::{Queue, Touched};
use crate::plpgsql::Fired;
use crate::state::Deferred;
use crate::{Row, RowId, RowSource, routine};

mod built_in;

/// A row and what becomes of it.
#[derive(Clone, Copy)]
pub(super) struct Change<'r> {
    pub(super) event: Event,
    /// The columns that an update sets.
    pub(super) set: &'r [u16],
    pub(super) old: Option<&'r Row>,
}

impl<'r> Change<'r> {
    /// A new row.
    pub(super) fn insert() -> Self {
        Self { event: Event::Insert, set: &[], old: None }
    }

    /// Another form of a row.
    pub(super) fn update(set: &'r [u16], old: &'r Row) -> Self {
        Self { event: Event::Update, set, old: Some(old) }
    }

    /// The end of a row.
    pub(super) fn delete(old: &'r Row) -> Self {
        Self { event: Event::Delete, set: &[], old: Some(old) }
    }
}

/// Does a row of the relation have to be finished before the next one is looked at?
pub(super) fn one_by_one(relation: &Relation, event: Event) -> bool {
    relation.triggers_for(Timing::Before, event, true).next().is_some()
}

/// Fires `BEFORE` (or `INSTEAD OF`) triggers for a row, each getting the row of the one before.
/// `None`: the row is left out. For a delete `row` is the old one.
pub(super) fn for_row(
    cx: &Cx<'_>,
    relation: &Relation,
    (timing, change): (Timing, Change<'_>),
    row: Row,
) -> Result<Option<Row>> {
    let mut row = row;
    let mut fires = relation.triggers_for(timing, change.event, true).peekable();
    if fires.peek().is_some() && timing == Timing::Before && change.event != Event::Delete {
        // They are computed afterwards.
        for (column, value) in relation.columns.iter().zip(&mut row) {
            if column.generated.is_some() {
                *value = Value::Null;
            }
        }
    }
    for trigger in fires {
        if !trigger.meets(change.event, change.set) {
            continue;
        }
        let new = (change.event != Event::Delete).then_some(&row);
        if !holds(cx, relation, trigger, (change.old, new))? {
            continue;
        }
        let fired = Fired {
            relation,
            trigger,
            event: change.event,
            old: change.old,
            new,
            tables: (&[], &[]),
        };
        match fire(cx, fired)? {
            Some(next) => row = next,
            None => return Ok(None),
        }
    }
    Ok(Some(row))
}

/// The triggers before an update or delete must have left the row itself alone.
pub(super) fn demand_untouched(
    cx: &Cx<'_>,
    relation: &Relation,
    (event, id, old): (Event, RowId, &Row),
) -> Result<()> {
    if !one_by_one(relation, event) || cx.store.get(relation, id)?.as_ref() == Some(old) {
        return Ok(());
    }
    let done = if event == Event::Delete { "deleted" } else { "updated" };
    let message = format!(
        "tuple to be {done} was already modified by an operation triggered by the current command"
    );
    Err(Error::new("27000", message).with_hint(
        "Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.",
    ))
}

/// Fires `BEFORE STATEMENT` triggers, once in a statement.
pub(super) fn before_statement(
    cx: &Cx<'_>,
    queue: &mut Queue,
    relation: &Relation,
    (event, set): (Event, &[u16]),
) -> Result<()> {
    if relation.triggers.is_empty() || !queue.begins(relation.id, event) {
        return Ok(());
    }
    for trigger in relation.triggers_for(Timing::Before, event, false) {
        fire_for_statement(cx, relation, (trigger, event, set), (&[], &[]))?;
    }
    Ok(())
}

/// Fires `AFTER STATEMENT` triggers.
pub(super) fn after_statement(
    cx: &Cx<'_>,
    queue: &Queue,
    relation: &Relation,
    (event, set): (Event, &[u16]),
) -> Result<()> {
    for trigger in relation.triggers_for(Timing::After, event, false) {
        let tables = queue.tables(relation.id, event);
        fire_for_statement(cx, relation, (trigger, event, set), tables)?;
    }
    Ok(())
}

fn fire_for_statement(
    cx: &Cx<'_>,
    relation: &Relation,
    (trigger, event, set): (&Trigger, Event, &[u16]),
    tables: (&[Row], &[Row]),
) -> Result<()> {
    if !trigger.meets(event, set) || !holds(cx, relation, trigger, (None, None))? {
        return Ok(());
    }
    fire(cx, Fired { relation, trigger, event, old: None, new: None, tables }).map(|_| ())
}

/// The `AFTER` triggers that a written row fires, by their names; their conditions are tested now.
pub(super) fn due(
    cx: &Cx<'_>,
    relation: &Relation,
    change: Change<'_>,
    new: Option<&Row>,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for trigger in relation.triggers_for(Timing::After, change.event, true) {
        if trigger.meets(change.event, change.set)
            && holds(cx, relation, trigger, (change.old, new))?
        {
            names.push(trigger.name.clone());
        }
    }
    Ok(names)
}

/// Fires the `AFTER` triggers of a row, or puts them off to the end of the request.
pub(super) fn after_row(cx: &Cx<'_>, queue: &Queue, touched: &Touched) -> Result<()> {
    let relation = &touched.relation;
    for name in &touched.triggers {
        let Some(trigger) = relation.triggers.iter().find(|known| known.name == *name) else {
            continue;
        };
        if trigger.deferred {
            cx.run.state.defer(Deferred::Trigger {
                relation: relation.id,
                trigger: name.clone(),
                event: touched.event(),
                old: touched.old.clone(),
                new: touched.new.clone(),
            });
            continue;
        }
        let tables = queue.tables(relation.id, touched.event());
        let fired = Fired {
            relation,
            trigger,
            event: touched.event(),
            old: touched.old.as_ref(),
            new: touched.new.as_ref(),
            tables,
        };
        fire(cx, fired)?;
    }
    Ok(())
}

/// Fires a trigger that was put off.
pub(super) fn deferred(
    cx: &Cx<'_>,
    relation: &Arc<Relation>,
    (name, event): (&str, Event),
    (old, new): (Option<&Row>, Option<&Row>),
) -> Result<()> {
    match relation.triggers.iter().find(|known| known.name == name) {
        Some(trigger) => {
            fire(cx, Fired { relation, trigger, event, old, new, tables: (&[], &[]) }).map(|_| ())
        }
        None => Ok(()),
    }
}

/// `WHEN`.
fn holds(
    cx: &Cx<'_>,
    relation: &Relation,
    trigger: &Trigger,
    (old, new): (Option<&Row>, Option<&Row>),
) -> Result<bool> {
    let Some(condition) = &trigger.condition else { return Ok(true) };
    let stored = |row: Option<&'_ Row>| row.map_or(&[][..], Vec::as_slice).to_vec();
    let (old, new) = (stored(old), stored(new));
    let rows = [
        (OLD_ROW, RowSource::Stored { relation, row: &old, id: None }),
        (ROW, RowSource::Stored { relation, row: &new, id: None }),
    ];
    Ok(cx.truth(condition, &rows)? == Some(true))
}

fn fire(cx: &Cx<'_>, fired: Fired<'_>) -> Result<Option<Row>> {
    match &fired.trigger.function {
        TriggerFunction::Routine(function) => {
            let row = routine::fire(*function, fired, (&cx.scope, cx.store))?;
            if row.is_some() && fired.trigger.row && fired.event == Event::Delete {
                return Ok(fired.old.cloned());
            }
            // A statement's trigger returns nothing that anybody looks at.
            Ok(row)
        }
        TriggerFunction::BuiltIn(name) => built_in::run(cx, name, fired),
    }
}

/// What a built-in trigger function says when it is misused.
fn misused(name: &str, what: &str) -> Error {
    Error::new("39P01", format!("{name}: {what}"))
}
