//! `CREATE TABLE … AS` and `CREATE MATERIALIZED VIEW`: rows that a query gives, kept.

use backstay_catalog::{Column, HIDDEN, KeptRows, RelationKind, ViewBody, Work};
use backstay_expr::{From, Query, RelId, RelationId, RelationScan};
use backstay_model::{Error, Result, Type, quote_identifier};
use pg_query::protobuf::{CreateTableAsStmt, IntoClause, ObjectType, RangeVar};

use super::Draft;
use super::names::{located, physical_column, relation_exists, strings, written_schema};
use super::table::{check_type_name, new_relation};
use super::view::{columns, definition, install, select_of};
use crate::sequence::all_of;

/// Either of them. The rows come by a statement of their own behind it.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateTableAsStmt) -> Result<()> {
    let missing = || Error::internal("CREATE … AS without a name");
    let into = stmt.into.as_deref().ok_or_else(missing)?;
    let range = into.rel.as_ref().ok_or_else(missing)?;
    if range.relpersistence == "t" {
        return Err(located(Error::unsupported("CREATE TEMPORARY TABLE"), range.location));
    }
    let schema = draft.creation_schema(written_schema(range))?;
    if draft.relation_name_taken(&schema, &range.relname) {
        if stmt.if_not_exists {
            draft.notice(format!("relation \"{}\" already exists, skipping", range.relname));
            return Ok(());
        }
        return Err(located(relation_exists(&range.relname), range.location));
    }
    if stmt.objtype() == ObjectType::ObjectMatview {
        materialized(draft, stmt, (into, range, &schema))
    } else {
        table(draft, stmt, (into, range, &schema))
    }
}

type Target<'s> = (&'s IntoClause, &'s RangeVar, &'s str);

fn table(
    draft: &mut Draft<'_>,
    stmt: &CreateTableAsStmt,
    (into, range, schema): Target<'_>,
) -> Result<()> {
    let select = select_of(stmt.query.as_deref())?;
    let view = definition(draft, select)?;
    let columns = columns(draft, view.query()?, &strings(&into.col_names))?;
    check_type_name(draft, schema, &range.relname)?;
    make_table(draft, (schema, &range.relname), columns)?;
    if !into.skip_data {
        let name = qualified(schema, &range.relname);
        draft.session.then.push(format!("INSERT INTO {name} {}", view.definition));
    }
    Ok(())
}

fn materialized(
    draft: &mut Draft<'_>,
    stmt: &CreateTableAsStmt,
    (into, range, schema): Target<'_>,
) -> Result<()> {
    let mut view = definition(draft, select_of(stmt.query.as_deref())?)?;
    let query = view.query()?.clone();
    let columns = columns(draft, &query, &strings(&into.col_names))?;
    let name = format!("{schema}.{}", range.relname);
    let table = make_table(draft, (HIDDEN, &name), columns.clone())?;
    view.body = ViewBody::Bound(all_rows(table, &columns));
    view.materialized = true;
    view.kept = Some(Box::new(KeptRows { table, query }));
    install(draft, range, schema, view, columns)?;
    if !into.skip_data {
        let name = qualified(schema, &range.relname);
        draft.session.then.push(format!("REFRESH MATERIALIZED VIEW {name}"));
    }
    Ok(())
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// A table with the columns of a query.
fn make_table(
    draft: &mut Draft<'_>,
    (schema, name): (&str, &str),
    columns: Vec<Column>,
) -> Result<RelationId> {
    let id = new_relation(draft, schema, name, RelationKind::Table);
    let relation = draft.edit_relation(id)?;
    for mut column in columns {
        column.physical = physical_column(relation, &column.name);
        relation.next_column = column.number + 1;
        relation.columns.push(column);
    }
    draft.work.push(Work::CreateTable(id));
    Ok(id)
}

fn all_rows(table: RelationId, columns: &[Column]) -> Query {
    let rel = RelId(1);
    let columns: Vec<(String, Type)> =
        columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
    let from = From::Relation(RelationScan { rel, relation: table, policy: None });
    Query::select(all_of(rel, &columns, from))
}
