//! `DROP`.

use backstay_catalog::RelationKind;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt, Node, ObjectType};

use super::Draft;
use super::drop_object::{Object, drop_all};
use super::function_parts::{Found, find_routine};
use super::names::{no_schema, qualified, string, string_list, written};

/// `DROP kind [IF EXISTS] names [CASCADE]`.
pub(super) fn drop(draft: &mut Draft<'_>, stmt: &DropStmt) -> Result<()> {
    let cascade = stmt.behavior() == DropBehavior::DropCascade;
    let mut roots = Vec::new();
    for node in &stmt.objects {
        match find(draft, stmt.remove_type(), node) {
            Ok(found) => roots.extend(found),
            Err(error) if stmt.missing_ok && is_missing(&error) => {
                let message = match stmt.remove_type() {
                    ObjectType::ObjectPolicy | ObjectType::ObjectTrigger => {
                        error.message.replace(" for table ", " for relation ")
                    }
                    _ => error.message,
                };
                draft.notice(format!("{message}, skipping"));
            }
            Err(error) => return Err(error),
        }
    }
    if roots.is_empty() {
        return Ok(());
    }
    drop_all(draft, roots, cascade)
}

/// Codes that `IF EXISTS` forgives.
fn is_missing(error: &Error) -> bool {
    matches!(error.code.as_ref(), "42P01" | "42704" | "42883" | "3F000")
}

/// The error for an object of this kind that is not there.
pub(super) fn no_such(kind: ObjectType, name: &str) -> Error {
    let (code, noun) = match kind {
        ObjectType::ObjectTable => ("42P01", "table"),
        ObjectType::ObjectView => ("42P01", "view"),
        ObjectType::ObjectMatview => ("42P01", "materialized view"),
        ObjectType::ObjectSequence => ("42P01", "sequence"),
        ObjectType::ObjectIndex => ("42704", "index"),
        ObjectType::ObjectExtension => ("42704", "extension"),
        ObjectType::ObjectPublication => ("42704", "publication"),
        _ => ("42704", "type"),
    };
    Error::new(code, format!("{noun} \"{name}\" does not exist"))
}

/// With `IF EXISTS` a note, else the error.
pub(super) fn skip_or(draft: &mut Draft<'_>, missing_ok: bool, error: Error) -> Result<()> {
    if !missing_ok {
        return Err(error);
    }
    draft.notice(format!("{}, skipping", error.message));
    Ok(())
}

fn find(draft: &mut Draft<'_>, kind: ObjectType, node: &Node) -> Result<Option<Object>> {
    let parts = string_list(node);
    let (schema, name) = qualified(&parts);
    if let Some(schema) = schema
        && matches!(
            kind,
            ObjectType::ObjectTable
                | ObjectType::ObjectView
                | ObjectType::ObjectMatview
                | ObjectType::ObjectSequence
                | ObjectType::ObjectIndex
                | ObjectType::ObjectType
                | ObjectType::ObjectDomain
        )
        && !draft.catalog.schemas.contains_key(schema)
    {
        return Err(no_schema(schema));
    }
    match kind {
        ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
            relation(draft, kind, (schema, name)).map(Some)
        }
        ObjectType::ObjectSequence => sequence(draft, (schema, name)).map(Some),
        ObjectType::ObjectIndex => index(draft, (schema, name)).map(Some),
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            super::alter_type::find(draft, schema, name).map(|one| Some(Object::Type(one.id)))
        }
        ObjectType::ObjectSchema => {
            let name = string(node).unwrap_or_default();
            if !draft.catalog.schemas.contains_key(name) {
                return Err(no_schema(name));
            }
            Ok(Some(Object::Schema(name.to_owned())))
        }
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine | ObjectType::ObjectProcedure => {
            function(draft, node)
        }
        ObjectType::ObjectPolicy => policy(draft, &parts).map(Some),
        ObjectType::ObjectTrigger => trigger(draft, &parts).map(Some),
        ObjectType::ObjectPublication => {
            let name = string(node).unwrap_or_default();
            if draft.catalog.publications.remove(name).is_none() {
                return Err(no_such(kind, name));
            }
            draft.edit().publications_of_all.retain(|known| known != name);
            Ok(None)
        }
        ObjectType::ObjectExtension => {
            let name = string(node).unwrap_or_default();
            if draft.catalog.extensions.remove(name).is_none() {
                return Err(no_such(kind, name));
            }
            draft.changed = true;
            Ok(None)
        }
        ObjectType::ObjectEventTrigger => {
            let name = string(node).unwrap_or_default();
            Err(Error::new("42704", format!("event trigger \"{name}\" does not exist")))
        }
        ObjectType::ObjectRule => {
            let name = parts.last().copied().unwrap_or_default();
            Err(Error::new("42704", format!("rule \"{name}\" does not exist")))
        }
        _ => Err(Error::new("42704", "there are no objects of this kind".to_owned())),
    }
}

