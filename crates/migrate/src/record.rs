//! The records of what was applied.

use backstay_catalog::Catalog;
use backstay_expr::{
    Expr, From, Insert, Output, Query, RelId, RelationScan, Select, Source, Statement, WritePolicy,
};
use backstay_model::{Array, Error, Result, Value};
use backstay_plan::{Member, MemberKind, Node, Operation, Plan, Read};
use serde::Deserialize;

/// The schema of the records.
pub(crate) const SCHEMA: &str = "supabase_migrations";

/// A record of `supabase_migrations.schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Applied {
    /// Version.
    pub version: String,
    /// Name.
    pub name: Option<String>,
    /// Checksum of the file; other tools leave it out.
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
    for (at, name) in names.iter().enumerate() {
        let column = relation.column(name)?;
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

/// A statement that inserts one row.
pub(crate) fn insert(
    catalog: &Catalog,
    table: &str,
    values: Vec<(&str, Value)>,
) -> Result<Statement> {
    let missing = || Error::internal(format!("the table {SCHEMA}.{table} is missing"));
    let relation = catalog.relation(SCHEMA, table).ok_or_else(missing)?;
    let mut columns = Vec::new();
    let mut row = Vec::new();
    for (name, value) in values {
        columns.push(relation.column(name).ok_or_else(missing)?.number);
        row.push(Some(value));
    }
    Ok(Statement::Insert(Box::new(Insert {
        with: Vec::new(),
        relation: relation.id,
        rel: RelId(1),
        excluded: RelId(2),
        columns,
        source: Source::Rows(vec![row]),
        overriding: None,
        conflict: None,
        returning: Vec::new(),
        policy: WritePolicy::default(),
    })))
}

/// An array of texts.
pub(crate) fn texts(all: &[String]) -> Value {
    Value::Array(Array::from_elements(all.iter().map(|text| Value::text(text.clone())).collect()))
}
