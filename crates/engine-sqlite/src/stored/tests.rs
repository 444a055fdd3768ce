//! For every type: what is stored comes back, and orders, equals and groups as PostgreSQL's.

use std::cmp::Ordering;

use backstay_model::types::NoTypes;
use backstay_model::{Array, Interval, Numeric, Range, RangeKind, Type, Value};
use backstay_scalar::compare::compare;
use backstay_sql::{collation, stored_class};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{decode, encode};
use crate::Durability;
use crate::connection::{Connection, Purpose};
use crate::store::column;

fn numeric() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (any::<i32>(), 0_u16..6).prop_map(|(digits, scale)| {
            Numeric::new(i64::from(digits).into(), scale)
        }),
        2 => (-20_i64..20, 0_u16..3).prop_map(|(digits, scale)| Numeric::new(digits.into(), scale)),
        1 => Just(Numeric::NaN),
        1 => Just(Numeric::Infinity),
        1 => Just(Numeric::NegativeInfinity),
    ]
    .prop_map(Value::Numeric)
}

fn interval() -> impl Strategy<Value = Value> {
    (-3_i32..3, -60_i32..60, -100_000_000_000_i64..100_000_000_000)
        .prop_map(|(months, days, micros)| Value::Interval(Interval { months, days, micros }))
}

fn text() -> impl Strategy<Value = Value> {
    "[a-cA-C0-9éÄ \"\\\\,{}]{0,5}".prop_map(Value::Text)
}

fn jsonb() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just("null"),
        Just("true"),
        Just("1"),
        Just("1.50"),
        Just("1.5"),
        Just("\"a\""),
        Just("[]"),
        Just("[1, 2]"),
        Just("{\"a\": 1}"),
        Just("{\"a\": 2, \"b\": null}"),
    ]
    .prop_map(|text| Value::Jsonb(text.to_owned()))
}

fn array(element: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    let element = prop_oneof![1 => Just(Value::Null), 6 => element];
    prop::collection::vec(element, 0..4)
        .prop_map(|elements| Value::Array(Array::from_elements(elements)))
        .boxed()
}

fn range(
    subtype: impl Strategy<Value = Value> + Clone + 'static,
    ty: Type,
) -> BoxedStrategy<Value> {
    let bound = prop_oneof![1 => Just(None), 5 => subtype.prop_map(Some)];
    (bound.clone(), bound, any::<bool>())
        .prop_map(move |(a, b, empty)| {
            let swapped = matches!((&a, &b), (Some(a), Some(b)) if compare(&ty, a, b).is_gt());
            let (lower, upper) = if swapped { (b, a) } else { (a, b) };
            if empty || (lower.is_some() && lower == upper) {
                return Value::Range(Box::new(backstay_scalar::io::nested::range::empty()));
            }
            let lower_inclusive = lower.is_some();
            Value::Range(Box::new(Range {
                empty: false,
                lower,
                upper,
                lower_inclusive,
                upper_inclusive: false,
            }))
        })
        .boxed()
}

fn time_tz() -> impl Strategy<Value = Value> {
    (0_i64..86_400_000_000, -12_i32..12)
        .prop_map(|(micros, hours)| Value::TimeTz { micros, zone: hours * 3_600 })
}

/// Types with generators of their values.
fn types() -> Vec<(Type, BoxedStrategy<Value>)> {
    let int = any::<i64>().prop_map(Value::Int);
    let small = (-20_i64..20).prop_map(Value::Int);
    let time = any::<i64>().prop_map(Value::Timestamp);
    let date = prop_oneof![any::<i32>(), Just(i32::MAX), Just(i32::MIN)].prop_map(Value::Date);
    let float =
        prop_oneof![-1e300_f64..1e300, Just(f64::INFINITY), Just(0.1)].prop_map(Value::Float);
    let bytes = prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::Bytes);
    let uuid = any::<[u8; 16]>().prop_map(Value::Uuid);
    let record = (small.clone(), text()).prop_map(|(a, b)| Value::Record(vec![a, b])).boxed();
    vec![
        (Type::Bool, any::<bool>().prop_map(Value::Bool).boxed()),
        (Type::Int8, int.clone().boxed()),
        (Type::Float8, float.clone().boxed()),
        (Type::Numeric, numeric().boxed()),
        (Type::Text, text().boxed()),
        (Type::Citext, text().boxed()),
        (Type::Uuid, uuid.clone().boxed()),
        (Type::Date, date.clone().boxed()),
        (Type::Timestamp, time.clone().boxed()),
        (Type::TimestampTz, time.clone().boxed()),
        (Type::Time, (0_i64..86_400_000_000).prop_map(Value::Time).boxed()),
        (Type::TimeTz, time_tz().boxed()),
        (Type::Interval, interval().boxed()),
        (Type::Jsonb, jsonb().boxed()),
        (Type::Bytea, bytes.clone().boxed()),
        (Type::Record, record.clone()),
        (Type::Int8.array_of(), array(small.clone())),
        (Type::Numeric.array_of(), array(numeric())),
        (Type::Text.array_of(), array(text())),
        (Type::Citext.array_of(), array(text())),
        (Type::Uuid.array_of(), array(uuid)),
        (Type::Bool.array_of(), array(any::<bool>().prop_map(Value::Bool))),
        (Type::Float8.array_of(), array(float)),
        (Type::TimestampTz.array_of(), array(time.clone())),
        (Type::Date.array_of(), array(date)),
        (Type::Interval.array_of(), array(interval())),
        (Type::Jsonb.array_of(), array(jsonb())),
        (Type::Bytea.array_of(), array(bytes)),
        (Type::TimeTz.array_of(), array(time_tz())),
        (Type::Record.array_of(), array(record)),
        (Type::Range(RangeKind::Int8), range(small, Type::Int8)),
        (
            Type::Range(RangeKind::Num),
            range(
                (-500_i64..500, 0_u16..3)
                    .prop_map(|(n, s)| Value::Numeric(Numeric::new(n.into(), s))),
                Type::Numeric,
            ),
        ),
        (Type::Range(RangeKind::TsTz), range(time, Type::TimestampTz)),
    ]
}

