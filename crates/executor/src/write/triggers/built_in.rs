//! Trigger functions that are built in.

use backstay_catalog::{Column, Event, Relation, Timing};
use backstay_expr::Expr;
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::io;

use super::misused;
use crate::plpgsql::Fired;
use crate::write::{Cx, set_column};
use crate::{Row, RowSource};

/// Runs one of them.
pub(super) fn run(cx: &Cx<'_>, name: &str, fired: Fired<'_>) -> Result<Option<Row>> {
    match name {
        "moddatetime" => moddatetime(cx, fired).map(Some),
        "tsvector_update_trigger" => tsvector_update(cx, fired).map(Some),
        "suppress_redundant_updates_trigger" => Ok(suppressed(fired)),
        other => Err(Error::internal(format!("no built-in trigger function {other}"))),
    }
}

fn new_row(name: &str, fired: Fired<'_>) -> Result<Row> {
    if !fired.trigger.row {
        return Err(misused(name, "must be fired for row"));
    }
    if fired.trigger.timing != Timing::Before {
        return Err(misused(name, "must be fired before event"));
    }
    fired.new.cloned().ok_or_else(|| misused(name, "cannot process DELETE events"))
}

fn column<'r>(relation: &'r Relation, name: &str) -> Result<&'r Column> {
    relation.column(name).ok_or_else(|| {
        Error::new("42703", format!("\"{}\" has no attribute \"{name}\"", relation.name))
    })
}

/// Sets a column to the time of the transaction.
fn moddatetime(cx: &Cx<'_>, fired: Fired<'_>) -> Result<Row> {
    let mut row = new_row("moddatetime", fired)?;
    let [name] = fired.trigger.arguments.as_slice() else {
        return Err(Error::new(
            "XX000",
            format!("moddatetime ({}): A single argument was expected", fired.relation.name),
        ));
    };
    let column = column(fired.relation, name)?;
    let now = cx.scope.env.now_micros();
    let value = match column.ty.base(cx.scope.env.types()) {
        Type::TimestampTz => Value::Timestamp(now),
        Type::Timestamp => {
            let text = io::output(cx.scope.env, &Type::TimestampTz, &Value::Timestamp(now))?;
            io::input(cx.scope.env, &Type::Timestamp, None, &text)?
        }
        _ => {
            return Err(Error::new(
                "42804",
                format!(
                    "attribute \"{name}\" of \"{}\" must be type TIMESTAMP or TIMESTAMPTZ",
                    fired.relation.name
                ),
            ));
        }
    };
    set_column(fired.relation, &mut row, column.number, value);
    Ok(row)
}

/// `tsvector_update_trigger(column, configuration, text column, …)`.
fn tsvector_update(cx: &Cx<'_>, fired: Fired<'_>) -> Result<Row> {
    let mut row = new_row("tsvector_update_trigger", fired)?;
    let relation = fired.relation;
    let [target, configuration, sources @ ..] = fired.trigger.arguments.as_slice() else {
        return Err(misused(
            "tsvector_update_trigger",
            "arguments must be tsvector_field, ts_config, text_field1, ...)",
        ));
    };
    let target = column(relation, target)?;
    let mut text = String::new();
    for name in sources {
        let position = relation.position(column(relation, name)?.number);
        if let Some(part) = position.and_then(|at| row.get(at)).and_then(Value::as_str) {
            text.push_str(part);
            text.push(' ');
        }
    }
    let configuration = configuration.rsplit('.').next().unwrap_or(configuration);
    let call = Expr::Call {
        symbol: "to_tsvector(text,text)".into(),
        args: vec![
            Expr::constant(Value::text(configuration), Type::Text),
            Expr::constant(Value::text(text), Type::Text),
        ],
        ty: Type::TsVector,
    };
    let value = cx.eval(&call, &[(backstay_catalog::ROW, RowSource::Plain(&[]))])?;
    set_column(relation, &mut row, target.number, value);
    Ok(row)
}

/// Leaves an update out that changes nothing.
fn suppressed(fired: Fired<'_>) -> Option<Row> {
    let same = fired.event == Event::Update && fired.old == fired.new;
    if same { None } else { fired.new.or(fired.old).cloned() }
}
