//! Calls of the functions that the project defined.
//!
//! A body in SQL is a list of authorized statements; they run one after the other in the caller's
//! transaction, and the last one gives the result. One in PL/pgSQL is interpreted ([`crate::plpgsql`]).

mod surroundings;

use backstay_catalog::{Body, Routine};
use backstay_expr::{FunctionId, Statement};
use backstay_model::{Error, Result, Type, Value};

use crate::eval::set_in_scalar_place;
use crate::plpgsql::{self, Fired, Inside};
use crate::{ProgramOf, Row, Run, Scope, Store, write};
use surroundings::Surroundings;

/// Limit: functions that are being called, one inside the other.
pub const CALL_DEPTH_MAX: u32 = 400;

/// A call needs less stack than this; where less is left, the stack grows.
const STACK_RED_ZONE_BYTES: usize = 512 << 10;

/// By how much the stack grows.
const STACK_GROWTH_BYTES: usize = 8 << 20;

/// Calls a function that returns one value.
///
/// # Errors
/// As its body raises; `54001` when calls nest too deeply.
pub(crate) fn call(
    function: FunctionId,
    args: Vec<Value>,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<Value> {
    let routine = find(function, scope)?;
    if routine.returns.set {
        return Err(set_in_scalar_place());
    }
    if routine.returns.ty == Type::Trigger {
        return Err(Error::new("0A000", "trigger functions can only be called as triggers"));
    }
    one_value(routine, args, scope, store)
}

/// Calls a function in `FROM`: its rows, or the one value of a function that returns no set.
///
/// # Errors
/// As [`call`].
pub(crate) fn call_rows(
    function: FunctionId,
    args: Vec<Value>,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<Vec<Vec<Value>>> {
    let routine = find(function, scope)?;
    if !routine.returns.set {
        return Ok(vec![vec![one_value(routine, args, scope, store)?]]);
    }
    if let Body::PlPgSql(_) = routine.body {
        return interpret(routine, &args, (scope, store)).map(|(_, rows)| rows);
    }
    let mut rows = Vec::new();
    run(routine, &args, (scope, store), &mut |_, row| {
        rows.push(row);
        Ok(true)
    })?;
    Ok(rows)
}

fn find<'a>(function: FunctionId, scope: &Scope<'a>) -> Result<&'a Routine> {
    scope
        .catalog
        .routines
        .get(&function)
        .map(|routine| &**routine)
        .ok_or_else(|| Error::internal(format!("no function {}", function.0)))
}

fn one_value(
    routine: &Routine,
    args: Vec<Value>,
    scope: &Scope<'_>,
    store: &dyn Store,
) -> Result<Value> {
    if let Body::PlPgSql(_) = routine.body {
        let (value, _) = interpret(routine, &args, (scope, store))?;
        return Ok(if routine.returns.ty == Type::Void { Value::Null } else { value });
    }
    let composite = matches!(routine.returns.ty, Type::Composite(_) | Type::Record);
    let mut result = Value::Null;
    run(routine, &args, (scope, store), &mut |last, mut row| {
        result = if composite && !gives_composite(last) {
            Value::Record(row)
        } else if row.is_empty() {
            Value::Null
        } else {
            row.swap_remove(0)
        };
        Ok(false)
    })?;
    Ok(if routine.returns.ty == Type::Void { Value::Null } else { result })
}

/// Is the statement's only output a composite value (which then is the result)?
fn gives_composite(last: &Statement) -> bool {
    let types: Vec<Type> = last.columns().into_iter().map(|(_, ty)| ty).collect();
    matches!(types.as_slice(), [Type::Composite(_) | Type::Record])
}

/// Takes the last statement and a row of its result; says whether more rows are wanted.
type Each<'e> = dyn FnMut(&Statement, Vec<Value>) -> Result<bool> + 'e;

