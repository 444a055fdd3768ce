//! Runs a script on a small catalogue and prints what came of it.

use std::fmt::Write;

use backstay_catalog::{Catalog, Relation, TypeKind, Work};
use backstay_model::{Details, Error};

use crate::{Analyzed, DdlSession, analyze, parse};

/// Roles and schemas that every script finds.
const START: &str = "
    create role postgres superuser;
    create role anon; create role authenticated; create role service_role bypassrls;
    create schema public; create schema extensions; create schema auth;
    create table auth.users (id uuid primary key, email text);
";

/// What a script left behind.
pub(super) struct Outcome {
    /// The catalogue after the last statement that worked.
    pub(super) catalog: Catalog,
    /// The engine's work, one line a piece.
    pub(super) work: Vec<String>,
    /// Notices and errors, one line each.
    pub(super) said: String,
}

/// The catalogue that scripts begin with.
pub(super) fn start() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.roles.insert("postgres".to_owned(), backstay_catalog::Role::default());
    let mut session = DdlSession::of_migrations();
    for raw in parse(START).unwrap() {
        if raw.text.contains("role postgres") {
            continue;
        }
        if let Analyzed::Change(change) = analyze(&catalog, &mut session, &raw).unwrap() {
            catalog = change.catalog;
        }
    }
    catalog
}

/// Runs a script; every statement is tried, whatever became of those before.
pub(super) fn run(script: &str) -> Outcome {
    let mut outcome = Outcome { catalog: start(), work: Vec::new(), said: String::new() };
    let mut session = DdlSession::of_migrations();
    for raw in parse(script).unwrap() {
        match analyze(&outcome.catalog, &mut session, &raw) {
            Ok(Analyzed::Change(change)) => {
                let version = outcome.catalog.version;
                assert_eq!(change.catalog.version, version + 1);
                let catalog = &change.catalog;
                outcome.work.extend(change.work.iter().map(|work| shown(catalog, work)));
                outcome.catalog = change.catalog;
            }
            Ok(Analyzed::Setting(name, value)) => {
                writeln!(outcome.said, "SET {name} = {value}").unwrap();
            }
            Ok(Analyzed::Statement(_) | Analyzed::Block(_) | Analyzed::Nothing(_)) => {}
            Err(error) => outcome.said.push_str(&error_text(&error)),
        }
        for notice in session.notices.drain(..) {
            writeln!(outcome.said, "NOTICE: {notice}").unwrap();
        }
    }
    outcome
}

pub(super) fn error_text(error: &Error) -> String {
    let mut text = format!("{}: {}\n", error.code, error.message);
    if let Some(Details::Text(details)) = &error.details {
        for line in details.lines() {
            writeln!(text, "  DETAIL: {line}").unwrap();
        }
    }
    if let Some(hint) = &error.hint {
        writeln!(text, "  HINT: {hint}").unwrap();
    }
    text
}

fn shown(catalog: &Catalog, work: &Work) -> String {
    let text = format!("{work:?}");
    // Ids mean nothing to a reader: the physical name stands for them.
    let mut text = text;
    for relation in catalog.relations.values() {
        let id = format!("RelationId({})", relation.id.0);
        text = text.replace(&id, &relation.physical);
    }
    let end = text.find(", value: Const").or_else(|| text.find(", value: "));
    end.map_or(text.clone(), |end| format!("{}, … }}", &text[..end]))
}

/// The script must say exactly this.
#[track_caller]
pub(super) fn check_said(script: &str, expected: &str) {
    let said = run(script).said;
    assert_eq!(tidy(&said), tidy(expected), "{said}");
}

/// The script must say nothing, and the tables must look like this.
#[track_caller]
pub(super) fn check_tables(script: &str, expected: &str) {
    let outcome = run(script);
    assert_eq!(outcome.said, "");
    let tables: String =
        outcome.catalog.relations_in("public").map(|one| table(&outcome.catalog, one)).collect();
    assert_eq!(tidy(&tables), tidy(expected), "{tables}");
}

/// The last statement must give exactly this work.
#[track_caller]
pub(super) fn check_work(before: &str, statement: &str, expected: &[&str]) {
    let first = run(before);
    assert_eq!(first.said, "");
    let all = run(&format!("{before};\n{statement}"));
    assert_eq!(all.said, "");
    assert_eq!(all.work[first.work.len()..], *expected, "{:#?}", &all.work[first.work.len()..]);
}

fn tidy(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// A table as `\d` would show it, in short.
pub(super) fn table(catalog: &Catalog, relation: &Relation) -> String {
    let mut text = format!("{} {}\n", relation.noun(), relation.name);
    for column in &relation.columns {
        let ty = column.ty.name_with(column.modifier, catalog);
        let mut line = format!("  {} {ty}", column.name);
        if column.not_null {
            line.push_str(" not null");
        }
        if let Some(default) = &column.default_text {
            write!(line, " default {default}").unwrap();
        }
        if let Some(identity) = column.identity {
            write!(line, " identity {identity:?}").unwrap();
        }
        if let Some(generated) = &column.generated {
            write!(line, " generated {}", generated.text).unwrap();
        }
        writeln!(text, "{line}").unwrap();
    }
    constraints(catalog, relation, &mut text);
    for policy in &relation.policies {
        writeln!(
            text,
            "  policy {} {:?} to {} using {} check {}",
            policy.name,
            policy.command,
            policy.roles.join(", "),
            policy.using_text.as_deref().unwrap_or("-"),
            policy.check_text.as_deref().unwrap_or("-")
        )
        .unwrap();
    }
    text
}

fn constraints(catalog: &Catalog, relation: &Relation, text: &mut String) {
    for key in relation.keys() {
        let columns = relation.column_names(&key.columns).join(", ");
        let primary = relation.primary_key.as_ref().is_some_and(|one| one.name == key.name);
        let kind = if primary { "primary key" } else { "unique" };
        let nulls = if key.nulls_not_distinct { " nulls not distinct" } else { "" };
        let deferrable = if key.deferrable { " deferrable" } else { "" };
        writeln!(text, "  {} {kind}{nulls} ({columns}){deferrable}", key.name).unwrap();
    }
    for check in &relation.checks {
        let valid = if check.not_valid { " not valid" } else { "" };
        writeln!(text, "  {} check ({}){valid}", check.name, check.text).unwrap();
    }
    for key in &relation.foreign_keys {
        let target = &catalog.relations[&key.target];
        writeln!(
            text,
            "  {} foreign key ({}) references {}({}) delete {:?} update {:?}{}{}",
            key.name,
            relation.column_names(&key.columns).join(", "),
            target.name,
            target.column_names(&key.target_columns).join(", "),
            key.on_delete,
            key.on_update,
            if key.deferrable { " deferrable" } else { "" },
            if key.not_valid { " not valid" } else { "" },
        )
        .unwrap();
    }
    for index in relation.indexes.iter() {
        let definition = if index.hidden { "hidden" } else { &index.definition };
        let kept = if index.physical.is_none() { " not kept" } else { "" };
        writeln!(text, "  index {definition}{kept}").unwrap();
    }
}

/// The labels of an enum with their codes.
pub(super) fn labels(catalog: &Catalog, name: &str) -> Vec<(String, i64)> {
    match &catalog.type_named("public", name).unwrap().kind {
        TypeKind::Enum(labels) => labels.labels.clone(),
        other => panic!("{name} is {other:?}"),
    }
}
