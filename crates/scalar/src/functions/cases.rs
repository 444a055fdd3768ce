//! Table-driven tests of the function table.
//!
//! Each line of `cases/*.txt` is `symbol | argument | … => answer`; the answers are PostgreSQL 15's.
//! Arguments of polymorphic parameters carry their type (`integer[]:{1,2}`), `NULL` is null, `''` is
//! the empty text, a list of rows is joined by ` ;; `, an error is `ERROR code message`, a line break
//! is `\n`.

use backstay_model::types::NoTypes;
use backstay_model::{RangeKind, Result, Type, Value};

use crate::environment::fixed::FixedEnvironment;
use crate::{Call, Function, Implementation, Table, io, table};

fn parse_type(text: &str) -> Type {
    match text.strip_suffix("[]") {
        Some(element) => parse_type(element).array_of(),
        None => Type::from_name(text).unwrap_or_else(|| panic!("no type {text}")),
    }
}

fn argument(env: &FixedEnvironment, declared: &Type, text: &str) -> Result<(Type, Value)> {
    let (ty, text) = if declared.is_polymorphic() || *declared == Type::Any {
        let (ty, text) = text.split_once(':').expect("a type before the colon");
        (parse_type(ty), text)
    } else {
        (declared.clone(), text)
    };
    let value = match text {
        "NULL" => Value::Null,
        "''" => io::input(env, &ty, None, "")?,
        _ => io::input(env, &ty, None, text)?,
    };
    Ok((ty, value))
}

/// The result type after polymorphism.
fn resolve(function: &Function, actual: &[Type]) -> Type {
    let pairs = || function.args.iter().zip(actual);
    let element = pairs().find_map(|(declared, actual)| match declared {
        Type::AnyElement | Type::AnyNonArray | Type::AnyCompatible => Some(actual.clone()),
        Type::AnyArray | Type::AnyCompatibleArray => actual.element().cloned(),
        _ => None,
    });
    let range =
        pairs().find(|(declared, _)| **declared == Type::AnyRange).map(|(_, ty)| ty.clone());
    let bound = range.as_ref().map(|range| match range {
        Type::Range(kind) => kind.subtype(),
        _ => RangeKind::Int4.subtype(),
    });
    match &function.result {
        Type::AnyElement | Type::AnyCompatible => element.or(bound).unwrap_or(Type::Text),
        Type::AnyArray | Type::AnyCompatibleArray => element.unwrap_or(Type::Text).array_of(),
        Type::AnyRange => range.unwrap_or(Type::Text),
        other => other.clone(),
    }
}

fn print(env: &FixedEnvironment, ty: &Type, value: &Value) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    io::output(env, ty, value).expect("output")
}

fn answer(env: &FixedEnvironment, function: &Function, texts: &[&str]) -> Result<String> {
    let mut args = Vec::new();
    let mut arg_types = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let declared = function.args.get(index).or(function.args.last()).expect("a parameter");
        let (ty, value) = argument(env, declared, text)?;
        arg_types.push(ty);
        args.push(value);
    }
    let result = resolve(function, &arg_types);
    let call = Call { env, args: &args, arg_types: &arg_types, result: &result };
    let rows = match function.run {
        Implementation::Scalar(_) => return Ok(print(env, &result, &function.call(&call)?)),
        Implementation::Set(_) if function.strict && args.iter().any(Value::is_null) => Vec::new(),
        Implementation::Set(run) => run(&call)?,
        _ => panic!("{} is neither scalar nor a set", function.symbol),
    };
    let show = |row: Vec<Value>| {
        if function.columns.is_empty() {
            print(env, &result, &row[0])
        } else {
            let record = io::nested::composite::print(
                env,
                function.columns.iter().map(|(_, ty)| ty).zip(&row),
            );
            record.expect("output")
        }
    };
    let shown: Vec<String> = rows.into_iter().map(show).collect();
    Ok(if shown.is_empty() { "NULL".to_owned() } else { shown.join(" ;; ") })
}

fn find<'t>(table: &'t Table, symbol: &str) -> &'t Function {
    table.get(symbol).unwrap_or_else(|| panic!("no row {symbol}"))
}

/// Runs every line and reports all that differ.
pub(super) fn check(cases: &str) {
    let env = FixedEnvironment::new();
    let mut wrong = Vec::new();
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (call, expected) = line.rsplit_once(" => ").expect(line);
        let mut parts = call.split(" | ");
        let function = find(table(), parts.next().expect(line));
        let texts: Vec<&str> = parts.collect();
        let shown = answer(&env, function, &texts)
            .unwrap_or_else(|error| format!("ERROR {} {}", error.code, error.message));
        if shown.replace('\n', "\\n") != expected {
            wrong.push(format!("{line}\n    got {shown}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn polymorphic_results_follow_their_arguments() {
    let append = find(table(), "array_append(anycompatiblearray,anycompatible)");
    let ty = resolve(append, &[Type::Int4.array_of(), Type::Int4]);
    assert_eq!(ty.name(&NoTypes), "integer[]");
}