fn check(connection: &Connection, ty: &Type, values: &[Value]) -> Result<(), TestCaseError> {
    let raw = connection.raw();
    raw.execute_batch("DELETE FROM t").unwrap();
    for value in values {
        raw.execute("INSERT INTO t (v) VALUES (?1)", [encode(value).unwrap()]).unwrap();
    }
    let read = |sql: &str| -> Vec<Value> {
        let mut statement = raw.prepare(sql).unwrap();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(decode(ty, column(row, 0), &NoTypes).unwrap());
        }
        found
    };
    prop_assert_eq!(&read("SELECT v FROM t ORDER BY id"), values, "round trip of {:?}", ty);
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| compare(ty, a, b));
    for sql in [
        "SELECT v FROM t NOT INDEXED ORDER BY v, id",
        "SELECT v FROM t INDEXED BY i ORDER BY v, id",
    ] {
        prop_assert_eq!(&read(sql), &sorted, "{} of {:?}", sql, ty);
    }
    sorted.dedup_by(|a, b| compare(ty, a, b) == Ordering::Equal);
    prop_assert_eq!(read("SELECT DISTINCT v FROM t").len(), sorted.len(), "distinct of {:?}", ty);
    prop_assert_eq!(read("SELECT v FROM t GROUP BY v").len(), sorted.len(), "group of {:?}", ty);
    for value in values {
        let same = values.iter().filter(|other| compare(ty, value, other).is_eq()).count();
        let found: i64 = raw
            .query_row("SELECT count(*) FROM t WHERE v = ?1", [encode(value).unwrap()], |row| {
                row.get(0)
            })
            .unwrap();
        prop_assert_eq!(found, i64::try_from(same).unwrap(), "equality of {:?} in {:?}", value, ty);
        let less = values.iter().filter(|other| compare(ty, other, value).is_lt()).count();
        let found: i64 = raw
            .query_row("SELECT count(*) FROM t WHERE v < ?1", [encode(value).unwrap()], |row| {
                row.get(0)
            })
            .unwrap();
        prop_assert_eq!(found, i64::try_from(less).unwrap(), "order of {:?} in {:?}", value, ty);
    }
    Ok(())
}

#[test]
fn every_type_comes_back_and_orders_as_postgresqls() {
    let folder = tempfile::tempdir().unwrap();
    for (ty, values) in types() {
        let path = folder.path().join("types.sqlite");
        let connection = Connection::open(&path, Purpose::Write(Durability::Off)).unwrap();
        let class = stored_class(&ty, &NoTypes).name();
        let collate = collation(&ty, &NoTypes).map(|name| format!(" COLLATE {name}"));
        connection
            .raw()
            .execute_batch(&format!(
                "DROP TABLE IF EXISTS t; \
                 CREATE TABLE t (id INTEGER PRIMARY KEY, v {class}{}) STRICT; \
                 CREATE INDEX i ON t (v)",
                collate.unwrap_or_default()
            ))
            .unwrap();
        let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
        let many = prop::collection::vec(values, 0..12);
        runner.run(&many, |values| check(&connection, &ty, &values)).unwrap();
    }
}

#[test]
fn what_cannot_be_stored_is_refused() {
    assert_eq!(encode(&Value::Float(f64::NAN)).unwrap_err().code, "0A000");
    assert_eq!(encode(&Value::text("a\0b")).unwrap_err().code, "22P05");
}
