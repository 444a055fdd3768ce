//! Expressions, with PostgreSQL 15's answers.

use crate::testing::Fixture;

#[track_caller]
fn check(expressions: &str, expected: &str) {
    let fixture = Fixture::new("");
    assert_eq!(fixture.sql(&format!("select {expressions}")), expected, "{expressions}");
}

#[test]
fn logic_has_three_values() {
    check(
        "null and false, null and true, null or true, null or false, not null::bool",
        "f null t null null",
    );
    check(
        "1 = null, null = null, 1 is distinct from null, null is not distinct from null, 2 is distinct from 2",
        "null null t t f",
    );
    check("(1,null)=(1,2), (1,null)=(2,null), (1,2)<(1,null), (1,null)<(2,1)", "null f null t");
    check(
        "row(1,null) is null, row(null,null) is null, row(1,null) is not null, row(1,2) is not null",
        "f t f t",
    );
    check("(1,null::int) is distinct from (1,null::int), (1,2) is distinct from (1,3)", "f t");
    check(
        "null::bool is true, null::bool is not true, null::bool is unknown, true is not unknown",
        "f t t t",
    );
}

#[test]
fn lists_and_arrays_compare_like_or_and_and() {
    check(
        "1 in (1,null), 2 in (1,null), 2 not in (1,null), 2 not in (1,3), 1 not in (1,null)",
        "t null null t f",
    );
    check(
        "1 = any(array[1,null]), 2 = any(array[1,null]), 2 <> all(array[1,3]), 2 <> all(array[1,null]), 1 = any('{}'::int[]), 1 = all('{}'::int[]), 1 = any(null::int[])",
        "t null t null f t null",
    );
    check(
        "'abc' like any(array['x%','a%']), 'abc' like all(array['x%','a%']), 5 > all(array[1,2])",
        "t f t",
    );
}

#[test]
fn only_what_is_needed_is_computed() {
    check(
        "case when null then 1 when true then 2 else 3 end, case 5 when 4 then 'a' end, case when true then 1 else 1/0 end",
        "2 null 1",
    );
    check("coalesce(null, 2, 1/0), coalesce(null::int, null)", "2 null");
    check("1/0", "22012: division by zero");
}

#[test]
fn values_are_built_and_compared() {
    check(
        "greatest(1,null,3), least(2,null,1), greatest(null::int,null), greatest('b','a')",
        "3 1 null b",
    );
    check(
        "array[1,2,null], array[array[1,2],array[3,4]], array[]::int[], array[null::int[],array[1]]",
        "2202E: multidimensional arrays must have array expressions with matching dimensions",
    );
    check("array[array[]::int[], array[]::int[]]", "{}");
    check(
        "'abc' ~ 'b', 'abc' || null, 10 / 4, 10 / 4.0, -7 % 3, 2 ^ 3",
        "t null 2 2.5000000000000000 -1 8",
    );
}

#[test]
fn sub_selects_give_rows_values_and_arrays() {
    check(
        "array(select 1 union all select 2), array(select 1 where false), array(select array[1,2] union all select array[3,4])",
        "{1,2} {} {{1,2},{3,4}}",
    );
    check(
        "exists(select 1), exists(select 1 where false), (select 1 where false), (select 7)",
        "t f null 7",
    );
    check(
        "(select 1 union select 2)",
        "21000: more than one row returned by a subquery used as an expression",
    );
    check(
        "1 in (select 1), 3 in (select null::int union select 1), 3 not in (select null::int union select 1), 1 > all(select 0), 1 = any(select 2)",
        "t null null t f",
    );
    check(
        "(1,2) in (select 1,2), (1,3) in (select 1,2), (1,null) in (select 1,2), (2,null) in (select 1,2)",
        "t f null f",
    );
    check("x.a + x.b from (values (1,2),(3,4)) x(a,b) where x.a > 1", "7");
    check("x from (values (1,2)) x(a,b)", "(1,2)");
}

#[test]
fn casts_convert_and_keep_lengths() {
    check(
        "'12'::int + 1, '1.50'::numeric(3,1), 'abcdef'::varchar(3), 12.5::int, 13.5::int, '2024-02-30'::date",
        "22008: date/time field value out of range: \"2024-02-30\"",
    );
    check("'x'::int", "22P02: invalid input syntax for type integer: \"x\"");
    check(
        "12345::numeric(3,1)",
        "22003: numeric field overflow / A field with precision 3, scale 1 must round to an absolute value less than 10^2.",
    );
    check(
        "'{1,2}'::int[]::text[], array['1','2']::int[], '{1.5,2.5}'::numeric[]::int[]",
        "{1,2} {1,2} {2,3}",
    );
    check("1::text || 'a', true::text, 't'::bool, 1::bool, null::int::text", "1a true t t null");
}

#[test]
fn the_session_is_the_environments() {
    check("current_user, now() = now()", "postgres t");
}
