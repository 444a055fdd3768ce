//! The interpreter of PL/pgSQL.
//!
//! A body is read once ([`Compiled`]); its expressions and statements are bound and authorized when
//! they first run, and again when the catalogue or the shape of a record they use has changed. It
//! runs in the caller's transaction, and reaches it through a [`World`] only, since a `DO` block may
//! change the schema under its own feet.

mod assign;
mod bound;
mod cursors;
mod diagnostics;
mod flow;
mod frame;
mod raise;
mod rows;
mod statements;
mod world;

use std::sync::Arc;

use backstay_catalog::{ArgumentMode, Relation, Routine};
use backstay_model::{Error, Result, Type, Value};
use backstay_pgsql::plpgsql::TriggerSlots;

use crate::Row;
use flow::Flow;
use frame::{Frame, Shape};

pub use bound::Compiled;
pub use world::{Inside, World};

/// What a trigger function is called for.
#[derive(Clone, Copy)]
pub(crate) struct Fired<'a> {
    pub(crate) relation: &'a Relation,
    pub(crate) trigger: &'a backstay_catalog::Trigger,
    pub(crate) event: backstay_catalog::Event,
    pub(crate) old: Option<&'a Row>,
    pub(crate) new: Option<&'a Row>,
    /// The rows of the whole statement, old and new, where the trigger looks back on them.
    pub(crate) tables: (&'a [Row], &'a [Row]),
}

/// A running body.
pub(crate) struct Interpreter<'w> {
    world: &'w dyn World,
    compiled: &'w Compiled,
    routine: Option<&'w Routine>,
    frame: Frame,
    cursors: cursors::Cursors,
    /// Errors that are being handled, innermost last.
    handled: Vec<Error>,
    row_count: u64,
    /// `RETURN`'s value.
    result: Option<Value>,
    /// Rows of `RETURN NEXT` and `RETURN QUERY`.
    rows: Vec<Row>,
    line: usize,
}

impl<'w> Interpreter<'w> {
    fn new(world: &'w dyn World, compiled: &'w Compiled, routine: Option<&'w Routine>) -> Self {
        Self {
            world,
            compiled,
            routine,
            frame: Frame::new(&compiled.program),
            cursors: cursors::Cursors::default(),
            handled: Vec::new(),
            row_count: 0,
            result: None,
            rows: Vec::new(),
            line: 0,
        }
    }

    fn run(&mut self) -> Result<()> {
        let compiled = self.compiled;
        match self.block(&compiled.program.body)? {
            Flow::Return => Ok(()),
            Flow::Next | Flow::Exit(_) | Flow::Again(_) => self.fell_off(),
        }
    }

    /// The end was reached without `RETURN`.
    fn fell_off(&self) -> Result<()> {
        let Some(routine) = self.routine else { return Ok(()) };
        let through_arguments = routine.arguments.iter().any(|argument| {
            matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table)
        });
        if routine.returns.set || routine.returns.ty == Type::Void || through_arguments {
            return Ok(());
        }
        let what =
            if routine.returns.ty == Type::Trigger { "trigger procedure" } else { "function" };
        Err(Error::new("2F005", format!("control reached end of {what} without RETURN")))
    }
}

/// Runs a `DO` block.
///
/// # Errors
/// As its statements raise.
pub fn run_block(world: &dyn World, compiled: &Compiled) -> Result<()> {
    Interpreter::new(world, compiled, None).run()
}

/// Calls a function; gives its value, or the rows of a set.
///
/// # Errors
/// As its statements raise.
pub fn call(
    world: &dyn World,
    (compiled, routine): (&Compiled, &Routine),
    args: &[Value],
) -> Result<(Value, Vec<Row>)> {
    let mut interpreter = Interpreter::new(world, compiled, Some(routine));
    let mut given = args.iter();
    for (slot, argument) in routine.arguments.iter().enumerate() {
        if matches!(argument.mode, ArgumentMode::Out | ArgumentMode::Table) {
            continue;
        }
        interpreter.frame.values[slot] = given.next().cloned().unwrap_or(Value::Null);
    }
    interpreter.run()?;
    if routine.returns.set {
        return Ok((Value::Null, interpreter.rows));
    }
    let value = match interpreter.result.take() {
        Some(value) => value,
        None => interpreter.out_row(routine),
    };
    Ok((value, Vec::new()))
}

/// Calls a trigger function; gives the row that it returns, as wide as the relation.
///
/// # Errors
/// As its statements raise.
pub(crate) fn call_trigger(
    world: &dyn World,
    (compiled, routine): (&Compiled, &Routine),
    fired: Fired<'_>,
) -> Result<Option<Row>> {
    let mut interpreter = Interpreter::new(world, compiled, Some(routine));
    let slots = compiled
        .program
        .trigger
        .ok_or_else(|| Error::internal("a trigger function without its variables"))?;
    interpreter.set_trigger_variables(slots, fired);
    interpreter.run()?;
    match interpreter.result.take() {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Record(row)) if row.len() == fired.relation.columns.len() => Ok(Some(row)),
        Some(_) => Err(Error::new(
            "42804",
            "returned row structure does not match the structure of the triggering table",
        )),
    }
}

impl Interpreter<'_> {
    /// What the arguments hold that are results.
    fn out_row(&self, routine: &Routine) -> Value {
        let mut values: Vec<Value> = routine
            .arguments
            .iter()
            .enumerate()
            .filter(|(_, argument)| {
                matches!(
                    argument.mode,
                    ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table
                )
            })
            .map(|(slot, _)| self.frame.values[slot].clone())
            .collect();
        match (values.len(), routine.returns.columns.is_empty()) {
            (0, _) => Value::Null,
            (1, true) => values.swap_remove(0),
            _ => Value::Record(values),
        }
    }

    fn set_trigger_variables(&mut self, slots: TriggerSlots, fired: Fired<'_>) {
        let Fired { relation, trigger, event, .. } = fired;
        let text = |text: &str| Value::text(text);
        let arguments = trigger.arguments.iter().map(Value::text).collect::<Vec<_>>();
        let count = i64::try_from(arguments.len()).unwrap_or(i64::MAX);
        let known = [
            text(&trigger.name),
            text(trigger.timing.name()),
            text(if trigger.row { "ROW" } else { "STATEMENT" }),
            text(event.name()),
            Value::Int(i64::from(relation.id.0)),
            text(&relation.name),
            text(&relation.name),
            text(&relation.schema),
            Value::Int(count),
            Value::Array(backstay_model::Array::from_elements(arguments)),
        ];
        for (offset, value) in known.into_iter().enumerate() {
            self.frame.values[slots.first + offset] = value;
        }
        if trigger.row {
            let shape = Arc::new(Shape::of_relation(relation));
            let row = |row: Option<&Row>| row.map_or(Value::Null, |row| Value::Record(row.clone()));
            for (slot, row) in [(slots.new, row(fired.new)), (slots.new + 1, row(fired.old))] {
                self.frame.values[slot] = row;
                self.frame.shapes[slot] = Some(Arc::clone(&shape));
            }
        }
        for (slot, rows) in [fired.tables.0, fired.tables.1].into_iter().enumerate() {
            let records = rows.iter().cloned().map(Value::Record).collect();
            let array = backstay_model::Array::from_elements(records);
            self.frame.values[compiled_tables(self.compiled) + slot] = Value::Array(array);
        }
    }
}

/// Where the rows of the statement stand among the values: behind all variables.
fn compiled_tables(compiled: &Compiled) -> usize {
    compiled.program.variables.len()
}