fn run(
    routine: &Routine,
    args: &[Value],
    (scope, store): (&Scope<'_>, &dyn Store),
    each: &mut Each<'_>,
) -> Result<()> {
    if routine.strict && args.iter().any(Value::is_null) {
        return Ok(());
    }
    inside(routine, scope, &mut |inner, run| {
        let body = run.bodies.body(routine.id, inner.env.role())?;
        let inner = Scope { arguments: args, ..*inner };
        let Some((last, earlier)) = body.split_last() else { return Ok(()) };
        for statement in earlier {
            run_statement(statement, &inner, store, &mut |_| Ok(true))?;
        }
        run_statement(last, &inner, store, &mut |row| each(last, row))
    })
}

/// Lets `work` run with what the function sees of the session, one call deeper.
fn inside<R>(
    routine: &Routine,
    scope: &Scope<'_>,
    work: &mut dyn FnMut(&Scope<'_>, Run<'_>) -> Result<R>,
) -> Result<R> {
    let run = scope
        .run
        .ok_or_else(|| Error::unsupported("calling a function of the project in this place"))?;
    if run.depth >= CALL_DEPTH_MAX {
        return Err(too_deep());
    }
    let env = Surroundings::of(routine, scope.env);
    let run = Run { depth: run.depth + 1, ..run };
    let inner = Scope {
        catalog: scope.catalog,
        env: &env,
        params: &[],
        payload: &[],
        parent_keys: &[],
        arguments: &[],
        rows: &[],
        run: Some(run),
    };
    stacker::maybe_grow(STACK_RED_ZONE_BYTES, STACK_GROWTH_BYTES, || work(&inner, run))
}

/// Runs a body in PL/pgSQL: its value, or its rows.
fn interpret(
    routine: &Routine,
    args: &[Value],
    (scope, store): (&Scope<'_>, &dyn Store),
) -> Result<(Value, Vec<Vec<Value>>)> {
    if routine.strict && args.iter().any(Value::is_null) {
        return Ok((Value::Null, Vec::new()));
    }
    store.check_time()?;
    inside(routine, scope, &mut |inner, run| {
        let path = inner.env.setting("search_path").unwrap_or_default();
        let of =
            ProgramOf { function: routine.id, role: inner.env.role(), path: &path, trigger: None };
        let compiled = run.bodies.program(&of)?;
        let world = Inside::new(*inner, store)?;
        plpgsql::call(&world, (&compiled, routine), args)
    })
}

/// Calls the function of a trigger: the row that it returns.
///
/// # Errors
/// As its body raises; `54001` when calls nest too deeply.
pub(crate) fn fire(
    function: FunctionId,
    fired: Fired<'_>,
    (scope, store): (&Scope<'_>, &dyn Store),
) -> Result<Option<Row>> {
    let routine = find(function, scope)?;
    if let Body::Unbound(code, message) = &routine.body {
        return Err(Error::new(code.clone(), message.clone()));
    }
    store.check_time()?;
    inside(routine, scope, &mut |inner, run| {
        let path = inner.env.setting("search_path").unwrap_or_default();
        let of = ProgramOf {
            function: routine.id,
            role: inner.env.role(),
            path: &path,
            trigger: Some((fired.relation.id, &fired.trigger.name)),
        };
        let compiled = run.bodies.program(&of)?;
        let world = Inside::new(*inner, store)?;
        plpgsql::call_trigger(&world, (&compiled, routine), fired)
    })
}

fn run_statement(
    statement: &Statement,
    scope: &Scope<'_>,
    store: &dyn Store,
    each: &mut dyn FnMut(Vec<Value>) -> Result<bool>,
) -> Result<()> {
    if let Statement::Query(query) = statement {
        return store.query(query, scope, each);
    }
    for row in write::execute(statement, scope, store)?.returning {
        if !each(row)? {
            break;
        }
    }
    Ok(())
}

fn too_deep() -> Error {
    Error::new("54001", "stack depth limit exceeded")
        .with_hint("Look for a function that calls itself without end.")
}

#[cfg(test)]
mod tests;
