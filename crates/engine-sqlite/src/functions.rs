//! The functions that lowered SQL calls, registered when a statement first needs them.

mod aggregates;
mod fixed;

use std::cell::RefCell;
use std::collections::HashSet;

use backstay_expr::Expr;
use backstay_model::{Error, Result, Type, Value};
use backstay_scalar::{Call, Function, table};
use backstay_sql::{Needed, NeededKind};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Owned;

use crate::evaluate::evaluate;
use crate::frame::{Frame, compute};
use crate::{failure, rows, stored};

/// The functions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: RefCell<HashSet<(String, usize)>>,
}

impl Registry {
    /// Registers the functions that every connection has.
    pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<Self> {
        fixed::register(connection)?;
        Ok(Self::default())
    }

    /// Registers what a statement needs and the connection lacks.
    ///
    /// # Errors
    /// `42883` for a symbol that is no function; `0A000` for one that only engines compute.
    pub(crate) fn ensure(&self, connection: &Connection, needed: &[Needed]) -> Result<()> {
        for function in needed {
            let key = (function.name.clone(), function.arity);
            if self.known.borrow().contains(&key) {
                continue;
            }
            register(connection, function)?;
            self.known.borrow_mut().insert(key);
        }
        Ok(())
    }
}

/// The flags of a function that may or may not be computed once for equal arguments.
pub(crate) fn flags(deterministic: bool) -> FunctionFlags {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    if deterministic { flags | FunctionFlags::SQLITE_DETERMINISTIC } else { flags }
}

/// Limit: arguments of a registered function, as SQLite has it; a row as a document has a name and a
/// value for each column.
const ARITY_MAX: i32 = 1000;

fn register(connection: &Connection, needed: &Needed) -> Result<()> {
    let arity = i32::try_from(needed.arity)
        .ok()
        .filter(|arity| *arity <= ARITY_MAX)
        .ok_or_else(|| Error::new("54011", "a row of so many columns cannot be one value"))?;
    let name = needed.name.as_str();
    let done = match &needed.kind {
        NeededKind::Call { symbol, args, result, deterministic } => {
            let function = lookup(symbol)?;
            let (args, result) = (args.clone(), result.clone());
            connection.create_scalar_function(name, arity, flags(*deterministic), move |context| {
                compute(|frame| call(function, &args, &result, context, frame))
            })
        }
        NeededKind::Eval { args, body, deterministic } => {
            let (args, body) = (args.clone(), body.clone());
            connection.create_scalar_function(name, arity, flags(*deterministic), move |context| {
                compute(|frame| eval(&args, &body, context, frame))
            })
        }
        NeededKind::Rows { args, body, columns, ordinality } => {
            let (args, body, ordinality) = (args.clone(), body.clone(), *ordinality);
            let width = columns.len();
            connection.create_scalar_function(name, arity, flags(false), move |context| {
                compute(|frame| set(&args, (&body, width, ordinality), context, frame))
            })
        }
        NeededKind::Aggregate { symbol, args, result, distinct, ordered, window } => {
            let aggregate = aggregates::Aggregated {
                function: lookup(symbol)?,
                args: args.clone(),
                result: result.clone(),
                distinct: *distinct,
                ordered: *ordered,
            };
            if *distinct || *window {
                connection.create_window_function(name, arity, flags(false), aggregate)
            } else {
                let streamed = aggregates::Streamed(aggregate);
                connection.create_aggregate_function(name, arity, flags(false), streamed)
            }
        }
        NeededKind::Collect { result } => {
            let element = result.element().cloned().unwrap_or(Type::Text);
            let collect = aggregates::Collected { element };
            connection.create_aggregate_function(name, arity, flags(false), collect)
        }
    };
    done.map_err(|error| failure::translate(&error))
}

fn lookup(symbol: &str) -> Result<&'static Function> {
    table()
        .get(symbol)
        .map(|function| &**function)
        .ok_or_else(|| Error::new("42883", format!("function {symbol} does not exist")))
}

/// The arguments of a call as values.
pub(crate) fn arguments(
    types: &[Type],
    context: &Context<'_>,
    frame: &Frame<'_>,
) -> Result<Vec<Value>> {
    let source = frame.scope.catalog.as_ref();
    (0..context.len())
        .map(|index| {
            stored::decode(types.get(index).unwrap_or(&Type::Text), context.get_raw(index), source)
        })
        .collect()
}

fn call(
    function: &Function,
    types: &[Type],
    result: &Type,
    context: &Context<'_>,
    frame: &Frame<'_>,
) -> Result<Owned> {
    let args = arguments(types, context, frame)?;
    let call = Call { env: frame.scope.env, args: &args, arg_types: types, result };
    stored::encode_owned(&function.call(&call)?)
}

fn eval(types: &[Type], body: &Expr, context: &Context<'_>, frame: &Frame<'_>) -> Result<Owned> {
    let args = arguments(types, context, frame)?;
    let scope = backstay_executor::Scope { arguments: &args, ..*frame.scope };
    stored::encode_owned(evaluate(body, &scope, frame.store)?.as_ref())
}

fn set(
    types: &[Type],
    (body, width, ordinality): (&Expr, usize, bool),
    context: &Context<'_>,
    frame: &Frame<'_>,
) -> Result<Owned> {
    if width >= rows::COLUMNS_MAX {
        return Err(Error::new("54011", "target lists can have at most 127 entries"));
    }
    let args = arguments(types, context, frame)?;
    let scope = backstay_executor::Scope { arguments: &args, ..*frame.scope };
    let found = backstay_executor::eval_rows(body, width, &scope, Some(frame.store))?;
    let mut packed = rows::begin(width + usize::from(ordinality));
    for (row, number) in found.iter().zip(1_i64..) {
        for index in 0..width {
            let value = row.get(index).unwrap_or(&Value::Null);
            let stored = stored::encode_owned(value)?;
            rows::push(&mut packed, (&stored).into());
        }
        if ordinality {
            rows::push(&mut packed, rusqlite::types::ValueRef::Integer(number));
        }
    }
    Ok(Owned::Blob(packed))
}
