//! Relationships between relations: from foreign keys, through views, and computed by functions.

use std::collections::{BTreeSet, HashMap};

use backstay_catalog::{Catalog, Relation, Routine, TypeKind};
use backstay_expr::RelationId;
use backstay_model::{Result, Type};
use backstay_rest::errors::{
    AmbiguousRelationship, MissingRelationship, Suggestion, ambiguous_relationship,
    relationship_not_found,
};
use backstay_rest::{LOOSE_SCORE_MIN, nearest};

use crate::lineage::{self, Origin};

/// How two relations hang together.
#[derive(Debug, Clone)]
pub(crate) struct Relationship<'a> {
    /// Where from.
    pub(crate) source: &'a Relation,
    /// Where to.
    pub(crate) target: &'a Relation,
    /// By what.
    pub(crate) link: Link<'a>,
}

/// What links two relations.
#[derive(Debug, Clone)]
pub(crate) enum Link<'a> {
    /// A foreign key.
    Key {
        /// From which side, and how many.
        cardinality: Cardinality,
        /// Name of the constraint.
        constraint: &'a str,
        /// Columns of the source with those of the target that they equal.
        columns: Vec<(u16, u16)>,
    },
    /// Two foreign keys of a third relation.
    Junction {
        /// The relation between.
        junction: &'a Relation,
        /// Its key to the source: name, and columns of the source with those of the junction.
        near: (&'a str, Vec<(u16, u16)>),
        /// Its key to the target: name, and columns of the junction with those of the target.
        far: (&'a str, Vec<(u16, u16)>),
    },
    /// A function from the source's row.
    Computed {
        /// Which.
        routine: &'a Routine,
        /// It gives one row at most.
        single: bool,
    },
}

/// How many rows stand on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    /// The source holds the key.
    ManyToOne,
    /// The key is unique; `true`: the source holds it.
    OneToOne(bool),
    /// The target holds the key.
    OneToMany,
}

impl Cardinality {
    fn name(self) -> &'static str {
        match self {
            Self::ManyToOne => "many-to-one",
            Self::OneToOne(_) => "one-to-one",
            Self::OneToMany => "one-to-many",
        }
    }
}

impl Relationship<'_> {
    /// At most one row of the target for a row of the source.
    pub(crate) fn to_one(&self) -> bool {
        match &self.link {
            Link::Key { cardinality, .. } => *cardinality != Cardinality::OneToMany,
            Link::Junction { .. } => false,
            Link::Computed { single, .. } => *single,
        }
    }

    fn is_self(&self) -> bool {
        self.source.id == self.target.id
    }

    /// The single key column on the source's side is called so.
    fn by_source_column(&self, name: &str) -> bool {
        let Link::Key { columns, .. } = &self.link else { return false };
        matches!(columns.as_slice(), [(source, _)] if is_called(self.source, *source, name))
    }

    fn by_target_column(&self, name: &str) -> bool {
        let Link::Key { columns, .. } = &self.link else { return false };
        matches!(columns.as_slice(), [(_, target)] if is_called(self.target, *target, name))
    }

    fn by_constraint(&self, name: &str) -> bool {
        matches!(&self.link, Link::Key { constraint, .. } if *constraint == name)
    }

    fn by_junction(&self, name: &str) -> bool {
        matches!(&self.link, Link::Junction { junction, .. } if junction.name == name)
    }

    /// Does an embed of `target` with this hint mean it?
    fn is_meant(&self, target: &str, hint: Option<&str>) -> bool {
        if let Link::Computed { routine, .. } = &self.link {
            return routine.name == target;
        }
        if self.is_self() {
            return self.is_meant_of_self(target, hint);
        }
        match hint {
            None => {
                self.target.name == target
                    || self.target.view().is_none()
                        && (self.by_constraint(target) || self.by_source_column(target))
            }
            Some(hint) => {
                self.target.name == target
                    && (self.by_constraint(hint)
                        || self.by_source_column(hint)
                        || self.by_target_column(hint)
                        || self.by_junction(hint))
            }
        }
    }

    /// One key of a relation to itself makes two relationships: its name means the children, its
    /// column the parent.
    fn is_meant_of_self(&self, target: &str, hint: Option<&str>) -> bool {
        let upwards = match &self.link {
            Link::Key { cardinality, .. } => {
                matches!(cardinality, Cardinality::ManyToOne | Cardinality::OneToOne(true))
            }
            Link::Junction { .. } => return hint.is_some_and(|hint| self.by_junction(hint)),
            Link::Computed { .. } => return false,
        };
        match hint {
            None if upwards => self.by_source_column(target),
            None => self.target.name == target,
            Some(hint) => {
                !upwards
                    && self.target.name == target
                    && (self.by_target_column(hint) || self.by_constraint(hint))
            }
        }
    }
}

fn is_called(relation: &Relation, column: u16, name: &str) -> bool {
    relation.column_by_number(column).is_some_and(|column| column.name == name)
}

