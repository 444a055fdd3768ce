//! What valid statements are bound to.

use backstay_catalog::SearchPath;

use super::{fixture, show};
use crate::{BindOptions, Binder, parse_one};

pub(super) fn bind(sql: &str) -> String {
    let catalog = fixture::catalog();
    let path = SearchPath::of_migrations();
    let statement = match parse_one(sql) {
        Ok(statement) => statement,
        Err(error) => return format!("{error}"),
    };
    match Binder::new(&catalog, &path, BindOptions::default()).bind_statement(&statement.node) {
        Ok(bound) => show::statement(&bound),
        Err(error) => format!("{error} at {:?}", error.position),
    }
}

#[track_caller]
fn check(sql: &str, tree: &str) {
    assert_eq!(bind(sql), tree, "for {sql}");
}

#[test]
fn columns_are_found_and_literals_take_the_other_side_s_type() {
    check(
        "select id, title t from albums where id = '7' and price > 1",
        "select r1.1 id, r1.2 t from t2 r1 where and[(r1.1 =:bigint 7::bigint), (r1.3 >:numeric 1::numeric)]",
    );
}
