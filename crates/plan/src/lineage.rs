//! Where the columns of views come from.

use std::collections::BTreeMap;

use backstay_catalog::{Catalog, KeyConstraint, Relation};
use backstay_expr::{Expr, RelationId};

/// How deep views may lie over each other to be followed.
const DEPTH: usize = 32;

/// For one base table: which of its columns a relation shows unchanged, and as which of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The base table.
    pub(crate) table: RelationId,
    /// From the table's attribute number to the relation's; the first if shown several times.
    columns: BTreeMap<u16, u16>,
}

impl Origin {
    /// The relation's numbers for these columns of the table, if it shows all of them.
    pub(crate) fn shown(&self, columns: &[u16]) -> Option<Vec<u16>> {
        columns.iter().map(|column| self.columns.get(column).copied()).collect()
    }
}

/// The base tables whose columns a relation shows. A table is its own.
pub(crate) fn origins(catalog: &Catalog, relation: &Relation) -> Vec<Origin> {
    if relation.view().is_none() {
        let columns = relation.columns.iter().map(|column| (column.number, column.number));
        return vec![Origin { table: relation.id, columns: columns.collect() }];
    }
    let mut found: Vec<Origin> = Vec::new();
    for column in &relation.columns {
        let Some((table, base)) = base_column(catalog, relation, column.number) else { continue };
        let origin = match found.iter_mut().find(|origin| origin.table == table) {
            Some(origin) => origin,
            None => {
                found.push(Origin { table, columns: BTreeMap::new() });
                let Some(last) = found.last_mut() else { continue };
                last
            }
        };
        origin.columns.entry(base).or_insert(column.number);
    }
    found
}

/// The table's column that a column of a view shows unchanged, through views over views.
fn base_column(catalog: &Catalog, relation: &Relation, column: u16) -> Option<(RelationId, u16)> {
    let (mut relation, mut column) = (relation, column);
    for _ in 0..DEPTH {
        let Some(view) = relation.view() else { return Some((relation.id, column)) };
        let (below, shown) = view.origin(column)?;
        (relation, column) = (catalog.relations.get(&below)?, shown);
    }
    None
}

/// The primary key of a relation; a view's is that of the tables it shows.
pub fn primary_key(catalog: &Catalog, relation: &Relation) -> Vec<u16> {
    if relation.view().is_none() {
        return relation.primary_key.as_ref().map_or_else(Vec::new, |key| key.columns.clone());
    }
    origins(catalog, relation)
        .iter()
        .filter_map(|origin| {
            let table = catalog.relations.get(&origin.table)?;
            origin.shown(&table.primary_key.as_ref()?.columns)
        })
        .flatten()
        .collect()
}

/// Columns of a relation that refer to columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'c> {
    /// The name of the foreign key.
    pub constraint: &'c str,
    /// No two rows of the relation refer to the same row.
    pub one_to_one: bool,
    /// Columns of the relation.
    pub columns: Vec<u16>,
    /// The table.
    pub target: RelationId,
    /// The columns of the table that they equal, in the same order.
    pub target_columns: Vec<u16>,
}

/// The foreign keys of a relation; a view has those of the tables it shows, where it shows all
/// their columns.
pub fn references<'c>(catalog: &'c Catalog, relation: &Relation) -> Vec<Reference<'c>> {
    let mut found = Vec::new();
    for origin in origins(catalog, relation) {
        let Some(table) = catalog.relations.get(&origin.table) else { continue };
        for key in &table.foreign_keys {
            if let Some(columns) = origin.shown(&key.columns) {
                found.push(Reference {
                    constraint: &key.name,
                    one_to_one: is_unique(catalog, relation, &columns),
                    columns,
                    target: key.target,
                    target_columns: key.target_columns.clone(),
                });
            }
        }
    }
    found
}

/// The columns of a relation that show these columns of a table unchanged, if it shows all of them.
pub fn shown_columns(
    catalog: &Catalog,
    relation: &Relation,
    table: RelationId,
    columns: &[u16],
) -> Option<Vec<u16>> {
    let origins = origins(catalog, relation);
    origins.iter().find(|origin| origin.table == table)?.shown(columns)
}

/// Is there a unique constraint (or full unique index) over exactly these columns of the relation?
pub(crate) fn is_unique(catalog: &Catalog, relation: &Relation, columns: &[u16]) -> bool {
    let wanted = sorted(columns);
    origins(catalog, relation).iter().any(|origin| {
        let Some(table) = catalog.relations.get(&origin.table) else { return false };
        let keys = table.keys().filter(|key| !key.deferrable).map(|key| key.columns.clone());
        let indexes =
            table.indexes.iter().filter(|index| index.unique && index.predicate.is_none());
        let indexes = indexes.filter_map(|index| {
            index
                .keys
                .iter()
                .map(|key| match &key.expr {
                    Expr::Column { column, .. } => Some(*column),
                    _ => None,
                })
                .collect::<Option<Vec<u16>>>()
        });
        keys.chain(indexes)
            .filter_map(|key| origin.shown(&key))
            .any(|shown| sorted(&shown) == wanted)
    })
}

/// Are these columns exactly those of a key constraint of the table?
pub(crate) fn is_key(table: &Relation, columns: &[u16]) -> bool {
    let wanted = sorted(columns);
    table.keys().any(|key: &KeyConstraint| sorted(&key.columns) == wanted)
}

fn sorted(columns: &[u16]) -> Vec<u16> {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    columns.dedup();
    columns
}
