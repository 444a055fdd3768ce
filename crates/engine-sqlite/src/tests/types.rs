//! Values of every type through a table and back as JSON.

use super::fixture::Database;

#[test]
fn every_type_is_shown_as_postgresql_shows_it() {
    let cases = [
        ("bool", "true", "true"),
        ("int2", "-5", "-5"),
        ("int8", "9223372036854775807", "9223372036854775807"),
        ("float8", "1.5", "1.5"),
        ("float8", "'infinity'", "\"Infinity\""),
        ("float4", "0.1", "0.1"),
        ("numeric", "1.50", "1.50"),
        ("numeric", "'NaN'", "\"NaN\""),
        ("text", "'a\"b'", "\"a\\\"b\""),
        ("citext", "'Ab'", "\"Ab\""),
        (
            "uuid",
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
            "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
        ),
        ("date", "'2026-03-01'", "\"2026-03-01\""),
        ("date", "'infinity'", "\"infinity\""),
        ("date", "'0044-03-15 BC'", "\"0044-03-15 BC\""),
        ("time", "'10:30'", "\"10:30:00\""),
        ("timetz", "'10:30+02'", "\"10:30:00+02\""),
        ("timestamp", "'2026-03-01 10:30:00.25'", "\"2026-03-01T10:30:00.25\""),
        ("timestamptz", "'2026-03-01 10:30:00+02'", "\"2026-03-01T08:30:00+00:00\""),
        ("interval", "'1 month 2 days'", "\"1 mon 2 days\""),
        ("json", "'{\"a\":  1}'", "{\"a\":  1}"),
        ("jsonb", "'{\"b\":  1, \"a\": [1,2]}'", "{\"a\": [1, 2], \"b\": 1}"),
        ("bytea", "'\\x0aff'", "\"\\\\x0aff\""),
        ("inet", "'10.0.0.1/8'", "\"10.0.0.1/8\""),
        ("int8[]", "'{1,2,null}'", "[1,2,null]"),
        ("int8[]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]"),
        ("text[]", "'{a,\"b c\"}'", "[\"a\",\"b c\"]"),
        ("numeric[]", "'{1.50,NaN}'", "[1.50,\"NaN\"]"),
        ("timestamptz[]", "'{2026-03-01 10:30:00+00}'", "[\"2026-03-01T10:30:00+00:00\"]"),
        ("jsonb[]", "array['{\"a\":1}'::jsonb]", "[{\"a\": 1}]"),
        ("int4range", "'[1,5]'", "\"[1,6)\""),
        ("tstzrange", "'[2026-01-01 00:00+00,)'", "\"[\\\"2026-01-01 00:00:00+00\\\",)\""),
        ("size", "'big'", "\"big\""),
        ("int4", "null", "null"),
    ];
    let database = Database::new(
        &cases
            .map(|(ty, _, _)| format!("t_{}: id int8 key, v {ty}", name(ty)))
            .iter()
            .map(String::as_str)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
    );
    for (ty, literal, shown) in cases {
        let table = format!("t_{}", name(ty));
        database
            .execute(&[
                &format!("delete from {table}"),
                &format!("insert into {table} values (1, {literal})"),
            ])
            .unwrap_or_else(|error| panic!("{ty} {literal}: {error}"));
        let found = database.query(&format!("select v from {table}"));
        assert_eq!(found, format!("[{{\"v\":{shown}}}]"), "{ty} {literal}");
        // The comparison with itself goes through the stored form and its collation.
        if !matches!(ty, "json") && literal != "null" {
            let found = database.query(&format!("select v = v as same from {table}"));
            assert_eq!(found, "[{\"same\":true}]", "{ty} {literal}");
        }
    }
}

fn name(ty: &str) -> String {
    ty.replace("[]", "_array")
}
