//! What valid statements are bound to.

use backstay_catalog::SearchPath;

use backstay_expr::Statement;

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

/// Names and types of the output columns, as PostgreSQL describes them but for modifiers.
fn describe(sql: &str) -> String {
    let catalog = fixture::catalog();
    let path = SearchPath::of_migrations();
    let node = parse_one(sql).unwrap().node;
    let mut binder = Binder::new(&catalog, &path, BindOptions::default());
    match binder.bind_statement(&node) {
        Ok(Statement::Query(query)) => query
            .columns()
            .into_iter()
            .map(|(name, ty)| format!("{name}:{}", ty.name(&catalog)))
            .collect::<Vec<_>>()
            .join("|"),
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn outputs_have_postgresql_s_names_and_types() {
    let mut lines = include_str!("columns.txt").lines();
    while let Some(sql) = lines.next() {
        assert_eq!(describe(sql), lines.next().unwrap().trim(), "for {sql}");
    }
}

#[test]
fn valid_statements_become_typed_trees() {
    let mut lines = include_str!("trees.txt").lines();
    while let Some(sql) = lines.next() {
        assert_eq!(bind(sql).trim(), lines.next().unwrap().trim(), "for {sql}");
    }
}
