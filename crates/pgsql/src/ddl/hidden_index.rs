//! Indexes that foreign keys need and nobody wrote.
//!
//! Deleting a parent looks for its children, and embedding reads them by key: without an index each
//! of the two scans the child table. So every foreign key without a fitting index gets a hidden one,
//! which goes when a fitting one comes.

use std::sync::Arc;

use backstay_catalog::{Catalog, Index, IndexKey, ROW, Relation, RelationKind, Work};
use backstay_expr::{Expr, RelationId};

use super::Draft;
use super::foreign_key::same_set;

/// Brings the hidden indexes of every relation that the statement changed up to date.
pub(super) fn reconcile(draft: &mut Draft<'_>, before: &Catalog) {
    let changed: Vec<RelationId> = draft
        .catalog
        .relations
        .iter()
        .filter(|(id, relation)| {
            relation.kind == RelationKind::Table
                && before.relations.get(id).is_none_or(|old| !Arc::ptr_eq(old, relation))
        })
        .map(|(id, _)| *id)
        .collect();
    for id in changed {
        reconcile_one(draft, id);
    }
}

fn reconcile_one(draft: &mut Draft<'_>, id: RelationId) {
    let Some(relation) = draft.catalog.relations.get(&id).cloned() else { return };
    let mut needed: Vec<Vec<u16>> = Vec::new();
    for key in &relation.foreign_keys {
        if !is_covered(&relation, &key.columns)
            && !needed.iter().any(|columns| same_set(columns, &key.columns))
        {
            needed.push(key.columns.clone());
        }
    }
    let mut indexes = relation.indexes.clone();
    let mut work = Vec::new();
    indexes.retain(|index| {
        if !index.hidden {
            return true;
        }
        let columns = plain_columns(index);
        match needed.iter().position(|wanted| same_set(wanted, &columns)) {
            Some(position) => {
                needed.remove(position);
                true
            }
            None => {
                work.extend(index.physical.clone().map(|physical| Work::DropIndex { physical }));
                false
            }
        }
    });
    for columns in needed {
        let index = hidden(&relation, &columns);
        work.extend(
            index.physical.clone().map(|physical| Work::CreateIndex { relation: id, physical }),
        );
        indexes.push(index);
    }
    if !work.is_empty()
        && let Some(stored) = draft.catalog.relations.get_mut(&id)
    {
        Arc::make_mut(stored).indexes = indexes;
        draft.work.extend(work);
    }
}

/// Does an index that the engine keeps begin with these columns?
fn is_covered(relation: &Relation, columns: &[u16]) -> bool {
    let begins = |candidate: &[u16]| {
        candidate.get(..columns.len()).is_some_and(|head| same_set(head, columns))
    };
    relation.keys().any(|key| begins(&key.columns))
        || relation
            .indexes
            .iter()
            .filter(|index| !index.hidden && index.physical.is_some() && index.predicate.is_none())
            .any(|index| begins(&plain_columns(index)))
}

/// The leading keys that are plain columns.
fn plain_columns(index: &Index) -> Vec<u16> {
    index
        .keys
        .iter()
        .map_while(|key| match &key.expr {
            Expr::Column { column, .. } => Some(*column),
            _ => None,
        })
        .collect()
}

fn hidden(relation: &Relation, columns: &[u16]) -> Index {
    let numbers: Vec<String> = columns.iter().map(u16::to_string).collect();
    let name = format!("_backstay_fk_{}_{}", relation.id.0, numbers.join("_"));
    let keys = columns
        .iter()
        .filter_map(|number| relation.column_by_number(*number))
        .map(|column| IndexKey {
            expr: Expr::column(ROW, column.number, column.ty.clone()),
            descending: false,
            nulls_first: false,
        })
        .collect();
    Index {
        physical: Some(name.clone()),
        exclusion: None,
        name,
        keys,
        unique: false,
        nulls_not_distinct: false,
        predicate: None,
        method: "btree".to_owned(),
        definition: String::new(),
        hidden: true,
    }
}