/// The relationships between the relations of one schema.
pub(crate) struct Relationships<'a> {
    catalog: &'a Catalog,
    schema: &'a str,
    /// Every relation of the schema with the base tables it shows.
    relations: Vec<(&'a Relation, Vec<Origin>)>,
    /// Where a relation is among them.
    places: HashMap<RelationId, usize>,
    /// Those of them that show a base table.
    showing: HashMap<RelationId, Vec<usize>>,
    /// The base tables with keys to a base table.
    referring: HashMap<RelationId, Vec<RelationId>>,
}

impl<'a> Relationships<'a> {
    /// Those of the schema; none where the request needs none.
    pub(crate) fn of(catalog: &'a Catalog, schema: &'a str, needed: bool) -> Self {
        let mut all = Self {
            catalog,
            schema,
            relations: Vec::new(),
            places: HashMap::new(),
            showing: HashMap::new(),
            referring: HashMap::new(),
        };
        if !needed {
            return all;
        }
        for (place, relation) in catalog.relations_in(schema).enumerate() {
            let origins = lineage::origins(catalog, relation);
            for origin in &origins {
                all.showing.entry(origin.table).or_default().push(place);
            }
            all.places.insert(relation.id, place);
            all.relations.push((relation, origins));
        }
        for table in catalog.relations.values() {
            for key in &table.foreign_keys {
                all.referring.entry(key.target).or_default().push(table.id);
            }
        }
        all
    }

