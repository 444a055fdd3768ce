//! Taking objects out of the catalogue, with everything that hangs on them.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_catalog::{Catalog, Relation, RelationKind, TypeKind, Work};
use backstay_expr::{Expr, FunctionId, RelationId};
use backstay_model::{Error, Result, Type, TypeId};

use super::Draft;
use super::depend::{self, Part, shown, shown_relation, shown_routine};
use super::foreign_key::same_set;

/// Something that can be dropped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Relation(RelationId),
    Column(RelationId, u16),
    Default(RelationId, u16),
    Key(RelationId, String),
    Check(RelationId, String),
    ForeignKey(RelationId, String),
    Policy(RelationId, String),
    Trigger(RelationId, String),
    Index(RelationId, String),
    Type(TypeId),
    Routine(FunctionId),
    Sequence((String, String)),
    Schema(String),
}

impl Object {
    /// The relation that it goes with.
    fn relation(&self) -> Option<RelationId> {
        match self {
            Self::Column(id, _)
            | Self::Default(id, _)
            | Self::Key(id, _)
            | Self::Check(id, _)
            | Self::ForeignKey(id, _)
            | Self::Policy(id, _)
            | Self::Trigger(id, _)
            | Self::Index(id, _) => Some(*id),
            _ => None,
        }
    }

    /// Does the whole that it is a part of go as well?
    fn goes_with_whole(&self, all: &BTreeSet<Self>) -> bool {
        let column = match self {
            Self::Default(id, number) => all.contains(&Self::Column(*id, *number)),
            _ => false,
        };
        column || self.relation().is_some_and(|id| all.contains(&Self::Relation(id)))
    }

    /// How messages call it.
    pub(super) fn shown(&self, catalog: &Catalog) -> String {
        let on = |id: &RelationId| catalog.relations.get(id);
        let table =
            |id: &RelationId| on(id).map_or_else(String::new, |relation| shown_relation(relation));
        let column = |id: &RelationId, number: &u16| {
            on(id)
                .and_then(|relation| relation.column_by_number(*number))
                .map_or_else(String::new, |column| column.name.clone())
        };
        match self {
            Self::Relation(id) => table(id),
            Self::Column(id, number) => format!("column {} of {}", column(id, number), table(id)),
            Self::Default(id, number) => {
                format!("default value for column {} of {}", column(id, number), table(id))
            }
            Self::Key(id, name) | Self::Check(id, name) | Self::ForeignKey(id, name) => {
                format!("constraint {name} on {}", table(id))
            }
            Self::Policy(id, name) => format!("policy {name} on {}", table(id)),
            Self::Trigger(id, name) => format!("trigger {name} on {}", table(id)),
            Self::Index(id, name) => {
                let schema = on(id).map_or("public", |relation| relation.schema.as_str());
                format!("index {}", shown(schema, name))
            }
            Self::Type(id) => catalog.types.get(id).map_or_else(String::new, |definition| {
                format!("type {}", shown(&definition.schema, &definition.name))
            }),
            Self::Routine(id) => catalog
                .routines
                .get(id)
                .map_or_else(String::new, |routine| shown_routine(catalog, routine)),
            Self::Sequence((schema, name)) => format!("sequence {}", shown(schema, name)),
            Self::Schema(name) => format!("schema {}", backstay_model::quote_identifier(name)),
        }
    }
}

/// How firmly something hangs on what is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// It goes silently.
    Auto,
    /// It goes only with `CASCADE`.
    Normal,
}

