//! The records of what was applied.

use backstay_catalog::Catalog;
use backstay_expr::{Expr, From, Output, Query, RelId, RelationScan, Select};
use backstay_model::{Error, Result, quote_literal};
use backstay_plan::{Member, MemberKind, Node, Operation, Plan, Read};
use serde::Deserialize;

use crate::{Form, Migration, Script, Seed};

/// The schema of the records.
pub(crate) const SCHEMA: &str = "supabase_migrations";

/// A record of `supabase_migrations.schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Applied {
    /// Version.
    pub version: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Checksum of the file; other tools leave it out.
    #[serde(default)]
    pub checksum: Option<String>,
}

/// The plan that reads the records of migrations, in order; `None` before the bootstrap.
pub fn applied_plan(catalog: &Catalog) -> Option<Plan> {
    read_plan(catalog, "schema_migrations", &["version", "name", "checksum"])
}

/// The plan that reads the records of seeds (`path`, `hash`); `None` before the bootstrap.
pub fn seeds_plan(catalog: &Catalog) -> Option<Plan> {
    read_plan(catalog, "seed_files", &["path", "hash"])
}

/// Reads the answer of [`applied_plan`].
///
/// # Errors
/// `XX000` if it is not what the plan gives.
pub fn applied_rows(body: &[u8]) -> Result<Vec<Applied>> {
    serde_json::from_slice(body)
        .map_err(|error| Error::internal(format!("the records cannot be read: {error}")))
}

fn read_plan(catalog: &Catalog, table: &str, names: &[&str]) -> Option<Plan> {
    let relation = catalog.relation(SCHEMA, table)?;
    let rel = RelId(1);
    let mut outputs = Vec::new();
    let mut members = Vec::new();
    // Another tool's table may lack some of them.
    let columns = names.iter().filter_map(|name| Some((name, relation.column(name)?)));
    for (at, (name, column)) in columns.enumerate() {
        let expr = Expr::column(rel, column.number, column.ty.clone());
        outputs.push(Output { name: (*name).to_owned(), expr });
        members.push(Member { key: (*name).to_owned(), kind: MemberKind::Output(at) });
    }
    let order = outputs.first().map(|first| backstay_expr::SortKey {
        expr: first.expr.clone(),
        descending: false,
        nulls_first: false,
    });
    let scan = From::Relation(RelationScan { rel, relation: relation.id, policy: None });
    let mut query = Query::select(Select::new(outputs, vec![scan]));
    query.order.extend(order);
    let node = Node { query, members, children: Vec::new() };
    Some(Plan::new(Operation::Read(Read { node, count: None })))
}

/// What is to be recorded: a table, and its columns with their values in SQL.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    table: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Record {
    pub(crate) fn migration(migration: &Migration, texts: &[String]) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| quote_literal(text)).collect();
        let values = vec![
            ("version", quote_literal(&migration.version)),
            ("statements", format!("ARRAY[{}]::text[]", texts.join(", "))),
            ("name", quote_literal(&migration.name)),
            ("checksum", quote_literal(&migration.checksum)),
        ];
        Self { table: "schema_migrations", values }
    }

    pub(crate) fn seed(seed: &Seed) -> Self {
        let values =
            vec![("path", quote_literal(&seed.path)), ("hash", quote_literal(&seed.hash()))];
        Self { table: "seed_files", values }
    }

    /// The statements that record it, as whoever applied it. A column that the table lacks (another
    /// tool made it) is left out.
    ///
    /// # Errors
    /// `XX000` where the table is missing.
    pub(crate) fn sql(&self, catalog: &Catalog) -> Result<String> {
        let table = self.table;
        let relation = catalog
            .relation(SCHEMA, table)
            .ok_or_else(|| Error::internal(format!("the table {SCHEMA}.{table} is missing")))?;
        let known = self.values.iter().filter(|(name, _)| relation.column(name).is_some());
        let (columns, values): (Vec<&str>, Vec<&str>) =
            known.map(|(name, value)| (*name, value.as_str())).unzip();
        let (columns, values) = (columns.join(", "), values.join(", "));
        Ok(format!("RESET ROLE; INSERT INTO {SCHEMA}.{table} ({columns}) VALUES ({values})"))
    }
}

/// The script of a record's statements.
///
/// # Errors
/// `XX000` if they cannot be parsed.
pub(crate) fn script(sql: &str, form: Form) -> Result<Script> {
    Script::new("the record", sql, form).map_err(|error| Error::internal(error.to_string()))
}
