//! The tables and indexes of a relation: strict tables with plain columns, and nothing else.

use std::sync::Arc;

use backstay_catalog::{Catalog, Index, KeyConstraint, Relation};
use backstay_expr::Expr;
use backstay_model::{Error, Result};

use crate::lower::lower_row_expression;
use crate::names::{push_quoted, quote};
use crate::{Needed, collation, stored_class};

/// The name of the row id in tables whose primary key is not one integer column.
pub const ROW_ID: &str = crate::lower::ROW_ID;

/// `CREATE TABLE` for the relation under another physical name (its own, mostly).
pub fn create_table(catalog: &Catalog, relation: &Relation, physical: &str) -> String {
    let mut sql = format!("CREATE TABLE {} (", quote(physical));
    let key = relation.integer_key().map(|key| key.number);
    if key.is_none() {
        push_quoted(&mut sql, ROW_ID);
        sql.push_str(" INTEGER PRIMARY KEY");
    }
    for (index, column) in relation.columns.iter().enumerate() {
        if index > 0 || key.is_none() {
            sql.push_str(", ");
        }
        sql.push_str(&column_definition(catalog, column));
        if key == Some(column.number) {
            sql.push_str(" PRIMARY KEY");
        }
    }
    sql.push_str(") STRICT");
    sql
}

/// A column as `CREATE TABLE` and `ADD COLUMN` spell it.
pub fn column_definition(catalog: &Catalog, column: &backstay_catalog::Column) -> String {
    let mut sql = quote(&column.physical);
    sql.push(' ');
    sql.push_str(stored_class(&column.ty, catalog).name());
    if let Some(name) = collation(&column.ty, catalog) {
        sql.push_str(" COLLATE ");
        sql.push_str(name);
    }
    sql
}

/// Physical names of all indexes that the relation should have.
pub fn index_names(relation: &Relation) -> Vec<&str> {
    let whole = relation.integer_key().is_some();
    let primary = relation.primary_key.iter().filter(|_| !whole);
    let keys = primary.chain(&relation.unique).map(|key| key.physical.as_str());
    keys.chain(relation.indexes.iter().filter_map(|index| index.physical.as_deref())).collect()
}

/// `CREATE INDEX` for the key constraint or index with this physical name, and the functions that
/// it calls.
///
/// # Errors
/// `0A000` for an expression that cannot stand in an index; `XX000` for an unknown name.
pub fn create_index(
    catalog: &Catalog,
    relation: &Arc<Relation>,
    physical: &str,
) -> Result<(String, Vec<Needed>)> {
    if let Some(key) = relation.keys().find(|key| key.physical == physical) {
        return Ok((key_index(catalog, relation, key), Vec::new()));
    }
    let index = relation
        .indexes
        .iter()
        .find(|index| index.physical.as_deref() == Some(physical))
        .ok_or_else(|| Error::internal(format!("there is no index {physical}")))?;
    plain_index(catalog, relation, index, physical)
}

fn head(unique: bool, physical: &str, relation: &Relation) -> String {
    let unique = if unique { "UNIQUE " } else { "" };
    format!("CREATE {unique}INDEX {} ON {} (", quote(physical), quote(&relation.physical))
}

fn key_index(catalog: &Catalog, relation: &Relation, key: &KeyConstraint) -> String {
    // A deferrable key is tested when it is due, by the executor.
    let mut sql = head(!key.deferrable, &key.physical, relation);
    let columns = key.columns.iter().filter_map(|number| relation.column_by_number(*number));
    for (index, column) in columns.enumerate() {
        if index > 0 {
            sql.push_str(", ");
        }
        push_term(&mut sql, &quote(&column.physical), key.nulls_not_distinct);
        if key.nulls_not_distinct
            && let Some(name) = collation(&column.ty, catalog)
        {
            sql.push_str(" COLLATE ");
            sql.push_str(name);
        }
    }
    sql.push(')');
    sql
}

/// For `NULLS NOT DISTINCT`, nulls become a value that no stored form takes beside the mark.
fn push_term(sql: &mut String, term: &str, nulls_not_distinct: bool) {
    if nulls_not_distinct {
        sql.push_str(&format!("({term} IS NULL), ifnull({term}, 0)"));
    } else {
        sql.push_str(term);
    }
}

fn plain_index(
    catalog: &Catalog,
    relation: &Arc<Relation>,
    index: &Index,
    physical: &str,
) -> Result<(String, Vec<Needed>)> {
    let mut sql = head(index.unique, physical, relation);
    let mut functions = Vec::new();
    for (position, key) in index.keys.iter().enumerate() {
        if position > 0 {
            sql.push_str(", ");
        }
        let (mut text, needed) = lower_row_expression(catalog, relation, &key.expr)?;
        functions.extend(needed);
        if !matches!(key.expr, Expr::Column { .. }) {
            text = format!("({text})");
        }
        push_term(&mut sql, &text, index.unique && index.nulls_not_distinct);
        if let Some(name) = collation(&key.expr.ty(), catalog) {
            sql.push_str(" COLLATE ");
            sql.push_str(name);
        }
        if key.descending {
            sql.push_str(" DESC");
        }
    }
    sql.push(')');
    if let Some(predicate) = &index.predicate {
        let (text, needed) = lower_row_expression(catalog, relation, predicate)?;
        functions.extend(needed);
        sql.push_str(" WHERE ");
        sql.push_str(&text);
    }
    Ok((sql, functions))
}
