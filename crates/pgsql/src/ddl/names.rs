//! Names: finding what a statement refers to, and choosing the names that nobody wrote.

use std::sync::Arc;

use backstay_catalog::{Catalog, Relation};
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar};

use super::Draft;
pub(super) use crate::nodes::{string, strings};

/// PostgreSQL's longest identifier in bytes.
const LONGEST: usize = 63;

/// The strings of a list node, or the one string of a string node.
pub(super) fn string_list(node: &Node) -> Vec<&str> {
    match node.node.as_ref() {
        Some(NodeEnum::List(list)) => strings(&list.items),
        Some(NodeEnum::String(text)) => vec![&text.sval],
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        _ => Vec::new(),
    }
}

/// `schema.name` in parts; a catalogue in front is left out.
pub(super) fn qualified<'n>(parts: &[&'n str]) -> (Option<&'n str>, &'n str) {
    match parts {
        [.., schema, name] => (Some(schema), name),
        [name] => (None, name),
        [] => (None, ""),
    }
}

/// A byte offset of the parser; it says -1 where it knows none.
pub(super) fn offset(location: i32) -> Option<usize> {
    usize::try_from(location).ok()
}

/// Puts the position on an error, if the parser knew one.
pub(super) fn located(error: Error, location: i32) -> Error {
    match offset(location) {
        Some(position) => error.at(position),
        None => error,
    }
}

/// The schema of a range variable, if one was written.
pub(super) fn written_schema(range: &RangeVar) -> Option<&str> {
    (!range.schemaname.is_empty()).then_some(range.schemaname.as_str())
}

/// `name` or `schema.name` as it was written.
pub(super) fn written(schema: Option<&str>, name: &str) -> String {
    match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    }
}

/// `42P01`.
pub(super) fn no_relation(schema: Option<&str>, name: &str) -> Error {
    Error::new("42P01", format!("relation \"{}\" does not exist", written(schema, name)))
}

/// `42703` for a column of a relation.
pub(super) fn no_column(relation: &Relation, column: &str) -> Error {
    Error::new(
        "42703",
        format!("column \"{column}\" of relation \"{}\" does not exist", relation.name),
    )
}

/// `42704` for a constraint.
pub(super) fn no_constraint(relation: &Relation, constraint: &str) -> Error {
    Error::new(
        "42704",
        format!("constraint \"{constraint}\" of relation \"{}\" does not exist", relation.name),
    )
}

/// `3F000`.
pub(super) fn no_schema(name: &str) -> Error {
    Error::new("3F000", format!("schema \"{name}\" does not exist"))
}

/// `42P07`.
pub(super) fn relation_exists(name: &str) -> Error {
    Error::new("42P07", format!("relation \"{name}\" already exists"))
}

/// `42809`: it exists but is of another kind.
pub(super) fn wrong_kind(relation: &Relation, wanted: &str) -> Error {
    let article = if wanted.starts_with('i') { "an" } else { "a" };
    Error::new("42809", format!("\"{}\" is not {article} {wanted}", relation.name))
}