    /// The schema.
    pub(crate) fn schema(&self) -> &'a str {
        self.schema
    }

    /// The relationship that an embed means.
    ///
    /// # Errors
    /// `PGRST200` none, `PGRST201` several.
    pub(crate) fn choose(
        &self,
        source: &'a Relation,
        target: &str,
        hint: Option<&str>,
    ) -> Result<Relationship<'a>> {
        let all = self.from(source);
        let mut meant: Vec<Relationship<'a>> =
            all.iter().filter(|one| one.is_meant(target, hint)).cloned().collect();
        if let Some(computed) =
            meant.iter().position(|one| matches!(one.link, Link::Computed { .. }))
        {
            // A function overrides what keys say about its name.
            return Ok(meant.swap_remove(computed));
        }
        if meant.len() > 1 {
            // The order in which keys were made is not told alike by all databases.
            let mut candidates: Vec<AmbiguousRelationship> = meant.iter().map(describe).collect();
            let kinds: Vec<&str> = candidates.iter().map(|one| one.cardinality).collect();
            let kind = |one: &AmbiguousRelationship| {
                kinds.iter().position(|cardinality| *cardinality == one.cardinality)
            };
            candidates
                .sort_by_cached_key(|one| (kind(one), one.relationship.clone(), one.hint.clone()));
            return Err(ambiguous_relationship(&source.name, target, &candidates));
        }
        meant.pop().ok_or_else(|| self.not_found(source, target, hint, &all))
    }

    fn not_found(
        &self,
        source: &Relation,
        target: &str,
        hint: Option<&str>,
        all: &[Relationship<'a>],
    ) -> backstay_model::Error {
        let suggestion = if all.is_empty() {
            let others = self.relations.iter().map(|(relation, _)| *relation);
            let others = others.filter(|other| other.id != source.id);
            let related = others.filter(|other| !self.from(other).is_empty());
            nearest(&source.name, related.map(|other| other.name.as_str()), LOOSE_SCORE_MIN)
                .map(Suggestion::Parent)
        } else {
            let names = all.iter().map(|one| one.target.name.as_str());
            nearest(target, names.filter(|name| *name != target), LOOSE_SCORE_MIN)
                .map(Suggestion::Child)
        };
        relationship_not_found(&MissingRelationship {
            schema: self.schema,
            parent: &source.name,
            child: target,
            hint,
            suggestion,
        })
    }

    /// All relationships of a relation, in the order of names.
    fn from(&self, source: &'a Relation) -> Vec<Relationship<'a>> {
        let mut found = self.upwards(source);
        let downwards: Vec<Relationship<'a>> = self
            .holders(source.id)
            .flat_map(|holder| self.upwards(holder))
            .filter(|one| one.target.id == source.id)
            .collect();
        found.extend(downwards.iter().map(reversed));
        found.extend(downwards.iter().flat_map(|near| self.across(near)));
        found.extend(self.computed(source));
        found
    }

    /// The relations with keys to a relation, in the order of names.
    fn holders(&self, id: RelationId) -> impl Iterator<Item = &'a Relation> {
        let places: BTreeSet<usize> = self
            .origins_of(id)
            .iter()
            .filter_map(|origin| self.referring.get(&origin.table))
            .flatten()
            .filter_map(|table| self.showing.get(table))
            .flatten()
            .copied()
            .collect();
        places.into_iter().filter_map(|place| self.relations.get(place)).map(|(found, _)| *found)
    }

    /// The relationships of the keys that a relation holds.
    fn upwards(&self, source: &'a Relation) -> Vec<Relationship<'a>> {
        let mut found = Vec::new();
        for origin in self.origins_of(source.id) {
            let Some(table) = self.catalog.relations.get(&origin.table) else { continue };
            for key in &table.foreign_keys {
                let Some(columns) = origin.shown(&key.columns) else { continue };
                let cardinality = if lineage::is_key(table, &key.columns) {
                    Cardinality::OneToOne(true)
                } else {
                    Cardinality::ManyToOne
                };
                for place in self.showing.get(&key.target).into_iter().flatten() {
                    let Some((target, origins)) = self.relations.get(*place) else { continue };
                    let shown = origins
                        .iter()
                        .filter(|origin| origin.table == key.target)
                        .find_map(|origin| origin.shown(&key.target_columns));
                    let Some(shown) = shown else { continue };
                    let columns = columns.iter().copied().zip(shown).collect();
                    let link = Link::Key { cardinality, constraint: &key.name, columns };
                    found.push(Relationship { source, target, link });
                }
            }
        }
        found
    }

    fn origins_of(&self, id: RelationId) -> &[Origin] {
        let found = self.places.get(&id).and_then(|place| self.relations.get(*place));
        found.map_or(&[], |(_, origins)| origins.as_slice())
    }

    /// The far sides that are reached through a junction that refers to the source.
    fn across(&self, near: &Relationship<'a>) -> Vec<Relationship<'a>> {
        let junction = near.source;
        let Link::Key { cardinality: Cardinality::ManyToOne, constraint, columns } = &near.link
        else {
            return Vec::new();
        };
        let key = lineage::primary_key(self.catalog, junction);
        let within = |pairs: &[(u16, u16)]| pairs.iter().all(|(column, _)| key.contains(column));
        if !within(columns) {
            return Vec::new();
        }
        let turned: Vec<(u16, u16)> = columns.iter().map(|(a, b)| (*b, *a)).collect();
        let far = self.upwards(junction).into_iter().filter_map(|far| match far.link {
            Link::Key { cardinality: Cardinality::ManyToOne, constraint: other, columns }
                if other != *constraint && within(&columns) =>
            {
                let link = Link::Junction {
                    junction,
                    near: (constraint, turned.clone()),
                    far: (other, columns),
                };
                Some(Relationship { source: near.target, target: far.target, link })
            }
            _ => None,
        });
        far.collect()
    }

    /// Functions from the source's row to rows of a relation.
    fn computed(&self, source: &'a Relation) -> Vec<Relationship<'a>> {
        let row = Type::Composite(source.row_type);
        let taking = self.catalog.routines_in(self.schema).filter(|routine| {
            let mut inputs = routine.inputs();
            inputs.next().is_some_and(|only| only.ty == row) && inputs.next().is_none()
        });
        taking
            .filter_map(|routine| {
                let Type::Composite(id) = routine.returns.ty else { return None };
                let TypeKind::Row(target) = &self.catalog.types.get(&id)?.kind else { return None };
                let target = self.catalog.relations.get(target)?;
                let single = !routine.returns.set || routine.rows == Some(1.0);
                let link = Link::Computed { routine, single };
                Some(Relationship { source, target, link })
            })
            .collect()
    }
}

fn reversed<'a>(one: &Relationship<'a>) -> Relationship<'a> {
    let link = match &one.link {
        Link::Key { cardinality, constraint, columns } => Link::Key {
            cardinality: match cardinality {
                Cardinality::OneToOne(holds) => Cardinality::OneToOne(!holds),
                _ => Cardinality::OneToMany,
            },
            constraint,
            columns: columns.iter().map(|(source, target)| (*target, *source)).collect(),
        },
        other => other.clone(),
    };
    Relationship { source: one.target, target: one.source, link }
}

/// As `PGRST201` lists it.
fn describe(one: &Relationship<'_>) -> AmbiguousRelationship {
    let names = |relation: &Relation, columns: Vec<u16>| {
        let names = relation.column_names(&columns).join(", ");
        format!("({names})")
    };
    let (cardinality, relationship, hint) = match &one.link {
        Link::Key { cardinality, constraint, columns } => {
            let (source, target) = columns.iter().copied().unzip();
            let text = format!(
                "{constraint} using {}{} and {}{}",
                one.source.name,
                names(one.source, source),
                one.target.name,
                names(one.target, target)
            );
            (cardinality.name(), text, (*constraint).to_owned())
        }
        Link::Junction { junction, near, far } => {
            let text = format!(
                "{} using {}{} and {}{}",
                junction.name,
                near.0,
                names(junction, near.1.iter().map(|(_, column)| *column).collect()),
                far.0,
                names(junction, far.1.iter().map(|(column, _)| *column).collect())
            );
            ("many-to-many", text, junction.name.clone())
        }
        Link::Computed { routine, .. } => ("computed", routine.name.clone(), routine.name.clone()),
    };
    AmbiguousRelationship { cardinality, relationship, hint, target: one.target.name.clone() }
}
