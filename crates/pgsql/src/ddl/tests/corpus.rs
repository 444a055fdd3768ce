//! Long scripts: every statement's error and notice, and the names of everything left at the end.
//!
//! The answers are PostgreSQL 15's, but for notices about what is not kept, for what is refused, and
//! for the order of details.

use std::fmt::Write;

use backstay_catalog::Catalog;

use super::harness::{error_text, start};
use crate::{Analyzed, DdlSession, analyze, parse};

/// One statement a line; what it says is printed behind its number.
fn answers(script: &str) -> String {
    let mut catalog = start();
    let mut session = DdlSession::of_migrations();
    let mut text = String::new();
    for (line, statement) in (1..).zip(script.lines()) {
        let mut said = String::new();
        for raw in parse(statement).unwrap() {
            match analyze(&catalog, &mut session, &raw) {
                Ok(Analyzed::Change(change)) => catalog = change.catalog,
                Ok(_) => {}
                Err(error) => said.push_str(&error_text(&error)),
            }
            for notice in session.notices.drain(..) {
                writeln!(said, "NOTICE: {notice}").unwrap();
            }
        }
        if !said.is_empty() {
            writeln!(text, "#{line} {statement}\n{said}").unwrap();
        }
    }
    text.push_str(&left(&catalog));
    text
}

fn left(catalog: &Catalog) -> String {
    let mut lines = Vec::new();
    for relation in catalog.relations_in("public") {
        let name = &relation.name;
        for key in relation.keys() {
            let primary = relation.primary_key.as_ref() == Some(key);
            lines.push(format!(
                "{} {name}.{}",
                if primary { "primary" } else { "unique" },
                key.name
            ));
        }
        lines.extend(relation.checks.iter().map(|check| format!("check {name}.{}", check.name)));
        lines
            .extend(relation.foreign_keys.iter().map(|key| format!("foreign {name}.{}", key.name)));
        let shown = relation.indexes.iter().filter(|index| !index.hidden);
        lines.extend(shown.map(|index| format!("index {name}.{}", index.name)));
        for column in &relation.columns {
            let ty = column.ty.name_with(column.modifier, catalog);
            let not_null = if column.not_null { " not null" } else { "" };
            lines.push(format!("column {name}.{} {ty}{not_null}", column.name));
        }
    }
    let sequences = catalog.sequences.keys();
    lines.extend(sequences.map(|(schema, name)| format!("sequence {schema}.{name}")));
    lines.sort();
    lines.join("\n") + "\n"
}

#[track_caller]
fn check(script: &str, expected: &str) {
    let found = answers(script);
    let differing = found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    assert!(found == expected, "line {differing:?} differs:\n{found}");
}

#[test]
fn tables_and_types() {
    check(include_str!("corpus/tables.sql"), include_str!("corpus/tables.txt"));
}

#[test]
fn functions_policies_and_rights() {
    check(include_str!("corpus/functions.sql"), include_str!("corpus/functions.txt"));
}

#[test]
fn changes_of_tables() {
    check(include_str!("corpus/changes.sql"), include_str!("corpus/changes.txt"));
}
