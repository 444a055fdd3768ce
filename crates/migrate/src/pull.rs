//! A database's schema as a first migration.
//!
//! The catalogue is printed in an order in which everything finds what it needs: types, tables,
//! functions, keys, views, references, rules, rights, comments. What the catalogue only names comes
//! as [`Definitions`] from the engine. What every database starts with is left out.

mod rights;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_catalog::{
    Argument, ArgumentMode, Catalog, Language, Relation, Routine, TypeKind, View, Volatility,
};
use backstay_engine::Definitions;
use backstay_model::{Result, Type, quote_identifier, quote_literal};

use crate::bootstrap;

/// Prints the schema.
///
/// # Errors
/// `XX000` if the bootstrap is broken.
pub fn pull(catalog: &Catalog, definitions: &Definitions) -> Result<String> {
    let start = bootstrap::catalog()?;
    let mut printer = Printer { catalog, start: &start, definitions, out: Vec::new() };
    printer.frame();
    printer.types();
    printer.sequences();
    let tables = printer.relations(|relation| relation.view().is_none() && !relation.is_hidden());
    let views = printer.relations(|relation| relation.view().is_some());
    printer.tables(&tables);
    printer.routines(&views, false);
    printer.out.extend(definitions.operators.iter().cloned());
    printer.keys(&tables);
    printer.views(&views);
    printer.routines(&views, true);
    printer.references(&tables);
    printer.out.extend(definitions.others.iter().cloned());
    printer.triggers();
    printer.row_security(&tables);
    printer.policies_of_services();
    printer.rights();
    printer.comments();
    printer.foreign_tables();
    let mut text = printer.out.join(";\n\n");
    text.push_str(";\n");
    Ok(text)
}

/// Statements so far, without semicolons.
struct Printer<'a> {
    catalog: &'a Catalog,
    /// What every database starts with.
    start: &'a Catalog,
    definitions: &'a Definitions,
    out: Vec<String>,
}

/// A name with its schema.
fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

fn name_of(relation: &Relation) -> String {
    qualified(&relation.schema, &relation.name)
}

/// Names, separated by commas.
fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(quote_identifier).collect::<Vec<_>>().join(", ")
}

impl<'a> Printer<'a> {
    fn push(&mut self, statement: impl Into<String>) {
        self.out.push(statement.into());
    }

    /// Is the schema the project's own, or `public`?
    fn is_own(&self, schema: &str) -> bool {
        schema == "public"
            || !(self.start.schemas.contains_key(schema)
                || matches!(
                    schema,
                    "information_schema"
                        | "vault"
                        | "graphql"
                        | "pgbouncer"
                        | "pgsodium"
                        | "cron"
                        | "net"
                )
                || schema.starts_with("pg_"))
    }

    /// Foreign tables as remarks: somebody has to make their servers first, with passwords that do
    /// not belong into a migration.
    fn foreign_tables(&mut self) {
        let all = self.catalog.relations.values();
        let foreign: Vec<_> =
            all.filter(|one| self.is_own(&one.schema) && self.is_foreign(one.id)).collect();
        let from = self.out.len();
        self.tables_of(&foreign);
        for statement in self.out.split_off(from) {
            let lines = statement.replace('\n', "\n-- ");
            self.push(format!("-- Left out, since its server must be there first:\n-- {lines}"));
        }
    }

