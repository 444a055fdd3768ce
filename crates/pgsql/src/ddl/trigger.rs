//! Triggers.

use std::sync::Arc;

use backstay_catalog::{
    Event, Firing, OLD_ROW, ROW, Relation, RelationKind, Timing, Trigger, TriggerFunction,
};
use backstay_expr::{Expr, visit_expr};
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType as At, CreateTrigStmt, Node, RangeVar};

use super::Draft;
use super::names::{located, qualified, strings, written};
use crate::nodes::each;
use crate::{BindOptions, text};

/// Trigger functions that are built in, with the extension that brings them.
const BUILT_IN: &[(&str, Option<&str>)] = &[
    ("moddatetime", Some("moddatetime")),
    ("tsvector_update_trigger", None),
    ("suppress_redundant_updates_trigger", None),
];

/// `CREATE [OR REPLACE] [CONSTRAINT] TRIGGER`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateTrigStmt) -> Result<()> {
    let relation = relation_of(draft, stmt.relation.as_ref())?;
    let events = events(stmt.events);
    // The bits are PostgreSQL's TRIGGER_TYPE_….
    let timing = match stmt.timing {
        0x02 => Timing::Before,
        0x40 => Timing::InsteadOf,
        _ => Timing::After,
    };
    check_kind(&relation, timing, &events, stmt)?;
    let columns = columns(&relation, &stmt.columns)?;
    let condition = match stmt.when_clause.as_deref().and_then(|node| node.node.as_ref()) {
        Some(node) => Some(condition(draft, &relation, node, (timing, &events, stmt.row))?),
        None => None,
    };
    let (old_table, new_table) = transition_tables(stmt, timing, &events)?;
    let trigger = Trigger {
        name: stmt.trigname.clone(),
        timing,
        events,
        columns,
        row: stmt.row,
        condition,
        function: function(draft, &stmt.funcname)?,
        arguments: each(&stmt.args)
            .filter_map(|argument| match argument {
                NodeEnum::String(text) => Some(text.sval.clone()),
                _ => None,
            })
            .collect(),
        old_table,
        new_table,
        constraint: stmt.isconstraint,
        deferrable: stmt.deferrable,
        deferred: stmt.initdeferred,
        firing: Firing::Origin,
        definition: text::statement_text(&NodeEnum::CreateTrigStmt(Box::new(stmt.clone())))?,
        comment: None,
    };
    let known = relation.triggers.iter().position(|known| known.name == trigger.name);
    if known.is_some() && !stmt.replace {
        return Err(exists(&relation, &trigger.name));
    }
    let triggers = &mut draft.edit_relation(relation.id)?.triggers;
    match known {
        Some(position) => triggers[position] = trigger,
        None => triggers.push(trigger),
    }
    triggers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

fn exists(relation: &Relation, name: &str) -> Error {
    let message = format!("trigger \"{name}\" for relation \"{}\" already exists", relation.name);
    Error::new("42710", message)
}

fn relation_of(draft: &Draft<'_>, range: Option<&RangeVar>) -> Result<Arc<Relation>> {
    draft.relation(range.ok_or_else(|| Error::internal("a trigger without a table"))?)
}

fn events(bits: i32) -> Vec<Event> {
    [(4, Event::Insert), (8, Event::Delete), (16, Event::Update), (32, Event::Truncate)]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, event)| event)
        .collect()
}