type Name<'n> = (Option<&'n str>, &'n str);

fn relation(draft: &Draft<'_>, kind: ObjectType, (schema, name): Name<'_>) -> Result<Object> {
    let Ok(found) = draft.find_relation(schema, name) else {
        if draft.find_sequence(schema, name).is_some() || draft.find_index(schema, name).is_some() {
            let noun = no_such(kind, name).message;
            let noun = noun.split(" \"").next().unwrap_or("table");
            return Err(Error::new("42809", format!("\"{name}\" is not a {noun}")));
        }
        return Err(no_such(kind, &written(schema, name)));
    };
    let fits = match (&found.kind, kind) {
        (RelationKind::Table, ObjectType::ObjectTable) => true,
        (RelationKind::View(view), ObjectType::ObjectView) => !view.materialized,
        (RelationKind::View(view), ObjectType::ObjectMatview) => view.materialized,
        _ => false,
    };
    if fits {
        return Ok(Object::Relation(found.id));
    }
    let wanted = no_such(kind, "");
    let wanted = wanted.message.split(" \"").next().unwrap_or("table");
    let noun = found.noun();
    Err(Error::new("42809", format!("\"{name}\" is not a {wanted}"))
        .with_hint(format!("Use DROP {} to remove a {noun}.", noun.to_uppercase())))
}

fn sequence(draft: &Draft<'_>, (schema, name): Name<'_>) -> Result<Object> {
    let key = draft
        .find_sequence(schema, name)
        .ok_or_else(|| no_such(ObjectType::ObjectSequence, &written(schema, name)))?;
    let owner = draft.catalog.sequences.get(&key).and_then(|sequence| sequence.owned_by);
    if let Some((id, number)) = owner
        && draft.known(id)?.column_by_number(number).is_some_and(|column| column.identity.is_some())
    {
        let column = Object::Column(id, number).shown(&draft.catalog);
        let message = format!(
            "cannot drop {} because {column} requires it",
            Object::Sequence(key).shown(&draft.catalog)
        );
        return Err(
            Error::new("2BP01", message).with_hint(format!("You can drop {column} instead."))
        );
    }
    Ok(Object::Sequence(key))
}

fn index(draft: &Draft<'_>, (schema, name): Name<'_>) -> Result<Object> {
    let id = draft
        .find_index(schema, name)
        .ok_or_else(|| no_such(ObjectType::ObjectIndex, &written(schema, name)))?;
    let relation = draft.known(id)?;
    if relation.keys().any(|key| key.name == name) {
        let constraint = Object::Key(id, name.to_owned()).shown(&draft.catalog);
        let index = Object::Index(id, name.to_owned()).shown(&draft.catalog);
        let message = format!("cannot drop {index} because {constraint} requires it");
        return Err(
            Error::new("2BP01", message).with_hint(format!("You can drop {constraint} instead."))
        );
    }
    Ok(Object::Index(id, name.to_owned()))
}

fn function(draft: &Draft<'_>, node: &Node) -> Result<Option<Object>> {
    let Some(NodeEnum::ObjectWithArgs(object)) = node.node.as_ref() else {
        return Err(Error::internal("a function without a name"));
    };
    match find_routine(draft, object)? {
        Found::Routine(routine) => Ok(Some(Object::Routine(routine.id))),
        Found::BuiltIn => {
            let parts = super::names::strings(&object.objname);
            let name = parts.join(".");
            let message = format!(
                "cannot drop function {name} because it is required by the database system"
            );
            Err(Error::new("2BP01", message))
        }
    }
}

fn policy(draft: &Draft<'_>, parts: &[&str]) -> Result<Object> {
    let (name, table) =
        parts.split_last().ok_or_else(|| Error::internal("a policy without a name"))?;
    let (schema, table) = qualified(table);
    let relation = draft.find_relation(schema, table)?;
    super::policy::find(&relation, name)?;
    Ok(Object::Policy(relation.id, (*name).to_owned()))
}

fn trigger(draft: &Draft<'_>, parts: &[&str]) -> Result<Object> {
    let (name, table) =
        parts.split_last().ok_or_else(|| Error::internal("a trigger without a name"))?;
    let (schema, table) = qualified(table);
    let relation = draft.find_relation(schema, table)?;
    super::trigger::find(&relation, name)?;
    Ok(Object::Trigger(relation.id, (*name).to_owned()))
}