    /// The relations of the project's schemas that pass, in the order of their ids.
    fn relations(&self, passes: impl Fn(&Relation) -> bool) -> Vec<&'a Arc<Relation>> {
        let all = self.catalog.relations.values();
        all.filter(|one| self.is_own(&one.schema) && passes(one))
            .filter(|one| !self.definitions.of_extensions.relations.contains(&one.id))
            .filter(|one| !self.is_foreign(one.id))
            .collect()
    }

    /// Is it a foreign table? Its server is not pulled, since it has passwords.
    fn is_foreign(&self, id: backstay_expr::RelationId) -> bool {
        self.definitions.tables.get(&id).is_some_and(|form| form.kind == "FOREIGN TABLE")
    }

    fn own_routines(&self) -> Vec<&'a Arc<Routine>> {
        let all = self.catalog.routines.values();
        all.filter(|one| self.is_own(&one.schema))
            .filter(|one| !self.definitions.of_extensions.routines.contains(&one.id))
            .collect()
    }

    fn frame(&mut self) {
        // Bodies may name what comes later.
        self.push("SET check_function_bodies = false");
        for (name, schema) in &self.catalog.extensions {
            if name != "plpgsql" && !self.start.extensions.contains_key(name) {
                let (name, schema) = (quote_identifier(name), quote_identifier(schema));
                self.out
                    .push(format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {schema}"));
            }
        }
        for schema in self.catalog.schemas.keys() {
            if schema != "public" && self.is_own(schema) {
                self.out.push(format!("CREATE SCHEMA IF NOT EXISTS {}", quote_identifier(schema)));
            }
        }
    }

    fn types(&mut self) {
        for definition in self.catalog.types.values() {
            if !self.is_own(&definition.schema)
                || self.definitions.of_extensions.types.contains(&definition.id)
            {
                continue;
            }
            let name = qualified(&definition.schema, &definition.name);
            let text = match &definition.kind {
                TypeKind::Enum(labels) => {
                    let labels: Vec<String> =
                        labels.labels.iter().map(|(label, _)| quote_literal(label)).collect();
                    format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
                }
                TypeKind::Domain(domain) => {
                    let base = domain.base.name_with(domain.modifier, self.catalog);
                    let mut text = format!("CREATE DOMAIN {name} AS {base}");
                    if let Some(default) = &domain.default_text {
                        text.push_str(&format!(" DEFAULT {default}"));
                    }
                    if domain.not_null {
                        text.push_str(" NOT NULL");
                    }
                    for check in &domain.checks {
                        let name = quote_identifier(&check.name);
                        text.push_str(&format!("\n    CONSTRAINT {name} CHECK ({})", check.text));
                    }
                    text
                }
                TypeKind::Composite(fields) => {
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|(field, ty, modifier)| {
                            let ty = ty.name_with(*modifier, self.catalog);
                            format!("{} {ty}", quote_identifier(field))
                        })
                        .collect();
                    format!("CREATE TYPE {name} AS ({})", fields.join(", "))
                }
                TypeKind::Other { .. } => match self.definitions.types.get(&definition.id) {
                    Some(text) => text.clone(),
                    None => continue,
                },
                TypeKind::Row(_) => continue,
            };
            self.push(text);
        }
    }

    fn views(&mut self, views: &[&Arc<Relation>]) {
        for relation in views {
            let Some(view) = relation.view() else { continue };
            let columns = list(relation.columns.iter().map(|column| column.name.as_str()));
            let kind = if view.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
            let name = name_of(relation);
            let options = view_options(view);
            self.push(format!("CREATE {kind} {name} ({columns}){options} AS\n{}", view.definition));
            for index in relation.indexes.iter().filter(|index| !index.hidden) {
                self.push(index.definition.clone());
            }
        }
    }

    /// The functions whose signatures name the row of a view (`of_views`), or all others.
    fn routines(&mut self, views: &[&Arc<Relation>], of_views: bool) {
        let rows: BTreeSet<_> = views.iter().map(|view| view.row_type).collect();
        for routine in self.own_routines() {
            let mut types =
                routine.arguments.iter().map(|one| &one.ty).chain([&routine.returns.ty]);
            let names_view = types.any(|ty| {
                let ty = ty.element().unwrap_or(ty);
                matches!(ty, Type::Composite(id) if rows.contains(id))
            });
            if names_view != of_views {
                continue;
            }
            let text = self.definitions.routines.get(&routine.id).cloned();
            let text = text.unwrap_or_else(|| self.routine(routine));
            self.push(text.trim_end().to_owned());
        }
    }

    fn routine(&self, routine: &Routine) -> String {
        let arguments: Vec<String> = routine
            .arguments
            .iter()
            .filter(|one| one.mode != ArgumentMode::Table)
            .map(|one| self.argument(one))
            .collect();
        let mut text = format!(
            "CREATE FUNCTION {}({}) RETURNS {}\n    LANGUAGE {}",
            qualified(&routine.schema, &routine.name),
            arguments.join(", "),
            self.returns(routine),
            match &routine.language {
                Language::Sql => "sql".to_owned(),
                Language::PlPgSql => "plpgsql".to_owned(),
                Language::Other(name) => quote_identifier(name),
            }
        );
        text.push_str(match routine.volatility {
            Volatility::Immutable => " IMMUTABLE",
            Volatility::Stable => " STABLE",
            Volatility::Volatile => "",
        });
        text.push_str(if routine.strict { " STRICT" } else { "" });
        text.push_str(if routine.security_definer { " SECURITY DEFINER" } else { "" });
        if let Some(rows) = routine.rows.filter(|rows| (*rows - 1000.0).abs() > f32::EPSILON) {
            text.push_str(&format!(" ROWS {rows}"));
        }
        for (name, value) in &routine.settings {
            let value = if value.is_empty() { "''" } else { value };
            text.push_str(&format!("\n    SET {name} TO {value}"));
        }
        let mut tag = "$function$".to_owned();
        while routine.source.contains(&tag) {
            tag.insert(1, 'x');
        }
        text.push_str(&format!("\n    AS {tag}{}{tag}", routine.source));
        text
    }

    fn argument(&self, argument: &Argument) -> String {
        let mode = match argument.mode {
            ArgumentMode::In | ArgumentMode::Table => "",
            ArgumentMode::Out => "OUT ",
            ArgumentMode::InOut => "INOUT ",
            ArgumentMode::Variadic => "VARIADIC ",
        };
        let name = argument.name.as_deref().map_or(String::new(), |name| {
            let mut name = quote_identifier(name);
            name.push(' ');
            name
        });
        let default = argument
            .default_text
            .as_ref()
            .map_or(String::new(), |default| format!(" DEFAULT {default}"));
        format!("{mode}{name}{}{default}", argument.ty.name_with(argument.modifier, self.catalog))
    }

    fn returns(&self, routine: &Routine) -> String {
        let columns: Vec<String> = routine
            .arguments
            .iter()
            .filter(|one| one.mode == ArgumentMode::Table)
            .map(|one| self.argument(one))
            .collect();
        if !columns.is_empty() {
            return format!("TABLE ({})", columns.join(", "));
        }
        let set = if routine.returns.set { "SETOF " } else { "" };
        format!("{set}{}", routine.returns.ty.name(self.catalog))
    }
}

fn view_options(view: &View) -> String {
    let options: Vec<&str> = [
        view.security_invoker.then_some("security_invoker = true"),
        view.check_option.then_some("check_option = cascaded"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}
