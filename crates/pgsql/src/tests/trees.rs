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

#[test]
fn valid_statements_become_typed_trees() {
    let mut lines = include_str!("trees.txt").lines();
    while let Some(sql) = lines.next() {
        assert_eq!(bind(sql).trim(), lines.next().unwrap().trim(), "for {sql}");
    }
}
