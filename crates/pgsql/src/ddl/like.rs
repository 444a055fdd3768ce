//! `LIKE` in `CREATE TABLE`.

use backstay_catalog::{Column, Relation};
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, String as PgString, TableLikeClause};

use super::names::physical_column;
use super::{Draft, index, sequence, text};

/// Bits of `TableLikeClause.options`.
const COMMENTS: u32 = 1;
const CONSTRAINTS: u32 = 4;
const DEFAULTS: u32 = 8;
const GENERATED: u32 = 16;
const IDENTITY: u32 = 32;
const INDEXES: u32 = 64;

/// Copies the columns of another relation, and what `INCLUDING` says; answers the constraints to add.
pub(super) fn copy(
    draft: &mut Draft<'_>,
    id: RelationId,
    clause: &TableLikeClause,
) -> Result<Vec<Constraint>> {
    let range =
        clause.relation.as_ref().ok_or_else(|| Error::internal("LIKE without a relation"))?;
    let source = draft.relation(range)?;
    let has = |bit: u32| clause.options & bit != 0;
    for column in &source.columns {
        copy_column(draft, id, column, clause.options)?;
    }
    if has(GENERATED) {
        copy_generated(draft, id, &source)?;
    }
    let mut constraints = Vec::new();
    if has(CONSTRAINTS) {
        constraints.extend(checks(&source)?);
    }
    if has(INDEXES) {
        constraints.extend(source.keys().map(|key| {
            let primary =
                source.primary_key.as_ref().is_some_and(|primary| primary.name == key.name);
            let kind = if primary { ConstrType::ConstrPrimary } else { ConstrType::ConstrUnique };
            Constraint {
                contype: kind as i32,
                keys: source
                    .column_names(&key.columns)
                    .into_iter()
                    .map(|name| text::wrap(NodeEnum::String(PgString { sval: name.to_owned() })))
                    .collect(),
                nulls_not_distinct: key.nulls_not_distinct,
                deferrable: key.deferrable,
                initdeferred: key.deferred,
                location: -1,
                ..Constraint::default()
            }
        }));
        for source_index in source.indexes.iter().filter(|index| !index.hidden) {
            index::copy(draft, id, source_index)?;
        }
    }
    Ok(constraints)
}

fn checks(source: &Relation) -> Result<Vec<Constraint>> {
    source
        .checks
        .iter()
        .map(|check| {
            Ok(Constraint {
                contype: ConstrType::ConstrCheck as i32,
                conname: check.name.clone(),
                raw_expr: Some(Box::new(text::parse_expression(&check.text)?)),
                location: -1,
                ..Constraint::default()
            })
        })
        .collect()
}

fn copy_column(draft: &mut Draft<'_>, id: RelationId, from: &Column, options: u32) -> Result<()> {
    let has = |bit: u32| options & bit != 0;
    let relation = draft.known(id)?;
    if relation.column(&from.name).is_some() {
        let message = format!("column \"{}\" specified more than once", from.name);
        return Err(Error::new("42701", message));
    }
    let number = relation.next_column;
    let mut column = Column {
        number,
        physical: physical_column(&relation, &from.name),
        identity: None,
        generated: None,
        sequence: None,
        ..from.clone()
    };
    if !has(DEFAULTS) {
        column.default = None;
        column.default_text = None;
    }
    if !has(COMMENTS) {
        column.comment = None;
    }
    let stored = draft.edit_relation(id)?;
    stored.columns.push(column);
    stored.next_column += 1;
    if let (true, Some(identity)) = (has(IDENTITY), from.identity) {
        sequence::attach_identity(draft, id, number, identity, &[])?;
    }
    Ok(())
}

fn copy_generated(draft: &mut Draft<'_>, id: RelationId, source: &Relation) -> Result<()> {
    for from in &source.columns {
        let Some(generated) = &from.generated else { continue };
        let node = text::parse_expression(&generated.text)?;
        let number = draft.known(id)?.column(&from.name).map_or(0, |column| column.number);
        super::column::set_generated(draft, id, number, &node)?;
    }
    Ok(())
}
