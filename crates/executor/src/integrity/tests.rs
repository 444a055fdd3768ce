//! The net finds what the executor would never store.

use backstay_catalog::KeyAction;
use backstay_expr::CompareOp;
use backstay_model::Value;

use crate::testing::{Fixture, add_check, alter};
use crate::{Store, check_constraints};

#[test]
fn rows_behind_the_executors_back_are_found() {
    let tables = "
        p: id int pk
        c: id int pk, p int -> p.id, n int notnull
        wide: key numeric -> p.id";
    let fixture = Fixture::with(tables, |catalog| {
        alter(catalog, "c", |c| add_check(c, "c_n", "n", (CompareOp::Gt, 0)));
    });
    let put = |table: &str, row: &[Value]| {
        fixture.store.insert(fixture.relation(table), row).unwrap().unwrap();
    };
    put("p", &[Value::Int(1)]);
    put("c", &[Value::Int(1), Value::Int(1), Value::Int(1)]);
    put("c", &[Value::Int(2), Value::Null, Value::Int(0)]);
    put("c", &[Value::Int(3), Value::Int(7), Value::Null]);
    put("c", &[Value::Int(4), Value::Int(8), Value::Int(1)]);
    put("wide", &[Value::Numeric("1.0".parse().unwrap())]);
    put("wide", &[Value::Numeric("1.5".parse().unwrap())]);
    assert_eq!(fixture.relation("c").foreign_keys[0].on_delete, KeyAction::NoAction);
    assert_eq!(
        check_constraints(&fixture.scope(), &fixture.store).unwrap(),
        [
            "public.c: 1 row with null in column \"n\"",
            "public.c: 1 row against check constraint \"c_n\"",
            "public.c: 2 rows against foreign key constraint \"c_p_fkey\"",
            "public.wide: 1 row against foreign key constraint \"wide_key_fkey\"",
        ]
    );
}
