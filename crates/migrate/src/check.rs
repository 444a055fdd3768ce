//! Everything in a project's migrations that cannot be done, found before anything is done.

use std::collections::BTreeSet;

use backstay_catalog::{Body, Catalog};
use backstay_expr::{Expr, Statement, visit_query};
use backstay_model::{Details, Error};
use backstay_pgsql::ddl::names_made;
use backstay_pgsql::plpgsql::{FragmentKind, Program};
use backstay_pgsql::{Analyzed, DdlSession, RawStatement, analyze, parse, parse_migration};
use backstay_policy::{Caller, authorize_statement};

use crate::Migration;
use crate::error::Place;
use crate::migration::without_psql_lines;

/// Something that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line of the text.
    pub excerpt: String,
    /// SQLSTATE or a code of ours.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Analyses all migrations against a scratch copy of `catalog` and reports every statement that would
/// fail. A statement that fails only because an earlier one was refused is not reported again.
pub fn check(migrations: &[Migration], catalog: &Catalog) -> Vec<Finding> {
    outcome(migrations, catalog).1
}

/// The catalogue that all migrations would make of `catalog`, and what [`check`] reports. What the
/// texts that `DO` blocks put together would do is not in it.
pub fn outcome(migrations: &[Migration], catalog: &Catalog) -> (Catalog, Vec<Finding>) {
    let mut scratch = Scratch { catalog: catalog.clone(), lost: BTreeSet::new(), uncertain: false };
    let findings = migrations.iter().flat_map(|migration| scratch.file(migration)).collect();
    (scratch.catalog, findings)
}

/// The finding that a statement (from byte `start` of the file) cannot be parsed by the database.
pub fn unparsed(migration: &Migration, start: usize, mut error: Error) -> Finding {
    error.position = error.position.map(|at| start + at);
    finding(migration, start, &error)
}

struct Scratch {
    catalog: Catalog,
    /// Names that refused statements would have made, and those that blocks may have made.
    lost: BTreeSet<String>,
    /// A block ran texts that nobody has seen: what is missing may be there.
    uncertain: bool,
}

impl Scratch {
    fn file(&mut self, migration: &Migration) -> Vec<Finding> {
        let text = without_psql_lines(&migration.text);
        let statements = match parse_migration(&text) {
            Ok(statements) => statements,
            Err(error) => return vec![finding(migration, 0, &error)],
        };
        let mut session = DdlSession::of_migrations();
        let mut findings = Vec::new();
        for raw in &statements {
            if let Err(error) = self.statement(&mut session, raw) {
                let known = self.is_consequence(&error, raw);
                self.lost.extend(names_made(raw));
                if !known {
                    findings.push(finding(migration, raw.offset, &error));
                }
            }
        }
        findings
    }

    fn statement(&mut self, session: &mut DdlSession, raw: &RawStatement) -> Result<(), Error> {
        match analyze(&self.catalog, session, raw)? {
            Analyzed::Change(change) => self.catalog = change.catalog,
            Analyzed::Statement(statement) => {
                self.uncertain |= self.may_change_schema(&statement);
                authorize_statement(&self.catalog, &Caller::system("migrate"), *statement)?;
            }
            Analyzed::Block(program) => self.block(session, &program),
            Analyzed::Setting(..) | Analyzed::Nothing(_) => {}
        }
        Ok(())
    }

    /// Does it call a body that writes? That one may change the schema when the migration runs.
    fn may_change_schema(&self, statement: &Statement) -> bool {
        let Statement::Query(query) = statement else { return false };
        let mut found = false;
        visit_query(query, &mut |expr| {
            if let Expr::UserCall { function, .. } = expr {
                let body = self.catalog.routines.get(function).map(|routine| &routine.body);
                found |= matches!(body, Some(Body::PlPgSql(uses)) if uses.writes);
            }
        });
        found
    }

    /// What a `DO` block does to the schema is known only when it runs. Its statements are tried in
    /// the order in which they stand; after texts that it puts together, anything may be there.
    fn block(&mut self, session: &mut DdlSession, program: &Program) {
        for fragment in &program.fragments {
            if fragment.kind != FragmentKind::Statement {
                continue;
            }
            for raw in parse(&fragment.text).unwrap_or_default() {
                if let Ok(Analyzed::Change(change)) = analyze(&self.catalog, session, &raw) {
                    self.catalog = change.catalog;
                }
                self.lost.extend(names_made(&raw));
            }
        }
        self.uncertain |= backstay_pgsql::plpgsql::runs_texts(program);
    }

    /// Does the error say that something is missing that a refused statement would have made?
    fn is_consequence(&self, error: &Error, raw: &RawStatement) -> bool {
        let missing = matches!(
            error.code.as_ref(),
            "42P01" | "42703" | "42704" | "42883" | "3F000" | "42830" | "42725"
        );
        missing
            && (self.uncertain
                || words(&error.message).any(|word| self.lost.contains(word))
                || words(&raw.text).any(|word| self.lost.contains(word)))
    }
}

/// The words of a text, as names are spelt.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

fn finding(migration: &Migration, start: usize, error: &Error) -> Finding {
    let offset = error.position.unwrap_or(start);
    let Place { line, column } = Place::of(&migration.text, offset);
    let excerpt = migration.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
    let details = match &error.details {
        Some(Details::Text(text)) => Some(text.clone()),
        _ => None,
    };
    Finding {
        file: migration.path.clone(),
        line,
        column,
        excerpt,
        code: error.code.to_string(),
        message: error.message.clone(),
        hint: error.hint.clone().or(details),
    }
}

#[cfg(test)]
mod tests;