impl Draft<'_> {
    /// The schema that a new object goes to.
    pub(super) fn creation_schema(&self, schema: Option<&str>) -> Result<String> {
        match schema {
            Some("pg_catalog" | "information_schema") => Err(Error::new(
                "42501",
                format!("permission denied for schema {}", schema.unwrap_or_default()),
            )),
            Some(name) if self.catalog.schemas.contains_key(name) => Ok(name.to_owned()),
            Some(name) => Err(no_schema(name)),
            None => {
                let path = &self.session.search_path.0;
                path.iter()
                    .find(|name| self.catalog.schemas.contains_key(*name))
                    .cloned()
                    .ok_or_else(|| Error::new("3F000", "no schema has been selected to create in"))
            }
        }
    }

    /// The relation that a range variable names.
    pub(super) fn relation(&self, range: &RangeVar) -> Result<Arc<Relation>> {
        self.find_relation(written_schema(range), &range.relname)
            .map_err(|error| located(error, range.location))
    }

    /// The relation of this name.
    pub(super) fn find_relation(&self, schema: Option<&str>, name: &str) -> Result<Arc<Relation>> {
        let path = &self.session.search_path;
        path.relation(&self.catalog, schema, name).cloned().ok_or_else(|| no_relation(schema, name))
    }

    /// Is there a table, view, index, sequence or composite type of this name in the schema?
    pub(super) fn relation_name_taken(&self, schema: &str, name: &str) -> bool {
        let catalog = &self.catalog;
        catalog.relation(schema, name).is_some()
            || catalog.sequences.contains_key(&(schema.to_owned(), name.to_owned()))
            || catalog.relations_in(schema).any(|relation| {
                relation.keys().any(|key| key.name == name)
                    || relation.indexes.iter().any(|index| index.name == name)
            })
            || catalog
                .type_named(schema, name)
                .is_some_and(|known| matches!(known.kind, backstay_catalog::TypeKind::Composite(_)))
    }

    fn constraint_name_taken(&self, schema: &str, name: &str) -> bool {
        self.catalog.relations_in(schema).any(|relation| has_constraint(relation, name))
    }

    /// PostgreSQL's `ChooseRelationName`: `name1_name2_label`, numbered until nobody has it.
    pub(super) fn choose_relation_name(
        &self,
        schema: &str,
        parts: (&str, Option<&str>),
        label: &str,
        constraint: bool,
    ) -> String {
        self.choose(parts, label, |name| {
            self.relation_name_taken(schema, name)
                || (constraint && self.constraint_name_taken(schema, name))
        })
    }

    /// PostgreSQL's `ChooseConstraintName`.
    pub(super) fn choose_constraint_name(
        &self,
        schema: &str,
        parts: (&str, Option<&str>),
        label: &str,
    ) -> String {
        self.choose(parts, label, |name| self.constraint_name_taken(schema, name))
    }

    fn choose(
        &self,
        (first, second): (&str, Option<&str>),
        label: &str,
        taken: impl Fn(&str) -> bool,
    ) -> String {
        let mut name = object_name(first, second, label);
        let mut number = 0u32;
        while taken(&name) {
            number += 1;
            name = object_name(first, second, &format!("{label}{number}"));
        }
        name
    }

    /// The engine's name for a table.
    pub(super) fn physical_table(&self, schema: &str, name: &str) -> String {
        physical_name(&self.catalog, schema, name)
    }

    /// The engine's name for an index; one name space with the tables.
    pub(super) fn physical_index(&self, schema: &str, name: &str) -> String {
        physical_name(&self.catalog, schema, name)
    }

    /// Where an index of this name is: of a key constraint or a plain one.
    pub(super) fn find_index(&self, schema: Option<&str>, name: &str) -> Option<RelationId> {
        let within = |schema: &str| {
            self.catalog
                .relations_in(schema)
                .find(|relation| {
                    relation.keys().any(|key| key.name == name)
                        || relation.indexes.iter().any(|index| index.name == name)
                })
                .map(|relation| relation.id)
        };
        match schema {
            Some(schema) => within(schema),
            None => self.session.search_path.0.iter().find_map(|schema| within(schema)),
        }
    }

    /// A sequence by what was written.
    pub(super) fn find_sequence(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Option<(String, String)> {
        let key = |schema: &str| (schema.to_owned(), name.to_owned());
        match schema {
            Some(schema) => Some(key(schema)),
            None => self
                .session
                .search_path
                .0
                .iter()
                .map(|schema| key(schema))
                .find(|key| self.catalog.sequences.contains_key(key)),
        }
        .filter(|key| self.catalog.sequences.contains_key(key))
    }
}

/// Has the relation a constraint of this name?
pub(super) fn has_constraint(relation: &Relation, name: &str) -> bool {
    relation.keys().any(|key| key.name == name)
        || relation.checks.iter().any(|check| check.name == name)
        || relation.foreign_keys.iter().any(|key| key.name == name)
}

/// PostgreSQL's `makeObjectName`: the longer part is cut until the whole fits.
pub(super) fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let room = LONGEST.saturating_sub(overhead);
    let mut one = first.len();
    let mut two = second.map_or(0, str::len);
    while one + two > room {
        if one > two {
            one -= 1;
        } else {
            two -= 1;
        }
    }
    let mut name = clip(first, one).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, two));
    }
    name.push('_');
    name.push_str(label);
    name
}

fn clip(text: &str, mut length: usize) -> &str {
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// Names of one SQLite file: tables and indexes share them, letters' case does not count, and some
/// prefixes are taken.
fn physical_name(catalog: &Catalog, schema: &str, name: &str) -> String {
    let lower = name.to_lowercase();
    let reserved = lower.starts_with("sqlite_") || lower.starts_with("_backstay_");
    let plain =
        if schema == "public" && !reserved { name.to_owned() } else { format!("{schema}.{name}") };
    let taken: std::collections::BTreeSet<String> = catalog
        .relations
        .values()
        .flat_map(|relation| {
            let keys = relation.keys().map(|key| key.physical.as_str());
            let indexes = relation.indexes.iter().filter_map(|index| index.physical.as_deref());
            keys.chain(indexes).chain([relation.physical.as_str()])
        })
        .map(str::to_lowercase)
        .collect();
    distinct(&plain, |candidate| taken.contains(candidate))
}

/// The engine's name for a new column.
pub(super) fn physical_column(relation: &Relation, name: &str) -> String {
    let lower = name.to_lowercase();
    let reserved = lower.starts_with("_backstay_");
    let plain = if reserved { format!("column.{name}") } else { name.to_owned() };
    distinct(&plain, |candidate| {
        relation.columns.iter().any(|column| column.physical.to_lowercase() == candidate)
    })
}

fn distinct(plain: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut candidate = plain.to_owned();
    let mut number = 1u32;
    while taken(&candidate.to_lowercase()) {
        number += 1;
        candidate = format!("{plain}~{number}");
    }
    candidate
}