/// Drops the objects, or says what stands in the way. Answers whether all went silently.
pub(super) fn drop_all(draft: &mut Draft<'_>, roots: Vec<Object>, cascade: bool) -> Result<()> {
    let mut all: Vec<Object> = roots.clone();
    let mut seen: BTreeSet<Object> = roots.iter().cloned().collect();
    let mut blocking: Vec<(Object, Object)> = Vec::new();
    let mut at = 0;
    while let Some(object) = all.get(at).cloned() {
        at += 1;
        for (dependent, tie) in dependents(&draft.catalog, &object) {
            if dependent.goes_with_whole(&seen) || !seen.insert(dependent.clone()) {
                continue;
            }
            if tie == Tie::Normal {
                blocking.push((dependent.clone(), object.clone()));
            }
            all.push(dependent);
        }
    }
    // A part whose whole was found later goes with the whole.
    blocking.retain(|(object, _)| !object.goes_with_whole(&seen));
    if !blocking.is_empty() && !cascade {
        return Err(refused(&draft.catalog, &roots, &blocking));
    }
    announce(draft, &blocking);
    for object in all.iter().rev() {
        if !object.goes_with_whole(&seen) {
            remove(draft, object, &seen)?;
        }
    }
    Ok(())
}

fn refused(catalog: &Catalog, roots: &[Object], blocking: &[(Object, Object)]) -> Error {
    let what = match roots {
        [only] => only.shown(catalog),
        _ => "desired object(s)".to_owned(),
    };
    let lines: Vec<String> = blocking
        .iter()
        .map(|(object, on)| {
            let on = match (object, on) {
                // A key's dependents hang on its index, a function on a table's row type.
                (_, Object::Key(id, name)) => Object::Index(*id, name.clone()),
                (Object::Routine(_) | Object::Column(..), Object::Relation(id)) => catalog
                    .relations
                    .get(id)
                    .map_or(on.clone(), |relation| Object::Type(relation.row_type)),
                _ => on.clone(),
            };
            format!("{} depends on {}", object.shown(catalog), on.shown(catalog))
        })
        .collect();
    let message = format!("cannot drop {what} because other objects depend on it");
    let message = if roots.len() > 1 { message.replace("on it", "on them") } else { message };
    Error::new("2BP01", message)
        .with_details(lines.join("\n"))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

fn announce(draft: &mut Draft<'_>, blocking: &[(Object, Object)]) {
    for (object, _) in blocking {
        let text = format!("drop cascades to {}", object.shown(&draft.catalog));
        draft.notice(text);
    }
}

/// What hangs directly on an object.
fn dependents(catalog: &Catalog, object: &Object) -> Vec<(Object, Tie)> {
    match object {
        Object::Relation(id) => of_relation(catalog, *id),
        Object::Column(id, number) => of_column(catalog, *id, *number),
        Object::Key(id, name) => catalog.relations.get(id).map_or_else(Vec::new, |relation| {
            let key = relation.keys().find(|key| key.name == *name);
            key.map_or_else(Vec::new, |key| of_key(catalog, relation, name, &key.columns))
        }),
        Object::Index(id, name) => catalog.relations.get(id).map_or_else(Vec::new, |relation| {
            let index = relation.indexes.iter().find(|index| index.name == *name && index.unique);
            index.map_or_else(Vec::new, |index| {
                of_key(catalog, relation, name, &index_columns(index))
            })
        }),
        Object::Type(id) => of_type(catalog, *id),
        Object::Routine(id) => by_part(catalog, |_, references| references.routines.contains(id)),
        Object::Sequence((schema, name)) => {
            let full = format!("{schema}.{name}");
            by_part(catalog, |_, references| references.names.contains(&full))
        }
        Object::Schema(name) => of_schema(catalog, name),
        Object::Default(..)
        | Object::Check(..)
        | Object::ForeignKey(..)
        | Object::Policy(..)
        | Object::Trigger(..) => Vec::new(),
    }
}

fn index_columns(index: &backstay_catalog::Index) -> Vec<u16> {
    index
        .keys
        .iter()
        .filter_map(|key| match &key.expr {
            Expr::Column { column, .. } => Some(*column),
            _ => None,
        })
        .collect()
}

/// The object that a part of a relation is.
fn object_of(relation: &Relation, part: Part) -> Object {
    let id = relation.id;
    match part {
        Part::Default(number) => Object::Default(id, number),
        Part::Generated(number) | Part::ColumnType(number) => Object::Column(id, number),
        Part::Check(name) => Object::Check(id, name),
        Part::Policy(name) => Object::Policy(id, name),
        Part::Trigger(name) => Object::Trigger(id, name),
        Part::Index(name) => Object::Index(id, name),
        Part::View => Object::Relation(id),
    }
}

fn by_part(
    catalog: &Catalog,
    wanted: impl Fn(&Relation, &depend::References) -> bool,
) -> Vec<(Object, Tie)> {
    let mut found = Vec::new();
    for relation in catalog.relations.values() {
        for (part, references) in depend::parts(relation) {
            if wanted(relation, &references) {
                found.push((object_of(relation, part), Tie::Normal));
            }
        }
    }
    found
}

fn owned_sequences(
    catalog: &Catalog,
    owner: impl Fn(RelationId, u16) -> bool,
) -> Vec<(Object, Tie)> {
    catalog
        .sequences
        .iter()
        .filter(|(_, sequence)| sequence.owned_by.is_some_and(|(id, column)| owner(id, column)))
        .map(|(key, _)| (Object::Sequence(key.clone()), Tie::Auto))
        .collect()
}

fn of_relation(catalog: &Catalog, id: RelationId) -> Vec<(Object, Tie)> {
    let mut found = owned_sequences(catalog, |table, _| table == id);
    for (child, key) in catalog.references_to(id).filter(|(child, _)| child.id != id) {
        found.push((Object::ForeignKey(child.id, key.name.clone()), Tie::Normal));
    }
    found.extend(by_part(catalog, |relation, references| {
        relation.id != id && references.relations.contains(&id)
    }));
    if let Some(relation) = catalog.relations.get(&id) {
        let uses = of_type(catalog, relation.row_type);
        found.extend(uses.into_iter().filter(|(object, _)| match object {
            Object::Relation(other) => *other != id,
            other => other.relation() != Some(id),
        }));
    }
    found
}

fn of_column(catalog: &Catalog, id: RelationId, number: u16) -> Vec<(Object, Tie)> {
    let Some(relation) = catalog.relations.get(&id) else { return Vec::new() };
    let mut found = owned_sequences(catalog, |table, column| table == id && column == number);
    for key in relation.keys().filter(|key| key.columns.contains(&number)) {
        found.push((Object::Key(id, key.name.clone()), Tie::Auto));
    }
    for key in relation.foreign_keys.iter().filter(|key| key.columns.contains(&number)) {
        found.push((Object::ForeignKey(id, key.name.clone()), Tie::Auto));
    }
    for (child, key) in catalog.references_to(id) {
        if key.target_columns.contains(&number) {
            found.push((Object::ForeignKey(child.id, key.name.clone()), Tie::Normal));
        }
    }
    for other in catalog.relations.values() {
        for (part, references) in depend::parts(other) {
            if references.columns.contains(&(id, number)) {
                let tie = match part {
                    Part::Check(_) | Part::Index(_) if other.id == id => Tie::Auto,
                    _ => Tie::Normal,
                };
                found.push((object_of(other, part), tie));
            }
        }
    }
    found
}

/// Foreign keys that need this key, since no other fits them.
fn of_key(
    catalog: &Catalog,
    relation: &Relation,
    name: &str,
    columns: &[u16],
) -> Vec<(Object, Tie)> {
    let other_key = relation.keys().any(|key| key.name != name && same_set(&key.columns, columns));
    let other_index = relation.indexes.iter().any(|index| {
        index.unique
            && index.name != name
            && index.predicate.is_none()
            && index_columns(index).len() == index.keys.len()
            && same_set(&index_columns(index), columns)
    });
    if other_key || other_index {
        return Vec::new();
    }
    catalog
        .references_to(relation.id)
        .filter(|(_, key)| same_set(&key.target_columns, columns))
        .map(|(child, key)| (Object::ForeignKey(child.id, key.name.clone()), Tie::Normal))
        .collect()
}

fn holds(ty: &Type, id: TypeId) -> bool {
    match ty {
        Type::Array(element) => holds(element, id),
        Type::Enum(known) | Type::Domain(known) | Type::Composite(known) => *known == id,
        _ => false,
    }
}

fn of_type(catalog: &Catalog, id: TypeId) -> Vec<(Object, Tie)> {
    let mut found = by_part(catalog, |_, references| references.types.contains(&id));
    // What goes with a column that goes itself need not be told.
    let columns: BTreeSet<(RelationId, u16)> = found
        .iter()
        .filter_map(|(object, _)| match object {
            Object::Column(relation, number) => Some((*relation, *number)),
            _ => None,
        })
        .collect();
    found.retain(|(object, _)| match object {
        Object::Default(relation, number) => !columns.contains(&(*relation, *number)),
        Object::Check(relation, _) | Object::Index(relation, _) => {
            !columns.iter().any(|(holder, _)| holder == relation)
        }
        _ => true,
    });
    for routine in catalog.routines.values() {
        let mut types = routine.arguments.iter().map(|argument| &argument.ty);
        if types.any(|ty| holds(ty, id)) || holds(&routine.returns.ty, id) {
            found.push((Object::Routine(routine.id), Tie::Normal));
        }
    }
    for (other, definition) in &catalog.types {
        let uses = match &definition.kind {
            TypeKind::Domain(domain) => holds(&domain.base, id),
            TypeKind::Composite(fields) => fields.iter().any(|(_, ty, _)| holds(ty, id)),
            TypeKind::Enum(_) | TypeKind::Row(_) | TypeKind::Other { .. } => false,
        };
        if uses && *other != id {
            found.push((Object::Type(*other), Tie::Normal));
        }
    }
    found
}

fn of_schema(catalog: &Catalog, name: &str) -> Vec<(Object, Tie)> {
    let relations = catalog.relations_in(name).map(|relation| Object::Relation(relation.id));
    let types = catalog
        .types
        .values()
        .filter(|one| one.schema == name && !matches!(one.kind, TypeKind::Row(_)))
        .map(|one| Object::Type(one.id));
    let routines = catalog.routines_in(name).map(|routine| Object::Routine(routine.id));
    let sequences = catalog
        .sequences
        .iter()
        .filter(|((schema, _), sequence)| schema == name && sequence.owned_by.is_none())
        .map(|(key, _)| Object::Sequence(key.clone()));
    relations.chain(types).chain(routines).chain(sequences).map(|one| (one, Tie::Normal)).collect()
}

/// Takes one object out; what hung on it has gone before.
fn remove(draft: &mut Draft<'_>, object: &Object, all: &BTreeSet<Object>) -> Result<()> {
    match object {
        Object::Relation(id) => remove_relation(draft, *id)?,
        Object::Column(id, number) => remove_column(draft, *id, *number)?,
        Object::Default(id, number) => {
            let column = super::column::edit(draft, *id, *number)?;
            column.default = None;
            column.default_text = None;
        }
        Object::Key(id, name) => remove_key(draft, *id, name, all)?,
        Object::Check(id, name) => {
            draft.edit_relation(*id)?.checks.retain(|check| check.name != *name);
        }
        Object::ForeignKey(id, name) => {
            draft.edit_relation(*id)?.foreign_keys.retain(|key| key.name != *name);
        }
        Object::Policy(id, name) => {
            draft.edit_relation(*id)?.policies.retain(|policy| policy.name != *name);
        }
        Object::Trigger(id, name) => {
            draft.edit_relation(*id)?.triggers.retain(|trigger| trigger.name != *name);
        }
        Object::Index(id, name) => remove_index(draft, *id, name, all)?,
        Object::Type(id) => {
            draft.edit().types.remove(id);
        }
        Object::Routine(id) => draft.edit().remove_routine(*id),
        Object::Sequence(key) => {
            draft.edit().sequences.remove(key);
            let (schema, name) = key.clone();
            draft.work.push(Work::DropSequence { schema, name });
        }
        Object::Schema(name) => {
            let catalog = draft.edit();
            catalog.schemas.remove(name);
            catalog.default_privileges.retain(|one| one.schema.as_ref() != Some(name));
            catalog.extensions.retain(|_, schema| schema != name);
        }
    }
    Ok(())
}

fn remove_relation(draft: &mut Draft<'_>, id: RelationId) -> Result<()> {
    let relation = draft.known(id)?;
    let catalog = draft.edit();
    catalog.remove_relation(id);
    catalog.types.remove(&relation.row_type);
    for tables in catalog.publications.values_mut() {
        tables.retain(|table| *table != id);
    }
    if relation.kind == RelationKind::Table {
        draft.work.push(Work::DropTable { physical: relation.physical.clone() });
    }
    match relation.view().and_then(|view| view.kept.as_ref()) {
        Some(kept) => remove_relation(draft, kept.table),
        None => Ok(()),
    }
}

fn remove_column(draft: &mut Draft<'_>, id: RelationId, number: u16) -> Result<()> {
    let relation = draft.edit_relation(id)?;
    let Some(position) = relation.position(number) else { return Ok(()) };
    let column = relation.columns.remove(position);
    relation.acl.0.retain(|entry| entry.column != Some(number));
    // The row id cannot be dropped by itself: the rebuild that its key's end asked for leaves it out.
    let rebuilt = draft.work.contains(&Work::Rebuild(id));
    if !rebuilt {
        draft.work.push(Work::DropColumn { relation: id, physical: column.physical });
    }
    Ok(())
}

/// Does a column of these go in the same statement? Then the engine drops the index with it.
fn goes_with_column(all: &BTreeSet<Object>, id: RelationId, columns: &[u16]) -> bool {
    columns.iter().any(|number| all.contains(&Object::Column(id, *number)))
}

fn remove_key(
    draft: &mut Draft<'_>,
    id: RelationId,
    name: &str,
    all: &BTreeSet<Object>,
) -> Result<()> {
    let relation = draft.known(id)?;
    let row_id = relation.integer_key().is_some();
    let stored = draft.edit_relation(id)?;
    if let Some(key) = stored.primary_key.take_if(|key| key.name == name) {
        let columns = key.columns;
        if row_id {
            draft.work.push(Work::Rebuild(id));
        } else if !goes_with_column(all, id, &columns) {
            draft.work.push(Work::DropIndex { physical: key.physical });
        }
    } else if let Some(at) = stored.unique.iter().position(|key| key.name == name) {
        let key = stored.unique.remove(at);
        if !goes_with_column(all, id, &key.columns) {
            draft.work.push(Work::DropIndex { physical: key.physical });
        }
    }
    Ok(())
}

fn remove_index(
    draft: &mut Draft<'_>,
    id: RelationId,
    name: &str,
    all: &BTreeSet<Object>,
) -> Result<()> {
    let stored = draft.edit_relation(id)?;
    let Some(at) = stored.indexes.iter().position(|index| index.name == name) else {
        return Ok(());
    };
    let index = Arc::new(stored.indexes.remove(at));
    let mut used = Vec::new();
    for expr in index.keys.iter().map(|key| &key.expr).chain(&index.predicate) {
        used.extend(depend::of_expr(expr, Some(id)).columns.into_iter().map(|(_, number)| number));
    }
    if let Some(physical) = index.physical.clone()
        && !goes_with_column(all, id, &used)
    {
        draft.work.push(Work::DropIndex { physical });
    }
    Ok(())
}
