//! What a description is about: the relations and functions of a schema that a caller may use.

use std::collections::{BTreeMap, BTreeSet};

use backstay_catalog::{Catalog, Column, Relation, RelationKind};
use backstay_policy::{Caller, Permissions, permissions};

use super::functions::Function;

/// The part of a schema that a caller may use.
pub(super) struct Contents<'c> {
    /// For types.
    pub(super) catalog: &'c Catalog,
    /// The schema.
    pub(super) schema: &'c str,
    /// First line of the schema's comment.
    pub(super) title: String,
    /// The rest of it.
    pub(super) description: Option<String>,
    /// In name order.
    pub(super) relations: Vec<Described<'c>>,
    /// In name order.
    pub(super) functions: Vec<Function<'c>>,
}

/// A relation with what the caller may do with it.
pub(super) struct Described<'c> {
    /// The relation.
    pub(super) relation: &'c Relation,
    /// What may be done.
    pub(super) may: Permissions,
    /// Columns of the primary key.
    pub(super) key: BTreeSet<u16>,
    /// Columns that refer to another one: table and column.
    pub(super) references: BTreeMap<u16, (&'c str, &'c str)>,
}

impl<'c> Contents<'c> {
    /// What the caller may use of the schema.
    pub(super) fn of(catalog: &'c Catalog, caller: &Caller, schema: &'c str) -> Self {
        let comment = catalog.schemas.get(schema).and_then(|known| known.comment.as_deref());
        let (title, description) = match comment.map(first_line_and_rest) {
            Some((title, rest)) if !title.is_empty() => (title.to_owned(), rest),
            _ => (format!("The schema {schema}"), None),
        };
        let mut relations: Vec<Described<'c>> = catalog
            .relations_in(schema)
            .map(|relation| Described {
                relation,
                may: permissions(catalog, caller, relation),
                key: backstay_plan::primary_key(catalog, relation).into_iter().collect(),
                references: BTreeMap::new(),
            })
            .filter(|described| described.may.any())
            .collect();
        let references: Vec<_> =
            relations.iter().map(|from| references(catalog, &relations, from)).collect();
        for (described, references) in relations.iter_mut().zip(references) {
            described.references = references;
        }
        Self {
            catalog,
            schema,
            title,
            description: description.map(str::to_owned),
            relations,
            functions: Function::all(catalog, caller, schema),
        }
    }

    /// The described relation with this row type.
    pub(super) fn with_row_type(&self, id: backstay_model::TypeId) -> Option<&Described<'c>> {
        self.relations.iter().find(|described| described.relation.row_type == id)
    }
}

/// The references to columns that are described too.
fn references<'c>(
    catalog: &'c Catalog,
    described: &[Described<'c>],
    from: &Described<'c>,
) -> BTreeMap<u16, (&'c str, &'c str)> {
    let mut found = BTreeMap::new();
    for reference in backstay_plan::references(catalog, from.relation) {
        let target = described.iter().find(|one| one.relation.id == reference.target);
        let Some(target) = target else { continue };
        for (column, other) in reference.columns.iter().zip(&reference.target_columns) {
            let named = target.relation.column_by_number(*other);
            if let Some(named) = named.filter(|_| target.may.knows(*other)) {
                found
                    .entry(*column)
                    .or_insert((target.relation.name.as_str(), named.name.as_str()));
            }
        }
    }
    found
}

impl<'c> Described<'c> {
    /// The columns that the caller may know of.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'c Column> {
        self.relation.columns.iter().filter(|column| self.may.knows(column.number))
    }

    /// The columns that may be given on insert.
    pub(super) fn insertable(&self) -> Vec<&'c Column> {
        written(self.relation, &self.may.insert)
    }

    /// The columns that may be updated.
    pub(super) fn updatable(&self) -> Vec<&'c Column> {
        written(self.relation, &self.may.update)
    }

    /// `table`, `view` or `materialized view`.
    pub(super) fn kind(&self) -> &'static str {
        match &self.relation.kind {
            RelationKind::Table => "table",
            RelationKind::View(view) if view.materialized => "materialized view",
            RelationKind::View(_) => "view",
        }
    }
}

/// Generated columns take no values.
fn written<'c>(relation: &'c Relation, numbers: &[u16]) -> Vec<&'c Column> {
    let columns = relation.columns.iter();
    columns.filter(|one| numbers.contains(&one.number) && one.generated.is_none()).collect()
}

/// A comment's first line and what follows it.
pub(super) fn first_line_and_rest(comment: &str) -> (&str, Option<&str>) {
    match comment.split_once('\n') {
        Some((first, rest)) => {
            (first.trim_end(), Some(rest.trim()).filter(|rest| !rest.is_empty()))
        }
        None => (comment.trim_end(), None),
    }
}
