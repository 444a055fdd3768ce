//! Results taken from PostgreSQL 15.

use backstay_model::{Result, Type, Value};

use crate::{Call, FixedEnvironment, Implementation, io, table};

/// Feeds rows (`1,a` with `NULL` for null) of the types into the aggregate and prints its result.
fn run(symbol: &str, types: &[Type], result: &Type, rows: &[&str]) -> Result<String> {
    let env = FixedEnvironment::new();
    let function = table().get(symbol).unwrap_or_else(|| panic!("no row {symbol}"));
    let Implementation::Aggregate(make) = function.run else { panic!("{symbol}") };
    let mut state = make();
    for row in rows {
        let mut args = Vec::new();
        for (ty, text) in types.iter().zip(row.split(',')) {
            args.push(match text {
                "NULL" => Value::Null,
                _ => io::input(&env, ty, None, text)?,
            });
        }
        if function.strict && args.iter().any(Value::is_null) {
            continue;
        }
        state.step(&Call { env: &env, args: &args, arg_types: types, result })?;
    }
    match state.finish(&env, result)? {
        Value::Null => Ok("NULL".to_owned()),
        value => io::output(&env, result, &value),
    }
}

fn check(symbol: &str, types: &[Type], result: &Type, (rows, expected): (&[&str], &str)) {
    let shown = run(symbol, types, result, rows)
        .unwrap_or_else(|error| format!("ERROR {} {}", error.code, error.message));
    assert_eq!(shown, expected, "{symbol} of {rows:?}");
}

#[test]
fn sums_and_averages_have_postgresql_types_and_scales() {
    let int = [Type::Int4];
    check("sum(integer)", &int, &Type::Int8, (&["1", "NULL", "2"], "3"));
    check("sum(integer)", &int, &Type::Int8, (&["NULL"], "NULL"));
    check("avg(integer)", &int, &Type::Numeric, (&["1", "2"], "1.5000000000000000"));
    let big = [Type::Int8];
    let large = "9223372036854775807";
    check("sum(bigint)", &big, &Type::Numeric, (&[large, "1"], "9223372036854775808"));
    let decimal = [Type::Numeric];
    check("sum(numeric)", &decimal, &Type::Numeric, (&["1.50", "2"], "3.50"));
    check("avg(numeric)", &decimal, &Type::Numeric, (&["1.50", "2"], "1.7500000000000000"));
    let single = [Type::Float4];
    check("sum(real)", &single, &Type::Float4, (&["1.1", "2.2"], "3.3000002"));
    check("avg(real)", &single, &Type::Float8, (&["1.1", "2.2"], "1.6500000357627869"));
    let interval = [Type::Interval];
    let spans = &["1 day", "3 hours"];
    check("sum(interval)", &interval, &Type::Interval, (spans, "1 day 03:00:00"));
    check("avg(interval)", &interval, &Type::Interval, (spans, "13:30:00"));
}

#[test]
fn spreads_are_exact_for_exact_numbers() {
    let int = [Type::Int4];
    let rows: &[&str] = &["1", "2", "4"];
    check("stddev(integer)", &int, &Type::Numeric, (rows, "1.5275252316519467"));
    check("variance(integer)", &int, &Type::Numeric, (rows, "2.3333333333333333"));
    check("stddev_pop(integer)", &int, &Type::Numeric, (rows, "1.2472191289246471"));
    check("var_pop(integer)", &int, &Type::Numeric, (rows, "1.5555555555555556"));
    check("stddev(integer)", &int, &Type::Numeric, (&["1"], "NULL"));
    let decimal = [Type::Numeric];
    let rows: &[&str] = &["1.5", "2", "4.25"];
    check("stddev(numeric)", &decimal, &Type::Numeric, (rows, "1.4648663192705788"));
    let double = [Type::Float8];
    check("stddev(double precision)", &double, &Type::Float8, (rows, "1.4648663192705789"));
    check("variance(double precision)", &double, &Type::Float8, (rows, "2.1458333333333335"));
    let pair = [Type::Float8, Type::Float8];
    let rows: &[&str] = &["2,1", "3,2", "5,3"];
    let symbol = "corr(double precision,double precision)";
    check(symbol, &pair, &Type::Float8, (rows, "0.9819805060619659"));
}

#[test]
fn extremes_follow_the_order_of_the_type() {
    check("max(text)", &[Type::Text], &Type::Text, (&["a", "B", "NULL"], "a"));
    check("min(citext)", &[Type::Citext], &Type::Citext, (&["b", "A"], "A"));
    check("max(numeric)", &[Type::Numeric], &Type::Numeric, (&["9", "10", "NaN"], "NaN"));
    check(
        "min(date)",
        &[Type::Date],
        &Type::Date,
        (&["2026-01-01", "0044-03-15 BC"], "0044-03-15 BC"),
    );
    check("max(integer)", &[Type::Int4], &Type::Int4, (&[], "NULL"));
    check("count(\"any\")", &[Type::Int4], &Type::Int8, (&["1", "NULL"], "1"));
    check("bool_and(boolean)", &[Type::Bool], &Type::Bool, (&["t", "NULL", "f"], "f"));
    check("bit_or(integer)", &[Type::Int4], &Type::Int4, (&["1", "4"], "5"));
}

#[test]
fn collections_keep_order_and_nulls() {
    let pair = [Type::Text, Type::Text];
    let rows: &[&str] = &["a,;", "NULL,;", "b,-", "c,NULL"];
    check("string_agg(text,text)", &pair, &Type::Text, (rows, "a-bc"));
    let array = Type::Int4.array_of();
    check("array_agg(anynonarray)", &[Type::Int4], &array, (&["1", "NULL", "3"], "{1,NULL,3}"));
    check("array_agg(anynonarray)", &[Type::Int4], &array, (&[], "NULL"));
    check("json_agg(anyelement)", &[Type::Int4], &Type::Json, (&["1", "NULL"], "[1, null]"));
    check("jsonb_agg(anyelement)", &[Type::Text], &Type::Jsonb, (&["a"], "[\"a\"]"));
    let members = [Type::Text, Type::Int4];
    let rows: &[&str] = &["a,1", "b,NULL"];
    let symbol = "json_object_agg(\"any\",\"any\")";
    check(symbol, &members, &Type::Json, (rows, "{ \"a\" : 1, \"b\" : null }"));
    let symbol = "jsonb_object_agg(\"any\",\"any\")";
    check(symbol, &members, &Type::Jsonb, (rows, "{\"a\": 1, \"b\": null}"));
    check(symbol, &members, &Type::Jsonb, (&["NULL,1"], "ERROR 22023 field name must not be null"));
}
