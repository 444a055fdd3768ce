//! Rows in and out as they are: triggers, foreign keys and policies rest meanwhile.

use std::sync::Arc;

use backstay_catalog::{Catalog, Column, Relation, RelationKind};
use backstay_engine::{Cells, Engine as _, Page, Position, Running, Start, Transfer};
use backstay_expr::RelationId;
use backstay_model::{Error, Result, quote_literal};
use tokio_postgres::types::{ToSql, Type};

mod resting;

use crate::PostgresEngine;
use crate::failure::Failure;
use crate::render::names::{quoted, relation as name, type_name};

/// Texts are PostgreSQL's own, whatever the database is set to; hidden rows are an error. Operators of
/// extensions must be found: without them keys of their types would be compared as text, but are
/// ordered as what they are.
const BEGIN_EXPORT: &str = "BEGIN READ ONLY; SET LOCAL row_security = off; \
     SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = postgres; \
     SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = hex; SET LOCAL timezone = 'UTC'; \
     SET LOCAL statement_timeout = 0; SET LOCAL search_path = pg_catalog, extensions, public";
/// Where a row of a table without a key lies: which partition of it, and where in that.
const PLACE: [(&str, &str); 2] = [("tableoid", "pg_catalog.oid"), ("ctid", "pg_catalog.tid")];
/// Triggers and keys rest in the whole session where the login may say so; [`resting`] has the rest.
const BEGIN_IMPORT: &str = "BEGIN; \
     SELECT pg_catalog.set_config('session_replication_role', 'replica', true) \
     WHERE pg_catalog.has_parameter_privilege('session_replication_role', 'SET'); \
     SET LOCAL row_security = off; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; \
     SET LOCAL statement_timeout = 0; SET LOCAL search_path = pg_catalog";

impl Transfer for PostgresEngine {
    fn count(&self, table: RelationId) -> Running<'_, u64> {
        Box::pin(async move {
            let catalog = self.catalog();
            let sql =
                format!("SELECT pg_catalog.count(*) FROM {}", name(table_of(&catalog, table)?));
            let mut lease = self.pool.lease().await?;
            let client = &lease.connection()?.client;
            client.batch_execute(BEGIN_EXPORT).await.map_err(told)?;
            let rows = client.query_typed(&sql, &[]).await.map_err(told)?;
            client.batch_execute("COMMIT").await.map_err(told)?;
            lease.give_back();
            let row = rows.first().ok_or_else(|| Error::internal("a count without a row"))?;
            u64::try_from(row.try_get::<_, i64>(0).map_err(told)?)
                .map_err(|_| Error::internal("a negative count"))
        })
    }

    fn export(&self, table: RelationId, from: Start, limit: u32) -> Running<'_, Page> {
        Box::pin(async move {
            let catalog = self.catalog();
            let relation = table_of(&catalog, table)?;
            let sql = select(&catalog, relation, &from, limit);
            let after = match from {
                Start::After(last) => last,
                Start::Skipping(_) => Vec::new(),
            };
            let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
                after.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
            let mut lease = self.pool.lease().await?;
            let client = &lease.connection()?.client;
            client.batch_execute(BEGIN_EXPORT).await.map_err(told)?;
            let rows = client.query_typed(&sql, &parameters).await.map_err(told)?;
            client.batch_execute("COMMIT").await.map_err(told)?;
            lease.give_back();
            let width = relation.columns.len();
            let mut page = Page::default();
            for row in &rows {
                let cells = (0..width).map(|at| row.try_get(at));
                page.rows.push(cells.collect::<Result<_, _>>().map_err(told)?);
            }
            if let Some(last) = rows.last() {
                let texts = (width..last.len()).map(|at| last.try_get(at));
                page.last = texts.collect::<Result<_, _>>().map_err(told)?;
            }
            Ok(page)
        })
    }

    fn import(&self, table: RelationId, columns: Vec<u16>, rows: Vec<Cells>) -> Running<'_, ()> {
        Box::pin(async move {
            let catalog = self.catalog();
            let relation = table_of(&catalog, table)?;
            let (sql, texts) = insert(&catalog, relation, &columns, &rows);
            let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
                texts.iter().map(|all| (all as &(dyn ToSql + Sync), Type::TEXT_ARRAY)).collect();
            let mut lease = self.pool.lease().await?;
            let client = &lease.connection()?.client;
            client.batch_execute(BEGIN_IMPORT).await.map_err(told)?;
            client.query_typed(&sql, &parameters).await.map_err(told)?;
            client.batch_execute("COMMIT").await.map_err(told)?;
            lease.give_back();
            Ok(())
        })
    }

    fn clear(&self, tables: Vec<RelationId>) -> Running<'_, ()> {
        Box::pin(async move {
            let catalog = self.catalog();
            let names: Vec<String> = tables
                .into_iter()
                .map(|table| table_of(&catalog, table).map(|relation| name(relation)))
                .collect::<Result<_>>()?;
            if names.is_empty() {
                return Ok(());
            }
            self.batch(&format!("{}; TRUNCATE {}", resting::BEGIN, names.join(", "))).await
        })
    }

    fn positions(&self) -> Running<'_, Vec<Position>> {
        Box::pin(async move {
            let catalog = self.catalog();
            let mut lease = self.pool.lease().await?;
            let client = &lease.connection()?.client;
            let mut positions = Vec::new();
            for name in catalog.sequences.keys() {
                let (schema, sequence) = (quoted(&name.0), quoted(&name.1));
                let sql = format!("SELECT last_value, is_called FROM {schema}.{sequence}");
                let rows = client.query_typed(&sql, &[]).await.map_err(told)?;
                if let Some(row) = rows.first() {
                    positions.push(Position {
                        name: name.clone(),
                        last: row.try_get(0).map_err(told)?,
                        called: row.try_get(1).map_err(told)?,
                    });
                }
            }
            lease.give_back();
            Ok(positions)
        })
    }

    fn finish(&self, positions: Vec<Position>) -> Running<'_, ()> {
        Box::pin(async move {
            let set = positions.iter().map(|one| {
                let sequence = format!("{}.{}", quoted(&one.name.0), quoted(&one.name.1));
                let sequence = quote_literal(&sequence);
                format!("SELECT pg_catalog.setval({sequence}, {}, {});\n", one.last, one.called)
            });
            let catalog = self.catalog();
            let refresh = catalog.relations.values().filter_map(|relation| match &relation.kind {
                RelationKind::View(view) if view.materialized => {
                    Some(format!("REFRESH MATERIALIZED VIEW {};\n", name(relation)))
                }
                RelationKind::View(_) | RelationKind::Table => None,
            });
            let sql: String = set.chain(refresh).collect();
            self.batch(&format!("{}; {sql}", resting::END)).await
        })
    }
}