fn check_kind(
    relation: &Relation,
    timing: Timing,
    events: &[Event],
    stmt: &CreateTrigStmt,
) -> Result<()> {
    let wrong = |details: &str| {
        let message = format!("\"{}\" is a {}", relation.name, relation.noun());
        Err(Error::new("42809", message).with_details(details.to_owned()))
    };
    let unsupported = |message: &str| Err(Error::new("0A000", message.to_owned()));
    match &relation.kind {
        RelationKind::Table if timing == Timing::InsteadOf => {
            return wrong("Tables cannot have INSTEAD OF triggers.");
        }
        RelationKind::Table => {}
        RelationKind::View(view) if view.materialized => {
            let message = format!("relation \"{}\" cannot have triggers", relation.name);
            return Err(Error::new("42809", message)
                .with_details("This operation is not supported for materialized views."));
        }
        RelationKind::View(_) if stmt.row && timing != Timing::InsteadOf => {
            return wrong("Views cannot have row-level BEFORE or AFTER triggers.");
        }
        RelationKind::View(_) if events.contains(&Event::Truncate) => {
            return wrong("Views cannot have TRUNCATE triggers.");
        }
        RelationKind::View(_) => {}
    }
    if timing == Timing::InsteadOf {
        if !stmt.row {
            return unsupported("INSTEAD OF triggers must be FOR EACH ROW");
        }
        if stmt.when_clause.is_some() {
            return unsupported("INSTEAD OF triggers cannot have WHEN conditions");
        }
        if !stmt.columns.is_empty() {
            return unsupported("INSTEAD OF triggers cannot have column lists");
        }
    }
    if stmt.row && events.contains(&Event::Truncate) {
        return unsupported("TRUNCATE FOR EACH ROW triggers are not supported");
    }
    Ok(())
}

fn columns(relation: &Relation, nodes: &[Node]) -> Result<Vec<u16>> {
    let mut numbers = Vec::new();
    for name in strings(nodes) {
        let column = relation.column(name).ok_or_else(|| {
            let relation = &relation.name;
            let message = format!("column \"{name}\" of relation \"{relation}\" does not exist");
            Error::new("42703", message)
        })?;
        if numbers.contains(&column.number) {
            return Err(Error::new("42701", format!("column \"{name}\" specified more than once")));
        }
        numbers.push(column.number);
    }
    Ok(numbers)
}

fn condition(
    draft: &Draft<'_>,
    relation: &Relation,
    node: &NodeEnum,
    (timing, events, row): (Timing, &[Event], bool),
) -> Result<Expr> {
    let mut binder = draft.binder(BindOptions::default());
    let expr = binder.bind_trigger_condition(node, relation, (true, true))?;
    let (mut old, mut new, mut generated) = (false, false, false);
    visit_expr(&expr, &mut |part| match part {
        Expr::Column { rel, column, .. } => {
            old |= *rel == OLD_ROW;
            new |= *rel == ROW;
            let found = relation.column_by_number(*column);
            generated |= *rel == ROW && found.is_some_and(|column| column.generated.is_some());
        }
        Expr::WholeRow { rel, .. } => {
            old |= *rel == OLD_ROW;
            new |= *rel == ROW;
        }
        _ => {}
    });
    let invalid = |message: &str| Err(Error::new("42P17", message.to_owned()));
    if !row && (old || new) {
        return invalid("statement trigger's WHEN condition cannot reference column values");
    }
    if old && events.contains(&Event::Insert) {
        return invalid("INSERT trigger's WHEN condition cannot reference OLD values");
    }
    if new && events.contains(&Event::Delete) {
        return invalid("DELETE trigger's WHEN condition cannot reference NEW values");
    }
    if generated && timing == Timing::Before {
        return Err(Error::new(
            "0A000",
            "BEFORE trigger's WHEN condition cannot reference NEW generated columns",
        ));
    }
    Ok(expr)
}

fn transition_tables(
    stmt: &CreateTrigStmt,
    timing: Timing,
    events: &[Event],
) -> Result<(Option<String>, Option<String>)> {
    let (mut old, mut new) = (None, None);
    let invalid = |message: &str| Err(Error::new("42P17", message.to_owned()));
    for node in each(&stmt.transition_rels) {
        let NodeEnum::TriggerTransition(table) = node else { continue };
        if timing != Timing::After {
            return invalid("transition table name can only be specified for an AFTER trigger");
        }
        if events.len() > 1 {
            return Err(Error::new(
                "0A000",
                "transition tables cannot be specified for triggers with more than one event",
            ));
        }
        if !stmt.columns.is_empty() {
            return Err(Error::new(
                "0A000",
                "transition tables cannot be specified for triggers with column lists",
            ));
        }
        if table.is_new {
            if events.contains(&Event::Delete) {
                return invalid("NEW TABLE can only be specified for an INSERT or UPDATE trigger");
            }
            new = Some(table.name.clone());
        } else {
            if events.contains(&Event::Insert) {
                return invalid("OLD TABLE can only be specified for a DELETE or UPDATE trigger");
            }
            old = Some(table.name.clone());
        }
    }
    Ok((old, new))
}

fn function(draft: &Draft<'_>, name: &[Node]) -> Result<TriggerFunction> {
    let parts = strings(name);
    let (schema, name) = qualified(&parts);
    let full = written(schema, name);
    let candidates = draft.session.search_path.routines(&draft.catalog, schema, name);
    let found = candidates.into_iter().find(|routine| routine.inputs().next().is_none());
    if let Some(routine) = found {
        if routine.returns.ty != Type::Trigger {
            return Err(Error::new("42P17", format!("function {full} must return type trigger")));
        }
        return Ok(TriggerFunction::Routine(routine.id));
    }
    let known = BUILT_IN.iter().find(|(known, extension)| {
        let there = extension.is_none_or(|one| draft.catalog.extensions.contains_key(one));
        *known == name && there
    });
    match known {
        Some((known, _)) => Ok(TriggerFunction::BuiltIn((*known).to_owned())),
        None => Err(Error::new("42883", format!("function {full}() does not exist"))),
    }
}

/// The position of a trigger.
pub(super) fn find(relation: &Relation, name: &str) -> Result<usize> {
    relation.triggers.iter().position(|trigger| trigger.name == name).ok_or_else(|| {
        let message = format!("trigger \"{name}\" for table \"{}\" does not exist", relation.name);
        Error::new("42704", message)
    })
}

/// `ALTER TRIGGER … RENAME TO`.
pub(super) fn rename(
    draft: &mut Draft<'_>,
    range: Option<&RangeVar>,
    (from, to): (&str, &str),
) -> Result<()> {
    let relation = relation_of(draft, range)?;
    let position = find(&relation, from)?;
    if relation.triggers.iter().any(|trigger| trigger.name == to) {
        return Err(exists(&relation, to));
    }
    let triggers = &mut draft.edit_relation(relation.id)?.triggers;
    to.clone_into(&mut triggers[position].name);
    triggers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

/// `COMMENT ON TRIGGER`.
pub(super) fn comment(
    draft: &mut Draft<'_>,
    relation: &Relation,
    (name, comment): (&str, Option<String>),
) -> Result<()> {
    let position = find(relation, name)?;
    draft.edit_relation(relation.id)?.triggers[position].comment = comment;
    Ok(())
}

/// `ALTER TABLE … ENABLE | DISABLE TRIGGER name | ALL | USER`, if it is that.
pub(super) fn enable(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
) -> Result<bool> {
    let firing = match command.subtype() {
        At::AtEnableTrig | At::AtEnableTrigAll | At::AtEnableTrigUser => Firing::Origin,
        At::AtEnableAlwaysTrig => Firing::Always,
        At::AtEnableReplicaTrig => Firing::Replica,
        At::AtDisableTrig | At::AtDisableTrigAll | At::AtDisableTrigUser => Firing::Disabled,
        _ => return Ok(false),
    };
    let all = matches!(
        command.subtype(),
        At::AtEnableTrigAll | At::AtEnableTrigUser | At::AtDisableTrigAll | At::AtDisableTrigUser
    );
    if all {
        for trigger in &mut draft.edit_relation(relation.id)?.triggers {
            trigger.firing = firing;
        }
        return Ok(true);
    }
    let position = find(relation, &command.name).map_err(|error| located(error, -1))?;
    draft.edit_relation(relation.id)?.triggers[position].firing = firing;
    Ok(true)
}