impl PostgresEngine {
    /// Runs statements in one transaction.
    async fn batch(&self, sql: &str) -> Result<()> {
        let mut lease = self.pool.lease().await?;
        let client = &lease.connection()?.client;
        client.batch_execute(BEGIN_IMPORT).await.map_err(told)?;
        client.batch_execute(sql).await.map_err(told)?;
        client.batch_execute("COMMIT").await.map_err(told)?;
        lease.give_back();
        Ok(())
    }
}

fn told(error: tokio_postgres::Error) -> Error {
    Failure::from(error).error
}

fn table_of(catalog: &Catalog, table: RelationId) -> Result<&Arc<Relation>> {
    catalog.relations.get(&table).ok_or_else(|| Error::internal("a table that is not there"))
}

fn key_numbers(relation: &Relation) -> &[u16] {
    relation.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default()
}

/// The columns of the primary key.
fn key(relation: &Relation) -> Vec<String> {
    relation.column_names(key_numbers(relation)).into_iter().map(quoted).collect()
}

/// A column's output; the casts of two types to text say something else.
fn text(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.ty {
        backstay_model::Type::Bool => format!("pg_catalog.boolout(t.{name})::pg_catalog.text"),
        backstay_model::Type::Inet => format!("pg_catalog.inet_out(t.{name})::pg_catalog.text"),
        _ => format!("t.{name}::pg_catalog.text"),
    }
}

/// The columns as texts, then what the row is found by.
fn select(catalog: &Catalog, relation: &Relation, from: &Start, limit: u32) -> String {
    let mut order = key(relation);
    if order.is_empty() {
        order.extend(PLACE.map(|(name, _)| name.to_owned()));
    }
    let keys = order.iter().map(|name| format!("t.{name}::pg_catalog.text"));
    let texts: Vec<String> = relation.columns.iter().map(text).chain(keys).collect();
    let order: Vec<String> = order.iter().map(|name| format!("t.{name}")).collect();
    let order = order.join(", ");
    let (after, skip) = match from {
        Start::Skipping(rows) => (String::new(), *rows),
        Start::After(last) => {
            (format!(" WHERE ({order}) > ({})", marks(catalog, relation, last.len())), 0)
        }
    };
    let (texts, table) = (texts.join(", "), name(relation));
    format!("SELECT {texts} FROM {table} AS t{after} ORDER BY {order} LIMIT {limit} OFFSET {skip}")
}

/// The parameters as values of the key's types.
fn marks(catalog: &Catalog, relation: &Relation, count: usize) -> String {
    let numbers = key_numbers(relation);
    let one = |at: usize| {
        let column = numbers.get(at).and_then(|number| relation.column_by_number(*number));
        let ty = match column {
            Some(column) => type_name(catalog, &column.ty),
            None => PLACE.get(at).map_or_else(String::new, |(_, ty)| (*ty).to_owned()),
        };
        format!("${}::{ty}", at + 1)
    };
    (0..count).map(one).collect::<Vec<_>>().join(", ")
}

/// The statement and, for each column that it fills, the texts of all rows.
fn insert(
    catalog: &Catalog,
    relation: &Relation,
    columns: &[u16],
    rows: &[Cells],
) -> (String, Vec<Vec<Option<String>>>) {
    let filled: Vec<(usize, &Column)> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, number)| Some((at, relation.column_by_number(*number)?)))
        .filter(|(_, column)| column.generated.is_none())
        .collect();
    let texts = filled
        .iter()
        .map(|(at, _)| rows.iter().map(|cells| cells.get(*at).cloned().flatten()).collect())
        .collect();
    let names: Vec<String> = filled.iter().map(|(_, column)| quoted(&column.name)).collect();
    let numbered = |form: &dyn Fn(usize, &Column) -> String| -> String {
        let each = filled.iter().enumerate().map(|(at, (_, column))| form(at + 1, column));
        each.collect::<Vec<_>>().join(", ")
    };
    let values = numbered(&|at, column| format!("x.c{at}::{}", type_name(catalog, &column.ty)));
    let (arrays, aliases) =
        (numbered(&|at, _| format!("${at}")), numbered(&|at, _| format!("c{at}")));
    // Only the bare name `unnest` takes several arrays; the search path has nothing else.
    (
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE \
             SELECT {values} FROM unnest({arrays}) AS x({aliases})",
            name(relation),
            names.join(", ")
        ),
        texts,
    )
}
